import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import { DueReadings } from '../../../../hub/clinical/due/due.ts';
import { openClinical } from '../../../../hub/clinical/open-clinical.ts';
import type { Change } from '../../../../hub/feed.ts';
import { createIngest } from '../../../../hub/ingest/create-ingest.ts';
import { parseRegistry } from '../../../../hub/registry/load-registry.ts';
import { type Instant, parseInstant } from '../../../../shared/clock.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { verifies } from '../../../requirements.ts';
import { type SampleOptions, sampleBundle, sampleObservation, TEST_REGISTRY, testHub } from '../../../support/hub.ts';
import { TestTimer, WallClock } from '../wall-clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const registryOf = (panel: string): string => `${TEST_REGISTRY.replace('tenants: { clinic: { kind: sandbox } }', '')}
wards: { icu: { tenant: clinic, beds: [ICU-01, ICU-02] } }
panels: { heart: { tenant: clinic, patients: [${panel}] } }
`;
const WEIGHT = "version: '1'\npanels: { heart: { weight: [{ window: '07:00-09:00', tolerance: 30m }] } }\n";

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-due-watch-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

/** A hub whose file says what is expected, from a time of 21 November 2026 in Berlin on unless told. */
async function site({ rules = WEIGHT, panel = 'pat-home-01', start = berlin('06:00') } = {}) {
  files += 1;
  const expected = join(folder, `expected-${files}.yaml`);
  writeFileSync(expected, rules);
  const clock = new WallClock(start);
  const timer = new TestTimer(clock);
  const hub = testHub({ clock, registry: registryOf(panel) });
  const open = () =>
    openClinical(
      { expected },
      {
        ...{ store: hub.store, registry: hub.registry, feed: hub.feed, clock, timer, zone: 'Europe/Berlin', log: silentLogger },
        ...{ record: async () => undefined, isAlone: true, isBound: () => true, overdueSince: () => undefined },
      },
    );
  const clinical = open();
  const ingest = createIngest({ ...hub, clock, staleness: clinical.staleness, due: clinical.due });
  const told: Change[] = [];
  const silences: Change[] = [];
  hub.feed.subscribe((change) => change.kind === 'due' && told.push(change));
  hub.feed.subscribe((change) => change.kind === 'sources' && silences.push(change));
  await clinical.staleness.start(new AbortController().signal);
  for (const gateway of ['gw-icu', 'gw-home']) clinical.sources.presence(gateway, true, clock.now());
  told.length = 0;
  const due = new DueReadings({
    ...{ door: hub.door, registry: hub.registry, feed: hub.feed, policy: () => DEFAULT_POLICY, clock, zone: 'Europe/Berlin' },
    rules: clinical.expected,
  });
  const reader = hub.registry.principal('ai-monitor') ?? assert.fail();
  let seq = 0;
  return {
    ...{ hub, clock, timer, clinical, open, told, silences, expected },
    /** Whom it was told of since it was last asked, and of what, with the time in Berlin. */
    take: () => told.splice(0).map(({ patient, vitals, at }) => `${inBerlin(at)} ${patient} ${vitals.join()}`),
    until: (time: string) => timer.pass(berlin(time) - clock.now()),
    weigh: async (at: Instant, options: SampleOptions = {}, status = 'final') => {
      seq += 1;
      const sample = { agent: 'gw-home', seq, vital: 'weight', value: 80, device: 'scale-1', effective: at, receivedAt: at, ...options };
      const observation = { ...sampleObservation(sample), status };
      const answer = await ingest.batch('gw-home', sampleBundle([observation]));
      assert.equal(answer.outcomes[0]?.status, 201);
    },
    /** How everything stands that is expected of the one patient. */
    states: async (patient = 'pat-home-01') =>
      (await due.of(reader, patient, { channel: 'operator' })).expected.map(
        ({ vital, from, state, byClock }) => `${vital} ${from} ${state} ${byClock}`,
      ),
    [Symbol.asyncDispose]: async () => {
      await clinical.staleness[Symbol.asyncDispose]();
      await hub.close();
    },
  };
}

function berlin(time: string, day = '2026-11-21'): Instant {
  return parseInstant(`${day}T${time}:00+01:00`)?.at ?? assert.fail();
}

function inBerlin(at: Instant): string {
  return new Date(at).toLocaleTimeString('de', { timeZone: 'Europe/Berlin' });
}

test('each moment at which it stands otherwise is one change, within a second of it, and nothing in between', async () => {
  verifies('DUE-TOLD');
  await using s = await site();
  s.until('23:00');
  assert.deepEqual(
    s.take(),
    ['06:30:00', '07:00:00', '09:00:00', '09:30:00'].map((time) => `${time} pat-home-01 weight`),
    'opens, due, overdue, missed',
  );
});

test('the reading is told once, however many come, and so is the next day; what does not count is not told', async () => {
  verifies('DUE-TOLD');
  await using s = await site();
  s.until('07:30');
  s.take();
  await s.weigh(s.clock.now(), { flags: ['questionable'] });
  await s.weigh(s.clock.now(), { value: null });
  await s.weigh(s.clock.now() - 2 * HOUR_MS);
  await s.weigh(s.clock.now(), { vital: 'spo2', value: 97 });
  assert.deepEqual(s.take(), []);
  await s.weigh(s.clock.now() - MINUTE_MS);
  await s.weigh(s.clock.now());
  assert.deepEqual(s.take(), ['07:30:00 pat-home-01 weight']);
  s.timer.pass(22 * HOUR_MS + 59 * MINUTE_MS);
  assert.deepEqual(s.take(), [], 'done stays done');
  s.timer.pass(MINUTE_MS);
  assert.deepEqual(s.take(), ['06:30:00 pat-home-01 weight']);
});

test('what comes late counts by when it was measured, and is told when it comes; what was taken back is told, and what time makes of it', async () => {
  verifies('DUE-TOLD');
  await using s = await site();
  s.until('12:00');
  s.take();
  await s.weigh(berlin('08:00'), { receivedAt: s.clock.now() });
  assert.deepEqual(s.take(), ['12:00:00 pat-home-01 weight']);

  await using t = await site();
  t.until('08:00');
  await t.weigh(t.clock.now());
  t.take();
  await t.weigh(t.clock.now(), {}, 'entered-in-error');
  assert.deepEqual(t.take(), ['08:00:00 pat-home-01 weight']);
  t.until('10:00');
  assert.deepEqual(t.take(), ['09:00:00 pat-home-01 weight', '09:30:00 pat-home-01 weight']);
  t.hub.feed.publish({ tenant: 'clinic', patient: 'pat-home-01', kind: 'corrected', vitals: ['weight'], at: t.clock.now() });
  assert.deepEqual(t.take(), ['10:00:00 pat-home-01 weight'], 'rows that moved');
  t.hub.feed.publish({ tenant: 'clinic', patient: 'pat-home-01', kind: 'corrected', vitals: ['hr'], at: t.clock.now() });
  assert.deepEqual(t.take(), []);
});

test('everybody is told together, one change a patient for all that happens at once, each by the clock of their home', async () => {
  verifies('DUE-TOLD');
  const rules = `version: '1'
