import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AuditEvent } from '../../hub/access/access.ts';
import { canonicalJson } from '../../hub/ingest/canonical.ts';
import { RETAINED, type Retained, type RetentionPolicy } from '../../hub/store/retention.ts';
import type { Arrival, EventArrival, Store } from '../../hub/store/store.ts';
import type { Trend } from '../../hub/store/trend.ts';
import type { Instant } from '../../shared/clock.ts';
import { verifies } from '../requirements.ts';
import { gathered, sampleObservation, TEST_EPOCH, TEST_NOW } from '../support/hub.ts';
import { arrivalOf, batchOf, event, type StorePlace } from './store.ts';
import { gapArrival } from './store-trend.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LATER = TEST_NOW + 10 * DAY;

type Sample = Parameters<typeof arrivalOf>[0] & object;

const seen = (rows: number): AuditEvent => event(rows);

/** A reading that came when it was measured, so long before `TEST_NOW`. */
function ago(seq: number, agoMs: number, change: Sample = {}): Arrival {
  return arrivalOf({ seq, value: seq, effective: TEST_NOW - agoMs, receivedAt: TEST_NOW - agoMs, ...change });
}

/** Keeps everything but what is given, in milliseconds. */
function policy(change: Partial<RetentionPolicy>): RetentionPolicy {
  const forever = Object.fromEntries(RETAINED.map((name) => [name, null])) as Record<Retained, null>;
  return { ...forever, ...change };
}

/** Step by step until nothing more is due; what went. */
export async function retained(store: Store, change: Partial<RetentionPolicy>, now: Instant = LATER): Promise<Record<string, number>> {
  const total: Record<string, number> = {};
  for (let [more, rounds] = [true, 0]; more; rounds += 1) {
    assert.ok(rounds < 1000, 'it comes to no end');
    const step = await store.retain({ policy: policy(change), now });
    for (const [name, rows] of Object.entries(step.removed)) total[name] = (total[name] ?? 0) + rows;
    more = step.more;
  }
  return total;
}

async function trendOf(store: Store, from: Instant, minutes: number, change: object = {}): Promise<Trend> {
  const edges = Array.from({ length: minutes + 1 }, (_, i) => from + i * MINUTE);
  return await store.trend('clinic', { patient: 'pat-icu-01', vital: 'hr', edges, reachMs: MINUTE, now: LATER, ...change }, seen);
}

/** Without what says that it was rolled up. */
function numbers({ series }: Trend): unknown {
  return series.map(({ buckets, ...rest }) => ({ ...rest, buckets: buckets.map(({ rolledUp: _, ...one }) => one) }));
}

/** Something that is not due: the newest of all may stay whatever its age. */
async function newer(store: Store): Promise<void> {
  const resource = sampleObservation({ seq: 5000, receivedAt: LATER });
  const times = { effective: LATER, offsetMin: 0, receivedAt: LATER, sortTime: LATER };
  const alert: EventArrival = {
    kind: 'alert',
    id: resource.id,
    patient: null,
    device: 'd',
    ...times,
    test: false,
    received: canonicalJson(resource),
  };
  await store.storeBatch(batchOf([arrivalOf({ seq: 5001, patientId: 'pat-icu-02', receivedAt: LATER }), alert], { at: LATER }));
}

async function ids(store: Store): Promise<string[]> {
  return (await gathered(await store.observations('clinic', { patient: 'pat-icu-01' }, seen))).map(({ id }) => id);
}

const idOf = (seq: number, part = 0): string => `gw-icu.${TEST_EPOCH}.${seq.toString(36)}.${part}`;

async function intact(store: Store): Promise<void> {
  assert.deepEqual((await store.verify()).findings, []);
}

