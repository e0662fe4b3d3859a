import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourcesOf } from '../../../agent/resources.ts';
import { LATEST_SHAPE } from '../../../hub/access/view-shapes.ts';
import { limitsInForce } from '../../../hub/clinical/clinical.ts';
import { limitsFor, rangesFor } from '../../../hub/clinical/limits/limits.ts';
import { limitsSchema } from '../../../hub/clinical/limits/schema.ts';
import { parseSiteFile } from '../../../hub/clinical/site-file.ts';
import type { Losses } from '../../../hub/clinical/sources/losses.ts';
import type { Source } from '../../../hub/clinical/sources/source.ts';
import { type Beside, NO_SURROUNDINGS } from '../../../hub/clinical/surroundings.ts';
import type { DeviceAlert } from '../../../shared/alert.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { sampleBundle, sampleObservation, TEST_EPOCH, TEST_NOW, TestClock, testHub } from '../../support/hub.ts';

const context = { channel: 'mcp-2026' } as const;
const FILE = `
version: ward-2026-11
stale: { patients: { pat-icu-01: { vitals: { hr: 10m } } } }
ranges: { patients: { pat-icu-01: { hr: { low: 50 } } } }
`;

function site() {
  const clock = new TestClock();
  const { rules } = parseSiteFile(limitsSchema, FILE, 'limits.yaml');
  const known: { beside: Beside; losses: Losses[] } = { beside: { sources: [], demo: [], sandbox: false }, losses: [] };
  const hub = testHub({
    clock,
    surroundings: {
      limits: (place) => limitsInForce(rules, place),
      ranges: (place) => rangesFor(rules, place),
      beside: () => known.beside,
      losses: () => known.losses,
    },
  });
  const monitor = hub.registry.principal('ai-monitor') ?? assert.fail();
  let seq = 100;
  const alert = async (alert: Partial<DeviceAlert>, agoMs: number, more: { device?: string; bed?: string } = {}): Promise<void> => {
    const { device = 'monitor-1', bed = 'ICU-01' } = more;
    seq += 1;
    const whole: DeviceAlert = {
      phase: 'start',
      state: 'active',
      priority: 'high',
      type: 'physiological',
      instance: 'A1',
      text: 'SpO2 LOW',
      ...alert,
    };
    const record = {
      ...{ source: 'icu', profile: 'hl7-pcd01', device: { id: device, idType: 'serial' as const }, receivedAt: clock.now() - agoMs },
      ...{ subject: { bed }, test: false, class: 'alert' as const, readings: [], alerts: [whole] },
    };
    await hub.ingest.batch('gw-icu', sampleBundle(resourcesOf(record, { agent: 'gw-icu', epoch: TEST_EPOCH, seq })));
  };
  return { hub, clock, known, monitor, alert, [Symbol.asyncDispose]: () => hub.close() };
}

test('latest names the preferred of what measures the same, shows the others, and says that they disagree', async () => {
  verifies('LATEST-PREFERRED', 'LATEST-DISAGREEMENT', 'STALE-SITE-LIMITS');
  await using s = site();
  const rows = [
    sampleObservation({ seq: 1, vital: 'hr', value: 72, effective: TEST_NOW - 5000 }),
    sampleObservation({ seq: 2, vital: 'pr_oxi', value: 110, device: 'oxi-1', effective: TEST_NOW - 1000 }),
    sampleObservation({ seq: 3, vital: 'spo2', value: 97, device: 'oxi-1' }),
  ];
  await s.hub.ingest.batch('gw-icu', sampleBundle(rows));
  const view = await s.hub.door.latest(s.monitor, 'pat-icu-01', context);
  const shown = new Map(view.vitals.map((row) => [row.vital, row]));
  assert.deepEqual(
    view.vitals.map(({ vital, measurand, preferred, preferredBecause }) => [vital, measurand, preferred, preferredBecause]),
    [
      ['hr', 'heart-rate', true, 'method'],
      ['pr_oxi', 'heart-rate', false, null],
      ['spo2', 'oxygen-saturation', true, 'only'],
    ],
  );
  assert.deepEqual(shown.get('hr')?.disagreement, { with: { vital: 'pr_oxi', device: 'oxi-1' }, by: 38, limit: 22, unit: '/min' });
  assert.equal(shown.get('spo2')?.disagreement, null);
  assert.deepEqual(
    [shown.get('hr')?.limit, shown.get('pr_oxi')?.limit],
    [
      { seconds: 600, by: 'patient' },
      { seconds: 60, by: 'class' },
    ],
  );
  assert.equal(view.limitsVersion, 'ward-2026-11');
  s.clock.advance(60_000);
  const later = await s.hub.door.latest(s.monitor, 'pat-icu-01', context);
  assert.deepEqual(
    later.vitals.map(({ vital, stale }) => [vital, stale]),
    [
      ['hr', false],
      ['pr_oxi', true],
      ['spo2', true],
    ],
    'a limit of the site for this patient alone',
  );
  assert.deepEqual(
    later.sources.map(({ kind, id, state }) => [kind, id, state]),
    [
      ['device', 'monitor-1', 'live'],
      ['device', 'oxi-1', 'silent'],
    ],
  );
});

