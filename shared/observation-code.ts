import {
  type CodeableConcept,
  type Coding,
  type Extension,
  type Identifier,
  type LogicalReference,
  type ObservationComponent,
  type Quantity,
  SYSTEMS,
} from './fhir.ts';
import type { AssignedId } from './movement.ts';
import { ABSENT_REASONS, type AbsentReason, type SubjectHints } from './reading.ts';
import {
  type ObservationCategory,
  PANELS,
  type Panel,
  panel,
  panelByMdc,
  panelOfPart,
  VITALS,
  type Vital,
  vital,
  vitalsByLoinc,
  vitalsByMdc,
} from './vitals.ts';
import { LOINC_NAMES } from './vitals-table.ts';

const STRUCTURES = 'https://vitalmesh.org/fhir/StructureDefinition/';

/** URLs of the extensions that Vitalmesh writes; no others are read. */
export const EXTENSIONS = {
  /** valueCode: one of `FLAGS`; once for each flag. */
  flag: `${STRUCTURES}flag`,
  /** valueString: where the sender says the patient lies. */
  bed: `${STRUCTURES}bed`,
  /** valueString: the sender's number of the visit. */
  visit: `${STRUCTURES}visit`,
  /** valueQuantity: the value as the device sent it, where unit or value were converted. */
  original: `${STRUCTURES}original-quantity`,
  /** valueCode: name of the decoding profile. */
  profile: `${STRUCTURES}decoding-profile`,
} as const;

/** Identifier systems of subject and device. A patient id without an assigning authority has no system at all. */
export const IDENTIFIER_SYSTEMS = {
  authority: 'urn:vitalmesh:authority:',
  visit: 'urn:vitalmesh:visit',
  bed: 'urn:vitalmesh:bed',
  /** Of a subject known by nothing but who measured: `<gateway identity>/<device id>`. */
  gatewayDevice: 'urn:vitalmesh:gateway-device',
  device: 'urn:vitalmesh:device:',
} as const;

/** Longest texts that are sent and taken, in UTF-16 code units. */
export const TEXT_LIMITS = { identifier: 128, system: 1024, display: 128, limits: 64, unit: 64, profile: 64 } as const;

/** Nothing that is kept or shown holds one of these: C0, C1, and the two separators that some readers take for line ends. */
export const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Whether a text may be sent and stored: not empty, not longer than the limit, well formed, without control characters. */
export function isSendable(text: string | undefined, limit: number): boolean {
  return typeof text === 'string' && text.trim() !== '' && text.length <= limit && text.isWellFormed() && !CONTROL_CHARACTERS.test(text);
}

const R4_PROFILES = 'http://hl7.org/fhir/StructureDefinition/';

/** The R4 vital-signs profile that a LOINC code brings with it (FHIR R4, observation-vitalsigns). */
const PROFILE_OF_LOINC: Readonly<Record<string, string>> = {
  '8867-4': `${R4_PROFILES}heartrate`,
  '9279-1': `${R4_PROFILES}resprate`,
  '2708-6': `${R4_PROFILES}oxygensat`,
  '8310-5': `${R4_PROFILES}bodytemp`,
  '29463-7': `${R4_PROFILES}bodyweight`,
  '8302-2': `${R4_PROFILES}bodyheight`,
  '39156-5': `${R4_PROFILES}bmi`,
  '85354-9': `${R4_PROFILES}bp`,
};

/** How a unit is shown to people; any other is shown as its UCUM code. */
const UNIT_TEXTS: Readonly<Record<string, string>> = {
  'mm[Hg]': 'mmHg',
  'cm[H2O]': 'cmH2O',
  Cel: '°C',
  '[degF]': '°F',
  '[lb_av]': 'lb',
  '[in_i]': 'in',
  '{ratio}': 'ratio',
  '{steps}': 'steps',
  'mL/cm[H2O]': 'mL/cmH2O',
  'cm[H2O].s/L': 'cmH2O.s/L',
};

const CATEGORY_NAMES: Readonly<Record<ObservationCategory, string>> = {
  'vital-signs': 'Vital Signs',
  laboratory: 'Laboratory',
  activity: 'Activity',
  exam: 'Exam',
  procedure: 'Procedure',
};

const ABSENT_NAMES: Readonly<Record<AbsentReason, string>> = {
  unknown: 'Unknown',
  error: 'Error',
  'not-a-number': 'Not a Number (NaN)',
  'negative-infinity': 'Negative Infinity (NINF)',
  'positive-infinity': 'Positive Infinity (PINF)',
  'not-performed': 'Not Performed',
  'temp-unknown': 'Temporarily Unknown',
  unsupported: 'Unsupported',
  masked: 'Masked',
};

