import assert from 'node:assert/strict';
import { resourcesOf } from '../../../../agent/resources.ts';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import type { Policy } from '../../../../hub/access/policy.ts';
import { expectedSchema } from '../../../../hub/clinical/due/schema.ts';
import { BUILT_IN, rangesFor } from '../../../../hub/clinical/limits/limits.ts';
import { limitsSchema } from '../../../../hub/clinical/limits/schema.ts';
import { clinicalReads } from '../../../../hub/clinical/reads.ts';
import type { FleetNow } from '../../../../hub/clinical/sources/fleet.ts';
import type { Source } from '../../../../hub/clinical/sources/source.ts';
import { supportSchema } from '../../../../hub/clinical/support/schema.ts';
import { NO_SURROUNDINGS, type Surroundings } from '../../../../hub/clinical/surroundings.ts';
import type { McpLimits } from '../../../../hub/mcp/limits.ts';
import { serveMcpLines } from '../../../../hub/mcp/line/line-service.ts';
import { serveMcp } from '../../../../hub/mcp/server.ts';
import type { DeviceAlert } from '../../../../shared/alert.ts';
import type { Clock, Instant } from '../../../../shared/clock.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { createMemoryNetwork } from '../../../../shared/overlay/memory.ts';
import type { ReadingRecord } from '../../../../shared/reading.ts';
import { overlayCallers } from '../../../support/callers.ts';
import { sampleBundle, TEST_EPOCH, TEST_NOW, TestClock, type TestHub, testHub } from '../../../support/hub.ts';
import type { TestClient } from '../../../support/mcp-clients.ts';
import { LINE_SERVICE, SERVICE, type WAYS } from '../support.ts';

/** A small hospital: a ward of four beds, two homes, a panel, and somebody of each role that reads. */
const REGISTRY = `
tenants: { clinic: { kind: sandbox } }
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01, ICU-02: pat-icu-02, ICU-03: pat-icu-03, ICU-04: pat-icu-04 } }
  - { identity: gw-home-01, tenant: clinic, patient: pat-home-01 }
  - { identity: gw-home-02, tenant: clinic, patient: pat-home-02 }
clients:
  - { identity: ai-monitor, tenant: clinic, kind: software, role: monitor, patients: all }
  - { identity: ai-engineer, tenant: clinic, kind: person, role: engineer, patients: [] }
  - { identity: ai-quality, tenant: clinic, kind: software, role: quality, patients: all, purpose: HOPERAT }
  - { identity: ai-study, tenant: clinic, kind: software, role: researcher, patients: all, purpose: HRESCH }
wards: { icu: { tenant: clinic, beds: [ICU-01, ICU-02, ICU-03, ICU-04] } }
panels: { heart-failure: { tenant: clinic, patients: [pat-home-01, pat-home-02] } }
`;

/** The built-in one, and two roles of a site's own: who looks after devices, and who reads a limited data set. */
export const DOCUMENTED_POLICY: Policy = {
  ...DEFAULT_POLICY,
  version: 'documented-1',
  roles: [...DEFAULT_POLICY.roles, 'engineer', 'quality'],
  rules: [
    ...DEFAULT_POLICY.rules,
    { id: 'engineers', effect: 'permit', roles: ['engineer'], actions: ['session.open', 'status.read'] },
    {
      ...{ id: 'quality', effect: 'permit', roles: ['quality'], purposes: ['HOPERAT'], mask: 'limited' },
      actions: ['session.open', 'patients.list', 'vitals.read', 'vitals.subscribe'],
    },
  ],
};

