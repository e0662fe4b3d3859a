import { type Instant, parseInstant } from './clock.ts';
import { VitalmeshError } from './errors.ts';
import { type Extension, type Observation, type ObservationComponent, SYSTEMS } from './fhir.ts';
import {
  absentReasonOf,
  authorityOfSystem,
  EXTENSIONS,
  IDENTIFIER_SYSTEMS,
  panelOfCode,
  partOfPanel,
  vitalOfCode,
} from './observation-code.ts';
import type { AbsentReason, Flag, ReadingStatus, SubjectHints } from './reading.ts';
import type { Vital } from './vitals.ts';

export { type CheckedObservation, checkObservation } from './observation-check.ts';
export * from './observation-code.ts';

/** One value or absence as it is read back. */
export interface ObservedValue {
  vital: string;
  value: number | null;
  /** UCUM; that of the parameter table. */
  unit: string;
  absent: AbsentReason | null;
}

/** What a store derives from an Observation. */
export interface ObservedFacts extends ObservedValue {
  status: ReadingStatus | 'entered-in-error';
  /** Of a panel: its parts; `value` and `absent` are null then. */
  components: ObservedValue[];
  flags: Flag[];
  effective: Instant;
  offsetMin: number;
  receivedAt: Instant;
  /** Device id, '' when none was given. */
  device: string;
  hints: SubjectHints;
  test: boolean;
}

/**
 * Which row of the parameter table or which panel a code names: by MDC, else by LOINC; rows that share codes are told apart by the unit. A
 * blood-pressure panel without MDC code counts as non-invasive, which is what senders without MDC measure.
 */
export function vitalOfObservation({ code, component, valueQuantity }: Observation): { key: string } | undefined {
  const key = component === undefined ? vitalOfCode(code, valueQuantity?.code)?.key : panelOfCode(code)?.key;
  return key === undefined ? undefined : { key };
}

/** Reads an Observation that `checkObservation` accepted. Throws INGEST-INVALID for one that it would not. */
export function readObservation(observation: Observation): ObservedFacts {
  const effective = parseInstant(observation.effectiveDateTime);
  const received = parseInstant(observation.issued);
  if (!effective || !received) throw new VitalmeshError('INGEST-INVALID', { detail: 'time' });
  return {
    ...observedOf(observation),
    status: observation.status,
    flags: flagsOf(observation.extension),
    effective: effective.at,
    offsetMin: effective.offsetMin,
    receivedAt: received.at,
    device: observation.device?.identifier.value ?? '',
    hints: hintsOf(observation),
    test: observation.meta?.security?.some((label) => label.system === SYSTEMS.actReason && label.code === 'HTEST') ?? false,
  };
}

function observedOf(observation: Observation): ObservedValue & { components: ObservedValue[] } {
  const { code, component, valueQuantity } = observation;
  if (component === undefined) {
    const row = vitalOfCode(code, valueQuantity?.code);
    if (!row) throw new VitalmeshError('INGEST-INVALID', { detail: 'code' });
    return { ...observedValue(row, observation), components: [] };
  }
  const found = panelOfCode(code);
  if (!found) throw new VitalmeshError('INGEST-INVALID', { detail: 'code' });
  const components = component.map((part) => {
    const row = partOfPanel(part, found);
    if (!row) throw new VitalmeshError('INGEST-INVALID', { detail: 'component.code' });
    return observedValue(row, part);
  });
  return { vital: found.key, value: null, unit: components[0]?.unit ?? '', absent: null, components };
}

function observedValue({ key, ucum }: Vital, { valueQuantity, dataAbsentReason }: Observation | ObservationComponent): ObservedValue {
  if (valueQuantity) return { vital: key, value: valueQuantity.value, unit: ucum, absent: null };
  return { vital: key, value: null, unit: ucum, absent: absentReasonOf(dataAbsentReason) ?? 'unknown' };
}

function flagsOf(extensions: readonly Extension[] | undefined): Flag[] {
  const flags: Flag[] = [];
  for (const { url, valueCode } of extensions ?? []) if (url === EXTENSIONS.flag && valueCode !== undefined) flags.push(valueCode as Flag);
  return flags;
}

function hintsOf({ subject, extension }: Observation): SubjectHints {
  const { system, value } = subject.identifier;
  const hints: SubjectHints = {};
  if (system === IDENTIFIER_SYSTEMS.visit) hints.visit = value;
  else if (system === IDENTIFIER_SYSTEMS.bed) hints.bed = value;
  else if (system !== IDENTIFIER_SYSTEMS.gatewayDevice) hints.patient = { value, authority: authorityOfSystem(system) };
  for (const { url, valueString } of extension ?? []) {
    if (url === EXTENSIONS.visit && valueString !== undefined) hints.visit = valueString;
    else if (url === EXTENSIONS.bed && valueString !== undefined) hints.bed = valueString;
  }
  return hints;
}