/** Everything of an Observation that depends on the vital sign or panel alone; made once, frozen, and shared by all Observations. */
export interface ObservationFrame {
  category: CodeableConcept[];
  code: CodeableConcept;
  profile: string[] | undefined;
}

const FRAMES = new Map<string, ObservationFrame>([
  ...VITALS.map((v): [string, ObservationFrame] => [v.key, frameOf(v)]),
  ...PANELS.map((p): [string, ObservationFrame] => [p.key, frameOf({ ...p, category: 'vital-signs' })]),
]);

/** Frames of absent values that differ from those of values. */
const ABSENT_FRAMES = new Map(VITALS.filter((v) => v.valueRequired).map((v) => [v.key, frameOf({ ...v, loinc: [] })]));

const ABSENT_CONCEPTS = new Map<string, CodeableConcept>(
  ABSENT_REASONS.map((code) => [code, frozen({ coding: [{ system: SYSTEMS.absent, code, display: ABSENT_NAMES[code] }] })]),
);

/** Security label of test data (http://terminology.hl7.org/CodeSystem/v3-ActReason): whatever carries it concerns no real patient. */
export const TEST_LABEL: Coding = frozen({ system: SYSTEMS.actReason, code: 'HTEST', display: 'test health data' });

function frozen<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) frozen(inner);
  return Object.freeze(value);
}

function frameOf({ name, loinc, mdc, category }: Pick<Vital, 'name' | 'loinc' | 'mdc' | 'category'>): ObservationFrame {
  const profile = profileOf(loinc, category);
  return frozen({
    category: [{ coding: [{ system: SYSTEMS.category, code: category, display: CATEGORY_NAMES[category] }] }],
    code: {
      coding: [...loinc.map(loincCoding), ...(mdc ? [{ system: SYSTEMS.mdc, code: `${mdc.code}`, display: mdc.refid }] : [])],
      text: name,
    },
    profile: profile === undefined ? undefined : [profile],
  });
}

function profileOf(loinc: readonly string[], category: ObservationCategory): string | undefined {
  if (category !== 'vital-signs') return undefined;
  return PROFILE_OF_LOINC[loinc[0] ?? ''] ?? `${R4_PROFILES}vitalsigns`;
}

function loincCoding(code: string): Coding {
  const display = LOINC_NAMES[code];
  return { system: SYSTEMS.loinc, code, ...(display === undefined ? {} : { display }) };
}

/** The constant parts of an Observation of this vital sign or panel, with or without a value. Undefined for an unknown key. */
export function observationFrame(key: string, absent = false): ObservationFrame | undefined {
  return (absent ? ABSENT_FRAMES.get(key) : undefined) ?? FRAMES.get(key);
}

/** The code of a vital sign as a device coded it: the table's LOINC codes, then the device's own MDC code in place of the table's. */
export function codeWithMdc({ name, loinc, mdc: own }: Vital, mdc: number): CodeableConcept {
  const coding: Coding = { system: SYSTEMS.mdc, code: `${mdc}`, ...(own?.code === mdc ? { display: own.refid } : {}) };
  return { coding: [...loinc.map(loincCoding), coding], text: name };
}

/** A number with its UCUM unit as people write it: `120 mmHg`; UCUM's `1` is no unit to them. */
export function withUnit(number: number | string, ucum: string): string {
  return ucum === '1' ? `${number}` : `${number} ${UNIT_TEXTS[ucum] ?? ucum}`;
}

/** A UCUM quantity. */
export function quantity(value: number, ucum: string): Quantity {
  return { value, unit: UNIT_TEXTS[ucum] ?? ucum, system: SYSTEMS.ucum, code: ucum };
}

/** Frozen and shared. */
export function absentConcept(reason: AbsentReason): CodeableConcept | undefined {
  return ABSENT_CONCEPTS.get(reason);
}

