import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { createExplainer } from '../../../../hub/access/explain/audited.ts';
import { explainOperatorCommands } from '../../../../hub/access/explain/operator.ts';
import { createAuditor } from '../../../../hub/audit/auditor.ts';
import { auditOperatorCommands } from '../../../../hub/audit/operator.ts';
import { backupOperatorCommands } from '../../../../hub/backup/operator.ts';
import { createRecoveryKey } from '../../../../hub/backup/recovery-key.ts';
import { openAmending } from '../../../../hub/clinical/amend/open-amending.ts';
import { readingsOperatorCommands } from '../../../../hub/clinical/amend/operator.ts';
import { expectedSchema } from '../../../../hub/clinical/due/schema.ts';
import { clinicalOperatorCommands } from '../../../../hub/clinical/operator.ts';
import { clinicalReads } from '../../../../hub/clinical/reads.ts';
import type { FleetNow } from '../../../../hub/clinical/sources/fleet.ts';
import { supportSchema } from '../../../../hub/clinical/support/schema.ts';
import { Strangers } from '../../../../hub/ingest/adopted/strangers.ts';
import { createIngest } from '../../../../hub/ingest/create-ingest.ts';
import { UnboundPlaces } from '../../../../hub/ingest/unbound.ts';
import { inspectionCommands } from '../../../../hub/inspection/operator.ts';
import { serveMcp } from '../../../../hub/mcp/server.ts';
import { hubOperatorCommands } from '../../../../hub/operator-commands.ts';
import { openHand } from '../../../../hub/patients/hand/open-hand.ts';
import { handOperatorCommands } from '../../../../hub/patients/hand/operator.ts';
import { patientsOperatorCommands } from '../../../../hub/patients/operator.ts';
import { rightsOperatorCommands } from '../../../../hub/privacy/operator.ts';
import { PatientRights } from '../../../../hub/privacy/rights.ts';
import type { HubStatus } from '../../../../hub/status.ts';
import { createLogger } from '../../../../shared/log.ts';
import type { OperatorCommand } from '../../../../shared/operator/server.ts';
import { createMemoryNetwork } from '../../../../shared/overlay/memory.ts';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import { overlayCallers } from '../../../support/callers.ts';
import { TEST_NOW, TestClock, type TestHub, testHub } from '../../../support/hub.ts';
import { MARKERS, PLANTED_REGISTRY, type Planted, plant } from '../../../support/planted-identifiers.ts';
import { SERVICE } from '../../mcp/support.ts';
import { MASKING_POLICY } from './site.ts';

/** The planted hospital, served, with everything listened to that the hub says. */
/** Reckons all that there is of the one whose data are planted. */
const SUPPORT = supportSchema.parse({
  version: 'planted',
  news2: { applies: { patients: [`${MARKERS.patient.text}-01`] } },
  weight: { applies: { patients: [`${MARKERS.patient.text}-01`] }, rules: [{ gainKg: 1, days: 3, source: 'a rule' }] },
  baseline: { applies: { patients: [`${MARKERS.patient.text}-01`] }, days: 7, vitals: ['spo2', 'nibp'] },
});

/** Expects of everybody in the ward what was measured, and what was not. */
const EXPECTED = expectedSchema.parse({
  version: 'planted',
  wards: { [MARKERS.ward.text]: { spo2: [{ window: '00:00-24:00' }], weight: [{ window: '08:00-09:00' }] } },
});

/** The monitor of the ward, and its gateway. */
const plantedFleet: FleetNow = () => ({
  gateways: [{ kind: 'gateway', id: MARKERS.gateway.text, state: 'live', since: TEST_NOW }],
  devices: [{ kind: 'device', id: MARKERS.serial.text, state: 'silent', since: TEST_NOW, patient: `${MARKERS.patient.text}-01` }],
});

export interface PlantedSite extends AsyncDisposable {
  hub: TestHub;
  clock: TestClock;
  /** Lines of its log, at every level. */
  log: string[];
  /** Everything that was written to the connections of a caller, byte by byte. */
  wire(identity: string): string;
  as(identity: string): Overlay;
  /** What an operator may ask of it, by name. */
  operator: Readonly<Record<string, OperatorCommand>>;
  /** Sends changes of every patient. */
  change(): Promise<void>;
  /** An empty place for files. */
  folder: string;
  planted: Planted;
}

