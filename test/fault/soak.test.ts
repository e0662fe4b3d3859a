import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS, growthOf } from '../soak/growth.ts';
import { Ledger } from '../soak/ledger.ts';

const row = (fact: string, id = fact) => ({ id, fact });

test('the ledger of a soak matches what was acknowledged with what is stored, in either order, and each export once', () => {
  const ledger = new Ledger();
  ledger.acknowledge(['a', 'b']);
  ledger.store([row('a'), row('c')]);
  assert.deepEqual([ledger.stored, ledger.missing, ledger.unasked], [1, 1, 1]);
  ledger.acknowledge(['c']);
  ledger.store([row('a'), row('c'), row('b')]);
  assert.deepEqual([ledger.stored, ledger.missing, ledger.unasked], [3, 0, 0]);
});

test('the ledger finds what is missing, what is stored twice, and what nobody was acknowledged', () => {
  const missing = new Ledger();
  missing.acknowledge(['a', 'b']);
  missing.store([row('a')]);
  assert.deepEqual([missing.missing, missing.unasked], [1, 0]);
  const twice = new Ledger();
  twice.acknowledge(['a']);
  twice.store([row('a', 'first'), row('a', 'second')]);
  assert.deepEqual([twice.missing, twice.unasked], [0, 1]);
});

test('growth is bounded for a process that has warmed up, and not for one that leaks memory or descriptors', () => {
  const HOUR_MS = 3_600_000;
  const grown = (rssMb: (hour: number) => number, fds: (hour: number) => number) =>
    growthOf(Array.from({ length: 240 }, (_, i) => ({ atMs: (i / 10) * HOUR_MS, rssMb: rssMb(i / 10), fds: fds(i / 10) })));
  const wave = (hour: number): number => 150 + 20 * Math.sin(hour * 7);
  const warm = grown(
    (hour) => wave(hour) + Math.min(hour, 2) * 40,
    () => 30,
  );
  assert.ok(warm.isBounded && Math.abs(warm.rssMb) < 10 && warm.fds === 0);
  const leaking = grown(
    (hour) => wave(hour) + 2 * BOUNDS.rssMbAnHour * hour,
    () => 30,
  );
  assert.ok(!leaking.isBounded && leaking.hours > 11 && leaking.rssMb > BOUNDS.rssMb + BOUNDS.rssMbAnHour * leaking.hours);
  assert.ok(!grown(wave, (hour) => 30 + 3 * hour).isBounded);
  const minutes = (mbAMinute: number): boolean =>
    growthOf(Array.from({ length: 24 }, (_, i) => ({ atMs: i * 5000, rssMb: 250 + (i / 12) * mbAMinute, fds: 30 }))).isBounded;
  assert.deepEqual([minutes(70), minutes(400)], [true, false], 'a process of two minutes still warms up');
});
