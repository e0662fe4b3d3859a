import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { normalize } from '../../agent/normalize.ts';
import { DEFAULT_POLICY } from '../../hub/access/default-policy.ts';
import type { Door } from '../../hub/access/door.ts';
import { createMaskings } from '../../hub/access/masking/masking.ts';
import type { Policy } from '../../hub/access/policy.ts';
import { createDoor } from '../../hub/access/store-door.ts';
import type { DemoDevices } from '../../hub/clinical/demo-devices.ts';
import type { FleetNow } from '../../hub/clinical/sources/fleet.ts';
import { NO_SURROUNDINGS, type Surroundings } from '../../hub/clinical/surroundings.ts';
import { Feed } from '../../hub/feed.ts';
import { createIngest } from '../../hub/ingest/create-ingest.ts';
import type { Ingest } from '../../hub/ingest/ingest.ts';
import { Corrections } from '../../hub/patients/corrections.ts';
import { followMovements } from '../../hub/patients/follow.ts';
import type { Presence } from '../../hub/patients/presence.ts';
import { Whereabouts } from '../../hub/patients/whereabouts.ts';
import { bindingsFrom } from '../../hub/registry/bindings.ts';
import { LiveRegistry } from '../../hub/registry/live-registry.ts';
import { type ListedRegistry, parseRegistry } from '../../hub/registry/load-registry.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import type { Store } from '../../hub/store/store.ts';
import { type Clock, type Instant, systemClock } from '../../shared/clock.ts';
import type { Observation } from '../../shared/fhir.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import type { Reading, ReadingRecord } from '../../shared/reading.ts';
import { batchEntry } from '../../shared/uplink/kinds.ts';

/** A clinic with an ICU gateway of three beds and a home gateway, another tenant, and callers of each kind. */
export const TEST_REGISTRY = `
tenants: { clinic: { kind: sandbox } }
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01, ICU-02: pat-icu-02, ICU-03: null } }
  - { identity: gw-home, tenant: clinic, patient: pat-home-01, devices: { scale-2: pat-home-02 } }
  - { identity: gw-old, tenant: clinic, patient: pat-home-03, notAfter: 2020-01-01T00:00:00Z }
  - { identity: gw-other, tenant: other, patient: pat-other-01 }
clients:
  - { identity: ai-monitor, tenant: clinic, kind: software, role: monitor, patients: all }
  - { identity: ai-nurse, tenant: clinic, kind: person, role: clinician, patients: [pat-icu-01, pat-home-01] }
  - { identity: ai-old, tenant: clinic, kind: person, role: clinician, patients: all, notAfter: 2020-01-01T00:00:00Z }
  - { identity: ai-other, tenant: other, kind: software, role: monitor, patients: all }
`;

/** A moment at which the tests' data were measured: 2026-11-21, 10:00 UTC. */
export const TEST_NOW: Instant = Date.UTC(2026, 10, 21, 10);

/** A clock that stands until it is moved. */
export class TestClock implements Clock {
  #now: Instant;

  constructor(now: Instant = TEST_NOW) {
    this.#now = now;
  }

  now(): Instant {
    return this.#now;
  }

  monotonicMs(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }

  set(now: Instant): void {
    this.#now = now;
  }
}

export interface TestHubOptions {
  /** Folder of the store; a temporary one, removed at `close`, unless given. */
  dir?: string;
  /** 32 bytes; needed to open the store of a folder again. */
  key?: Buffer;
  /** One that other hubs store into, too, in the place of one of its own; closed with the hub. */
  store?: Store;
  /** Text of registry.yaml. */
  registry?: string;
  /** The policy in force; the built-in one unless given. */
  policy?: () => Policy;
  clock?: Clock;
  /** Whom movements put into followed beds; as the movements that are stored say, unless given. */
  presence?: Presence;
  /** What is known beside the store; nothing unless given. */
  surroundings?: Surroundings;
  /** What is connected; nothing unless given. */
  fleet?: FleetNow;
  /** Told of monitors in demonstration mode; nobody is unless given. */
  demos?: Pick<DemoDevices, 'note'>;
  /** IANA; UTC unless given. */
  zone?: string;
  /** 32 bytes, of which pseudonyms are made; drawn unless given. */
  maskingSecret?: Buffer;
}