const ZONE = 'Europe/Zurich';
const ZONES: Readonly<Record<string, string>> = { 'pat-home-02': 'Europe/Lisbon' };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const LIMITS = limitsSchema.parse({
  version: 'limits-2026-11',
  ranges: { wards: { icu: { hr: { low: 50, high: 110 }, spo2: { low: 92 }, rr: { low: 8, high: 30 }, nibp_s: { low: 90, high: 180 } } } },
});
const EXPECTED = expectedSchema.parse({
  version: 'due-2026-11',
  zones: ZONES,
  panels: { 'heart-failure': { weight: [{ window: '07:00-08:00', tolerance: '30m' }] } },
  wards: { icu: { temp: [{ window: '08:00-09:00', tolerance: '30m' }], nibp: [{ window: '10:30-11:30' }] } },
});
const SUPPORT = supportSchema.parse({ version: 'support-2026-11', baseline: { applies: { wards: ['icu'] }, days: 7, vitals: ['hr'] } });

const live = (kind: Source['kind'], id: string): Source => ({ kind, id, state: 'live', since: TEST_NOW - DAY_MS });
const LOST: Source = { kind: 'gateway', id: 'gw-home-02', state: 'lost', since: TEST_NOW - 5 * HOUR_MS };

const SURROUNDINGS: Surroundings = {
  ...NO_SURROUNDINGS,
  zone: ({ patient }) => ZONES[patient],
  limits: () => ({ of: BUILT_IN, version: LIMITS.version }),
  ranges: (place) => rangesFor(LIMITS, place),
  beside: (_, { patient }) => ({ sources: [gatewayOf(patient)], demo: [], sandbox: true }),
};

function gatewayOf(patient: string): Source {
  if (patient === 'pat-home-02') return LOST;
  return live('gateway', patient === 'pat-home-01' ? 'gw-home-01' : 'gw-icu');
}

/** Which devices live. */
const FLEET: FleetNow = (tenant) => {
  if (tenant !== 'clinic') return { gateways: [], devices: [] };
  const silent = { kind: 'device', state: 'silent', since: TEST_NOW - 26 * HOUR_MS } as const;
  return {
    gateways: [live('gateway', 'gw-icu'), live('gateway', 'gw-home-01'), LOST],
    devices: [
      { ...live('device', 'monitor-1'), id: 'monitor-1', patient: 'pat-icu-01' },
      { ...live('device', 'monitor-2'), id: 'monitor-2', patient: 'pat-icu-02' },
      { ...silent, id: 'scale-2', patient: 'pat-home-02' },
    ],
  };
};

export interface DocumentedSite extends AsyncDisposable {
  hub: TestHub;
  clock: TestClock;
  /** A client of this identity, `ai-monitor` unless given. */
  client(way: (typeof WAYS)[number], identity?: string): Promise<TestClient>;
}

export interface DocumentedOptions {
  policy?: Policy;
  limits?: Partial<McpLimits>;
}

/** A fixed tenant with fixed data under a clock that stands: the same answers each time, but for what the hub draws (`since`) and how long a call took. */
export async function documentedSite({ policy: given = DOCUMENTED_POLICY, limits = {} }: DocumentedOptions = {}): Promise<DocumentedSite> {
  await using stack = new AsyncDisposableStack();
  const clock = new TestClock();
  const policy = () => given;
  const hub = stack.use(
    testHub({
      ...{ clock, registry: REGISTRY, policy, zone: ZONE, surroundings: SURROUNDINGS, fleet: FLEET },
      maskingSecret: Buffer.alloc(32, 7),
    }),
  );
  const { door, feed, metrics } = hub;
  const clinical = clinicalReads({
    ...{ door, registry: hub.registry, feed, policy, clock, zone: ZONE },
    clinical: { support: { current: { revision: 'r', rules: SUPPORT } }, expected: { current: { revision: 'r', rules: EXPECTED } } },
  });
  const network = createMemoryNetwork();
  const overlay = stack.use(network.overlay({ id: 'hub', name: 'hub' }));
  const running: Clock = { now: () => clock.now(), monotonicMs: () => performance.now() };
  const wire = { overlay, log: silentLogger, metrics, limits: { coalesceMs: 5, ...limits } };
  const service = stack.use(
    serveMcp({ ...wire, service: SERVICE, door, clinical, feed, callers: overlayCallers(hub.registry, metrics), policy, clock: running }),
  );
  await service.start(new AbortController().signal);
  const lines = stack.use(serveMcpLines({ ...wire, service: LINE_SERVICE, endpoint: service, host: SERVICE }));
  await lines.start(new AbortController().signal);
  await store(hub);
  const dispose = stack.move();
  return {
    ...{ hub, clock },
    client: async (way, identity = 'ai-monitor') => {
      const dialer = dispose.use(network.overlay({ id: identity, name: identity }));
      return dispose.use(await way.connect(dialer, way.service));
    },
    [Symbol.asyncDispose]: () => dispose.disposeAsync(),
  };
}