panels: { heart: { weight: [{ window: '07:00-09:00' }], nibp: [{ window: '07:00-08:00' }] } }
zones: { pat-home-02: America/New_York }
`;
  await using s = await site({ rules, panel: 'pat-home-01, pat-home-02, pat-icu-01' });
  s.until('06:59');
  s.take();
  s.until('16:00');
  assert.deepEqual(s.take(), [
    '07:00:00 pat-home-01 nibp,weight',
    '07:00:00 pat-icu-01 nibp,weight',
    '08:00:00 pat-home-01 nibp',
    '08:00:00 pat-icu-01 nibp',
    '09:00:00 pat-home-01 weight',
    '09:00:00 pat-icu-01 weight',
    '13:00:00 pat-home-02 nibp,weight',
    '14:00:00 pat-home-02 nibp',
    '15:00:00 pat-home-02 weight',
  ]);
});

test('in the nights in which the clock is set it is told when the windows begin and end then', async () => {
  verifies('DUE-TOLD', 'DUE-WINDOWS');
  const rulesOf = (window: string): string => `version: '1'\npanels: { heart: { weight: [{ window: '${window}' }] } }\n`;
  // By hand: 29 March and 25 October 2026 in Berlin, at 01:00 UTC.
  const nights: readonly [window: string, start: string, wanted: readonly string[]][] = [
    ['00:30-04:00', '2026-03-28T22:00Z', ['2026-03-28T23:30Z', '2026-03-29T02:00Z']],
    ['02:15-02:45', '2026-03-28T22:00Z', ['2026-03-29T01:15Z', '2026-03-29T01:45Z']],
    ['01:00-04:00', '2026-10-24T22:00Z', ['2026-10-24T23:00Z', '2026-10-25T03:00Z']],
    ['02:15-02:45', '2026-10-24T22:00Z', ['2026-10-25T00:15Z', '2026-10-25T01:45Z']],
  ];
  for (const [window, start, wanted] of nights) {
    await using s = await site({ rules: rulesOf(window), start: Date.parse(start) });
    s.timer.pass(12 * HOUR_MS);
    assert.deepEqual(
      s.told.map(({ at }) => new Date(at).toISOString().replace(':00.000Z', 'Z')),
      wanted,
      window,
    );
  }
});

test('another file is told to those of whom other readings are expected by it, and holds from then on', async () => {
  verifies('DUE-TOLD');
  await using s = await site({ panel: 'pat-home-01, pat-home-02' });
  s.until('08:00');
  s.take();
  writeFileSync(s.expected, `${WEIGHT.replace("'1'", "'2'")}patients: { pat-home-01: { weight: [{ window: '10:00-11:00' }] } }\n`);
  await s.clinical.reload();
  assert.deepEqual(s.take(), ['08:00:00 pat-home-01 weight']);
  await s.clinical.reload();
  writeFileSync(s.expected, 'version: [');
  await s.clinical.reload();
  assert.deepEqual(s.take(), [], 'the same file, and one that is refused');
  s.until('12:00');
  assert.deepEqual(s.take(), [
    '09:00:00 pat-home-02 weight',
    '09:30:00 pat-home-02 weight',
    '10:00:00 pat-home-01 weight',
    '11:00:00 pat-home-01 weight',
  ]);
});

test('whoever comes onto a panel is watched from then on, and whoever leaves it no more; of whom all was erased nothing is known', async () => {
  verifies('DUE-TOLD');
  await using s = await site();
  s.until('08:00');
  s.take();
  const moved = s.hub.registry.replace(parseRegistry(registryOf('pat-home-02')), []);
  for (const change of moved) s.hub.feed.publish({ ...change, kind: 'patients', vitals: [], at: s.clock.now() });
  s.until('09:10');
  assert.deepEqual(s.take(), ['09:00:00 pat-home-02 weight']);
  s.hub.feed.publish({ tenant: 'clinic', patient: 'pat-home-02', kind: 'erased', vitals: [], at: s.clock.now() });
  assert.deepEqual(s.take(), ['09:10:00 pat-home-02 weight']);
});

test('a hub that begins tells what changes from then on, and knows nothing of what is done: it may tell once too often and never too seldom', async () => {
  verifies('DUE-TOLD');
  await using s = await site();
  s.until('08:00');
  await s.weigh(s.clock.now());
  await s.clinical.staleness[Symbol.asyncDispose]();
  s.take();
  const again = s.open();
  await again.staleness.start(new AbortController().signal);
  assert.deepEqual(s.take(), []);
  s.until('10:00');
  assert.deepEqual(s.take(), ['09:00:00 pat-home-01 weight', '09:30:00 pat-home-01 weight']);
  await again.staleness[Symbol.asyncDispose]();
});

test('a clock that is set is noticed within a second, forward and back', async () => {
  verifies('DUE-TOLD', 'SILENCE-ONCE');
  await using s = await site();
  s.until('08:30');
  s.take();
  s.clock.setWall(HOUR_MS);
  s.timer.pass(1000);
  assert.deepEqual(s.take(), ['09:30:01 pat-home-01 weight'], 'missed, without a word of overdue');
  s.clock.setWall(-HOUR_MS);
  s.timer.pass(1000);
  assert.deepEqual(s.take(), ['08:30:02 pat-home-01 weight'], 'due again');
  s.until('10:00');
  assert.deepEqual(s.take(), ['09:00:00 pat-home-01 weight', '09:30:00 pat-home-01 weight']);
});

test('a source that falls silent or comes back is told where a reading is overdue, and of nothing else', async () => {
  verifies('DUE-TOLD');
  await using s = await site({ panel: 'pat-home-01, pat-home-02' });
  const fall = (patient: string): void => s.hub.feed.publish({ tenant: 'clinic', patient, kind: 'sources', vitals: [], at: s.clock.now() });
  s.until('08:00');
  await s.weigh(s.clock.now());
  s.take();
  fall('pat-home-02');
  assert.deepEqual(s.take(), [], 'still due');
  s.until('09:10');
  s.take();
  fall('pat-home-02');
  fall('pat-home-01');
  assert.deepEqual(s.take(), ['09:10:00 pat-home-02 weight']);
});

test('what another hub stored is told where it may be the reading, and nowhere else', async () => {
  verifies('DUE-TOLD');
  await using s = await site();
  s.until('07:30');
  s.take();
  const at = s.clock.now();
  const elsewhere = (kind: Change['kind'], freshAt: Instant, vital = 'weight'): void => {
    const row = { tenant: 'clinic', patient: 'pat-home-01', vital, device: 'scale-1' };
    const current = { ...row, freshAt, storedAt: at, place: 'home' } as const;
    s.clinical.due?.elsewhere([{ ...row, kind, vitals: [vital], at }], kind === 'late' ? [] : [current]);
  };
  elsewhere('stored', at);
  elsewhere('late', at);
  assert.equal(s.take().length, 2);
  elsewhere('stored', at - 3 * HOUR_MS);
  elsewhere('stored', at, 'nibp');
  elsewhere('patients', at);
  assert.deepEqual(s.take(), []);
});

test('whatever is measured, late, doubtful, preliminary or taken back: how it stands never changes without a word, and while every measurement is final no word is in vain', async () => {
  verifies('DUE-TOLD');
  const step = fc.oneof(
    fc.record({ pass: fc.integer({ min: 1, max: 200 }) }),
    fc.record({
      agoMin: fc.integer({ min: 0, max: 240 }),
      how: fc.constantFrom('sure', 'sure', 'doubtful', 'absent', 'memory'),
      isLate: fc.boolean(),
      isPreliminary: fc.boolean(),
    }),
    fc.record({ settles: fc.nat(), isSure: fc.boolean() }),
    fc.record({ takesBack: fc.nat() }),
  );
  const rules = WEIGHT.replace('weight: [', "weight: [{ window: '12:00-13:00' }, ");
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
      await using s = await site({ rules });
      const measured: Instant[] = [];
      let before = await s.states();
      let isTakenBack = false;
      for (const one of steps) {
        s.take();
        s.silences.length = 0;
        if ('pass' in one) s.timer.pass(one.pass * MINUTE_MS);
        else if ('how' in one) {
          // The same measurement is one, and none comes from before the hub knew its patients.
          const at = s.clock.now() - one.agoMin * MINUTE_MS - measured.length;
          const options: Record<string, SampleOptions> = {
            doubtful: { flags: ['motion'] },
            absent: { value: null },
            memory: { flags: ['memory', 'clockless'] },
          };
          measured.push(at);
          isTakenBack ||= one.isPreliminary;
          await s.weigh(
            at,
            { ...options[one.how], ...(one.isLate && { receivedAt: s.clock.now() }) },
            one.isPreliminary ? 'preliminary' : 'final',
          );
        } else if ('settles' in one) {
          const at = measured[one.settles % Math.max(1, measured.length)];
          if (at === undefined) continue;
          isTakenBack = true;
          await s.weigh(at, { ...(!one.isSure && { flags: ['motion'] }) });
        } else {
          const at = measured[one.takesBack % Math.max(1, measured.length)];
          if (at === undefined) continue;
          isTakenBack = true;
          await s.weigh(at, {}, 'entered-in-error');
        }
        const now = await s.states();
        const isOther = JSON.stringify(now) !== JSON.stringify(before);
        const isTold = s.take().length > 0;
        if (isOther) assert.ok(isTold, `${before} became ${now} without a word`);
        // Of a stretch of time in which a window came and went, the ends may be alike; a scale that speaks again may have been what was silent.
        else if (!isTakenBack && !('pass' in one) && s.silences.length === 0) assert.ok(!isTold, `${now} was told in vain`);
        before = now;
      }
    }),
    { numRuns: 25 },
  );
});
