import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { withRange } from '../../../hub/clinical/plausible.ts';
import { EARLIEST, isWithdrawal, MAX_AHEAD_MS, mayBeCurrent, sortTimeOf, timesOf } from '../../../hub/clinical/sort-time.ts';
import { AGE_UNKNOWN, ageSecondsOf, isStale, STALE_AFTER_MS, STEP_MS, staleAfterMs } from '../../../hub/clinical/staleness.ts';
import { StalenessWatch } from '../../../hub/clinical/staleness-watch.ts';
import { type Change, Feed } from '../../../hub/feed.ts';
import type { Currency } from '../../../hub/store/store.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Flag } from '../../../shared/reading.ts';
import { verifies } from '../../requirements.ts';
import { TEST_NOW } from '../../support/hub.ts';
import { TestTimer, WallClock } from './wall-clock.ts';

test('readings are ordered by the device’s time unless it cannot be right', () => {
  verifies('THREE-INSTANTS');
  const cases: [effective: number, flags: Flag[], sortTime: number, marked: boolean][] = [
    [TEST_NOW - 5000, [], TEST_NOW - 5000, false],
    [TEST_NOW + MAX_AHEAD_MS, [], TEST_NOW + MAX_AHEAD_MS, false],
    [TEST_NOW + MAX_AHEAD_MS + 1, [], TEST_NOW, true],
    [EARLIEST, [], EARLIEST, false],
    [EARLIEST - 1, [], TEST_NOW, true],
    [TEST_NOW, ['clockless'], TEST_NOW, false],
    [TEST_NOW - 5000, ['clockless'], TEST_NOW, true],
    [TEST_NOW - 5000, ['clock'], TEST_NOW, true],
    [TEST_NOW - 86_400_000, ['memory'], TEST_NOW - 86_400_000, false],
  ];
  for (const [effective, flags, sortTime, marked] of cases) {
    const ordered = sortTimeOf(effective, TEST_NOW, flags);
    assert.equal(ordered.sortTime, sortTime);
    assert.equal(ordered.flags.includes('clock'), marked);
    assert.deepEqual(
      ordered.flags.filter((flag) => flag !== 'clock'),
      flags.filter((flag) => flag !== 'clock'),
    );
  }
});

test('a memory reading with a doubtful clock, and what was taken back, are never current', () => {
  verifies('THREE-INSTANTS');
  assert.ok(mayBeCurrent(['memory'], 'final'));
  assert.ok(mayBeCurrent(['clock'], 'corrected'));
  assert.ok(!mayBeCurrent(['memory', 'clock'], 'final'));
  assert.ok(!mayBeCurrent(['clockless', 'memory'], 'final'));
  assert.ok(!mayBeCurrent([], 'cancelled'));
  assert.ok(isWithdrawal('cancelled') && isWithdrawal('entered-in-error') && !isWithdrawal('corrected'));
  assert.ok(!mayBeCurrent([], 'entered-in-error'));
});

test('what is ahead of the hub’s clock is ordered by when it came, and how long it lay with the sender counts to its age', () => {
  verifies('THREE-INSTANTS');
  const at = TEST_NOW;
  const hour = 3_600_000;
  const cases: [sortTime: number, sentAt: number | null, wanted: number, fresh: number, marked: boolean][] = [
    [at - 5000, null, at - 5000, at - 5000, false],
    [at - 5000, at, at - 5000, at - 5000, false],
    [at + MAX_AHEAD_MS, null, at + MAX_AHEAD_MS, at, false],
    // A minute ahead, and ten minutes with the sender.
    [at + 60_000, at + 11 * 60_000, at + 60_000, at - 10 * 60_000, false],
    [at + MAX_AHEAD_MS + 1, null, at, at, true],
    [at + 8760 * hour, at, at, at, true],
    // A gateway an hour ahead: what it has just measured is new, and what lay there for 50 minutes is not.
    [at + hour, at + hour + 1000, at - 1000, at - 1000, true],
    [at + hour - 50 * 60_000, at + hour, at - 50 * 60_000, at - 50 * 60_000, true],
    // Behind, and a time of sending before the measurement, which says nothing.
    [at - hour, at - hour + 1000, at - hour, at - hour, false],
    [at - 5000, 0, at - 5000, at - 5000, false],
  ];
  for (const [sortTime, sentAt, wanted, fresh, marked] of cases) {
    const times = timesOf({ sortTime, flags: ['motion'] }, { at, sentAt });
    assert.deepEqual(times, { sortTime: wanted, freshAt: fresh, flags: marked ? ['motion', 'clock'] : ['motion'] });
  }
  assert.deepEqual(timesOf({ sortTime: at + hour, flags: ['clock'] }, { at, sentAt: null }).flags, ['clock']);
});