/** A day and more of a monitor, a patient of whom little is known, an oximeter that fell silent, and homes of which one is lost. */
async function store(hub: TestHub): Promise<void> {
  let seq = 0;
  const put = async (agent: string, records: readonly ReadingRecord[]): Promise<void> => {
    const resources = records.flatMap((record) => {
      seq += 1;
      return resourcesOf(record, { agent, epoch: TEST_EPOCH, seq }, { zone: ZONE });
    });
    const { outcomes } = await hub.ingest.batch(agent, sampleBundle(resources));
    assert.ok(
      outcomes.every(({ status }) => status === 201),
      JSON.stringify(outcomes),
    );
  };
  const monitor: ReadingRecord[] = [];
  for (let ago = 36 * HOUR_MS; ago >= 0; ago -= 15 * MINUTE_MS) {
    const wave = Math.round(8 * Math.sin(ago / (3 * HOUR_MS)));
    monitor.push(
      readings('monitor-1', 'ICU-01', TEST_NOW - 2000 - ago, { hr: 78 + wave, spo2: 96 + (wave > 5 ? 1 : 0), rr: 16 + (wave >> 2) }),
    );
  }
  await put('gw-icu', monitor);
  await put('gw-icu', [
    readings('monitor-1', 'ICU-01', TEST_NOW - 4 * MINUTE_MS, { nibp_s: 128, nibp_d: 74, nibp_m: 92 }),
    readings('monitor-2', 'ICU-02', TEST_NOW - 3000, { hr: 118, spo2: 90 }),
    readings('oxi-7', 'ICU-03', TEST_NOW - 40 * MINUTE_MS, { spo2: 94 }),
    alertOf('monitor-2', 'ICU-02', TEST_NOW - 90_000),
    gapOf('monitor-1', 'ICU-01', { from: TEST_NOW - 8 * HOUR_MS, to: TEST_NOW - 7.5 * HOUR_MS }),
  ]);
  await put('gw-home-01', [readings('scale-1', undefined, TEST_NOW - 3.2 * HOUR_MS, { weight: 81.4 })]);
  await put('gw-home-02', [readings('scale-2', undefined, TEST_NOW - 26 * HOUR_MS, { weight: 74.9 })]);
}

function frame(device: string, bed: string | undefined, at: Instant) {
  return {
    ...{ source: 'documented', profile: 'hl7-pcd01', device: { id: device, idType: 'serial' as const }, receivedAt: at },
    ...{ subject: bed === undefined ? {} : { bed }, test: false },
  };
}

function readings(device: string, bed: string | undefined, at: Instant, values: Readonly<Record<string, number>>): ReadingRecord {
  const each = Object.entries(values).map(([vital, value]) => ({ vital, value, effective: at }));
  return { ...frame(device, bed, at), class: 'continuous', readings: each };
}

function alertOf(device: string, bed: string, at: Instant): ReadingRecord {
  const alert: DeviceAlert = {
    ...{ phase: 'start', state: 'active', priority: 'high', type: 'physiological', instance: 'A1' },
    text: 'SpO2 LOW',
  };
  return { ...frame(device, bed, at), class: 'alert', readings: [], alerts: [alert] };
}

function gapOf(device: string, bed: string, { from, to }: { from: Instant; to: Instant }): ReadingRecord {
  return {
    ...frame(device, bed, to),
    class: 'gap',
    readings: [],
    gap: { ...{ from, to, reason: 'space', lost: 'continuous' }, rows: 30, values: 90, vitals: ['hr', 'spo2', 'rr'] },
  };
}
