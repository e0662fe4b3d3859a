import { formatInstant, type Instant } from '../../shared/clock.ts';
import type { Extension, Identifier } from '../../shared/fhir.ts';
import { PATIENT_SYSTEM } from '../patients/subject.ts';
import type { GatewayEntry, Registry } from '../registry/registry.ts';
import type { KeptAmendment } from '../store/amend/amend.ts';
import type { StoredRollup } from '../store/erasing/erasing.ts';

const CODE_SYSTEM = 'https://vitalmesh.org/fhir/CodeSystem/resource';
const STRUCTURES = 'https://vitalmesh.org/fhir/StructureDefinition/';

type OwnExtension = Extension & { valueDecimal?: number };

/** FHIR R4 has no resource for what the hub itself keeps of somebody. */
export interface OwnBasic {
  resourceType: 'Basic';
  id: string;
  code: { coding: { system: string; code: string }[]; text: string };
  subject: { identifier: Identifier };
  extension: OwnExtension[];
}

/** The person, as the hub knows them: by its own id alone. */
export function patientResource(patient: string): { resourceType: 'Patient'; id: string; identifier: Identifier[] } {
  return { resourceType: 'Patient', id: 'patient', identifier: [identifierOf(patient)] };
}

/** What registry.yaml says of a person; undefined where it says nothing. */
export function registryResource(registry: Registry, tenant: string, patient: string): OwnBasic | undefined {
  const place = registry.patient(tenant, patient);
  const gateways = registry.gateways().filter((gateway) => gateway.tenant === tenant);
  const extension = [
    ...text('registry-bed', place?.bed ?? undefined),
    ...text('registry-ward', place?.ward),
    ...(place?.panels ?? []).flatMap((panel) => text('registry-panel', panel)),
    ...gateways.flatMap((gateway) => boundAs(gateway, patient)),
  ];
  if (place === undefined && extension.length === 0) return undefined;
  return basic('registry', 'registry', 'what the registry of the hub says of the patient', patient, extension);
}

function boundAs({ identity, beds, devices, subjects = {}, patient: own }: GatewayEntry, patient: string): Extension[] {
  const names = (map: Readonly<Record<string, string | null>>): string[] => Object.keys(map).filter((name) => map[name] === patient);
  return [
    ...(own === patient ? text('registry-gateway', identity) : []),
    ...names(beds).flatMap((bed) => text('registry-bed', bed)),
    ...names(devices).flatMap((device) => text('registry-device', device)),
    ...names(subjects).flatMap((subject) => text('registry-subject', subject)),
  ];
}

/** What the retention left of readings: how many there were in a stretch, and their least, greatest, mean and last value. */
export function rollupResource(rollup: StoredRollup, patient: string, number: number): OwnBasic {
  const { vital, device, part, test, start, widthMs, n, least, greatest, sum, last } = rollup;
  const extension: OwnExtension[] = [
    ...text('rollup-vital', part === '' ? vital : `${vital}/${part}`),
    ...text('rollup-device', device),
    { url: `${STRUCTURES}rollup-start`, valueDateTime: formatInstant(start) },
    { url: `${STRUCTURES}rollup-end`, valueDateTime: formatInstant(start + widthMs) },
    ...decimal('rollup-count', n),
    ...decimal('rollup-least', least),
    ...decimal('rollup-greatest', greatest),
    ...decimal('rollup-mean', n === 0 ? null : sum / n),
    ...decimal('rollup-last', last),
    ...(test ? text('rollup-test', 'true') : []),
  ];
  return basic('rollup', `rollup-${number}`, 'what remains of readings that are older than they are kept', patient, extension);
}

/** What people decided about readings of a person: what, when and why, and of a stretch which; nothing of anybody else whose they were or became. */
export function amendmentResource(
  { kind, at, reason, stretch, undoneAt, patient: from }: KeptAmendment,
  patient: string,
  number: number,
): OwnBasic {
  const when = (name: string, instant: Instant | undefined): Extension[] =>
    instant === undefined ? [] : [{ url: `${STRUCTURES}${name}`, valueDateTime: formatInstant(instant) }];
  const extension: OwnExtension[] = [
    ...text('amendment-kind', kind),
    ...text('amendment-side', kind !== 'reassign' ? undefined : from === patient ? 'given-away' : 'given-here'),
    ...text('amendment-reason', reason),
    ...when('amendment-at', at),
    ...when('amendment-undone', undoneAt ?? undefined),
    ...when('amendment-from', stretch?.from),
    ...when('amendment-to', stretch?.to),
    ...text('amendment-vital', stretch?.vital ?? undefined),
    ...text('amendment-device', stretch?.device ?? undefined),
  ];
  return basic('amendment', `amendment-${number}`, 'what somebody decided about readings of the patient', patient, extension);
}

function basic(code: string, id: string, said: string, patient: string, extension: OwnExtension[]): OwnBasic {
  const subject = { identifier: identifierOf(patient) };
  return { resourceType: 'Basic', id, code: { coding: [{ system: CODE_SYSTEM, code }], text: said }, subject, extension };
}

function identifierOf(patient: string): Identifier {
  return { system: PATIENT_SYSTEM, value: patient };
}

function text(name: string, value: string | undefined): Extension[] {
  return value ? [{ url: `${STRUCTURES}${name}`, valueString: value }] : [];
}

function decimal(name: string, value: number | null): OwnExtension[] {
  return value === null ? [] : [{ url: `${STRUCTURES}${name}`, valueDecimal: value }];
}
