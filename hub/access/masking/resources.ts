import type { DeviceAlert } from '../../../shared/alert.ts';
import { alertObservation, readAlert } from '../../../shared/alert-observation.ts';
import { formatInstant, type Instant } from '../../../shared/clock.ts';
import type { EventFrame } from '../../../shared/event-observation.ts';
import type { Coding, Observation, ObservationComponent, Resource } from '../../../shared/fhir.ts';
import { gapFrom, gapObservation, readGap, readGapPart } from '../../../shared/gap-observation.ts';
import { absentConcept, EXTENSIONS, IDENTIFIER_SYSTEMS, observationFrame, quantity, TEST_LABEL } from '../../../shared/observation-code.ts';
import type { AbsentReason } from '../../../shared/reading.ts';
import { vital } from '../../../shared/vitals.ts';
import { PATIENT_SYSTEM } from '../../patients/subject.ts';
import type { StoredEvent, StoredObservation } from '../../store/store.ts';
import { absenceOf, flagsOf, isVital, type MaskFrame, offsetOf, plausibleOf, shownOf, timeOf, unitOf, WITHHELD } from './frame.ts';
import { maskedPart } from './views.ts';

/** What says that a resource's identifiers were replaced (http://terminology.hl7.org/CodeSystem/v3-ObservationValue, SECALTINTOBV). */
const PSEUDED: Coding = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  code: 'PSEUDED',
  display: 'pseudonymized',
};
/** In the place of a device's kind of identifier and of a decoding profile. */
const MASKED_WORD = 'masked';

/** The store gives it with what is current alone. */
const NEVER = undefined;

/**
 * A stored observation with its resource, made anew out of what is shown: nothing of the resource as it came is copied. Undefined for what is not in the
 * parameter table.
 */
export function maskedObservation(frame: MaskFrame, row: StoredObservation): StoredObservation | undefined {
  if (!isVital(row.vital)) return undefined;
  const { patient } = row;
  const value = plausibleOf(row.vital, row.value);
  const shown: Omit<StoredObservation, 'resource'> = shownOf<Omit<StoredObservation, 'resource'>>({
    id: frame.names.observation(row.id),
    tenant: row.tenant,
    gateway: WITHHELD,
    patient: frame.names.patient(patient),
    vital: row.vital,
    device: frame.names.device(patient, row.device),
    value,
    unit: unitOf(row.vital),
    absent: absenceOf(value, row.value, row.absent),
    components: row.components.filter(({ vital: key }) => isVital(key)).map(maskedPart),
    flags: flagsOf(row.flags),
    effective: timeOf(frame, row.effective, patient),
    offsetMin: offsetOf(frame, row.offsetMin),
    receivedAt: timeOf(frame, row.receivedAt, patient),
    sortTime: timeOf(frame, row.sortTime, patient),
    freshAt: timeOf(frame, row.freshAt, patient),
    place: row.place === 'home' ? 'home' : 'bed',
    test: row.test,
    storedAt: timeOf(frame, row.storedAt, patient),
    byHand: NEVER,
  });
  return { ...shown, resource: resourceOf(shown, row.resource.status) };
}

const STATUSES: readonly Observation['status'][] = ['final', 'preliminary', 'corrected', 'cancelled', 'entered-in-error'];

/** The Observation that says what a masked row holds. */
function resourceOf(row: Omit<StoredObservation, 'resource'>, status: Observation['status']): Observation {
  const isPanel = row.components.length > 0;
  const made = observationFrame(row.vital, !isPanel && row.value === null);
  return {
    resourceType: 'Observation',
    id: row.id,
    meta: { ...(made?.profile && { profile: made.profile }), security: [...(row.test ? [TEST_LABEL] : []), PSEUDED] },
    status: STATUSES.find((known) => known === status) ?? 'final',
    category: made?.category ?? [],
    code: made?.code ?? {},
    subject: { identifier: { system: PATIENT_SYSTEM, value: row.patient } },
    effectiveDateTime: formatInstant(row.effective, row.offsetMin),
    issued: formatInstant(row.receivedAt),
    device: deviceOf(row.device),
    ...(isPanel ? { component: row.components.map(componentOf) } : contentOf(row)),
    ...(row.flags.length > 0 && { extension: row.flags.map((flag) => ({ url: EXTENSIONS.flag, valueCode: flag })) }),
  };
}

function componentOf(part: { vital: string; value: number | null; absent: AbsentReason | null }): ObservationComponent {
  return { code: observationFrame(part.vital)?.code ?? {}, ...contentOf(part) };
}