test('of a device of which a token keeps values back it is not said that it is silent, nor when it was heard', async () => {
  verifies('SOURCES-SHOWN', 'TOKEN-WITHHELD');
  await using s = site();
  const old = { effective: TEST_NOW - 86_400_000, receivedAt: TEST_NOW - 86_400_000 };
  const rows = [sampleObservation({ seq: 1, vital: 'glu', value: 95, ...old }), sampleObservation({ seq: 2, vital: 'spo2', value: 97 })];
  await s.hub.ingest.batch('gw-icu', sampleBundle(rows));
  const scopes = [{ context: 'user', resource: 'Observation', may: 'rs', category: 'laboratory' }] as const;
  const narrowed = await s.hub.door.latest({ ...s.monitor, scopes }, 'pat-icu-01', context);
  assert.deepEqual(
    narrowed.vitals.map(({ vital, stale }) => [vital, stale]),
    [['glu', true]],
  );
  assert.deepEqual(narrowed.sources, [{ kind: 'device', id: 'monitor-1', state: 'unknown', since: null }]);
  assert.equal((await s.hub.door.latest(s.monitor, 'pat-icu-01', context)).sources[0]?.state, 'live');
});

test('what is known beside the rows stands in the answer and, sealed, in its evidence', async () => {
  verifies('SOURCES-SHOWN');
  await using s = site();
  await s.hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1 })]));
  const lost: Source = { kind: 'gateway', id: 'gw-icu', state: 'lost', since: TEST_NOW - 5000 };
  s.known.beside = { sources: [lost], demo: [], sandbox: true };
  const view = await s.hub.door.latest(s.monitor, 'pat-icu-01', context);
  assert.deepEqual(view.sources.at(-1), { kind: 'gateway', id: 'gw-icu', state: 'lost', since: '2026-11-21T09:59:55.000+00:00' });
  assert.match(view.notice, /^SANDBOX: /);
  const [event] = (await evidenceOf(s.hub.store)).filter(({ action }) => action === 'vitals.read');
  assert.deepEqual(event?.detail?.beside, { ...s.known.beside, shape: LATEST_SHAPE, limits: 'ward-2026-11', place: { bed: 'ICU-01' } });
});

test('a device that is in demonstration mode shows no number of before as current', async () => {
  verifies('TEST-NOT-LIVE');
  await using s = site();
  await s.hub.ingest.batch(
    'gw-icu',
    sampleBundle([sampleObservation({ seq: 1 }), sampleObservation({ seq: 2, vital: 'spo2', device: 'oxi-1' })]),
  );
  s.known.beside = { sources: [], demo: [{ device: 'monitor-1', since: TEST_NOW + 500, lastAt: TEST_NOW + 900 }], sandbox: false };
  const { vitals, demo } = await s.hub.door.latest(s.monitor, 'pat-icu-01', context);
  assert.deepEqual(
    vitals.map(({ vital, value, stale, demo: isDemo }) => [vital, value, stale, isDemo]),
    [
      ['spo2', 72, false, false],
      ['hr', null, true, true],
    ],
  );
  assert.equal(demo[0]?.device, 'monitor-1');
});

test('alerts are one row an instance, with who can tell of any, device limits as the device’s and site ranges as the site’s', async () => {
  verifies('ALERTS-FOLDED', 'ALERTS-SOURCES', 'ALERT-SITE-RANGES');
  await using s = site();
  await s.hub.ingest.batch(
    'gw-icu',
    sampleBundle([
      sampleObservation({ seq: 1, limits: '50-120' }),
      sampleObservation({ seq: 2, vital: 'spo2', device: 'oxi-1', effective: TEST_NOW - 1000 }),
    ]),
  );
  await s.alert({}, 300_000);
  await s.alert({ phase: 'update', text: 'SpO2 LOW 84' }, 1000);
  await s.alert({ instance: 'A2', priority: 'low' }, 5000);
  await s.alert({ instance: 'A2', phase: 'end', state: 'inactive', priority: 'low' }, 2000);
  await s.alert({ instance: 'B1' }, 2000, { bed: 'ICU-02' });
  const view = await s.hub.door.alerts(s.monitor, 'pat-icu-01', context);
  assert.deepEqual(
    view.alerts.map(({ state, priority, delayedSeconds, phase, untrusted }) => [state, priority, delayedSeconds, phase, untrusted]),
    [
      ['active', 'high', 300, 'update', { text: 'SpO2 LOW 84', instance: 'A1' }],
      ['ended', 'low', null, 'end', { text: 'SpO2 LOW', instance: 'A2' }],
    ],
  );
  assert.deepEqual(
    view.sources.map(({ kind, id, reports }) => [kind, id, reports]),
    [
      ['device', 'monitor-1', 'alarms'],
      ['device', 'oxi-1', 'unknown'],
    ],
  );
  assert.deepEqual(view.limits, {
    device: [{ vital: 'hr', device: 'monitor-1', untrusted: { limits: 'Device alarm limits: 50-120' } }],
    site: [{ vital: 'hr', low: 50, high: null, by: 'patient', unit: '/min' }],
    siteVersion: 'ward-2026-11',
  });
  assert.match(view.notice, /^Alerts are relayed .* never raised/);
  const reads = (await evidenceOf(s.hub.store)).filter(({ detail }) => detail?.args?.what === 'alerts');
  assert.deepEqual(
    reads.map(({ patient, outcome, count }) => [patient, outcome, count]),
    [['pat-icu-01', 'allowed', 2]],
  );
});

