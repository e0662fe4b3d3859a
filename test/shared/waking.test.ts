import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { SleepWatch } from '../../shared/waking.ts';
import { verifies } from '../requirements.ts';

const MINUTE_MS = 60_000;
const YEAR_MS = 365 * 24 * 60 * MINUTE_MS;

interface Machine {
  watch: SleepWatch;
  woken: number;
  watching: Disposable;
  /** Both clocks and the timers go on, as they do while nothing is wrong. */
  run(ms: number): void;
  /** Time that no timer came in; each clock goes on by so much. */
  gap(gap: { wallMs: number; monotonicMs: number }): void;
}

function machine(t: TestContext): Machine {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let wall = Date.UTC(2026, 10, 21);
  let monotonic = 1000;
  const watch = new SleepWatch({ now: () => wall, monotonicMs: () => monotonic });
  const made: Machine = {
    watch,
    woken: 0,
    watching: watch.onWake(() => {
      made.woken += 1;
    }),
    run(ms) {
      for (let passed = 0; passed < ms; passed += 500) {
        wall += 500;
        monotonic += 500;
        t.mock.timers.tick(500);
      }
    },
    gap({ wallMs, monotonicMs }) {
      wall += wallMs;
      monotonic += monotonicMs;
    },
  };
  return made;
}

for (const [what, gap] of [
  ['a machine that was suspended: the clock that never jumps stood still', { wallMs: 10 * MINUTE_MS, monotonicMs: 0 }],
  ['a process that was stopped: both clocks went on, and the timer comes late', { wallMs: 5000, monotonicMs: 5000 }],
  ['a machine that slept and was set back meanwhile', { wallMs: -60 * MINUTE_MS, monotonicMs: 10 * MINUTE_MS }],
  ['a wall clock that is set forward looks the same', { wallMs: YEAR_MS, monotonicMs: 0 }],
] as const) {
  test(`${what}: told once, within two seconds`, (t) => {
    verifies('OVERLAY-SLEEP');
    const computer = machine(t);
    computer.run(MINUTE_MS);
    assert.equal(computer.woken, 0);
    computer.gap(gap);
    computer.run(2000);
    assert.equal(computer.woken, 1);
    computer.run(MINUTE_MS);
    assert.equal(computer.woken, 1);
  });
}

for (const [what, gap] of [
  ['a wall clock that is set back', { wallMs: -YEAR_MS, monotonicMs: 0 }],
  ['a process that is busy for a second', { wallMs: 1000, monotonicMs: 1000 }],
] as const) {
  test(`${what} is no sleep`, (t) => {
    const computer = machine(t);
    computer.gap(gap);
    computer.run(MINUTE_MS);
    assert.equal(computer.woken, 0);
  });
}

test('who has left is told no more, and a time in which nobody listened is no sleep', (t) => {
  const computer = machine(t);
  const more: string[] = [];
  const second = computer.watch.onWake(() => more.push('second'));
  computer.watching[Symbol.dispose]();
  computer.gap({ wallMs: MINUTE_MS, monotonicMs: 0 });
  computer.run(2000);
  assert.deepEqual([computer.woken, more], [0, ['second']]);
  second[Symbol.dispose]();
  computer.gap({ wallMs: MINUTE_MS, monotonicMs: MINUTE_MS });
  computer.watch.onWake(() => more.push('third'));
  computer.run(4000);
  assert.deepEqual(more, ['second']);
});