test('a value outside the plausible range is marked by the hub, its parts too, and no mark is taken away', () => {
  const reading = { vital: 'hr', value: 72, components: [], flags: [] as Flag[] };
  assert.deepEqual(withRange(reading), []);
  assert.deepEqual(withRange({ ...reading, value: -5 }), ['out-of-range']);
  assert.deepEqual(withRange({ ...reading, value: 301, flags: ['motion'] }), ['motion', 'out-of-range']);
  assert.deepEqual(withRange({ ...reading, flags: ['out-of-range'] }), ['out-of-range']);
  assert.deepEqual(withRange({ ...reading, vital: 'nothing', value: 1e9 }), []);
  const panel = { vital: 'nibp', value: null, flags: [], components: [{ vital: 'nibp_s', value: 100_000 }] };
  assert.deepEqual(withRange(panel), ['out-of-range']);
});

test('the limit of age is that of the class and the place', () => {
  verifies('STALE-IS-NULL');
  const minute = 60_000;
  assert.deepEqual(STALE_AFTER_MS.home, { continuous: minute, spot: 36 * 60 * minute, setting: minute, waveform: minute });
  assert.deepEqual(STALE_AFTER_MS.bed, { continuous: minute, spot: 120 * minute, setting: minute, waveform: minute });
  for (const place of ['home', 'bed'] as const) {
    const { continuous, spot, setting } = STALE_AFTER_MS[place];
    for (const key of ['hr', 'abp', 'nothing']) assert.equal(staleAfterMs(key, place), continuous);
    for (const key of ['weight', 'nibp', 'cuff', 'temp', 't_ax']) assert.equal(staleAfterMs(key, place), spot);
    assert.equal(staleAfterMs('peep_set', place), setting);
  }
});

test('a value is stale from its limit on, and when it is from ahead of now', () => {
  verifies('STALE-IS-NULL');
  const value = { vital: 'hr', place: 'bed', freshAt: TEST_NOW } as const;
  assert.ok(!isStale(value, TEST_NOW + 59_999));
  assert.ok(isStale(value, TEST_NOW + 60_000));
  assert.ok(!isStale(value, TEST_NOW - MAX_AHEAD_MS));
  assert.ok(isStale(value, TEST_NOW - MAX_AHEAD_MS - 1));
  assert.ok(isStale({ ...value, freshAt: AGE_UNKNOWN }, TEST_NOW));
  assert.deepEqual(
    [TEST_NOW + 1999, TEST_NOW - 5000, TEST_NOW - MAX_AHEAD_MS - 1].map((now) => ageSecondsOf(value, now)),
    [1, 0, 60],
  );
  assert.equal(ageSecondsOf({ ...value, freshAt: AGE_UNKNOWN }, TEST_NOW), 60);
});

interface Watching extends AsyncDisposable {
  clock: WallClock;
  timer: TestTimer;
  watch: StalenessWatch;
  told: Change[];
  /** After what the store was told to distrust; the first is that of the start. */
  distrusted: number[];
  abort: AbortController;
}

async function watching(currencies: readonly Currency[] = []): Promise<Watching> {
  const clock = new WallClock();
  const timer = new TestTimer(clock);
  const feed = new Feed();
  const told: Change[] = [];
  feed.subscribe((change) => told.push(change));
  const distrusted: number[] = [];
  const store = { currencies: () => currencies, distrust: async (after: number) => void distrusted.push(after) };
  const watch = new StalenessWatch({ store, feed, clock, timer });
  const abort = new AbortController();
  await watch.start(abort.signal);
  return { clock, timer, watch, told, distrusted, abort, [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose]() };
}

