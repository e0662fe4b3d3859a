import { type Clock, systemClock } from '../../shared/clock.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { type FleetNow, NO_FLEET } from '../clinical/sources/fleet.ts';
import { NO_SURROUNDINGS, type Surroundings } from '../clinical/surroundings.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';
import { decide } from './decide.ts';
import { DEFAULT_POLICY } from './default-policy.ts';
import { AlertReads } from './door/alert-reads.ts';
import { Calls } from './door/calls.ts';
import { DoubtfulReads } from './door/doubtful-reads.ts';
import { Exports } from './door/exports.ts';
import { FleetReads } from './door/fleet-reads.ts';
import { Reads } from './door/reads.ts';
import { RecordReads } from './door/record-reads.ts';
import { Streams } from './door/streams.ts';
import type { Door } from './door.ts';
import { granted } from './evidence-of-call.ts';
import type { Maskings } from './masking/contract.ts';
import type { Policy } from './policy.ts';

export interface DoorOptions {
  store: Store;
  registry: Registry;
  metrics: Metrics;
  /** The policy in force, asked anew at each call; the built-in one unless given. */
  policy?: () => Policy;
  maskings: Maskings;
  clock?: Clock;
  /** IANA zone in which `asOf` is shown; UTC unless told. */
  zone?: string;
  /** What is known beside the store; nothing unless given. */
  surroundings?: Surroundings;
  /** What is connected and what is not; nothing unless given. */
  fleet?: FleetNow;
  /** How the answer that there is nobody waits; a timer unless given. */
  wait?: (ms: number) => Promise<unknown>;
}

/** The one door to a store. Errors besides those of `Door`: STORAGE-*, when the evidence cannot be written; then nothing is shown. */
export function createDoor(options: DoorOptions): Door {
  const { store, registry, maskings, policy = () => DEFAULT_POLICY, clock = systemClock, zone = 'UTC' } = options;
  const { surroundings = NO_SURROUNDINGS } = options;
  const calls = new Calls({ ...options, policy, clock });
  const reads = new Reads({ calls, store, registry, maskings, clock, zone, surroundings });
  const alertReads = new AlertReads({ calls, store, registry, clock, zone, surroundings });
  const records = new RecordReads({ calls, store, registry, maskings, clock, zone, surroundings });
  const doubtfulReads = new DoubtfulReads({ calls, store, registry, maskings, clock });
  const fleetReads = new FleetReads({ calls, store, registry, maskings, clock, zone, fleet: options.fleet ?? NO_FLEET });
  const streams = new Streams({ calls, store, devices: fleetReads });
  const exports = new Exports({ calls, store, registry });
  return {
    listPatients: (principal, context) => reads.listPatients(principal, context),
    latest: (principal, patient, context) => reads.latest(principal, patient, context),
    trend: (principal, patient, query, context) => reads.trend(principal, patient, query, context),
    alerts: (principal, patient, context) => alertReads.alerts(principal, patient, context),
    gaps: (principal, patient, context) => records.gaps(principal, patient, context),
    observation: (principal, id, context) => records.observation(principal, id, context),
    doubtful: (principal, asked, context) => doubtfulReads.doubtful(principal, asked, context),
    health: (principal, context) => fleetReads.health(principal, context),
    fleet: (principal, context) => fleetReads.fleet(principal, context),
    devicePatients: (principal, device) => fleetReads.devicePatients(principal, device),
    history: (principal, patient, query, context) => reads.history(principal, patient, query, context),
    deviceBehind: (principal, name) => fleetReads.deviceBehind(principal, name),
    devicesOf: (tenant, patient) => fleetReads.devicesOf(tenant, patient),
    openSubscription: (principal, patients, context, beside) => streams.openSubscription(principal, patients, context, beside),
    closeSubscription: (principal, ended, context) => streams.closeSubscription(principal, ended, context),
    maySee: (principal, change, place) => streams.maySee(principal, change, place),
    maySeeDevice: (principal, change, device) => fleetReads.maySeeDevice(principal, change, device),
    may: (principal, action) => decide(principal, action, calls.resource(principal.tenant), calls.now()).allow,
    patientBehind: (principal, name) => streams.patientBehind(principal, name),
    groupsOf: (tenant, patient) => streams.groupsOf(tenant, patient),
    maySeeAnyOf: (principal, group) => streams.maySeeAnyOf(principal, group),
    placeNotKnown: (principal, ward) => streams.placeNotKnown(principal, ward),
    maskOf: (principal) => streams.maskOf(principal),
    export: (principal, filter, context) => exports.export(principal, filter, context),
    exportEvents: (principal, filter, context, readFor) => exports.exportEvents(principal, filter, context, readFor),
    requireScope: async (principal, action, context) => {
      const call = calls.begin(principal, action, context);
      const { reason } = decide(principal, action, calls.resource(principal.tenant), call);
      if (reason === 'scope') await calls.refuse(call, reason, null);
    },
    turnAway: async (rows, reason, { channel }, args) => {
      const at = clock.now();
      await store.record(
        rows.map(({ credential, ...row }) => ({
          ...{ ...row, at, action: 'session.open', patient: null, outcome: 'denied', reason, count: 0, channel },
          ...((credential || args) && { detail: { ...(credential && { credential }), ...(args && { args }) } }),
        })),
      );
    },
    counts: async (principal, context) => {
      const call = calls.begin(principal, 'status.read', context);
      await calls.require(call);
      return await store.counts(principal.tenant, () => granted(call, null, 1));
    },
  };
}
