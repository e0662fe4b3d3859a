import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RetryGate, retryAfterMs } from '../../../../agent/uplink/fhir-server/retry-after.ts';
import { verifies } from '../../../requirements.ts';

test('Retry-After: seconds, or a date by the clock of the server', () => {
  verifies('FHIR-SERVER-RETRY-AFTER');
  const date = 'Sun, 22 Nov 2026 01:00:00 GMT';
  const cases: [string | undefined, string | undefined, number | undefined][] = [
    [undefined, date, undefined],
    ['0', undefined, 0],
    ['120', undefined, 120_000],
    ['999999999', undefined, 3_600_000],
    ['Sun, 22 Nov 2026 01:02:00 GMT', date, 120_000],
    ['Sun, 22 Nov 2026 00:59:00 GMT', date, 0],
    ['Mon, 23 Nov 2026 01:00:00 GMT', date, 3_600_000],
    ['Sun, 22 Nov 2026 01:02:00 GMT', undefined, undefined],
    ['soon', date, undefined],
    ['-5', date, undefined],
    ['1.5', date, undefined],
  ];
  for (const [header, at, ms] of cases) assert.equal(retryAfterMs(header, at), ms, header);
});

test('a gate lets nobody through before its time, and everybody at the end', async (t) => {
  verifies('FHIR-SERVER-RETRY-AFTER');
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  const gate = new RetryGate({ monotonicMs: () => now });
  const pass = (ms: number): void => {
    now += ms;
    t.mock.timers.tick(ms);
  };
  const settled = async (work: Promise<void>): Promise<boolean> => {
    let done = false;
    void work.then(() => {
      done = true;
    });
    for (let i = 0; i < 10; i += 1) await Promise.resolve();
    return done;
  };
  const { signal } = new AbortController();
  assert.equal(await settled(gate.open(signal)), true, 'open at first');
  gate.closeFor(1000);
  gate.closeFor(10);
  const waiting = gate.open(signal);
  pass(999);
  assert.equal(await settled(waiting), false);
  pass(1);
  assert.equal(await settled(waiting), true);
  gate.closeFor(60_000);
  const stop = new AbortController();
  const stopped = gate.open(stop.signal);
  assert.equal(await settled(stopped), false);
  stop.abort();
  assert.equal(await settled(stopped), true);
});
