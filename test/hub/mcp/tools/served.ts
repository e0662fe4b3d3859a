import assert from 'node:assert/strict';
import { resourcesOf } from '../../../../agent/resources.ts';
import type { Policy } from '../../../../hub/access/policy.ts';
import type { ClinicalReads } from '../../../../hub/clinical/reads.ts';
import type { FleetNow } from '../../../../hub/clinical/sources/fleet.ts';
import type { Source } from '../../../../hub/clinical/sources/source.ts';
import { NO_SURROUNDINGS } from '../../../../hub/clinical/surroundings.ts';
import type { McpLimits } from '../../../../hub/mcp/limits.ts';
import { serveMcpLines } from '../../../../hub/mcp/line/line-service.ts';
import { type McpService, serveMcp } from '../../../../hub/mcp/server.ts';
import type { DeviceAlert } from '../../../../shared/alert.ts';
import type { Clock } from '../../../../shared/clock.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { createMemoryNetwork } from '../../../../shared/overlay/memory.ts';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import { overlayCallers } from '../../../support/callers.ts';
import { type SampleOptions, sampleBundle, sampleObservation, TEST_EPOCH, TestClock, type TestHub, testHub } from '../../../support/hub.ts';
import type { TestClient } from '../../../support/mcp-clients.ts';
import { LINE_SERVICE, SERVICE, type WAYS } from '../support.ts';

export type Way = (typeof WAYS)[number];

/** The real door and store, served over both wires. Times stand until they are moved. */
export interface Served extends AsyncDisposable {
  hub: TestHub;
  clock: TestClock;
  service: McpService;
  /** The overlay of somebody who dials. */
  as(identity: string): Overlay;
  /** A client of this identity, `ai-monitor` unless given. */
  client(way: Way, identity?: string): Promise<TestClient>;
  /** Stores a reading of gw-icu: heart rate of bed ICU-01, measured now, unless told. */
  measure(options?: SampleOptions): Promise<void>;
  /** Tells of an alert of a monitor in a bed. */
  alert(alert?: Partial<DeviceAlert>, more?: { device?: string; bed?: string; agoMs?: number }): Promise<void>;
}

export interface ServedOptions {
  registry?: string;
  policy?: () => Policy;
  limits?: Partial<McpLimits>;
  fleet?: FleetNow;
  /** What stands behind the devices; nothing unless given. */
  sources?: () => readonly Source[];
  /** What is reckoned over the door; nothing unless given. */
  clinical?: (hub: TestHub, clock: TestClock) => ClinicalReads;
}

export async function served({ registry, policy, limits = {}, clinical, fleet, sources }: ServedOptions = {}): Promise<Served> {
  await using stack = new AsyncDisposableStack();
  const clock = new TestClock();
  const hub = stack.use(
    testHub({
      clock,
      ...(registry !== undefined && { registry }),
      ...(policy && { policy }),
      ...(fleet && { fleet }),
      ...(sources && { surroundings: { ...NO_SURROUNDINGS, beside: () => ({ sources: sources(), demo: [], sandbox: false }) } }),
    }),
  );
  const network = createMemoryNetwork();
  const overlay = stack.use(network.overlay({ id: 'hub', name: 'hub' }));
  const { door, feed, metrics } = hub;
  const running: Clock = { now: () => clock.now(), monotonicMs: () => performance.now() };
  const wire = { overlay, log: silentLogger, metrics, limits: { coalesceMs: 5, sweepMs: 5, ...limits } };
  const service = stack.use(
    serveMcp({
      ...{ ...wire, service: SERVICE, door, feed, callers: overlayCallers(hub.registry, metrics), clock: running },
      ...(policy && { policy }),
      ...(clinical && { clinical: clinical(hub, clock) }),
    }),
  );
  await service.start(new AbortController().signal);
  const lines = stack.use(serveMcpLines({ ...wire, service: LINE_SERVICE, endpoint: service, host: SERVICE }));
  await lines.start(new AbortController().signal);
  let seq = 0;
  const store = async (resources: readonly unknown[]): Promise<void> => {
    const { outcomes } = await hub.ingest.batch('gw-icu', sampleBundle(resources));
    assert.ok(
      outcomes.every(({ status }) => status === 201),
      JSON.stringify(outcomes),
    );
  };
  const dispose = stack.move();
  const as = (identity: string): Overlay => dispose.use(network.overlay({ id: identity, name: identity }));
  return {
    ...{ hub, clock, service },
    as,
    client: async (way, identity = 'ai-monitor') => dispose.use(await way.connect(as(identity), way.service)),
    measure: async (options = {}) => {
      seq += 1;
      await store([sampleObservation({ seq, receivedAt: clock.now(), ...options })]);
    },
    alert: async (alert = {}, { device = 'monitor-1', bed = 'ICU-01', agoMs = 0 } = {}) => {
      seq += 1;
      const told = { phase: 'start', state: 'active', priority: 'high', type: 'physiological', instance: 'A1', text: 'SpO2 LOW' } as const;
      const whole: DeviceAlert = { ...told, ...alert };
      const record = {
        ...{ source: 'icu', profile: 'hl7-pcd01', device: { id: device, idType: 'serial' as const }, receivedAt: clock.now() - agoMs },
        ...{ subject: { bed }, test: false, class: 'alert' as const, readings: [], alerts: [whole] },
      };
      await store(resourcesOf(record, { agent: 'gw-icu', epoch: TEST_EPOCH, seq }));
    },
    [Symbol.asyncDispose]: () => dispose.disposeAsync(),
  };
}

/** What a tool answered: its data by a schema that allows no field beside its own, and its words. Throws where it failed. */
export async function answerOf<T>(
  client: TestClient,
  [name, args]: [string, Record<string, unknown>],
  schema: { strict(): { parse(data: unknown): T } },
): Promise<{ data: T; text: string; links: string[] }> {
  const answer = await client.call(name, args);
  const text = answer.content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
  if (answer.isError) throw new Error(text);
  const links = answer.content.flatMap((part) => (part.type === 'resource_link' ? [part.uri] : []));
  return { data: schema.strict().parse(answer.structuredContent), text, links };
}
