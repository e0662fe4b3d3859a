import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Clock, Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { type Logger, silentLogger } from '../../../shared/log.ts';
import type { Boot } from '../../../shared/time/boot.ts';
import type { KnownTime } from '../../../shared/time/clock-run.ts';
import { formatClock } from '../../../shared/time/clock-status.ts';
import { type CertificateTime, type ClockChange, type Floors, NetworkClock, type Validity } from '../../../shared/time/network-clock.ts';
import { verifies } from '../../requirements.ts';

const FLOOR = Date.UTC(2026, 10, 1);
const TRUE_TIME = Date.UTC(2027, 2, 1, 12);
const BATTERY_LESS = Date.UTC(2000, 0, 1);
const MINUTE_MS = 60_000;
const YEAR_MS = 365.25 * 24 * 60 * MINUTE_MS;
const ALWAYS = { notBefore: 0, notAfter: Date.UTC(2040, 0, 1) };

/** A machine's clocks, for the test to move. */
class Machine implements Clock {
  wall: Instant;
  monotonic = 1000.25;

  constructor(wall: Instant) {
    this.wall = wall;
  }

  now(): Instant {
    return this.wall;
  }

  monotonicMs(): number {
    return this.monotonic;
  }

  passes(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
  }
}

interface Said {
  level: string;
  message: string;
}

function listening(said: Said[]): Logger {
  const at = (level: string) => (_: unknown, message?: string) => void said.push({ level, message: message ?? '' });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } as Logger;
}

function clockOf(machine: Machine, floors: Floors = { certain: FLOOR }): { clock: NetworkClock; changes: ClockChange[]; said: Said[] } {
  const said: Said[] = [];
  const changes: ClockChange[] = [];
  const clock = new NetworkClock({ machine, floors, log: listening(said) });
  clock.onChange((change) => changes.push(change));
  return { clock, changes, said };
}

describe('a machine whose clock is good', () => {
  test('is believed, also when it is set back a little or runs a little behind the floor', () => {
    const machine = new Machine(TRUE_TIME);
    const { clock, changes } = clockOf(machine);
    assert.deepEqual([clock.trust, clock.now(), clock.status()], ['machine', TRUE_TIME, undefined]);
    assert.deepEqual(clock.certificateTime(), { now: TRUE_TIME, mayBeginLaterMs: 0 });
    machine.wall = FLOOR - MINUTE_MS;
    assert.deepEqual([clock.trust, clock.now()], ['machine', FLOOR - MINUTE_MS]);
    assert.deepEqual(changes, []);
  });

  test('is believed whatever the network tells; a time is remembered for when the machine loses its own', () => {
    const machine = new Machine(TRUE_TIME);
    const { clock, changes } = clockOf(machine);
    assert.equal(clock.take(TRUE_TIME + 10_000, undefined), true);
    assert.equal(clock.now(), TRUE_TIME);
    machine.passes(5000);
    machine.wall = BATTERY_LESS;
    assert.deepEqual([clock.trust, clock.now()], ['network', TRUE_TIME + 15_000]);
    assert.deepEqual(
      changes.map(({ trust, before }) => [trust, before]),
      [['network', 'machine']],
    );
  });

  test('a machine that jumps years ahead is made no exception for', () => {
    const { clock } = clockOf(new Machine(TRUE_TIME + 20 * YEAR_MS));
    assert.deepEqual(clock.certificateTime(), { now: TRUE_TIME + 20 * YEAR_MS, mayBeginLaterMs: 0 });
    assert.equal(clock.isDoubtful(clock.now()), false);
  });
});

