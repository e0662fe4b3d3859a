import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import { supportSchema } from '../../../../hub/clinical/support/schema.ts';
import { Support } from '../../../../hub/clinical/support/support.ts';
import { verifies } from '../../../requirements.ts';
import { evidenceOf } from '../../../support/evidence.ts';
import { sampleBundle, sampleObservation, TEST_NOW, TEST_REGISTRY, TestClock, testHub } from '../../../support/hub.ts';

const context = { channel: 'operator' } as const;
const DAY_MS = 86_400_000;

const RESEARCHER = '  - { identity: ai-study, tenant: clinic, kind: software, role: researcher, patients: all, purpose: HRESCH }\n';

const RULES = supportSchema.parse({
  version: '2026-11',
  news2: { applies: { patients: ['pat-icu-01'] } },
  weight: { applies: { patients: ['pat-home-01'] }, rules: [{ gainKg: 2, days: 3, source: 'ward order 12' }] },
  baseline: { applies: { patients: ['pat-home-01'] }, days: 7, vitals: ['weight'] },
});

function site() {
  const hub = testHub({ clock: new TestClock(), policy: () => DEFAULT_POLICY, registry: `${TEST_REGISTRY}${RESEARCHER}` });
  const support = new Support({ door: hub.door, registry: hub.registry, rules: { current: { revision: 'test', rules: RULES } } });
  const monitor = hub.registry.principal('ai-monitor') ?? assert.fail();
  const nurse = hub.registry.principal('ai-nurse') ?? assert.fail();
  const study = hub.registry.principal('ai-study') ?? assert.fail();
  return { hub, support, monitor, nurse, study, [Symbol.asyncDispose]: () => hub.close() };
}

test('a score is of what is current and sure, and says by which value of which device, or why there is none', async () => {
  verifies('SUPPORT-OFF-BY-DEFAULT', 'NEWS2-NEVER-FROM-PARTS');
  await using s = site();
  await s.hub.ingest.batch(
    'gw-icu',
    sampleBundle([
      sampleObservation({ seq: 1, vital: 'hr', value: 118, effective: TEST_NOW - 5000 }),
      sampleObservation({ seq: 2, vital: 'spo2', value: 93, device: 'oxi-1' }),
      sampleObservation({ seq: 3, vital: 'rr', value: 22, effective: TEST_NOW - 10 * 60_000, receivedAt: TEST_NOW - 10 * 60_000 }),
      sampleObservation({ seq: 4, vital: 'o2flow', value: 4, device: 'oxi-1' }),
    ]),
  );
  const view = await s.support.of(s.monitor, 'pat-icu-01', context);
  assert.equal(view.version, '2026-11');
  assert.deepEqual([view.weight, view.baseline], [null, null]);
  const { total, atLeast, inputs, missing } = view.news2 ?? assert.fail();
  assert.deepEqual([total, atLeast], [null, 6], 'pulse 2, saturation 2, oxygen 2');
  assert.deepEqual(missing, ['respiratory-rate', 'systolic-pressure', 'consciousness', 'temperature']);
  assert.deepEqual(
    inputs.map(({ parameter, value, missing, device }) => [parameter, value, missing, device]),
    [
      ['respiratory-rate', null, 'stale', 'monitor-1'],
      ['oxygen-saturation', 93, null, 'oxi-1'],
      ['oxygen', 1, null, 'oxi-1'],
      ['systolic-pressure', null, 'none', null],
      ['heart-rate', 118, null, 'monitor-1'],
      ['consciousness', null, 'unobserved', null],
      ['temperature', null, 'none', null],
    ],
  );
  const entries = await evidenceOf(s.hub.store);
  assert.ok(entries.some(({ action, patient, outcome }) => action === 'vitals.read' && patient === 'pat-icu-01' && outcome === 'allowed'));
  assert.equal((await s.support.of(s.monitor, 'pat-icu-02', context)).news2, null, 'the site does not apply it to others');
});

test('weights of days are judged scale by scale, and whoever may not see a patient gets nothing reckoned of them', async () => {
  verifies('WEIGHT-BY-ONE-SCALE', 'BASELINE-OF-ITS-OWN');
  await using s = site();
  const weights = [80, 80.4, 81.2, 82.3].map((value, i) => {
    const at = TEST_NOW - (3 - i) * DAY_MS - 3_600_000;
    return sampleObservation({
      agent: 'gw-home',
      seq: i + 1,
      vital: 'weight',
      value,
      device: 'scale-1',
      effective: at,
      receivedAt: at,
    });
  });
  await s.hub.ingest.batch('gw-home', sampleBundle(weights));
  const view = await s.support.of(s.nurse, 'pat-home-01', context);
  assert.equal(view.news2, null);
  const [gain] = view.weight ?? assert.fail();
  assert.deepEqual([gain?.state, gain?.gainKg, gain?.from?.kg, gain?.to?.kg, gain?.device], ['met', 2.3, 80, 82.3, 'scale-1']);
  const [usual] = view.baseline ?? assert.fail();
  assert.deepEqual([usual?.median, usual?.min, usual?.max, usual?.n, usual?.of], [80.8, 80, 82.3, 4, 'readings']);
  await assert.rejects(s.support.of(s.nurse, 'pat-home-02', context), { code: 'NOT-FOUND' });

  // Whoever is masked is told the same of a pseudonym, at other times.
  const named = await Promise.all(
    (await s.hub.door.listPatients(s.study, context)).map((row) => s.support.of(s.study, row.patient, context)),
  );
  const masked = named.find(({ weight }) => weight !== null) ?? assert.fail('nobody has a weight');
  const [shown] = masked.weight ?? assert.fail();
  assert.deepEqual([masked.masked, shown?.gainKg, shown?.state], ['deidentified', 2.3, 'met']);
  assert.notEqual(shown?.to?.at, gain?.to?.at);
  assert.doesNotMatch(JSON.stringify(named), /pat-home|pat-icu|scale-1|gw-home/);
});
