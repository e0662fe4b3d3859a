import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { behindMs, doubtsOf, OfflineGateway } from '../support/offline-gateway.ts';
import { WallClock } from '../support/wall-clock.ts';

const YEARS_MS = 26 * 365 * 24 * 3_600_000;

test('a start of the machine that ends without the time is history of unknown date; the next one’s rows have their true time', async () => {
  verifies('NO-CLOCK-RETIMED', 'NO-CLOCK-BOUNDED-TIME');
  await using gateway = await OfflineGateway.begin();
  const clock = new WallClock(gateway.site.folder, 'agent', -YEARS_MS);
  await using first = clock.governs(() => gateway.agent('first'));
  await gateway.measure(first, await gateway.device.call(), 71, 72);
  // The power is gone.
  await first.stop('SIGKILL');
  await using second = clock.governs(() => gateway.agent('second'));
  await gateway.measure(second, await gateway.device.call(), 73, 74);
  assert.equal((await second.status()).outbox.untimed, 4);
  const arrived = await gateway.arrives(second);
  const behind = (pulse: number): number => {
    const row = arrived.get(pulse);
    return row ? behindMs(row, gateway.measured.get(pulse)) : Number.NaN;
  };
  const doubts = [71, 72, 73, 74].map((pulse) => doubtsOf(arrived.get(pulse) ?? assert.fail()));
  assert.deepEqual(doubts, [['clock', 'memory'], ['clock', 'memory'], [], []]);
  for (const pulse of [71, 72]) assert.ok(behind(pulse) > 0, 'not later than it was');
  for (const pulse of [73, 74]) assert.ok(Math.abs(behind(pulse)) < 1000, `${pulse}: ${behind(pulse)} ms`);
  const times = [71, 72, 73, 74].map((pulse) => Date.parse(arrived.get(pulse)?.issued ?? ''));
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
});
