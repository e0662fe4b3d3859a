import type { SubjectHints } from '../../shared/reading.ts';
import type { GatewayEntry } from '../registry/registry.ts';

/** Identifier system of our own opaque patient ids. */
export const PATIENT_SYSTEM = 'urn:vitalmesh:patient';

/** What an observation says about whose it is. */
export interface SubjectClaim {
  /** Device id, '' when none was given. */
  device: string;
  hints: SubjectHints;
}

/** Whose it is and in which bed; or that this gateway may not speak for whoever is meant. `rule` says why, without naming anybody. */
export type Subject = { patient: string; bed: string | null } | { code: 'INGEST-NOT-BOUND'; rule: string };

/**
 * Whose observation it is. What the gateway is bound to decides, never what the message says: the device's own binding, else the
 * stated bed, which must be one of the gateway's and occupied, else the gateway's one patient. What the message says can only
 * contradict: a bed in which somebody else lies, or one of our patient ids that is another's. A record number of somebody's system is
 * no patient id of ours, so it neither decides nor contradicts. `isPatient` is the registry's.
 */
export function subjectOf(gateway: GatewayEntry, claim: SubjectClaim, isPatient: (id: string) => boolean): Subject {
  const bound = boundPatient(gateway, claim);
  if ('code' in bound) return bound;
  const stated = claim.hints.patient;
  const ours = stated !== undefined && (stated.authority === PATIENT_SYSTEM || isPatient(stated.value));
  if (ours && stated.value !== bound.patient) return notBound('the patient stated is another');
  return bound;
}

function boundPatient({ patient, beds, devices }: GatewayEntry, { device, hints: { bed } }: SubjectClaim): Subject {
  const inBed = bed !== undefined && Object.hasOwn(beds, bed) ? beds[bed] : undefined;
  const byDevice = Object.hasOwn(devices, device) ? devices[device] : undefined;
  if (byDevice !== undefined) {
    if (typeof inBed === 'string' && inBed !== byDevice) return notBound('the device and the bed are of different patients');
    return { patient: byDevice, bed: inBed === byDevice ? (bed ?? null) : null };
  }
  if (bed !== undefined) {
    if (inBed === undefined) return notBound('the bed is not one of the gateway');
    return inBed === null ? notBound('nobody lies in the bed') : { patient: inBed, bed };
  }
  return patient === undefined ? notBound('neither device nor bed, and the gateway has no patient of its own') : { patient, bed: null };
}

function notBound(rule: string): Subject {
  return { code: 'INGEST-NOT-BOUND', rule };
}
