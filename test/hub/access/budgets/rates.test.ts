import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AccessLimit } from '../../../../hub/access/budgets/access-limit.ts';
import { type Account, Rates, type Spent } from '../../../../hub/access/budgets/rates.ts';
import { verifies } from '../../../requirements.ts';

const account = (id: string, callsPerMinute = 30, readsPerMinute = 120): Account => ({ id, limits: { callsPerMinute, readsPerMinute } });
const CALL: Spent = { as: 'call' };
const READ: Spent = { as: 'read' };

/** How long it has to wait; 0 where it was let through. */
function wait(rates: Rates, who: Account, spent: Spent, nowMs: number): number {
  try {
    rates.spend(who, spent, nowMs);
    return 0;
  } catch (thrown) {
    assert.ok(thrown instanceof AccessLimit);
    return thrown.retryAfterMs;
  }
}

test('a minute’s calls at once, then one as each becomes due, and the time told is the time it takes', () => {
  verifies('LIMITS-RATES');
  const rates = new Rates(250);
  const who = account('a');
  for (let i = 0; i < 30; i += 1) assert.equal(wait(rates, who, CALL, 1000), 0);
  assert.equal(wait(rates, who, CALL, 1000), 2000);
  assert.equal(wait(rates, who, CALL, 2999), 1);
  assert.equal(wait(rates, who, CALL, 3000), 0);
  assert.equal(wait(rates, who, READ, 3000), 0, 'reads have a budget of their own');
  assert.equal(wait(rates, account('b'), CALL, 3000), 0, 'and so has everybody else');
});

test('what is subscribed to is read as often as it is told of, and only beyond that counts as a read', () => {
  verifies('LIMITS-RATES');
  const rates = new Rates(250);
  const who = account('a', 1, 10);
  const read: Spent = { as: 'followed', resource: 'one' };
  for (let ms = 0; ms < 600_000; ms += 250) assert.equal(wait(rates, who, read, ms), 0);
  for (let i = 0; i < 4 + 10; i += 1) assert.equal(wait(rates, who, read, 600_000), 0, `${i}`);
  assert.ok(wait(rates, who, read, 600_000) > 0);
  assert.equal(wait(rates, who, { as: 'followed', resource: 'two' }, 600_000), 0);
});

test('whoever subscribes to two thousand waits for nothing, and whoever does it again and again does', () => {
  verifies('LIMITS-RATES');
  const rates = new Rates(250);
  const who = account('a', 1, 1);
  for (let i = 0; i < 2000; i += 1) assert.equal(wait(rates, who, { as: 'subscribed', resource: `p-${i}` }, 0), 0);
  const again = Array.from({ length: 10 }, () => wait(rates, who, { as: 'subscribed', resource: 'p-1' }, 1));
  assert.equal(again.filter((ms) => ms === 0).length, 3 + 1);
});

test('however many resources it follows, a caller reads and subscribes to only so many of them in a minute', () => {
  verifies('LIMITS-ONE-SPELLING');
  for (const [as, most] of [
    ['followed', 2048 + 256 * 60],
    ['subscribed', 2 * 4096],
  ] as const) {
    const rates = new Rates(250);
    let through = 0;
    for (let i = 0; i < 60_000; i += 1) if (wait(rates, account('a', 1, 10), { as, resource: `r-${i}` }, i) === 0) through += 1;
    assert.ok(through <= most + 20 && through > most / 2, `${as}: ${through}`);
    assert.equal(wait(rates, account('b', 1, 1), { as, resource: 'r-1' }, 60_000), 0, 'nobody else waits for it');
  }
});

test('no order of requests gets more through than a minute’s worth and what fills up', () => {
  verifies('LIMITS-RATES');
  const steps = fc.array(fc.record({ ms: fc.integer({ min: 0, max: 5000 }), sweep: fc.boolean() }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(steps, (taken) => {
      const rates = new Rates(250);
      let nowMs = 0;
      let through = 0;
      for (const { ms, sweep } of taken) {
        nowMs += ms;
        if (sweep) rates.sweep(nowMs);
        if (wait(rates, account('a', 30), CALL, nowMs) === 0) through += 1;
        assert.ok(through <= 30 + nowMs / 2000 + 1e-6, `${through} in ${nowMs} ms`);
      }
    }),
  );
});

test('a caller that went away is forgotten, and memory with it', () => {
  const rates = new Rates(250);
  for (let i = 0; i < 100; i += 1) rates.spend(account(`a-${i}`), { as: 'followed', resource: 'x' }, 0);
  assert.equal(rates.size, 200);
  rates.sweep(59_999);
  assert.equal(rates.size, 200);
  rates.sweep(60_000);
  assert.equal(rates.size, 0);
});