describe('a machine that starts without a clock', () => {
  test('counts from the floor, says so once, and accepts certificates that begin later, within a bound', () => {
    verifies('NO-CLOCK-BOUNDED');
    const machine = new Machine(BATTERY_LESS);
    const { clock, said } = clockOf(machine);
    assert.deepEqual([clock.trust, clock.now()], ['floor', FLOOR]);
    machine.passes(1500.5);
    assert.equal(clock.now(), FLOOR + 1500, 'whole milliseconds');
    const { now, mayBeginLaterMs } = clock.certificateTime();
    assert.deepEqual([now, mayBeginLaterMs], [FLOOR + 1500, 5 * YEAR_MS]);
    assert.deepEqual(said, [
      { level: 'warn', message: 'the clock of this machine is wrong; the time is not known until the network tells it' },
    ]);
    assert.equal(clock.toKeep(), undefined, 'a floor is not kept as a time');
  });

  test('an exception is counted each time and logged once an hour for each peer; what needs none is neither', () => {
    verifies('NO-CLOCK-BOUNDED');
    const machine = new Machine(BATTERY_LESS);
    const { clock, said } = clockOf(machine);
    const later = { notBefore: FLOOR + YEAR_MS, notAfter: FLOOR + 2 * YEAR_MS };
    for (const peer of ['a:1', 'a:1', 'b:1']) clock.judged(peer, later);
    clock.judged('c:1', { notBefore: FLOOR - 1, notAfter: FLOOR + YEAR_MS });
    assert.equal(clock.status()?.exceptions, 3);
    const accepted = (): number => said.filter(({ message }) => message.includes('begins later was accepted')).length;
    assert.equal(accepted(), 2);
    machine.passes(61 * MINUTE_MS);
    clock.judged('a:1', later);
    assert.equal(accepted(), 3);
  });

  test('takes the network’s time, and from then on the ordinary rules hold', () => {
    verifies('NO-CLOCK-TIME');
    const machine = new Machine(BATTERY_LESS);
    const { clock, changes } = clockOf(machine);
    machine.passes(3000);
    assert.equal(clock.take(TRUE_TIME, ALWAYS), true);
    assert.deepEqual([clock.trust, clock.now()], ['network', TRUE_TIME]);
    assert.deepEqual(changes, [{ trust: 'network', before: 'floor', byMs: TRUE_TIME - FLOOR - 3000 }]);
    machine.passes(MINUTE_MS);
    assert.deepEqual(clock.certificateTime(), { now: TRUE_TIME + MINUTE_MS, mayBeginLaterMs: 0 });
    assert.equal(clock.toKeep(), TRUE_TIME + MINUTE_MS);
  });

  test('believes no time outside the certificates it was told by, before what is certain, or of a connection that nobody judged', () => {
    verifies('NO-CLOCK-TIME');
    const { clock, changes } = clockOf(new Machine(BATTERY_LESS));
    const valid = { notBefore: TRUE_TIME - YEAR_MS / 12, notAfter: TRUE_TIME + YEAR_MS / 12 };
    for (const told of [valid.notBefore - 1, valid.notAfter + 1, Number.NaN]) assert.equal(clock.take(told, valid), false, String(told));
    assert.equal(clock.take(FLOOR - 3 * MINUTE_MS, ALWAYS), false);
    assert.equal(clock.take(TRUE_TIME, undefined), false);
    assert.deepEqual([clock.trust, changes.length], ['floor', 0]);
    assert.equal(clock.take(valid.notAfter, valid), true);
  });

  test('goes on with the machine’s clock once that is set', () => {
    const machine = new Machine(BATTERY_LESS);
    const { clock, changes } = clockOf(machine);
    machine.passes(MINUTE_MS);
    machine.wall = TRUE_TIME;
    assert.deepEqual([clock.now(), clock.trust], [TRUE_TIME, 'machine']);
    assert.deepEqual(changes, [{ trust: 'machine', before: 'floor', byMs: TRUE_TIME - FLOOR - MINUTE_MS }]);
  });

  test('once the network told the time, the machine’s is believed only where it agrees', () => {
    const machine = new Machine(BATTERY_LESS);
    const { clock } = clockOf(machine);
    clock.take(TRUE_TIME, ALWAYS);
    machine.wall = TRUE_TIME + 3 * MINUTE_MS;
    assert.deepEqual([clock.trust, clock.now()], ['network', TRUE_TIME]);
    machine.wall = TRUE_TIME + MINUTE_MS;
    assert.deepEqual([clock.trust, clock.now()], ['machine', TRUE_TIME + MINUTE_MS]);
  });

  test('a machine that slept hears the time again, and never goes back by it', () => {
    const machine = new Machine(BATTERY_LESS);
    const { clock } = clockOf(machine);
    clock.take(TRUE_TIME, ALWAYS);
    clock.take(TRUE_TIME - 5000, ALWAYS);
    clock.take(TRUE_TIME + 900, ALWAYS);
    assert.equal(clock.now(), TRUE_TIME);
    clock.take(TRUE_TIME + 8 * 60 * MINUTE_MS, ALWAYS);
    assert.equal(clock.now(), TRUE_TIME + 8 * 60 * MINUTE_MS);
  });

  test('a time that lay ahead is given up when the network has told an earlier one for an hour, and not before', () => {
    verifies('NO-CLOCK-TIME');
    const machine = new Machine(BATTERY_LESS);
    const { clock, changes, said } = clockOf(machine);
    const ahead = TRUE_TIME + YEAR_MS / 6;
    clock.take(ahead, ALWAYS);
    for (let minutes = 10; minutes < 60; minutes += 10) {
      machine.passes(10 * MINUTE_MS);
      clock.take(TRUE_TIME + minutes * MINUTE_MS, ALWAYS);
    }
    assert.equal(clock.now(), ahead + 50 * MINUTE_MS);
    machine.passes(10 * MINUTE_MS);
    clock.take(ahead + 60 * MINUTE_MS, ALWAYS);
    clock.take(TRUE_TIME + 60 * MINUTE_MS, ALWAYS);
    assert.equal(clock.now(), ahead + 60 * MINUTE_MS, 'somebody still says so');
    machine.passes(60 * MINUTE_MS);
    const early = clock.now();
    clock.take(TRUE_TIME + 120 * MINUTE_MS, ALWAYS);
    assert.deepEqual([clock.trust, clock.now()], ['network', TRUE_TIME + 120 * MINUTE_MS]);
    assert.deepEqual(changes.at(-1), { trust: 'network', before: 'network', byMs: TRUE_TIME - ahead });
    assert.deepEqual([clock.isDoubtful(early), clock.isDoubtful(clock.now())], [true, false]);
    assert.ok((clock.toKeep() ?? 0) < TRUE_TIME + 121 * MINUTE_MS, 'nor is it kept');
    assert.equal(said.filter(({ message }) => message === 'the time that the network told lay ahead, and is no longer told').length, 1);
  });

  test('what was stamped before the time was known stays in doubt, what is stamped after is not', () => {
    verifies('NO-CLOCK-MARKED');
    const machine = new Machine(BATTERY_LESS);
    const { clock } = clockOf(machine);
    const early = clock.now();
    assert.equal(clock.isDoubtful(early), true);
    clock.take(TRUE_TIME, ALWAYS);
    assert.deepEqual([clock.isDoubtful(early), clock.isDoubtful(clock.now())], [true, false]);
  });
});

