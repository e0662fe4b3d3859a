import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operatorPrincipal } from '../../../../hub/access/principals.ts';
import { bindingsFrom } from '../../../../hub/registry/bindings.ts';
import { parseRegistry } from '../../../../hub/registry/load-registry.ts';
import { verifies } from '../../../requirements.ts';
import { FOLLOWING_REGISTRY, HOSPITAL, idOf, tell } from '../../../support/following.ts';
import { sampleBundle, sampleObservation, TEST_NOW, TestClock, testHub } from '../../../support/hub.ts';

const HOUR = 3_600_000;
const operator = operatorPrincipal(1000, 'clinic');

const STEPS = ['her weight', 'the weight of her spouse', 'admission'] as const;
type Step = (typeof STEPS)[number];

/** What is shown of her weight where a patient of a home came into a bed a day ago, and who is at home stood on the scale five hours ago, told in this order. */
async function shown(order: readonly Step[]) {
  await using hub = testHub({ registry: FOLLOWING_REGISTRY, clock: new TestClock() });
  await hub.whereabouts.open();
  await hub.whereabouts.hear('clinic', [{ authority: HOSPITAL, value: '1' }]);
  const her = await idOf(hub, '1');
  const registry = parseRegistry(FOLLOWING_REGISTRY.replace('pat-home-01', her));
  hub.registry.replace(registry, bindingsFrom([], registry.bindings(), 0));
  const weigh = async (seq: number, kg: number, hoursAgo: number): Promise<void> => {
    const at = TEST_NOW - hoursAgo * HOUR;
    const sent = sampleObservation({ agent: 'gw-home', device: 'WS-1', vital: 'weight', value: kg, seq, effective: at, receivedAt: at });
    const { outcomes } = await hub.ingest.batch('gw-home', sampleBundle([sent]));
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      [201],
    );
  };
  const steps: Record<Step, () => Promise<void>> = {
    'her weight': () => weigh(1, 82, 30),
    'the weight of her spouse': () => weigh(2, 64, 5),
    admission: () => tell(hub, 1, -24 * 60, 'A01', { who: '1', bed: 'ICU-01' }),
  };
  for (const step of order) await steps[step]();
  assert.equal(hub.registry.patient('clinic', her)?.bed, order.includes('admission') ? 'ICU-01' : null);
  const { vitals } = await hub.door.latest(operator, her, { channel: 'operator' });
  return vitals.map(({ value, lastKnown, limit, doubtful }) => ({
    current: value,
    past: lastKnown?.value,
    limit,
    doubtful: doubtful?.value,
  }));
}

test('who stood on the scale of a home is asked also while its patient lies in a bed, whether the readings or the admission came first', async () => {
  verifies('IDENTITY-DOUBTFUL-ANY-ORDER', 'IDENTITY-DOUBTFUL');
  const atHome = await shown(['her weight', 'the weight of her spouse']);
  assert.deepEqual(
    atHome.map(({ current, past, doubtful }) => [current, past, doubtful]),
    [[82, undefined, 64]],
  );
  for (const first of STEPS)
    for (const second of STEPS)
      for (const third of STEPS)
        if (new Set([first, second, third]).size === 3)
          assert.deepEqual(await shown([first, second, third]), atHome, `${first}, ${second}`);
});
