import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Budget } from '../../../hub/ingest/budget.ts';
import { Busy, Paces } from '../../../hub/ingest/paces.ts';
import { GATEWAY_LIMITS, type GatewayLimits } from '../../../hub/registry/gateway-limits.ts';
import { type Logger, silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { verifies } from '../../requirements.ts';
import { TestClock } from '../../support/hub.ts';

const LIMITS: GatewayLimits = { ...GATEWAY_LIMITS, entriesPerSecond: 10, bytesPerSecond: 1000 };

function paces({ waitMs = 0, log = silentLogger }: { waitMs?: number; log?: Logger } = {}) {
  const clock = new TestClock();
  const metrics = new Metrics();
  const stop = new AbortController();
  return { clock, metrics, stop, paces: new Paces({ clock, log, metrics, waitMs, stopped: stop.signal }) };
}

test('a budget gives so much a second and a burst before, and never more', () => {
  verifies('GATEWAYS-FAIR');
  const rate = { perSecond: 10, burst: 20 };
  const spending = fc.tuple(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 100 }));
  fc.assert(
    fc.property(fc.array(spending, { maxLength: 50 }), (steps) => {
      const budget = new Budget();
      let nowMs = 0;
      let spent = 0;
      let last = 0;
      for (const [idleMs, amount] of steps) {
        nowMs += idleMs;
        nowMs += budget.waitMs(rate, nowMs);
        assert.equal(budget.waitMs(rate, nowMs), 0, 'it waits once');
        // What was begun last may have gone beyond it, and nothing else.
        assert.ok(spent - last <= 20 + (nowMs / 1000) * 10 + 1e-6);
        budget.spend(amount, rate, nowMs);
        spent += amount;
        last = amount;
      }
    }),
  );
});

test('a gateway above its rate, in entries or in bytes, is told when to come again, and then taken', async () => {
  verifies('GATEWAYS-FAIR');
  for (const [entries, bytes] of [
    [50, 0],
    [0, 5000],
  ] as const) {
    const { clock, metrics, paces: p } = paces();
    await p.admit('flood', LIMITS);
    p.spend('flood', LIMITS, entries, bytes);
    await assert.rejects(p.admit('flood', LIMITS), (error: unknown) => error instanceof Busy && error.afterS === 3);
    await p.admit('quiet', LIMITS);
    assert.deepEqual([p.isSlowed('flood'), p.isSlowed('quiet')], [true, false]);
    assert.equal(metrics.get('ingest_slowed_batches'), 1);
    clock.advance(2999);
    await assert.rejects(p.admit('flood', LIMITS), { code: 'INGEST-BUSY' });
    clock.advance(1);
    await p.admit('flood', LIMITS);
    clock.advance(60_000);
    assert.equal(p.isSlowed('flood'), false);
  }
});

test('a batch waits for its rate where that is soon, and the end of the hub ends the wait', async () => {
  const { clock, stop, paces: p } = paces({ waitMs: 10_000 });
  p.spend('flood', LIMITS, 21, 0);
  const waiting = p.admit('flood', LIMITS);
  clock.advance(100);
  await waiting;
  p.spend('flood', LIMITS, 80, 0);
  const long = assert.rejects(p.admit('flood', LIMITS), { code: 'INGEST-BUSY' });
  stop.abort();
  await long;
});

test('an outage is drained at 5,000 observations a second and more without a wait, unless the registry says less', async () => {
  verifies('GATEWAYS-FAIR');
  const { clock, paces: p } = paces();
  for (let second = 0; second < 60; second += 1) {
    for (let i = 0; i < 10; i += 1) {
      await p.admit('gw', GATEWAY_LIMITS);
      p.spend('gw', GATEWAY_LIMITS, 1000, 1_500_000);
    }
    clock.advance(1000);
  }
  assert.equal(p.isSlowed('gw'), false);
});

test('the operator is told of a gateway above its rate once a minute', async () => {
  const told: unknown[] = [];
  const quiet = (): void => undefined;
  const log: Logger = { debug: quiet, info: quiet, error: quiet, warn: (fields: unknown) => void told.push(fields) };
  const { clock, paces: p } = paces({ log });
  p.spend('flood', LIMITS, 100_000, 0);
  for (let i = 0; i < 3; i += 1) await assert.rejects(p.admit('flood', LIMITS));
  assert.deepEqual(told, [{ gateway: 'flood', code: 'INGEST-BUSY' }]);
  clock.advance(60_000);
  await assert.rejects(p.admit('flood', LIMITS));
  assert.equal(told.length, 2);
});