/** What every engine keeps of what it is told to remove. */
export function storeRetentionContract(name: string, place: () => Promise<StorePlace>): void {
  const check = (what: string, body: (store: Store, at: StorePlace) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      await using here = await place();
      await using store = await here.open();
      await body(store, here);
    });
  };

  check('what is removed leaves its minutes behind, and the trend says the same', async (store) => {
    verifies('RETENTION-ROLLUP', 'RETENTION-CURRENT');
    const from = TEST_NOW - 5 * MINUTE;
    await store.storeBatch(
      batchOf([
        ago(60, 5 * MINUTE),
        ago(64, 5 * MINUTE - 1000),
        ago(62, 5 * MINUTE - 59_999, { flags: ['motion'] }),
        ago(1, 4 * MINUTE, { value: null, absent: 'error' }),
        ago(2, 4 * MINUTE - 1, { flags: ['questionable'] }),
        ago(70, 3 * MINUTE),
        ago(71, 3 * MINUTE, { test: true }),
      ]),
    );
    await store.storeBatch(batchOf([{ ...ago(72, 5 * MINUTE - 1000, { value: null, absent: 'error' }), status: 'cancelled' }]));
    await newer(store);
    const before = await trendOf(store, from, 5);
    assert.deepEqual(await retained(store, { continuous: DAY }), { continuous: 7 });
    const after = await trendOf(store, from, 5);
    assert.deepEqual(numbers(after), numbers(before));
    assert.deepEqual(
      after.series[0]?.buckets.filter(({ n }) => n > 0).map(({ index, rolledUp }) => [index, rolledUp]),
      [
        [0, true],
        [2, false],
      ],
      'the current one is still there as it came',
    );
    assert.deepEqual(await ids(store), [idOf(70)]);
    assert.equal((await store.counts('clinic', seen)).observations, 2);
    assert.deepEqual(
      (await store.latest('clinic', 'pat-icu-01', seen)).map(({ value }) => value),
      [70],
    );
    await intact(store);
  });

  check('what is taken back or corrected when only its rollup is left makes that doubtful, and no other', async (store) => {
    verifies('RETENTION-ROLLUP');
    const start = TEST_NOW - 10 * MINUTE;
    const from = start - (start % HOUR);
    const at = (seq: number, minute: number, value: number): Arrival => {
      const time = from + minute * MINUTE + seq;
      return arrivalOf({ seq, value, effective: time, receivedAt: time });
    };
    await store.storeBatch(batchOf([at(1, 0, 220), at(2, 0, 70), at(3, 1, 71), at(4, 2, 72), at(5, 9, 73)]));
    await newer(store);
    assert.deepEqual(await retained(store, { continuous: DAY }), { continuous: 4 });
    const revised = async (seq: number, of: Arrival, status: Arrival['status'], value: number | null): Promise<void> => {
      const { effective } = of;
      const sent = { ...arrivalOf({ seq, value, effective, receivedAt: LATER, ...(value === null && { absent: 'error' }) }), status };
      assert.deepEqual((await store.storeBatch(batchOf([sent], { at: LATER }))).results, ['stored']);
    };
    const flags = async (change: object = {}): Promise<unknown> =>
      (await trendOf(store, from, 10, change)).series.map(({ buckets }) =>
        buckets.filter(({ n }) => n > 0).map((bucket) => [bucket.index, bucket.n, ...bucket.flags]),
      );
    await revised(10, at(1, 0, 220), 'entered-in-error', null);
    await revised(11, at(3, 1, 71), 'corrected', 61);
    await revised(12, at(4, 2, 72), 'entered-in-error', null);
    await revised(13, at(5, 9, 73), 'corrected', 63);
    assert.deepEqual(await flags(), [
      [
        [0, 2, 'questionable'],
        [1, 2, 'questionable'],
        [2, 1, 'questionable'],
        [9, 1],
      ],
    ]);
    await retained(store, { continuous: DAY, minute: DAY });
    await revised(14, at(2, 0, 70), 'entered-in-error', null);
    const [hour] = (await trendOf(store, from, 0, { edges: [from, from + HOUR] })).series;
    assert.deepEqual(hour?.buckets[0]?.flags, ['questionable'], 'of the hour that it became part of');
    await intact(store);
  });

  check(
    'what is taken back, and lies in the rollup of its receipt, makes that doubtful; so does a final one that comes behind',
    async (store) => {
      verifies('RETENTION-ROLLUP', 'PRELIMINARY-ONCE');
      const start = TEST_NOW - 10 * MINUTE;
      const from = start - (start % HOUR);
      const received = (minute: number): Instant => from + minute * MINUTE + 1;
      const ahead = (day: number, minute: number): Sample => ({ effective: Date.UTC(2028, 0, day), receivedAt: received(minute) });
      const preliminary = (arrival: Arrival): Arrival => ({ ...arrival, status: 'preliminary' });
      await store.storeBatch(
        batchOf([
          ago(61, 0, ahead(1, 0)),
          ago(62, 0, ahead(2, 1)),
          preliminary(ago(63, 0, { effective: received(2), receivedAt: received(2) })),
          preliminary(ago(64, 0, ahead(4, 3))),
          preliminary(ago(65, 0, { effective: received(4), receivedAt: received(4) })),
          ago(66, 0, { effective: received(4), receivedAt: received(4) }),
          ago(67, 0, { effective: received(5), receivedAt: received(5) }),
          ago(69, 0, { effective: received(9), receivedAt: received(9) }),
        ]),
      );
      await newer(store);
      assert.deepEqual(await retained(store, { continuous: DAY }), { continuous: 7 });
      const later = async (seq: number, status: Arrival['status'], effective: Instant): Promise<void> => {
        const of = status === 'final' ? { value: seq } : { value: null, absent: 'error' as const };
        const sent = { ...arrivalOf({ seq, effective, receivedAt: LATER, ...of }), status };
        assert.deepEqual((await store.storeBatch(batchOf([sent], { at: LATER }))).results, ['stored']);
      };
      const flagged = async (change: object = {}): Promise<unknown> =>
        (await trendOf(store, from, 10, change)).series.flatMap(({ buckets }) =>
          buckets.filter(({ flags }) => flags.includes('questionable')).map(({ index }) => index),
        );
      assert.deepEqual(await flagged(), []);
      await later(71, 'entered-in-error', Date.UTC(2028, 0, 1));
      assert.deepEqual(await flagged(), [0]);
      await later(73, 'final', received(2));
      await later(74, 'final', Date.UTC(2028, 0, 4));
      // These had their final one, or were none.
      await later(75, 'final', received(4));
      await later(76, 'final', received(5));
      assert.deepEqual(await flagged(), [0, 2, 3]);
      await retained(store, { minute: DAY });
      await later(72, 'entered-in-error', Date.UTC(2028, 0, 2));
      assert.deepEqual(await flagged({ edges: [from, from + HOUR] }), [0], 'of the hour that it became part of');
      await intact(store);
      assert.ok(((await retained(store, { hour: DAY })).hour ?? 0) > 0);
      await later(77, 'entered-in-error', Date.UTC(2028, 0, 2));
      await intact(store);
    },
  );

  check('what is current stays until something else is, and then goes', async (store) => {
    verifies('RETENTION-CURRENT');
    await store.storeBatch(batchOf([ago(1, HOUR), ago(2, HOUR - 1, { device: 'other' })]));
    await newer(store);
    assert.deepEqual(await retained(store, { continuous: DAY }), {});
    await store.storeBatch(batchOf([arrivalOf({ seq: 3, receivedAt: LATER })], { at: LATER }));
    assert.deepEqual(await retained(store, { continuous: DAY }), { continuous: 1 });
    assert.deepEqual(await ids(store), [idOf(2), idOf(3)]);
    assert.deepEqual(await retained(store, { continuous: DAY }), {});
    await intact(store);
  });

  check('each class goes by its own time, and what stays of a batch can be read', async (store) => {
    verifies('RETENTION-CLASSES');
    const both = [
      ago(1, HOUR),
      ago(2, HOUR, { vital: 'temp', value: 37 }),
      ago(3, HOUR - 1),
      ago(4, HOUR - 1, { vital: 'temp', value: 38 }),
    ];
    await store.storeBatch(batchOf(both));
    await newer(store);
    assert.deepEqual(await retained(store, { continuous: 20 * DAY, spot: 20 * DAY }), {}, 'nothing is due');
    assert.deepEqual(await retained(store, { continuous: DAY }), { continuous: 1 });
    assert.deepEqual(
      (await gathered(await store.observations('clinic', { patient: 'pat-icu-01' }, seen))).map(({ id, value, resource }) => [
        id,
        value,
        resource.id,
      ]),
      [2, 3, 4].map((seq) => [idOf(seq), seq === 3 ? 3 : 35 + (seq === 2 ? 2 : 3), idOf(seq)]),
    );
    const [version] = await store.history(
      'clinic',
      { patient: 'pat-icu-01', vital: 'temp', device: 'monitor-1', effective: TEST_NOW - HOUR },
      seen,
    );
    assert.equal(version?.resource.id, idOf(2));
    assert.deepEqual(await retained(store, { spot: DAY }), { spot: 1 });
    assert.deepEqual(await ids(store), [idOf(3), idOf(4)]);
    await intact(store);
  });

  check('keys outlive what came under them: a row sent again is held, a part that never came is stored', async (store, at) => {
    verifies('RETENTION-KEYS', 'EXACTLY-ONCE');
    const part = (arrival: Arrival, index: number): Arrival => {
      const id = arrival.id.replace(/0$/, String(index));
      return { ...arrival, id, received: arrival.received.replace(arrival.id, id) };
    };
    const rows = [
      ago(1, HOUR),
      part(ago(1, HOUR - 1), 1),
      part(ago(2, HOUR - 2, { vital: 'temp' }), 0),
      part(ago(2, HOUR - 3), 2),
      ago(3, HOUR - 4),
      ago(5, HOUR - 5),
      ago(900, 1),
    ];
    await store.storeBatch(batchOf(rows));
    const movement = { resourceType: 'Basic', id: idOf(4), code: { text: 'movement' }, extension: [] };
    const times = { effective: TEST_NOW, offsetMin: 0, receivedAt: TEST_NOW, sortTime: TEST_NOW };
    const moved: EventArrival = {
      kind: 'movement',
      id: idOf(4),
      patient: null,
      device: '',
      ...times,
      test: false,
      received: canonicalJson(movement),
    };
    await store.storeBatch(batchOf([moved]));
    await newer(store);
    await retained(store, { continuous: DAY, movement: DAY });
    assert.deepEqual(await ids(store), [idOf(2), idOf(900)]);
    await store[Symbol.asyncDispose]();
    await using again = await at.open();
    await intact(again);
    const changed = { ...ago(1, HOUR), received: '{"resourceType":"Observation","id":"other"}' };
    assert.deepEqual((await again.storeBatch(batchOf([...rows, moved, changed]))).results, new Array(9).fill('held'));
    const fresh = [part(ago(1, HOUR), 2), part(ago(2, HOUR), 1), ago(6, HOUR)];
    assert.deepEqual((await again.storeBatch(batchOf(fresh))).results, ['stored', 'stored', 'stored']);
    assert.deepEqual((await again.storeBatch(batchOf(fresh))).results, ['held', 'held', 'held']);
    await again.storeBatch(batchOf([ago(901, 1)]));
    await retained(again, { continuous: DAY });
    assert.deepEqual((await again.storeBatch(batchOf([...rows, moved, ...fresh]))).results, new Array(11).fill('held'));
    await intact(again);
  });

  check('what was received later than all that was removed is not held for it: its key was used again', async (store, at) => {
    verifies('RETENTION-KEYS', 'KEY-REUSED');
    const gap = gapArrival(3, {}, { receivedAt: TEST_NOW - HOUR });
    await store.storeBatch(batchOf([ago(1, HOUR + 1), ago(2, HOUR), gap, ago(900, 1)]));
    await newer(store);
    assert.deepEqual(await retained(store, { continuous: DAY, gap: DAY }), { continuous: 2, gap: 1 });
    await store[Symbol.asyncDispose]();
    await using again = await at.open();
    const other = (seq: number, receivedAt: Instant) => arrivalOf({ seq, value: 199, effective: LATER, receivedAt });
    const batch = batchOf(
      [other(1, TEST_NOW - HOUR), other(1, TEST_NOW - HOUR + 1), other(2, LATER), { ...gap, receivedAt: LATER }, gap, ago(2, HOUR)],
      { at: LATER },
    );
    const results = ['held', 'reused', 'reused', 'reused', 'held', 'held'];
    assert.deepEqual((await again.storeBatch(batch)).results, results);
    assert.deepEqual((await again.storeBatch(batch)).results, results, 'and nothing of it was noted as seen');
    assert.deepEqual(await ids(again), [idOf(900)]);
    assert.equal((await again.counts('clinic', seen)).quarantined, 3, 'each once');
    await intact(again);
  });

  check('minutes become hours, hours go, and each says what it stands for', async (store) => {
    verifies('RETENTION-ROLLUP');
    const start = Math.floor((TEST_NOW - 5 * HOUR) / HOUR) * HOUR;
    const rows = Array.from({ length: 180 }, (_, i) =>
      arrivalOf({ seq: i + 1, value: i, effective: start + i * MINUTE, receivedAt: start + i * MINUTE, vital: i < 90 ? 'hr' : 'pr_oxi' }),
    );
    await store.storeBatch(batchOf(rows));
    await store.storeBatch(batchOf([ago(900, 1), ago(901, 1, { vital: 'pr_oxi' })]));
    await newer(store);
    assert.deepEqual(await retained(store, { continuous: DAY, minute: DAY }), { continuous: 180, minute: 180 });
    const edges = [start, start + HOUR, start + 2 * HOUR, start + 3 * HOUR];
    const hours = async (vital: string): Promise<unknown> =>
      (await trendOf(store, 0, 1, { edges, vital })).series[0]?.buckets.map((one) => [
        one.n,
        one.min,
        one.max,
        one.mean,
        one.last,
        one.coverage,
      ]);
    assert.deepEqual(await hours('hr'), [
      [60, 0, 59, 29.5, 59, 1],
      [30, 60, 89, 74.5, 89, 0.5],
    ]);
    assert.deepEqual(await hours('pr_oxi'), [
      [30, 90, 119, 104.5, 119, 0.5],
      [60, 120, 179, 149.5, 179, 1],
    ]);
    assert.deepEqual(await retained(store, { hour: DAY }), { hour: 4 });
    assert.deepEqual(await hours('hr'), undefined);
    await intact(store);
  });

  check(
    'of hours that were rolled up coverage goes by the limit that is in force, not by that of the table, whatever came late',
    async (store) => {
      verifies('RETENTION-ROLLUP', 'COVERAGE-BY-LIMIT');
      const start = Math.floor((TEST_NOW - 5 * HOUR) / HOUR) * HOUR;
      // Every five minutes in the first half, then silence but for the last minute; and some that are told behind their rollup.
      const minutes = [0, 5, 10, 15, 20, 25, 30, 59];
      const at = (minute: number) => ({ effective: start + minute * MINUTE, receivedAt: start + minute * MINUTE });
      await store.storeBatch(batchOf(minutes.map((minute, i) => arrivalOf({ seq: i + 1, value: 60 + i, ...at(minute) }))));
      await store.storeBatch(batchOf([ago(900, 1)]));
      await newer(store);
      const edges = [start, start + HOUR];
      const covered = async (reachMs: number): Promise<number> =>
        (await trendOf(store, 0, 1, { edges, reachMs })).series[0]?.buckets[0]?.coverage ?? assert.fail();
      const limits = [1, 2, 5, 10, 40].map((minute) => minute * MINUTE);
      const before = await Promise.all(limits.map(covered));
      assert.deepEqual(before, [8 / 60, 15 / 60, 36 / 60, 41 / 60, 1]);
      assert.deepEqual(await retained(store, { continuous: DAY, minute: DAY }), { continuous: 8, minute: 8 });
      assert.deepEqual(await Promise.all(limits.map(covered)), before);
      await store.storeBatch(batchOf([arrivalOf({ seq: 50, value: 70, ...at(40) })], { at: LATER }));
      await store.storeBatch(batchOf([ago(901, 1, { vital: 'pr_oxi' })], { at: LATER }));
      assert.deepEqual(await retained(store, { continuous: DAY, minute: DAY }, LATER + 2 * DAY), { continuous: 1, minute: 1 });
      assert.deepEqual(await Promise.all(limits.map(covered)), [9 / 60, 17 / 60, 41 / 60, 51 / 60, 1]);
      await intact(store);
    },
  );

  check('events go by their kind, the newest of each device stays, and the evidence is never touched', async (store) => {
    verifies('RETENTION-CLASSES', 'RETENTION-CURRENT', 'AUDIT-CHAINED');
    const of = (seq: number, kind: EventArrival['kind'], change: Partial<EventArrival> = {}): EventArrival => {
      const resource = sampleObservation({ seq });
      const times = { effective: TEST_NOW, offsetMin: 0, receivedAt: TEST_NOW, sortTime: TEST_NOW + seq };
      const facts = { kind, patient: kind === 'device' ? null : 'pat-icu-01', device: 'monitor-1', test: false };
      return { ...facts, ...times, id: resource.id, received: canonicalJson(resource), ...change };
    };
    const events = [
      of(1, 'alert'),
      of(2, 'wave'),
      of(3, 'device'),
      of(4, 'device'),
      of(5, 'device', { device: 'other' }),
      gapArrival(6, {}),
    ];
    await store.storeBatch(batchOf(events));
    const refused = (received: string) => [{ id: '', code: 'INGEST-INVALID' as const, rule: 'no code', received }];
    await store.storeBatch(batchOf([], { refusals: refused('17') }));
    await store.storeBatch(batchOf([of(7, 'alert')], { at: LATER, refusals: refused('18') }));
    const kinds = async (): Promise<string[]> =>
      (await gathered(await store.events('clinic', {}, seen))).map(({ kind, id }) => `${kind} ${id.split('.')[2]}`);
    const entries = (await gathered(store.audit())).length;
    assert.deepEqual(await retained(store, { wave: DAY, device: DAY, gap: 20 * DAY }), { wave: 1, device: 1 });
    assert.deepEqual(await kinds(), ['alert 1', 'device 4', 'device 5', 'gap 6', 'alert 7']);
    assert.deepEqual(await retained(store, { alert: DAY, gap: DAY }), { alert: 1, gap: 1 });
    assert.deepEqual(await kinds(), ['device 4', 'device 5', 'alert 7']);
    assert.deepEqual(await retained(store, { quarantine: DAY }), { quarantine: 1 });
    const { quarantined, events: left } = await store.counts('clinic', seen);
    assert.deepEqual([quarantined, left], [1, 3]);
    await store.storeBatch(batchOf([of(8, 'device')]));
    await newer(store);
    assert.deepEqual(await retained(store, { device: DAY }), { device: 1 }, 'what was the newest is looked at again');
    assert.ok((await gathered(store.audit())).length > entries);
    await intact(store);
  });

  check('what is being read out is not removed under its reader, and goes afterwards', async (store) => {
    verifies('RETENTION-CLASSES');
    await store.storeBatch(batchOf([ago(1, HOUR), ago(2, HOUR - 1, { vital: 'temp', value: 37 }), ago(3, 1)]));
    await newer(store);
    const shown: string[] = [];
    for await (const { id, resource } of await store.observations('clinic', { patient: 'pat-icu-01' }, seen)) {
      await store.retain({ policy: policy({ continuous: DAY, spot: DAY }), now: LATER });
      assert.equal(resource.id, id);
      shown.push(id);
    }
    assert.deepEqual(
      shown,
      [1, 2, 3].map((seq) => idOf(seq)),
    );
    await retained(store, { continuous: DAY });
    assert.deepEqual(await ids(store), [idOf(2), idOf(3)]);
  });

  check('many rows go in many steps, between which others write', async (store) => {
    verifies('RETENTION-SMALL-STEPS');
    for (let i = 0; i < 40; i += 1)
      await store.storeBatch(batchOf(Array.from({ length: 100 }, (_, k) => ago(i * 100 + k + 1, HOUR, { device: `dev-${k % 3}` }))));
    let steps = 0;
    const order = { policy: policy({ continuous: DAY }), now: LATER };
    for (let more = true; more; steps += 1) {
      const live = batchOf([arrivalOf({ seq: 10_000 + steps, receivedAt: LATER })], { at: LATER });
      const [step, written] = await Promise.all([store.retain(order), store.storeBatch(live)]);
      assert.ok(steps < 1000, 'it comes to no end');
      assert.deepEqual(written.results, ['stored']);
      // A few milliseconds of work end a step, and no machine removes so many in that time.
      assert.ok((step.removed.continuous ?? 0) < 4000);
      more = step.more;
    }
    assert.ok(steps > 2);
    await intact(store);
  });

  check('a trend says the same whenever what is removed, with what comes late and is corrected', async (store) => {
    verifies('RETENTION-ROLLUP');
    await using other = await place();
    await using whole = await other.open();
    let run = 0;
    const reading = fc.record({
      second: fc.integer({ min: 0, max: 299 }),
      value: fc.option(fc.integer({ min: 20, max: 200 }), { freq: 6 }),
      vital: fc.constantFrom('hr', 'hr', 'nibp_s'),
      flags: fc.constantFrom<Arrival['flags'][]>([], ['motion'], ['questionable']),
      test: fc.boolean(),
    });
    const step = fc.record({ readings: fc.array(reading, { maxLength: 8 }), removal: fc.constantFrom('none', 'all', 'minutes') });
    const start = Math.floor((TEST_NOW - HOUR) / HOUR) * HOUR;
    for (const one of [store, whole]) await newer(one);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
        run += 1;
        const patient = `pat-kept-${String(run).padStart(4, '0')}`;
        let seq = run * 1000;
        for (const { readings, removal } of steps) {
          const rows = readings.map(({ second, value, ...rest }) => {
            const effective = start + second * 1000;
            return arrivalOf({ ...rest, seq: ++seq, value, absent: 'error', effective, receivedAt: TEST_NOW, patientId: patient });
          });
          if (rows.length > 0) for (const one of [store, whole]) await one.storeBatch(batchOf(rows));
          if (removal !== 'none') await retained(store, { continuous: DAY, spot: DAY });
          if (removal === 'minutes') await retained(store, { minute: DAY });
        }
        const edges = steps.some(({ removal }) => removal === 'minutes') ? [start, start + HOUR] : undefined;
        for (const vital of ['hr', 'nibp']) {
          const change = { patient, vital, ...(edges && { edges }) };
          const [a, b] = [await trendOf(store, start, 5, change), await trendOf(whole, start, 5, change)];
          assert.deepEqual(rounded(a), rounded(b));
        }
      }),
      { numRuns: 25 },
    );
    await intact(store);
  });
}

/** Means are summed in another order; a coverage of rolled-up hours is told from their minutes. */
function rounded({ series }: Trend): unknown {
  return series.map(({ buckets, ...rest }) => ({
    ...rest,
    buckets: buckets.map(({ rolledUp: _, coverage: __, mean, ...one }) => ({
      ...one,
      mean: mean === null ? null : Math.round(mean * 1e6),
    })),
  }));
}
