import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalize } from '../../../../agent/normalize.ts';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import { operatorPrincipal } from '../../../../hub/access/principals.ts';
import { formatSupport } from '../../../../hub/clinical/support/format.ts';
import { supportSchema } from '../../../../hub/clinical/support/schema.ts';
import { Support } from '../../../../hub/clinical/support/support.ts';
import { verifies } from '../../../requirements.ts';
import { evidenceOf } from '../../../support/evidence.ts';
import { FOLLOWING_REGISTRY, idOf, measure, minute, tell } from '../../../support/following.ts';
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

const HOUR_MS = 3_600_000;

/** A home whose site reckons all three of pat-home-01, with a cuff and a scale. */
function home() {
  const hub = testHub({ clock: new TestClock(), policy: () => DEFAULT_POLICY, registry: TEST_REGISTRY });
  const rules = supportSchema.parse({ ...RULES, news2: { applies: { patients: ['pat-home-01'] } } });
  const support = new Support({ door: hub.door, registry: hub.registry, rules: { current: { revision: 'test', rules } } });
  let seq = 0;
  const cuff = async (hoursAgo: number, systolic: number, diastolic: number): Promise<void> => {
    seq += 1;
    const at = TEST_NOW - hoursAgo * HOUR_MS;
    const readings = [
      { vital: 'nibp_s', value: systolic, effective: at },
      { vital: 'nibp_d', value: diastolic, effective: at },
    ];
    const device = { id: 'cuff-1', idType: 'serial' as const };
    const sent = normalize(
      { source: 'sample', profile: 'sample', device, receivedAt: at, subject: {}, test: false, class: 'spot', readings },
      { agent: 'gw-home', epoch: '0123456789abc', seq },
    );
    const { outcomes } = await hub.ingest.batch('gw-home', sampleBundle(sent));
    assert.equal(outcomes[0]?.status, 201);
  };
  const weigh = async (hoursAgo: number, value: number): Promise<void> => {
    seq += 1;
    const at = TEST_NOW - hoursAgo * HOUR_MS;
    await hub.ingest.batch(
      'gw-home',
      sampleBundle([
        sampleObservation({ agent: 'gw-home', seq, vital: 'weight', value, device: 'scale-1', effective: at, receivedAt: at }),
      ]),
    );
  };
  const reckoned = () => support.of(operatorPrincipal(1000, 'clinic'), 'pat-home-01', context);
  const pressure = async () => {
    const { inputs, points } = (await reckoned()).news2 ?? assert.fail();
    const { value, missing } = inputs.find(({ parameter }) => parameter === 'systolic-pressure') ?? assert.fail();
    return [value, missing, points['systolic-pressure']];
  };
  return { cuff, weigh, reckoned, pressure, [Symbol.asyncDispose]: () => hub.close() };
}

test('a pressure beside which a newer one is doubtful is no input of a score, nor is one that is older than the chart allows', async () => {
  verifies('DOUBT-IS-NOT-CALM');
  await using at = home();
  await at.cuff(30, 128, 82);
  assert.deepEqual(await at.pressure(), [null, 'stale', null], 'current at home, and too old for a score');
  await at.cuff(3, 126, 80);
  assert.deepEqual(await at.pressure(), [126, null, 0]);
  await at.cuff(2, 70, 40);
  assert.deepEqual(await at.pressure(), [null, 'doubtful', null]);
  await at.cuff(1.9, 70, 40);
  assert.deepEqual(await at.pressure(), [70, null, 3]);
});

test('beside a doubtful weight no gain is told, with the reason, and a baseline counts it as left out', async () => {
  verifies('DOUBT-IS-NOT-CALM', 'BASELINE-OF-ITS-OWN');
  await using at = home();
  await at.weigh(50, 82);
  await at.weigh(26, 82.1);
  await at.weigh(2, 92.5);
  const view = await at.reckoned();
  assert.deepEqual(
    view.weight?.map(({ state, why, gainKg }) => [state, why, gainKg]),
    [['unknown', 'doubtful', null]],
  );
  assert.deepEqual(
    view.baseline?.map(({ n, leftOut, max }) => [n, leftOut, max]),
    [[2, 1, 82.1]],
  );
  assert.match(formatSupport(view), /unknown, the newest weight is DOUBTFUL and may be somebody else’s: weigh again/);
  await at.weigh(1.9, 92.6);
  assert.deepEqual(
    (await at.reckoned()).weight?.map(({ state, gainKg }) => [state, gainKg]),
    [['met', 10.6]],
  );
});

test('gain of weight and baseline are of this stay alone', async () => {
  verifies('SUPPORT-OF-THIS-STAY');
  await using hub = testHub({ clock: new TestClock(minute(0)), registry: FOLLOWING_REGISTRY });
  await tell(hub, 1, -1300, 'A01', { who: 'ann', bed: 'ICU-01', visit: 'v' });
  const weigh = (seq: number, at: number, value: number) => measure(hub, seq, at, { vital: 'weight', value, receivedAt: minute(at) });
  await weigh(1, -1250, 80);
  await weigh(2, -700, 83);
  const ann = await idOf(hub, 'ann');
  const applies = { patients: [ann] };
  const rules = supportSchema.parse({
    version: '1',
    weight: { applies, rules: [{ gainKg: 2, days: 3, source: 'order 12' }] },
    baseline: { applies, days: 7, vitals: ['weight'] },
  });
  const support = new Support({ door: hub.door, registry: hub.registry, rules: { current: { revision: 'test', rules } } });
  const reckoned = async () => {
    const { weight, baseline } = await support.of(operatorPrincipal(1000, 'clinic'), ann, context);
    return [weight?.map(({ state, why, gainKg }) => [state, why, gainKg]), baseline?.map(({ n, max }) => [n, max])];
  };
  assert.deepEqual(await reckoned(), [[['met', null, 3]], [[2, 83]]]);
  await tell(hub, 2, -600, 'A03', { who: 'ann', bed: 'ICU-01', visit: 'v' });
  assert.deepEqual(await reckoned(), [[['unknown', 'none', null]], []], 'discharged');
  await tell(hub, 3, -60, 'A01', { who: 'ann', bed: 'ICU-02', visit: 'w' });
  assert.deepEqual(await reckoned(), [[['unknown', 'none', null]], []], 'here again');
});
