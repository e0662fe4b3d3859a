import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { Door } from '../../../../hub/access/door.ts';
import { createMaskings } from '../../../../hub/access/masking/masking.ts';
import { createDoor } from '../../../../hub/access/store-door.ts';
import type { Store } from '../../../../hub/store/store.ts';
import { verifies } from '../../../requirements.ts';
import { TestClock, testHub } from '../../../support/hub.ts';

const CONTEXT = { channel: 'mcp-2026' } as const;

test('whether somebody is a patient here is not told by when it is answered that nobody is', async () => {
  verifies('ACCESS-HIDDEN');
  const clock = new TestClock();
  await using hub = testHub({ clock });
  let workMs = 0;
  const store = new Proxy<Store>(hub.store, {
    get: (target, name) => {
      const own = target[name as keyof Store] as unknown;
      if (name !== 'record') return typeof own === 'function' ? own.bind(target) : own;
      return async (...args: Parameters<Store['record']>) => {
        await hub.store.record(...args);
        clock.advance(workMs);
      };
    },
  });
  const answeredMs: number[] = [];
  const door = createDoor({
    ...{ store, clock, registry: hub.registry, metrics: hub.metrics, maskings: createMaskings(randomBytes(32)) },
    wait: async (ms) => answeredMs.push(clock.monotonicMs() + ms - startedMs),
  });
  let startedMs = 0;
  const nurse = hub.registry.principal('ai-nurse');
  assert.ok(nurse);
  const asked = [
    (one: Door, patient: string) => one.latest(nurse, patient, CONTEXT),
    (one: Door, patient: string) => one.openSubscription(nurse, [patient], CONTEXT),
    (one: Door, patient: string) => one.trend(nurse, patient, { vital: 'hr', from: 0, to: 1000, points: 1 }, CONTEXT),
  ];
  for (const ask of asked) {
    answeredMs.length = 0;
    for (const [patient, ms] of [
      ['pat-icu-02', 3.7],
      ['pat-nobody-9', 0.4],
    ] as const) {
      workMs = ms;
      startedMs = clock.monotonicMs();
      await assert.rejects(ask(door, patient), { code: 'NOT-FOUND' });
    }
    const [forbidden, unknown, ...more] = answeredMs;
    assert.equal(forbidden, unknown);
    assert.ok((forbidden ?? 0) > 3.7);
    assert.deepEqual(more, []);
  }
  workMs = 12;
  startedMs = clock.monotonicMs();
  answeredMs.length = 0;
  await assert.rejects(door.latest(nurse, 'pat-icu-02', CONTEXT), { code: 'NOT-FOUND' });
  assert.deepEqual(answeredMs.map(Math.round), [20], 'longer work is answered at a later beat, not at once');
});