describe('a machine whose clock goes on from when it was shut down', () => {
  /** As the judge of chains does it. */
  const judging =
    (validity: Validity) =>
    ({ now, mayBeginLaterMs }: CertificateTime): Validity => {
      if (now + mayBeginLaterMs < validity.notBefore || now > validity.notAfter) throw new VitalmeshError('IDENTITY-EXPIRED');
      return validity;
    };
  const STOPPED = FLOOR + 10 * 24 * 60 * MINUTE_MS;
  const renewed = { notBefore: TRUE_TIME - YEAR_MS / 12, notAfter: TRUE_TIME + YEAR_MS };
  const refused = { code: 'IDENTITY-EXPIRED' } as const;

  test('is behind when a good chain begins later: a machine that does not know the time, from what it shows', () => {
    verifies('SLOW-CLOCK-CONNECTS');
    const machine = new Machine(STOPPED);
    const { clock, changes, said } = clockOf(machine);
    assert.equal(clock.trust, 'machine');
    assert.deepEqual(clock.judge(judging(renewed)), renewed);
    assert.deepEqual([clock.trust, clock.now()], ['floor', STOPPED]);
    assert.deepEqual(clock.certificateTime(), { now: STOPPED, mayBeginLaterMs: 5 * YEAR_MS });
    assert.deepEqual(changes, [{ trust: 'floor', before: 'machine', byMs: 0 }]);
    assert.equal(said.length, 1);
    machine.passes(MINUTE_MS);
    assert.equal(clock.trust, 'floor', 'the machine’s clock stays out of use');
    assert.equal(clock.isDoubtful(STOPPED - MINUTE_MS), true, 'what was stamped by it is in doubt');
    assert.equal(clock.take(TRUE_TIME, renewed), true);
    assert.deepEqual([clock.trust, clock.now(), clock.isDoubtful(STOPPED)], ['network', TRUE_TIME, true]);
    machine.wall = TRUE_TIME;
    assert.equal(clock.trust, 'machine', 'set right, it is used again');
  });

  test('is used again when it is set, to whatever lies after the beginning', () => {
    verifies('SLOW-CLOCK-CONNECTS');
    const machine = new Machine(STOPPED);
    const { clock } = clockOf(machine);
    clock.judge(judging(renewed));
    machine.wall = renewed.notBefore - 1;
    assert.equal(clock.trust, 'floor');
    machine.wall = renewed.notBefore;
    assert.equal(clock.trust, 'machine');
  });

  test('one that is a minute slow is not taken up again before the chain has begun by it', () => {
    verifies('SLOW-CLOCK-CONNECTS');
    const machine = new Machine(STOPPED);
    const { clock } = clockOf(machine);
    const fresh = { notBefore: STOPPED + 1000, notAfter: STOPPED + YEAR_MS };
    clock.judge(judging(fresh));
    clock.take(STOPPED + MINUTE_MS, fresh);
    assert.deepEqual([clock.trust, clock.now()], ['network', STOPPED + MINUTE_MS]);
    machine.passes(1000);
    assert.equal(clock.trust, 'machine');
  });

  test('what the network told already is the time then, and no exception is made', () => {
    verifies('SLOW-CLOCK-CONNECTS', 'NO-CLOCK-BOUNDED');
    const machine = new Machine(STOPPED);
    const { clock, changes } = clockOf(machine);
    clock.take(TRUE_TIME, undefined);
    clock.judge(judging(renewed));
    assert.deepEqual(changes, [{ trust: 'network', before: 'machine', byMs: TRUE_TIME - STOPPED }]);
    assert.deepEqual([clock.now(), clock.certificateTime().mayBeginLaterMs], [TRUE_TIME, 0]);
    assert.equal(clock.isDoubtful(STOPPED), true);
  });

  test('is not behind by a chain of which the network says that it has not begun, nor by one that ended or begins beyond the bound', () => {
    verifies('NO-CLOCK-BOUNDED');
    const told = clockOf(new Machine(STOPPED)).clock;
    told.take(STOPPED + MINUTE_MS, undefined);
    assert.throws(() => told.judge(judging(renewed)), refused);
    const { clock, said } = clockOf(new Machine(STOPPED));
    assert.throws(() => clock.judge(judging({ notBefore: 0, notAfter: STOPPED - 1 })), refused);
    assert.throws(() => clock.judge(judging({ notBefore: STOPPED + 5.1 * YEAR_MS, notAfter: STOPPED + 6 * YEAR_MS })), refused);
    assert.deepEqual([clock.trust, told.trust, said], ['machine', 'machine', []]);
  });

  test('a chain that ended stays refused afterwards', () => {
    verifies('NO-CLOCK-BOUNDED');
    const { clock } = clockOf(new Machine(STOPPED));
    clock.judge(judging(renewed));
    assert.throws(() => clock.judge(judging({ notBefore: 0, notAfter: STOPPED - 1 })), refused);
  });

  test('goes by the network where that says the proof was none, and is not misled by the same chain again', () => {
    verifies('NO-CLOCK-BOUNDED');
    const { clock } = clockOf(new Machine(STOPPED));
    clock.judge(judging(renewed));
    assert.equal(clock.take(STOPPED + 1000, ALWAYS), true);
    assert.equal(clock.trust, 'machine');
    assert.throws(() => clock.judge(judging(renewed)), refused);
    assert.equal(clock.trust, 'machine');
  });
});

