import { subjectOf } from '../../patients/subject.ts';
import type { GatewayEntry, Registry } from '../../registry/registry.ts';
import type { AccessResource } from '../access.ts';

/** By what a gateway would write: for whom, and by which binding; or the rule by which ingest would refuse it. */
export type WrittenBy = Pick<AccessResource, 'patient' | 'bed' | 'device'> | { rule: string };

interface AskedWrite {
  patient?: string;
  bed?: string;
  device?: string;
}

/** Where somebody lies in a bed that movements follow, what a gateway writes for them it writes by that bed. */
export function byFollowedBed(gateway: GatewayEntry, asked: AskedWrite, registry: Pick<Registry, 'patient'>): AskedWrite {
  const { patient, bed, device } = asked;
  if (patient === undefined || bed !== undefined || device !== undefined) return asked;
  const lies = registry.patient(gateway.tenant, patient)?.bed ?? '';
  return gateway.followed?.has(lies) ? { ...asked, bed: lies } : asked;
}

/** Whose a value would be that a gateway sends for a bed or of a device: the registry says it, as it does to ingest, and not who asks. */
export function writtenBy(
  gateway: GatewayEntry,
  { patient, bed, device = '' }: AskedWrite,
  registry: Pick<Registry, 'isPatient' | 'inBed'>,
): WrittenBy {
  if (bed !== undefined && gateway.followed?.has(bed) && !Object.hasOwn(gateway.devices, device)) {
    const isTheirs = patient === undefined || registry.inBed(gateway.tenant, bed) === patient;
    return isTheirs ? { bed } : { rule: 'movements do not say for sure that this patient lies in the bed' };
  }
  const subject = subjectOf(gateway, { device, hints: bed === undefined ? {} : { bed } }, registry);
  if ('code' in subject) return { rule: subject.rule };
  if (patient !== undefined && subject.patient !== patient) return { rule: 'by this bed or device it is another patient' };
  const by = Object.hasOwn(gateway.devices, device) ? { device } : subject.bed === null ? {} : { bed: subject.bed };
  return { patient: subject.patient, ...by };
}

/** What a gateway may speak for, in words, a kind each: whatever it sends is somebody's by one of these alone. Empty where it is bound to nothing. */
export function boundTo({ beds, followed = new Set(), devices, patient }: GatewayEntry): readonly string[] {
  const kinds: [string, readonly string[]][] = [
    ['the patient', patient === undefined ? [] : [patient]],
    ['the beds', [...Object.keys(beds), ...followed]],
    ['the devices', Object.keys(devices)],
  ];
  return kinds.flatMap(([kind, names]) => (names.length === 0 ? [] : [`${kind} ${names.join(', ')}`]));
}