export interface TestHub extends AsyncDisposable {
  store: Store;
  feed: Feed;
  registry: LiveRegistry;
  door: Door;
  ingest: Ingest;
  /** Reads what is stored at the first batch of a tenant that follows movements; `open` does so before. */
  whereabouts: Whereabouts;
  corrections: Corrections;
  /** To be called when another hub of the store stored something. */
  lookAgain(): void;
  metrics: Metrics;
  key: Buffer;
  close(): Promise<void>;
}

/** The registry in force of a hub that has known all of its bindings since ever. */
export function boundSinceEver(registry: ListedRegistry, presence?: Presence): LiveRegistry {
  return new LiveRegistry(registry, bindingsFrom([], registry.bindings(), 0), presence);
}

/** The hub without its wires: store, registry, feed, door and ingest. Close it (or `await using`), or its folder stays. */
export function testHub({
  dir,
  key = randomBytes(32),
  registry = TEST_REGISTRY,
  policy = () => DEFAULT_POLICY,
  clock = systemClock,
  presence,
  surroundings = NO_SURROUNDINGS,
  fleet,
  demos,
  zone,
  maskingSecret = randomBytes(32),
  store: shared,
}: TestHubOptions = {}): TestHub {
  const folder = dir ?? mkdtempSync(join(tmpdir(), 'vitalmesh-hub-'));
  const metrics = new Metrics();
  const listed = parseRegistry(registry, 'registry.yaml', policy().roles);
  const feed = new Feed();
  const store = shared ?? openSqliteStore({ path: join(folder, 'hub.db'), key, metrics, clock });
  const whereabouts: Whereabouts = new Whereabouts({
    ...{ store, clock, isShared: shared !== undefined },
    gateways: () => live.gateways(),
    isSandbox: (tenant) => live.isSandbox(tenant),
    unknown: () => live.unknown,
  });
  const live = boundSinceEver(listed, presence ?? whereabouts);
  const corrections = new Corrections({ store, feed, metrics, clock });
  const lookAgain = followMovements({ whereabouts, corrections, registry: live, feed, clock, log: silentLogger });
  const close = async (): Promise<void> => {
    await corrections[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    if (dir === undefined) rmSync(folder, { recursive: true, force: true });
  };
  return {
    store,
    feed,
    registry: live,
    door: createDoor({
      store,
      registry: live,
      policy,
      maskings: createMaskings(maskingSecret),
      metrics,
      clock,
      surroundings,
      ...(fleet && { fleet }),
      ...(zone !== undefined && { zone }),
    }),
    ingest: createIngest({ store, registry: live, policy, feed, metrics, clock, whereabouts, corrections, ...(demos && { demos }) }),
    whereabouts,
    corrections,
    lookAgain,
    metrics,
    key,
    close,
    [Symbol.asyncDispose]: close,
  };
}

export interface SampleOptions extends Partial<Omit<Reading, 'value'>> {
  agent?: string;
  epoch?: string;
  seq?: number;
  /** Null for one without a value. */
  value?: number | null;
  device?: string;
  receivedAt?: Instant;
  bed?: string;
  patient?: { value: string; authority: string };
  test?: boolean;
}

export const TEST_EPOCH = '0123456789abc';

/** A valid Observation of one reading, made by the agent's own `normalize`: heart rate 72 of bed ICU-01 unless told. */
export function sampleObservation(options: SampleOptions = {}): Observation {
  const { agent = 'gw-icu', epoch = TEST_EPOCH, seq = 1, device = 'monitor-1', receivedAt = TEST_NOW, test = false, ...inner } = options;
  const { value = 72, vital = 'hr', absent = 'unknown', bed = agent === 'gw-icu' ? 'ICU-01' : undefined, patient, ...rest } = inner;
  const reading: Reading = value === null ? { ...rest, vital, absent } : { ...rest, vital, value };
  const record: ReadingRecord = {
    source: 'sample',
    profile: 'sample',
    device: { id: device, idType: 'serial' },
    receivedAt,
    subject: { ...(bed !== undefined && { bed }), ...(patient !== undefined && { patient }) },
    test,
    class: 'continuous',
    readings: [reading],
  };
  const [observation] = normalize(record, { agent, epoch, seq });
  if (observation === undefined) throw new Error('a reading gave no Observation');
  return observation;
}

/** A batch Bundle as it comes out of JSON. */
export function sampleBundle(observations: readonly unknown[]): unknown {
  return JSON.parse(
    JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry: observations.map((o) => batchEntry(o as Observation)) }),
  );
}

/** Everything an asynchronous walk gives. */
export async function gathered<T>(walk: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of walk) items.push(item);
  return items;
}
