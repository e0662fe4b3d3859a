import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import { PatientRights } from '../../../hub/privacy/rights.ts';
import { verifies } from '../../requirements.ts';
import { FOLLOWING_REGISTRY, held, idOf, measure, minute, movementBundle, readingBundle, tell } from '../../support/following.ts';
import { gathered, TestClock, type TestHub, testHub } from '../../support/hub.ts';

async function numbers({ store }: TestHub): Promise<string[]> {
  return (await gathered(store.placing.persons())).map(({ value }) => value).filter((value) => !value.startsWith('@'));
}

test('A number that stands in nothing but what is refused is kept nowhere', async () => {
  verifies('NUMBERS-OF-STORED');
  const clock = new TestClock();
  clock.advance(3_600_000);
  await using hub = testHub({ clock, registry: FOLLOWING_REGISTRY });
  await hub.whereabouts.open();
  const { outcomes } = await hub.ingest.batch('gw-icu', readingBundle(1, 59, { who: '77', test: true }));
  assert.deepEqual(
    outcomes.map(({ code }) => code),
    ['INGEST-TEST'],
  );
  assert.deepEqual(await numbers(hub), []);
  await measure(hub, 2, 59, { who: '77' });
  assert.deepEqual(await numbers(hub), ['77']);
});

test('The number of somebody who was erased is kept by nothing that comes late, which is nobody else’s either', async () => {
  verifies('NUMBERS-OF-STORED');
  verifies('ERASE-LATE');
  const dir = mkdtempSync(join(tmpdir(), 'vitalmesh-heard-'));
  const clock = new TestClock();
  clock.advance(3_600_000);
  const options = { clock, registry: FOLLOWING_REGISTRY, dir, key: randomBytes(32) };
  try {
    {
      await using hub = testHub(options);
      await hub.whereabouts.open();
      await tell(hub, 1, 0, 'A01', { who: '4711', bed: 'ICU-01', visit: 'v1' });
      await measure(hub, 1, 1, { value: 71 });
      await tell(hub, 2, 5, 'A03', { who: '4711', bed: 'ICU-01', visit: 'v1' });
      await tell(hub, 3, 6, 'A01', { who: '5', bed: 'ICU-01', visit: 'v5' });
      const patient = await idOf(hub, '4711');
      const place = { tombstones: join(dir, 'hub.db.erased'), staleness: { changed: () => undefined } };
      const rights = new PatientRights({ ...hub, ...place, policy: () => DEFAULT_POLICY, clock });
      await rights.erase(operatorPrincipal(1000, 'clinic'), { patient, confirm: patient, reason: 'gdpr' }, { channel: 'operator' });
      assert.deepEqual(await numbers(hub), ['5']);
    }
    // That who it was is in the memory of no hub any more.
    await using hub = testHub(options);
    await hub.whereabouts.open();
    for (const [gateway, bundle] of [
      ['gw-adt', movementBundle(4, minute(2), 'A08', [{ who: '4711', bed: 'ICU-01', visit: 'v1' }])],
      ['gw-icu', readingBundle(2, 3, { who: '4711', value: 98 })],
      // Measured where somebody else lay by then.
      ['gw-icu', readingBundle(3, 20, { who: '4711', value: 99 })],
    ] as const) {
      const { outcomes } = await hub.ingest.batch(gateway, bundle);
      assert.deepEqual(
        outcomes.map(({ code }) => code),
        ['INGEST-ERASED'],
      );
      assert.deepEqual(await numbers(hub), ['5']);
    }
    assert.deepEqual(await held(hub, ['5'], ['ICU-01']), {});
    clock.advance(3_600_000);
    await measure(hub, 4, 90, { who: '4711', value: 80 });
    assert.deepEqual(await numbers(hub), ['5', '4711']);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