describe('a time that an earlier run kept', () => {
  const kept = TRUE_TIME - 60 * MINUTE_MS;

  test('is the floor when it is later than what is certain', () => {
    assert.equal(clockOf(new Machine(BATTERY_LESS), { certain: FLOOR, kept }).clock.now(), kept);
    assert.equal(clockOf(new Machine(BATTERY_LESS), { certain: FLOOR, kept: FLOOR - YEAR_MS }).clock.now(), FLOOR);
  });

  test('that lies ahead of the network’s is ignored, logged, and the machine’s clock believed if it agrees with the network', () => {
    verifies('NO-CLOCK-TIME');
    for (const [wall, trust] of [
      [BATTERY_LESS, 'network'],
      [TRUE_TIME + 1000, 'machine'],
    ] as const) {
      const { clock, said } = clockOf(new Machine(wall), { certain: FLOOR, kept: TRUE_TIME + YEAR_MS / 2 });
      assert.equal(clock.trust, 'floor');
      clock.take(TRUE_TIME, ALWAYS);
      assert.deepEqual([clock.trust, Math.abs(clock.now() - TRUE_TIME) <= 1000], [trust, true]);
      assert.ok(said.some(({ message }) => message === 'the time that was kept lies ahead, and is ignored'));
    }
  });

  test('is not that of a machine that runs ahead of the network', () => {
    const machine = new Machine(TRUE_TIME + YEAR_MS);
    const { clock } = clockOf(machine);
    assert.equal(clock.toKeep(), undefined, 'nobody has confirmed it');
    clock.take(TRUE_TIME, undefined);
    machine.passes(MINUTE_MS);
    assert.ok((clock.toKeep() ?? 0) <= TRUE_TIME + 3 * MINUTE_MS);
  });
});