const OID = /^[0-2](?:\.(?:0|[1-9]\d*))+$/;
const OWN_URN = 'urn:vitalmesh:';
const ABSOLUTE_URI = /^(?:https?:\/\/|urn:)[\w.~:/?#@!$&'()*+,;=%-]+$/;

/**
 * The identifier system that stands for an assigning authority: an OID or URI as such, any other name under our own URN. So is a URI of
 * our own, which a sender must not be able to pass a bed or a visit off with.
 */
export function systemOfAuthority(authority: string): string | undefined {
  if (authority === '') return undefined;
  if (OID.test(authority)) return `urn:oid:${authority}`;
  if (ABSOLUTE_URI.test(authority) && !authority.startsWith(OWN_URN)) return authority;
  return `${IDENTIFIER_SYSTEMS.authority}${encodeURIComponent(authority.toWellFormed())}`;
}

/** What `systemOfAuthority` stood for. */
export function authorityOfSystem(system: string | undefined): string {
  if (system === undefined) return '';
  if (system.startsWith('urn:oid:')) return system.slice('urn:oid:'.length);
  if (!system.startsWith(IDENTIFIER_SYSTEMS.authority)) return system;
  const encoded = system.slice(IDENTIFIER_SYSTEMS.authority.length);
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** A number with who assigned it. */
export function identifierOf({ value, authority }: AssignedId): Identifier {
  const system = systemOfAuthority(authority);
  return system === undefined ? { value } : { system, value };
}

/**
 * Whose reading it is, by the best hint there is: patient, else visit, else bed, else the gateway and device that measured. Identifier
 * only: the vital-signs profile demands a subject, and the hub alone decides who it is.
 */
export function subjectOf({ patient, visit, bed }: SubjectHints, gateway: string, device: string): LogicalReference {
  if (patient?.value) return { identifier: identifierOf(patient) };
  if (visit) return { identifier: { system: IDENTIFIER_SYSTEMS.visit, value: visit } };
  if (bed) return { identifier: { system: IDENTIFIER_SYSTEMS.bed, value: bed } };
  return { identifier: { system: IDENTIFIER_SYSTEMS.gatewayDevice, value: `${gateway}/${device}` } };
}

/** The hints that `subjectOf` left over. */
export function hintExtensions({ patient, visit, bed }: SubjectHints): Extension[] {
  const extensions: Extension[] = [];
  if (visit && patient?.value) extensions.push({ url: EXTENSIONS.visit, valueString: visit });
  if (bed && (patient?.value || visit)) extensions.push({ url: EXTENSIONS.bed, valueString: bed });
  return extensions;
}

/** The panel that a code names. */
export function panelOfCode({ coding = [] }: CodeableConcept): Panel | undefined {
  const mdc = coding.find((c) => c.system === SYSTEMS.mdc);
  if (mdc) return panelByMdc(Number(mdc.code));
  return coding.some((c) => c.system === SYSTEMS.loinc && c.code === '85354-9') ? panel('nibp') : undefined;
}

/** The row that a code and, where given, a UCUM unit name; every LOINC code must belong to it. Undefined for panels and waveforms. */
export function vitalOfCode({ coding = [] }: CodeableConcept, ucum?: string): Vital | undefined {
  let mdc: string | undefined;
  const loincs: string[] = [];
  for (const { system, code } of coding) {
    if (system === SYSTEMS.loinc) loincs.push(code);
    else if (system === SYSTEMS.mdc) mdc = code;
  }
  const rows = mdc === undefined ? vitalsByLoinc(loincs[0] ?? '') : vitalsByMdc(Number(mdc));
  let found: Vital | undefined;
  for (const row of rows) {
    if (row.panel || row.class === 'waveform' || (ucum !== undefined && row.ucum !== ucum)) continue;
    if (!loincs.every((l) => row.loinc.includes(l) || row.inputLoinc?.includes(l))) continue;
    if (row.loinc.length === loincs.length) return row;
    found ??= row;
  }
  return found;
}

/** The part of `panel` that a component is. */
export function partOfPanel({ code, valueQuantity }: ObservationComponent, panel: Panel): Vital | undefined {
  const { coding = [] } = code;
  if (coding.some((c) => c.system === SYSTEMS.mdc)) {
    const row = vitalOfCode(code, valueQuantity?.code);
    return row && panelOfPart(row.key) === panel ? row : undefined;
  }
  for (const key of [panel.parts.systolic, panel.parts.diastolic, panel.parts.mean]) {
    const row = vital(key);
    if (row && coding.some((c) => c.system === SYSTEMS.loinc && c.code === row.loinc[0])) return row;
  }
  return undefined;
}

/** The reason of a dataAbsentReason concept; undefined when it has none of ours. */
export function absentReasonOf(concept: CodeableConcept | undefined): AbsentReason | undefined {
  const code = concept?.coding?.find((c) => c.system === SYSTEMS.absent)?.code;
  return ABSENT_REASONS.find((reason) => reason === code);
}
