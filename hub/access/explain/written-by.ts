import { subjectOf } from '../../patients/subject.ts';
import type { GatewayEntry, Registry } from '../../registry/registry.ts';
import type { AccessResource } from '../access.ts';

/** By what a gateway would write: for whom, and by which binding; or the rule by which ingest would refuse it. */
export type WrittenBy = Pick<AccessResource, 'patient' | 'bed' | 'device'> | { rule: string };

/** Whose a value would be that a gateway sends for a bed or of a device: the registry says it, as it does to ingest, and not who asks. */
export function writtenBy(
  gateway: GatewayEntry,
  { patient, bed, device = '' }: { patient?: string; bed?: string; device?: string },
  registry: Pick<Registry, 'isPatient' | 'inBed'>,
): WrittenBy {
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
