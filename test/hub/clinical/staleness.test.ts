import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EARLIEST, MAX_AHEAD_MS, mayBeCurrent, sortTimeOf } from '../../../hub/clinical/sort-time.ts';
import { freshAt, isStale, STALE_AFTER_MS, staleAfterMs } from '../../../hub/clinical/staleness.ts';
import { StalenessWatch, type Timer, type WatchedRow } from '../../../hub/clinical/staleness-watch.ts';
import { type Change, Feed } from '../../../hub/feed.ts';
import type { Currency } from '../../../hub/store/store.ts';
import type { Flag } from '../../../shared/reading.ts';
import { verifies } from '../../requirements.ts';
import { TEST_NOW, TestClock } from '../../support/hub.ts';

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
  assert.ok(!mayBeCurrent([], 'entered-in-error'));
});

test('the limit of age is that of the class', () => {
  assert.equal(staleAfterMs('hr'), STALE_AFTER_MS.continuous);
  assert.equal(staleAfterMs('weight'), STALE_AFTER_MS.spot);
  assert.equal(staleAfterMs('nibp'), STALE_AFTER_MS.spot);
  assert.equal(staleAfterMs('cuff'), STALE_AFTER_MS.spot);
  assert.equal(staleAfterMs('abp'), STALE_AFTER_MS.continuous);
  assert.equal(staleAfterMs('peep_set'), STALE_AFTER_MS.setting);
  assert.equal(staleAfterMs('nothing'), STALE_AFTER_MS.continuous);
});

test('a value is stale from its limit on, and a gateway whose clock runs ahead does not keep it young', () => {
  verifies('STALE-IS-NULL');
  const row = { vital: 'hr', sortTime: TEST_NOW, storedAt: TEST_NOW + 50 };
  assert.ok(!isStale(row, TEST_NOW + 59_999));
  assert.ok(isStale(row, TEST_NOW + 60_000));
  const ahead = { vital: 'hr', sortTime: TEST_NOW + 86_400_000, storedAt: TEST_NOW };
  assert.equal(freshAt(ahead), TEST_NOW);
  assert.ok(isStale(ahead, TEST_NOW + 60_000));
});

/** A timer that the test lets fire: moves the clock to when it is due. */
class TestTimer implements Timer {
  readonly #clock: TestClock;
  #set: { fire: () => void; at: number } | undefined;
  pending = 0;

  constructor(clock: TestClock) {
    this.#clock = clock;
  }

  set(fire: () => void, delayMs: number): Disposable {
    const set = { fire, at: this.#clock.now() + delayMs };
    this.#set = set;
    this.pending += 1;
    return {
      [Symbol.dispose]: () => {
        if (this.#set === set) this.#set = undefined;
        this.pending -= 1;
      },
    };
  }

  /** Lets time pass, firing what falls due on the way. */
  pass(ms: number): void {
    const until = this.#clock.now() + ms;
    for (let next = this.#takeDue(until); next !== undefined; next = this.#takeDue(until)) {
      this.#clock.set(Math.max(next.at, this.#clock.now()));
      next.fire();
    }
    this.#clock.set(until);
  }

  #takeDue(until: number): { fire: () => void; at: number } | undefined {
    const set = this.#set;
    if (set === undefined || set.at > until) return undefined;
    this.#set = undefined;
    return set;
  }
}

interface Watching extends AsyncDisposable {
  clock: TestClock;
  timer: TestTimer;
  watch: StalenessWatch;
  told: Change[];
  abort: AbortController;
}

async function watching(currencies: readonly Currency[] = []): Promise<Watching> {
  const clock = new TestClock();
  const timer = new TestTimer(clock);
  const feed = new Feed();
  const told: Change[] = [];
  feed.subscribe((change) => told.push(change));
  const watch = new StalenessWatch({ currencies: () => currencies, feed, clock, timer });
  const abort = new AbortController();
  await watch.start(abort.signal);
  return { clock, timer, watch, told, abort, [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose]() };
}

const row = (change: Partial<WatchedRow> = {}): WatchedRow => ({
  patient: 'pat-icu-01',
  vital: 'hr',
  device: 'monitor',
  sortTime: TEST_NOW,
  ...change,
});
const arrive = ({ watch, clock }: Watching, change: Partial<WatchedRow> = {}): void =>
  watch.arrived('clinic', [row({ sortTime: clock.now(), ...change })], clock.now());

test('silence is told once, at its limit, and again after the value came back', async () => {
  verifies('STALE-IS-NULL');
  await using w = await watching();
  arrive(w);
  w.timer.pass(59_999);
  assert.deepEqual(w.told, []);
  w.timer.pass(1);
  assert.deepEqual(w.told, [{ tenant: 'clinic', patient: 'pat-icu-01', kind: 'stale', vitals: ['hr'], at: TEST_NOW + 60_000, version: 1 }]);
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
  arrive(w, { sortTime: TEST_NOW - 50_000 });
  arrive(w, { sortTime: TEST_NOW - 90_000, vital: 'spo2' });
  w.timer.pass(10_000);
  assert.deepEqual(
    w.told.map(({ vitals, at }) => [vitals, at]),
    [[['hr'], TEST_NOW + 10_000]],
  );
  w.timer.pass(120_000);
  assert.equal(w.told.length, 1);
});

test('what was current at the start is watched from its own time', async () => {
  const stored: Currency = { tenant: 'clinic', ...row({ sortTime: TEST_NOW - 40_000 }), storedAt: TEST_NOW - 39_000 };
  await using w = await watching([stored, { ...stored, device: 'old', sortTime: TEST_NOW - 86_400_000 }]);
  w.timer.pass(20_000);
  assert.equal(w.told.length, 1);
  w.timer.pass(600_000);
  assert.equal(w.told.length, 1);
});

test('a wall clock that is set forward is noticed within a second', async () => {
  await using w = await watching();
  arrive(w, { vital: 'weight' });
  w.clock.advance(37 * 3_600_000);
  w.timer.pass(1000);
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
        if (fresh > state.fresh) {
          state.fresh = fresh;
          state.live ||= fresh + 60_000 > w.clock.now();
        }
        arrive(w, { device, vital: 'hr', sortTime: fresh, patient: `pat-dev-${device}` });
      }
      w.timer.pass(120_000);
      settle(w.clock.now());
      assert.equal(w.told.length, expected);
    }),
    { numRuns: 100 },
  );
});