const row = (change: Partial<Currency> = {}): Currency => ({
  tenant: 'clinic',
  patient: 'pat-icu-01',
  vital: 'hr',
  device: 'monitor',
  freshAt: TEST_NOW,
  storedAt: TEST_NOW,
  place: 'home',
  ...change,
});
const arrive = ({ watch, clock }: Watching, change: Partial<Currency> = {}): void =>
  watch.changed([row({ freshAt: clock.now(), storedAt: clock.now(), ...change })]);

test('silence is told once, at its limit, and again after the value came back', async () => {
  verifies('STALE-IS-NULL');
  await using w = await watching();
  arrive(w);
  w.timer.pass(59_999);
  assert.deepEqual(w.told, []);
  w.timer.pass(1);
  assert.deepEqual(w.told, [
    { tenant: 'clinic', patient: 'pat-icu-01', kind: 'stale', vitals: ['hr'], devices: ['monitor'], at: TEST_NOW + 60_000, version: 1 },
  ]);
  w.timer.pass(600_000);
  assert.equal(w.told.length, 1);
  arrive(w);
  w.timer.pass(60_000);
  assert.equal(w.told.length, 2);
});

test('a value that keeps coming is never told of', async () => {
  await using w = await watching();
  for (let i = 0; i < 200; i += 1) {
    arrive(w);
    w.timer.pass(1000);
  }
  assert.equal(w.told.length, 0);
  w.timer.pass(60_000);
  assert.equal(w.told.length, 1);
  assert.equal(w.told[0]?.at, w.clock.now() - 1000);
});

test('one change a patient for everything that falls silent together', async () => {
  await using w = await watching();
  for (const vital of ['hr', 'spo2', 'weight']) arrive(w, { vital });
  arrive(w, { patient: 'pat-icu-02' });
  w.timer.pass(60_000);
  assert.deepEqual(
    w.told.map(({ patient, vitals }) => [patient, vitals]),
    [
      ['pat-icu-01', ['hr', 'spo2']],
      ['pat-icu-02', ['hr']],
    ],
  );
  w.timer.pass(36 * 3_600_000);
  assert.deepEqual(w.told[2]?.vitals, ['weight']);
});

test('each device of a vital sign is watched by itself', async () => {
  await using w = await watching();
  arrive(w, { device: 'a' });
  w.timer.pass(30_000);
  arrive(w, { device: 'b' });
  w.timer.pass(30_000);
  assert.equal(w.told.length, 1);
  w.timer.pass(30_000);
  assert.equal(w.told.length, 2);
});

test('late data are due from their own time, and what arrives stale is not told', async () => {
  await using w = await watching();
  arrive(w, { freshAt: TEST_NOW - 50_000 });
  arrive(w, { freshAt: TEST_NOW - 90_000, vital: 'spo2' });
  w.timer.pass(10_000);
  assert.deepEqual(
    w.told.map(({ vitals, at }) => [vitals, at]),
    [[['hr'], TEST_NOW + 10_000]],
  );
  w.timer.pass(120_000);
  assert.equal(w.told.length, 1);
});

test('what was current at the start is watched from its own time', async () => {
  const stored = row({ freshAt: TEST_NOW - 40_000, storedAt: TEST_NOW - 39_000 });
  await using w = await watching([stored, { ...stored, device: 'old', freshAt: TEST_NOW - 86_400_000 }]);
  w.timer.pass(20_000);
  assert.equal(w.told.length, 1);
  w.timer.pass(600_000);
  assert.equal(w.told.length, 1);
});

test('a wall clock that is set forward is noticed within a second', async () => {
  await using w = await watching();
  arrive(w, { vital: 'weight' });
  w.clock.setWall(37 * 3_600_000);
  w.timer.pass(1000);
  assert.equal(w.told.length, 1);
});

test('a wall clock that is set back: what was stored ahead of it is told silent once, and stays so', async () => {
  verifies('STALE-IS-NULL');
  await using w = await watching();
  arrive(w);
  arrive(w, { vital: 'weight' });
  w.clock.setWall(-3_600_000);
  w.timer.pass(1000);
  assert.deepEqual(
    w.told.map(({ kind, vitals }) => [kind, vitals]),
    [['stale', ['hr', 'weight']]],
  );
  assert.deepEqual(w.distrusted, [TEST_NOW + STEP_MS, w.clock.now() + STEP_MS]);
  w.timer.pass(7_200_000);
  assert.equal(w.told.length, 1, 'nor told again when the clock comes to that time');
  arrive(w);
  w.timer.pass(60_000);
  assert.equal(w.told.length, 2, 'what is measured afterwards is watched as ever');
});

