import type { Instant } from '../../shared/clock.ts';
import type { SubjectHints } from '../../shared/reading.ts';
import type { GatewayEntry, Registry } from '../registry/registry.ts';

/** Identifier system of our own opaque patient ids. */
export const PATIENT_SYSTEM = 'urn:vitalmesh:patient';

/** What an observation says about whose it is. */
export interface SubjectClaim {
  /** Device id, '' when none was given. */
  device: string;
  hints: SubjectHints;
}

/**
 * Whose it is and in which bed, and since when (hub's clock) it would be; or that this gateway may not speak for whoever is meant. `rule`
 * says why, without naming anybody.
 */
export type Subject = { patient: string; bed: string | null; since: Instant } | { code: 'INGEST-NOT-BOUND'; rule: string };

/**
 * Whose observation it is. What the gateway is bound to decides, never what the message says: the device's own binding, else the
 * stated bed, which must be one of the gateway's and occupied, else the gateway's one patient. What the message says can only
 * contradict: a bed of the tenant in which somebody else lies, or one of our patient ids that is another's. A record number of
 * somebody's system is no patient id of ours, so it neither decides nor contradicts.
 */
export function subjectOf(gateway: GatewayEntry, claim: SubjectClaim, registry: Pick<Registry, 'isPatient' | 'inBed'>): Subject {
  const bound = boundPatient(gateway, claim, registry);
  if ('code' in bound) return bound;
  const stated = claim.hints.patient;
  const ours = stated !== undefined && (stated.authority === PATIENT_SYSTEM || registry.isPatient(stated.value));
  if (ours && stated.value !== bound.patient) return notBound('the patient stated is another');
  return bound;
}

function boundPatient(gateway: GatewayEntry, { device, hints: { bed } }: SubjectClaim, registry: Pick<Registry, 'inBed'>): Subject {
  const { tenant, patient, beds, devices, since } = gateway;
  const ownBed = bed !== undefined && Object.hasOwn(beds, bed) ? beds[bed] : undefined;
  const byDevice = Object.hasOwn(devices, device) ? devices[device] : undefined;
  const deviceSince = since?.devices.get(device);
  if (byDevice !== undefined) {
    const inBed = ownBed === undefined && bed !== undefined ? registry.inBed(tenant, bed) : ownBed;
    if (typeof inBed === 'string' && inBed !== byDevice) return notBound('the device and the bed are of different patients');
    return { patient: byDevice, bed: inBed === byDevice ? (bed ?? null) : null, since: deviceSince ?? NEVER };
  }
  if (bed !== undefined) {
    if (ownBed === undefined) return notBound('the bed is not one of the gateway');
    return ownBed === null ? notBound('nobody lies in the bed') : { patient: ownBed, bed, since: later(since?.beds.get(bed), deviceSince) };
  }
  if (patient === undefined) return notBound('neither device nor bed, and the gateway has no patient of its own');
  return { patient, bed: null, since: later(since?.patient, deviceSince) };
}

/** A binding of which nobody knows since when it holds takes nothing. */
const NEVER: Instant = Number.POSITIVE_INFINITY;

/** Since when a bed or gateway decides: not before the device lost a binding of its own. */
function later(bound: Instant = NEVER, deviceLost: Instant = 0): Instant {
  return Math.max(bound, deviceLost);
}

function notBound(rule: string): Subject {
  return { code: 'INGEST-NOT-BOUND', rule };
}