export async function plantedSite(): Promise<PlantedSite> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'vm-planted-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const clock = new TestClock();
  // So much as the corpus asks within a minute, nobody does.
  const often = { callsPerMinute: 10_000, readsPerMinute: 10_000 };
  const limits = { person: often, software: often };
  const asked = { ...MASKING_POLICY, limits };
  const policy = () => asked;
  const hub = stack.use(testHub({ clock, registry: PLANTED_REGISTRY, policy, fleet: plantedFleet }));
  const { store, registry, feed, metrics, door } = hub;
  const log: string[] = [];
  const logger = createLogger({ component: 'hub', level: 'debug', destination: { write: (line) => void log.push(line) } });
  const unbound = new UnboundPlaces();
  const strangers = new Strangers(() => registry.gateways());
  const ingest = createIngest({ store, registry, policy, feed, metrics, clock, log: logger, unbound, strangers });
  const planted = await plant(ingest);

  const network = createMemoryNetwork();
  const written = new Map<string, Buffer[]>();
  const overlay = tapped(stack.use(network.overlay({ id: 'hub', name: 'hub' })), written);
  const reads = clinicalReads({
    ...{ door, registry, feed, policy, clock, zone: 'UTC' },
    clinical: {
      support: { current: { revision: 'test', rules: SUPPORT } },
      expected: { current: { revision: 'test', rules: EXPECTED } },
    },
  });
  const mcp = stack.use(
    serveMcp({
      ...{ overlay, service: SERVICE, door, clinical: reads, feed, callers: overlayCallers(registry, metrics), policy },
      clock: { now: () => clock.now(), monotonicMs: () => performance.now() },
      ...{ log: logger, metrics, limits: { coalesceMs: 5, opensBurst: 1000 } },
    }),
  );
  await mcp.start(new AbortController().signal);

  const tenants = () => registry.tenants();
  const recipients = [createRecoveryKey(join(folder, 'recovery.key'))];
  const surroundings = { store, tenants, policy, recipients, clock, log: logger };
  const vitalSigns = () =>
    ({
      unbound: unbound.list(),
      notAdopted: strangers.list(),
      notAdoptedLeftOut: strangers.leftOut,
      devicesLeftOut: [],
      metrics: metrics.snapshot(),
      mcp: mcp.status(),
      storeId: store.storeId,
      registry: registry.revision,
    }) as unknown as HubStatus;
  const dispose = stack.move();
  return {
    ...{ hub, clock, log, folder, planted },
    wire: (identity) => Buffer.concat(written.get(identity) ?? []).toString('latin1'),
    as: (identity) => dispose.use(network.overlay({ id: identity, name: identity })),
    operator: {
      ...hubOperatorCommands({ door, tenants, vitalSigns }),
      ...backupOperatorCommands(surroundings),
      ...inspectionCommands({ ...surroundings, door }),
      ...clinicalOperatorCommands({ door, reads, tenants }),
      ...explainOperatorCommands({
        explainer: createExplainer({ store, registry, policy, entrance: { modes: { person: 'overlay' }, issuers: [] }, clock }),
        tenants,
      }),
      ...patientsOperatorCommands({ door, registry, tenants, clock }),
      ...handOperatorCommands(openHand({ ...hub, policy, clock, tenants })),
      ...readingsOperatorCommands({ amending: openAmending({ ...hub, policy, clock }), tenants }),
      ...rightsOperatorCommands({
        rights: new PatientRights({
          ...{ store, registry, policy, feed, clock, tombstones: join(folder, 'store.erased') },
          staleness: { changed: () => undefined },
        }),
        tenants,
      }),
      ...auditOperatorCommands({
        auditor: createAuditor({ store, policy, keys: () => [], replay: { door, registry, zone: 'UTC' }, clock }),
        tenants,
      }),
    },
    change: async () => {
      for (const { patient } of registry.patients('clinic'))
        feed.publish({ tenant: 'clinic', patient, kind: 'stored', vitals: ['hr'], at: clock.now() });
    },
    [Symbol.asyncDispose]: () => dispose.disposeAsync(),
  };
}

/** An overlay whose services write down what they send to whom. */
function tapped(overlay: Overlay, written: Map<string, Buffer[]>): Overlay {
  const tap = (stream: Duplex, identity: string): Duplex => {
    const kept = written.get(identity) ?? [];
    written.set(identity, kept);
    const [write, end] = [stream.write.bind(stream), stream.end.bind(stream)];
    stream.write = ((chunk: string | Uint8Array, ...rest: never[]) => {
      kept.push(Buffer.from(chunk as Uint8Array));
      return write(chunk, ...rest);
    }) as Duplex['write'];
    stream.end = ((chunk: unknown, ...rest: never[]) => {
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) kept.push(Buffer.from(chunk as Uint8Array));
      return end(chunk as Uint8Array, ...rest);
    }) as Duplex['end'];
    return stream;
  };
  return {
    dial: (service, options) => overlay.dial(service, options),
    bind: (service, listener) => overlay.bind(service, (stream, who) => listener(tap(stream, who.identityId ?? ''), who)),
    services: () => overlay.services(),
    get state() {
      return overlay.state;
    },
    onState: (listener) => overlay.onState(listener),
    [Symbol.asyncDispose]: () => overlay[Symbol.asyncDispose](),
  };
}