test('a wall clock that was wrongly set forward and is put right: what is current again is told, and its silence again', async () => {
  verifies('STALE-IS-NULL', 'SILENCE-ONCE');
  await using w = await watching();
  arrive(w);
  w.clock.setWall(7_200_000);
  w.timer.pass(1000);
  assert.equal(w.told.length, 1);
  w.clock.setWall(-7_200_000);
  w.timer.pass(1000);
  assert.deepEqual(
    w.told.map(({ kind, vitals }) => [kind, vitals]),
    [
      ['stale', ['hr']],
      ['stored', ['hr']],
    ],
  );
  w.timer.pass(57_999);
  assert.equal(w.told.length, 2);
  w.timer.pass(1);
  assert.deepEqual([w.told.length, w.told[2]?.kind], [3, 'stale']);
});

test('a store that cannot be told to distrust is told again', async () => {
  const clock = new WallClock();
  const timer = new TestTimer(clock);
  let tries = 0;
  const store = {
    currencies: () => [row()],
    distrust: async () => {
      tries += 1;
      if (tries === 2) throw new VitalmeshError('STORAGE-IO');
    },
  };
  await using watch = new StalenessWatch({ store, feed: new Feed(), clock, timer });
  await watch.start(new AbortController().signal);
  clock.setWall(-5000);
  timer.pass(1000);
  await new Promise((resolve) => setImmediate(resolve));
  timer.pass(1000);
  await new Promise((resolve) => setImmediate(resolve));
  timer.pass(1000);
  assert.equal(tries, 3);
});

test('what was taken back, or out of the list of current rows, is forgotten; what took its place is watched from its own time', async () => {
  verifies('STALE-IS-NULL');
  await using w = await watching();
  arrive(w, { device: 'gone' });
  w.watch.changed([{ tenant: 'clinic', patient: 'pat-icu-01', vital: 'hr', device: 'gone', gone: true }]);
  arrive(w, { device: 'older' });
  arrive(w, { device: 'older', freshAt: TEST_NOW - 30_000 });
  w.timer.pass(30_000);
  assert.equal(w.told.length, 1);
  w.timer.pass(600_000);
  assert.equal(w.told.length, 1);
});

test('in a bed a spot value is told silent after two hours', async () => {
  await using w = await watching();
  arrive(w, { vital: 'nibp', place: 'bed' });
  w.timer.pass(7_199_999);
  assert.equal(w.told.length, 0);
  w.timer.pass(1);
  assert.equal(w.told.length, 1);
});

test('no timer outlives the watch', async () => {
  const w = await watching();
  arrive(w);
  assert.equal(w.timer.pending, 1);
  w.abort.abort();
  assert.equal(w.timer.pending, 0);
  arrive(w);
  assert.equal(w.timer.pending, 0);
  await w.watch[Symbol.asyncDispose]();
});

test('whatever comes when, everything that is silent at the end was told, and nothing else', async () => {
  verifies('STALE-IS-NULL');
  const step = fc.record({
    pass: fc.integer({ min: 0, max: 50_000 }),
    device: fc.constantFrom('a', 'b', 'c'),
    late: fc.constantFrom(0, 0, 5000, 70_000),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      await using w = await watching();
      const model = new Map<string, { fresh: number; live: boolean }>();
      let expected = 0;
      const settle = (until: number): void => {
        for (const state of model.values()) {
          if (!state.live || state.fresh + 60_000 > until) continue;
          state.live = false;
          expected += 1;
        }
      };
      for (const { pass, device, late } of steps) {
        w.timer.pass(pass);
        settle(w.clock.now());
        const fresh = w.clock.now() - late;
        const state = model.get(device) ?? { fresh: Number.NEGATIVE_INFINITY, live: false };
        model.set(device, state);
        // The store tells only of what became the current one.
        if (fresh <= state.fresh) continue;
        state.fresh = fresh;
        state.live ||= fresh + 60_000 > w.clock.now();
        arrive(w, { device, vital: 'hr', freshAt: fresh, patient: `pat-dev-${device}` });
      }
      w.timer.pass(120_000);
      settle(w.clock.now());
      assert.equal(w.told.length, expected);
    }),
    { numRuns: 100 },
  );
});