function contentOf({ vital: key, value, absent }: { vital: string; value: number | null; absent: AbsentReason | null }) {
  if (value !== null) return { valueQuantity: quantity(value, unitOf(key)) };
  const dataAbsentReason = absentConcept(absent ?? 'unknown');
  return dataAbsentReason ? { dataAbsentReason } : {};
}

function deviceOf(name: string): { identifier: { system: string; value: string } } {
  return { identifier: { system: `${IDENTIFIER_SYSTEMS.device}${MASKED_WORD}`, value: name } };
}

/**
 * A stored event, made anew like an observation: of an alert its facets and codes without a word of text, a gap as a whole. Undefined for what is not shown at all:
 * waves, because an electrocardiogram can tell people apart like a fingerprint (45 CFR 164.514(b)(2)(i)(P)); movements, which are nothing but who lies where; and
 * what devices are made of, which are serial numbers.
 */
export function maskedEvent(frame: MaskFrame, row: StoredEvent): StoredEvent | undefined {
  const { patient } = row;
  if (patient === null) return undefined;
  const at = (instant: Instant): Instant => timeOf(frame, instant, patient);
  const shown = shownOf<Omit<StoredEvent, 'resource'>>({
    kind: row.kind,
    id: frame.names.observation(row.id),
    tenant: row.tenant,
    gateway: WITHHELD,
    patient: frame.names.patient(patient),
    device: frame.names.device(patient, row.device),
    effective: at(row.effective),
    offsetMin: offsetOf(frame, row.offsetMin),
    receivedAt: at(row.receivedAt),
    sortTime: at(row.sortTime),
    until: row.until === undefined ? undefined : at(row.until),
    test: row.test,
    storedAt: at(row.storedAt),
  });
  const resource = eventResource(shown, row.resource, at);
  return resource && { ...shown, resource };
}

function eventResource(row: Omit<StoredEvent, 'resource'>, was: Resource, at: (instant: Instant) => Instant): Resource | undefined {
  const { id, receivedAt, test, offsetMin, effective } = row;
  const record: EventFrame['record'] = {
    device: { id: row.device, idType: 'config' },
    receivedAt,
    subject: {},
    test,
    profile: MASKED_WORD,
  };
  const frame: EventFrame = { id, record, gateway: WITHHELD, device: deviceOf(row.device), offsetMin };
  if (row.kind === 'alert') {
    const alert = readAlert(was);
    return alert && ofPatient(alertObservation({ ...maskedAlert(alert), effective, offsetMin }, frame), row);
  }
  return row.kind === 'gap' ? gapResource(row, was, frame, at) : undefined;
}

/** Of a gap that began before its patient was bound, how much is missing is known of the whole alone, and is not said here either. */
function gapResource(
  row: Omit<StoredEvent, 'resource'>,
  was: Resource,
  frame: EventFrame,
  at: (instant: Instant) => Instant,
): Resource | undefined {
  const part = readGapPart(was);
  if (!part) return undefined;
  const { rows, values, vitals } = readGap(was) ?? {};
  const [from, to] = [at(part.from), at(part.to)];
  const gap = {
    reason: part.reason,
    lost: part.lost,
    from,
    to,
    rows: rows ?? 0,
    values: values ?? 0,
    vitals: vitals?.filter(isVital) ?? [],
  };
  const made = ofPatient(gapObservation(gap, frame), row);
  return rows === undefined ? gapFrom(made, from, frame.offsetMin) : made;
}

/** Whose it is, by the name that is shown, and that its identifiers were replaced. */
function ofPatient<R extends Omit<Observation, 'effectiveDateTime'>>(resource: R, { patient, test }: Omit<StoredEvent, 'resource'>): R {
  return {
    ...resource,
    meta: { security: [...(test ? [TEST_LABEL] : []), PSEUDED] },
    subject: { identifier: { system: PATIENT_SYSTEM, value: patient ?? WITHHELD } },
  };
}

/** What an alert is by codes of tables: a sender's own codes and names of single alerts are its own text. */
function maskedAlert({ code, source, phase, state, inactivation, priority, type, flags }: DeviceAlert): DeviceAlert {
  const key = source?.vital !== undefined && vital(source.vital) ? source.vital : undefined;
  return {
    ...(code?.system === 'MDC' && /^\d{1,9}$/.test(code.code) && { code: { system: 'MDC', code: code.code } }),
    ...(key !== undefined || source?.mdc !== undefined
      ? { source: { ...(key !== undefined && { vital: key }), ...(source?.mdc !== undefined && { mdc: source.mdc }) } }
      : {}),
    ...{ phase, state, priority, type },
    ...(inactivation !== undefined && { inactivation }),
    ...(flags && { flags: flagsOf(flags) }),
  };
}