test('whatever the machine’s clock and the network say, the time is a whole number, and counted time goes back only where an earlier one was told for long', () => {
  const step = fc.oneof(
    fc.record({ set: fc.integer({ min: 0, max: 3 * TRUE_TIME }) }),
    fc.record({ passes: fc.double({ min: 0, max: YEAR_MS, noNaN: true }) }),
    fc.record({ told: fc.integer({ min: FLOOR - YEAR_MS, max: TRUE_TIME + YEAR_MS }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const machine = new Machine(BATTERY_LESS);
      const clock = new NetworkClock({ machine, floors: { certain: FLOOR }, log: silentLogger });
      let last = clock.now();
      let unconfirmedMs = 0;
      for (const one of steps) {
        if ('set' in one) machine.wall = one.set;
        else if ('passes' in one) {
          machine.wall += Math.floor(one.passes);
          machine.monotonic += one.passes;
          unconfirmedMs += one.passes;
        } else clock.take(one.told, ALWAYS);
        const before = clock.trust;
        const now = clock.now();
        assert.ok(Number.isInteger(now));
        assert.ok(now >= FLOOR - 2 * MINUTE_MS);
        if (before !== 'machine' && now < last - 2 * MINUTE_MS) {
          assert.ok('told' in one && unconfirmedMs >= 60 * MINUTE_MS, `${now} after ${last}`);
          assert.equal(now, clock.trust === 'machine' ? machine.wall : one.told);
        }
        if ('told' in one && one.told >= now - 2 * MINUTE_MS) unconfirmedMs = 0;
        last = clock.trust === 'machine' ? Number.NEGATIVE_INFINITY : now;
      }
    }),
    { numRuns: 200 },
  );
});

test('the status says for people where the time comes from', () => {
  const machine = BATTERY_LESS + 7000;
  assert.equal(
    formatClock({ trust: 'floor', machine, exceptions: 2 }, FLOOR),
    "NOT KNOWN, after 2026-11-01T00:00:00.000Z; this machine's own clock is wrong (2000-01-01T00:00:07.000Z); 2 connections with a certificate that seemed to begin later",
  );
  assert.equal(
    formatClock({ trust: 'network', machine: 1e300, exceptions: 0 }, TRUE_TIME),
    "from the network, 2027-03-01T12:00:00.000Z; this machine's own clock is wrong (1e+300)",
  );
});

describe('what was stamped before anybody said that the time is right', () => {
  /** A machine that says when it was started, and how long ago that was, sleep included. */
  const booted = (machine: Machine, over: Partial<ConstructorParameters<typeof NetworkClock>[0]> = {}, mayStandStill = false) => {
    let slept = 0;
    const boot: Boot = { id: 'boot', countsSleep: true, sinceMs: () => machine.monotonic + slept, mayStandStill };
    const told: KnownTime[] = [];
    const clock = new NetworkClock({ machine, boot, floors: { certain: FLOOR }, log: silentLogger, ...over });
    clock.onKnown((known) => told.push(known));
    const sleeps = (ms: number): void => {
      machine.wall += ms;
      slept += ms;
    };
    return { clock, told, sleeps };
  };

  test('of a machine that may stand still without knowing it, what is told says so', () => {
    verifies('STOOD-STILL-DOUBTFUL');
    for (const mayStandStill of [true, false]) {
      const { clock, told } = booted(new Machine(BATTERY_LESS), {}, mayStandStill);
      clock.take(TRUE_TIME, ALWAYS);
      assert.deepEqual(
        told.map(({ mayHaveStoodStill }) => mayHaveStoodStill),
        [mayStandStill || undefined],
      );
    }
  });

  test('counted from a floor, it is of a run that is held until the network tells the time', () => {
    verifies('NO-CLOCK-SIGNS', 'NO-CLOCK-RETIMED');
    const machine = new Machine(BATTERY_LESS);
    const { clock, told } = booted(machine);
    machine.passes(5000);
    assert.equal(clock.known(), undefined);
    const run = clock.runOf(clock.now());
    assert.deepEqual(run, { boot: 'boot', origin: FLOOR - 1000, from: FLOOR, held: true });
    clock.take(TRUE_TIME, ALWAYS);
    assert.equal(clock.runOf(clock.now()), undefined);
    const known = {
      boot: 'boot',
      origin: Math.round(TRUE_TIME - 6000.25),
      sinceBootMs: 6000.25,
      sure: true,
      settled: true,
      wasPlausible: false,
    };
    assert.deepEqual(told, [known]);
    assert.deepEqual(clock.known(), known);
  });

  test('time in which the machine slept counts as well', () => {
    verifies('NO-CLOCK-RETIMED');
    const machine = new Machine(BATTERY_LESS);
    const { clock, told, sleeps } = booted(machine);
    sleeps(8 * 60 * MINUTE_MS);
    machine.passes(1000);
    assert.equal(clock.now(), FLOOR + 8 * 60 * MINUTE_MS + 1000);
    clock.take(TRUE_TIME, ALWAYS);
    const [known] = told;
    assert.ok(known && clock.now() === TRUE_TIME);
    assert.ok(Math.abs(known.origin + known.sinceBootMs - TRUE_TIME) < 1);
  });

  test('the machine’s own is confirmed by a network that says the same, or a machine that is kept right', () => {
    verifies('NO-CLOCK-SIGNS');
    const machine = new Machine(TRUE_TIME);
    const { clock, told } = booted(machine);
    assert.equal(clock.runOf(clock.now())?.held, false);
    assert.equal(clock.known()?.sure, false);
    clock.take(TRUE_TIME + MINUTE_MS, undefined);
    assert.equal(clock.runOf(clock.now()), undefined);
    assert.deepEqual([told.length, told[0]?.sure, clock.known()?.sure], [1, true, true]);
    let isSynchronized: boolean | undefined;
    const kept = booted(new Machine(TRUE_TIME), { isSynchronized: () => isSynchronized });
    assert.equal(kept.clock.runOf(TRUE_TIME)?.held, false);
    isSynchronized = true;
    assert.equal(kept.clock.runOf(TRUE_TIME), undefined);
    assert.equal(kept.told[0]?.sure, true);
  });

  test('nobody keeps it right and the network says otherwise: the network’s time counts, and what was stamped before is put right', () => {
    verifies('NO-CLOCK-SIGNS', 'NO-CLOCK-RETIMED');
    for (const wall of [TRUE_TIME - 40 * 24 * 60 * MINUTE_MS, TRUE_TIME + YEAR_MS]) {
      const machine = new Machine(wall);
      const { clock, told } = booted(machine, { isSynchronized: () => false });
      const run = clock.runOf(clock.now());
      assert.equal(clock.take(TRUE_TIME, undefined), true);
      assert.deepEqual([clock.trust, clock.now()], ['network', TRUE_TIME]);
      const [known] = told;
      assert.ok(run && known);
      assert.equal(known.origin - run.origin, TRUE_TIME - wall);
      assert.deepEqual([known.sure, known.wasPlausible], [true, true]);
      assert.equal(clock.isDoubtful(wall), true);
    }
  });

  test('a clock that is set by years says how far off it was, and is not confirmed by that', () => {
    verifies('NO-CLOCK-SIGNS', 'NO-CLOCK-RETIMED');
    const machine = new Machine(FLOOR + MINUTE_MS);
    const { clock, told } = booted(machine);
    const run = clock.runOf(clock.now());
    machine.passes(MINUTE_MS);
    machine.wall = TRUE_TIME;
    const now = clock.now();
    const [known] = told;
    assert.ok(run && known);
    assert.equal(known.origin - run.origin, TRUE_TIME - FLOOR - 2 * MINUTE_MS);
    assert.deepEqual([known.sure, told.length], [false, 1]);
    assert.equal(clock.runOf(now)?.origin, known.origin);
    assert.equal(clock.runOf(now - 1), undefined, 'what it showed before is not of the new run');
  });

  test('a machine that slept was not set, nor one that is kept right little by little', () => {
    verifies('NO-CLOCK-SIGNS');
    const machine = new Machine(TRUE_TIME);
    const { clock, told, sleeps } = booted(machine);
    clock.now();
    sleeps(8 * 60 * MINUTE_MS);
    clock.now();
    for (let i = 0; i < 10; i += 1) {
      machine.wall += 1.5 * MINUTE_MS;
      clock.now();
    }
    assert.deepEqual(told, []);
  });

  test('a good chain that begins later holds what is received from then on, and tells of what was received before', () => {
    verifies('NO-CLOCK-SIGNS');
    const machine = new Machine(FLOOR + MINUTE_MS);
    const { clock, told } = booted(machine);
    const before = clock.runOf(clock.now());
    const begins = { notBefore: TRUE_TIME - MINUTE_MS, notAfter: TRUE_TIME + YEAR_MS };
    clock.judge(({ now, mayBeginLaterMs }) => {
      if (now + mayBeginLaterMs < begins.notBefore) throw new VitalmeshError('IDENTITY-EXPIRED');
      return begins;
    });
    const held = clock.runOf(clock.now());
    assert.deepEqual([held?.held, held?.origin], [true, before?.origin]);
    assert.equal(told.length, 0);
    clock.take(TRUE_TIME, ALWAYS);
    assert.deepEqual([told[0]?.sure, told[0]?.wasPlausible], [true, true]);
  });
});