test('an open alert whose gateway is lost, or whose device is silent, is neither active nor ended', async () => {
  verifies('ALERTS-UNKNOWN');
  await using s = site();
  await s.hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, vital: 'spo2' })]));
  await s.alert({}, 1000);
  const state = async () => (await s.hub.door.alerts(s.monitor, 'pat-icu-01', context)).alerts.map((one) => [one.state, one.stateSince]);
  assert.deepEqual(await state(), [['active', '2026-11-21T09:59:59.000+00:00']]);
  s.known.beside = { ...s.known.beside, sources: [{ kind: 'gateway', id: 'gw-icu', state: 'lost', since: TEST_NOW + 20_000 }] };
  assert.deepEqual(await state(), [['unknown', '2026-11-21T10:00:20.000+00:00']]);
  s.known.beside = { ...s.known.beside, sources: [] };
  s.clock.advance(60_000);
  assert.deepEqual(await state(), [['unknown', '2026-11-21T10:00:00.000+00:00']], 'the device sent nothing for its limit');
});

test('an open alert whose source is back is as it was told only once it is told again; a token that keeps values back is not told when its device was heard', async () => {
  verifies('ALERTS-UNKNOWN', 'TOKEN-WITHHELD');
  await using s = site();
  await s.hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, vital: 'spo2' })]));
  await s.alert({ source: { vital: 'spo2' } }, 5000);
  const state = async (principal = s.monitor) =>
    (await s.hub.door.alerts(principal, 'pat-icu-01', context)).alerts.map((one) => [one.state, one.stateSince]);
  s.known.losses = [{ kind: 'device', id: 'monitor-1', losses: [{ from: TEST_NOW - 2000, backAt: TEST_NOW + 70_000 }] }];
  assert.deepEqual(await state(), [['unknown', '2026-11-21T09:59:58.000+00:00']]);
  const scopes = [{ context: 'user', resource: 'Observation', may: 'rs', category: 'vital-signs' }] as const;
  assert.deepEqual(await state({ ...s.monitor, scopes }), [['unknown', '2026-11-21T09:59:55.000+00:00']]);
  s.known.losses = [{ kind: 'gateway', id: 'gw-icu', losses: [{ from: TEST_NOW - 3000, backAt: TEST_NOW - 1000 }] }];
  assert.deepEqual(await state(), [['unknown', '2026-11-21T09:59:57.000+00:00']]);
  await s.alert({ phase: 'continue' }, 0);
  assert.deepEqual(await state(), [['active', '2026-11-21T09:59:55.000+00:00']]);
});

test('who may not see a patient gets no alert of them', async () => {
  await using s = site();
  await s.alert({}, 1000);
  for (const [identity, patient] of [
    ['ai-other', 'pat-icu-01'],
    ['ai-nurse', 'pat-icu-02'],
  ] as const) {
    const who = s.hub.registry.principal(identity) ?? assert.fail();
    await assert.rejects(
      s.hub.door.alerts(who, patient, context),
      (thrown) => thrown instanceof VitalmeshError && thrown.code === 'NOT-FOUND',
    );
  }
});

test('without a site file the table of classes holds, and no range is anybody’s', () => {
  verifies('ALERT-SITE-RANGES');
  const place = { patient: 'pat-icu-01', bed: 'ICU-01' };
  assert.deepEqual(NO_SURROUNDINGS.ranges(place), []);
  assert.equal(NO_SURROUNDINGS.limits(place).version, null);
  assert.deepEqual(
    NO_SURROUNDINGS.limits(place).of({ vital: 'hr', place: 'bed' }),
    limitsFor(limitsSchema.parse({ version: 'v' }), place)({ vital: 'hr', place: 'bed' }),
  );
});
