import { parseInstant } from './clock.ts';
import { type Observation, SYSTEMS } from './fhir.ts';
import {
  absentReasonOf,
  CONTROL_CHARACTERS,
  EXTENSIONS,
  IDENTIFIER_SYSTEMS,
  observationFrame,
  panelOfCode,
  partOfPanel,
  TEXT_LIMITS,
  vitalOfCode,
} from './observation-code.ts';
import { FLAGS } from './reading.ts';
import type { Panel, Vital } from './vitals.ts';

/** `rule` names the place and what is wrong there; it never repeats anything that was sent. */
export type CheckedObservation = { ok: true; observation: Observation } | { ok: false; rule: string };

type Fields = Record<string, unknown>;

/** A broken rule as text, or undefined. */
type Verdict = string | undefined;

const STATUSES: ReadonlySet<unknown> = new Set(['final', 'preliminary', 'corrected', 'cancelled', 'entered-in-error']);
const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;
const MAX_LIST = 32;

const OBSERVATION_FIELDS: ReadonlySet<string> = new Set([
  'resourceType',
  'id',
  'meta',
  'status',
  'category',
  'code',
  'subject',
  'effectiveDateTime',
  'issued',
  'device',
  'valueQuantity',
  'dataAbsentReason',
  'referenceRange',
  'component',
  'extension',
]);
const COMPONENT_FIELDS: ReadonlySet<string> = new Set(['code', 'valueQuantity', 'dataAbsentReason', 'referenceRange', 'extension']);
const META_FIELDS: ReadonlySet<string> = new Set(['profile', 'security']);
const CONCEPT_FIELDS: ReadonlySet<string> = new Set(['coding', 'text']);
const CODING_FIELDS: ReadonlySet<string> = new Set(['system', 'code', 'display']);
const QUANTITY_FIELDS: ReadonlySet<string> = new Set(['value', 'unit', 'system', 'code']);
const SUBJECT_FIELDS: ReadonlySet<string> = new Set(['identifier']);
const DEVICE_FIELDS: ReadonlySet<string> = new Set(['identifier', 'display']);
const IDENTIFIER_FIELDS: ReadonlySet<string> = new Set(['system', 'value']);
const RANGE_FIELDS: ReadonlySet<string> = new Set(['text']);

/** The one value type of each extension. */
const EXTENSION_VALUES: ReadonlyMap<unknown, 'valueCode' | 'valueString' | 'valueQuantity'> = new Map<
  unknown,
  'valueCode' | 'valueString' | 'valueQuantity'
>([
  [EXTENSIONS.flag, 'valueCode'],
  [EXTENSIONS.bed, 'valueString'],
  [EXTENSIONS.visit, 'valueString'],
  [EXTENSIONS.original, 'valueQuantity'],
  [EXTENSIONS.profile, 'valueCode'],
]);

/**
 * Checks what came over the wire against everything the profiles demand and the parameter table knows: nothing that passes needs another
 * look before it is stored. Unknown fields are refused, because what nobody looks at could hold a name or a birth date.
 * Written by hand, not as a schema: it is on the hub's ingest path, and what must agree (LOINC, MDC, unit, category, profile) is
 * knowledge of the table.
 */
export function checkObservation(value: unknown): CheckedObservation {
  const rule = checkResource(value);
  return rule === undefined ? { ok: true, observation: value as Observation } : { ok: false, rule };
}

function checkResource(value: unknown): Verdict {
  if (!isFields(value)) return 'not an object';
  if (value.resourceType !== 'Observation') return 'resourceType: not Observation';
  if (typeof value.id !== 'string' || !FHIR_ID.test(value.id)) return 'id: not a FHIR id';
  if (!STATUSES.has(value.status)) return 'status: not one that is taken';
  return (
    unknownField(value, OBSERVATION_FIELDS, 'Observation') ??
    checkConcept(value.code, 'code') ??
    checkReference(value.subject, SUBJECT_FIELDS, 'subject') ??
    checkTime(value.effectiveDateTime, 'effectiveDateTime') ??
    checkTime(value.issued, 'issued') ??
    optional(value.device, (device) => checkReference(device, DEVICE_FIELDS, 'device')) ??
    checkExtensions(value.extension, 'extension') ??
    checkPlace(value) ??
    checkRange(value.referenceRange, 'referenceRange') ??
    (value.component === undefined ? checkSingle(value) : checkPanel(value))
  );
}

/** An Observation of one value. */
function checkSingle(fields: Fields): Verdict {
  const shape = checkValue(fields, '');
  if (shape !== undefined) return shape;
  const { code, valueQuantity } = fields as unknown as Observation;
  const row = vitalOfCode(code, valueQuantity?.code);
  if (row === undefined) return whyNoRow(code);
  const absent = valueQuantity === undefined;
  return checkCodes(code.coding, absent && row.valueRequired ? { ...row, loinc: [] } : row, 'code') ?? checkFrame(fields, row.key, absent);
}

function whyNoRow(code: Observation['code']): string {
  if (vitalOfCode(code)) return 'valueQuantity.code: not the unit of this vital sign';
  const known = code.coding?.every((coding) => vitalOfCode({ coding: [coding] })) ?? false;
  return known ? 'code: LOINC and MDC do not agree' : 'code: not a value of the parameter table';
}

/** An Observation of a panel: its value is in its components alone (FHIR R4 bp profile). */
function checkPanel(fields: Fields): Verdict {
  const { component } = fields;
  if (fields.valueQuantity !== undefined || fields.dataAbsentReason !== undefined) return 'component: beside a value';
  if (!isList(component)) return 'component: not a list';
  const { code } = fields as unknown as Observation;
  const found = panelOfCode(code);
  if (found === undefined) return 'code: not a panel of the parameter table';
  const seen = new Set<string>();
  for (const part of component) {
    const rule = checkComponent(part, found, seen);
    if (rule !== undefined) return rule;
  }
  if (!seen.has(found.parts.systolic) || !seen.has(found.parts.diastolic)) return 'component: systolic and diastolic must both be there';
  return checkCodes(code.coding, found, 'code') ?? checkFrame(fields, found.key, false);
}

function checkComponent(value: unknown, found: Panel, seen: Set<string>): Verdict {
  if (!isFields(value)) return 'component: not an object';
  const shape =
    unknownField(value, COMPONENT_FIELDS, 'component') ??
    checkConcept(value.code, 'component.code') ??
    checkExtensions(value.extension, 'component.extension') ??
    checkRange(value.referenceRange, 'component.referenceRange') ??
    checkValue(value, 'component.');
  if (shape !== undefined) return shape;
  const part = value as unknown as NonNullable<Observation['component']>[number];
  const row = partOfPanel(part, found);
  if (row === undefined) return 'component: not a part of this panel';
  if (part.valueQuantity && part.valueQuantity.code !== row.ucum) return 'component.valueQuantity.code: not the unit of this vital sign';
  if (seen.has(row.key)) return 'component: the same part twice';
  seen.add(row.key);
  return checkCodes(part.code.coding, row, 'component.code');
}

/** Every code must belong to the row, and the code that its profile demands must be there. */
function checkCodes(
  coding: Observation['code']['coding'] = [],
  row: Pick<Vital, 'loinc' | 'inputLoinc' | 'mdc' | 'inputMdc'>,
  at: string,
): Verdict {
  let mdcs = 0;
  let profiled = row.loinc.length === 0;
  for (const { system, code } of coding) {
    if (system === SYSTEMS.loinc) {
      if (!row.loinc.includes(code) && !row.inputLoinc?.includes(code)) return `${at}: LOINC and MDC do not agree`;
      profiled ||= code === row.loinc[0];
    } else if (system === SYSTEMS.mdc) {
      mdcs += 1;
      const number = Number(code);
      if (mdcs > 1 || `${number}` !== code || (row.mdc?.code !== number && !row.inputMdc?.includes(number)))
        return `${at}: MDC not of this vital sign`;
    } else return `${at}: neither LOINC nor MDC`;
  }
  return profiled ? undefined : `${at}: the LOINC code that its profile demands is missing`;
}

/** Category and profile must be those of the table; a setting never passes as a vital sign. */
function checkFrame({ category, meta }: Fields, key: string, absent: boolean): Verdict {
  const frame = observationFrame(key, absent);
  const wanted = frame?.category[0]?.coding?.[0]?.code;
  if (!isList(category) || category.length !== 1) return 'category: not exactly one';
  const rule = checkConcept(category[0], 'category');
  if (rule !== undefined) return rule;
  const { coding } = category[0] as { coding: { system: string; code: string }[] };
  if (coding.length !== 1 || coding[0]?.system !== SYSTEMS.category || coding[0].code !== wanted)
    return 'category: not that of this vital sign';
  return optional(meta, (fields) => checkMeta(fields, frame?.profile?.[0]));
}

function checkMeta(value: unknown, profile: string | undefined): Verdict {
  if (!isFields(value)) return 'meta: not an object';
  const unknown = unknownField(value, META_FIELDS, 'meta');
  if (unknown !== undefined) return unknown;
  if (value.profile !== undefined && !(isList(value.profile) && value.profile.length === 1 && value.profile[0] === profile))
    return 'meta.profile: not that of this vital sign';
  if (value.security === undefined) return undefined;
  if (!isList(value.security) || value.security.length !== 1) return 'meta.security: not exactly one label';
  const [label] = value.security;
  return (
    checkCoding(label, 'meta.security') ??
    ((label as Fields).system === SYSTEMS.actReason && (label as Fields).code === 'HTEST' ? undefined : 'meta.security: not HTEST')
  );
}

/** Exactly one of value and dataAbsentReason, each well formed. */
function checkValue({ valueQuantity, dataAbsentReason }: Fields, at: string): Verdict {
  if (valueQuantity !== undefined) {
    if (dataAbsentReason !== undefined) return `${at}valueQuantity: beside dataAbsentReason`;
    return checkQuantity(valueQuantity, `${at}valueQuantity`);
  }
  if (dataAbsentReason === undefined) return `${at}valueQuantity: missing, and no dataAbsentReason`;
  const rule = checkConcept(dataAbsentReason, `${at}dataAbsentReason`);
  if (rule !== undefined) return rule;
  const concept = dataAbsentReason as Observation['code'];
  return concept.coding?.length === 1 && absentReasonOf(concept) ? undefined : `${at}dataAbsentReason: not one that is taken`;
}

function checkQuantity(value: unknown, at: string): Verdict {
  if (!isFields(value)) return `${at}: not an object`;
  const unknown = unknownField(value, QUANTITY_FIELDS, at);
  if (unknown !== undefined) return unknown;
  if (typeof value.value !== 'number' || !Number.isFinite(value.value)) return `${at}.value: not a finite number`;
  if (value.system !== SYSTEMS.ucum) return `${at}.system: not UCUM`;
  return checkText(value.unit, TEXT_LIMITS.unit, `${at}.unit`) ?? checkText(value.code, TEXT_LIMITS.unit, `${at}.code`);
}

function checkConcept(value: unknown, at: string): Verdict {
  if (!isFields(value)) return `${at}: missing`;
  const unknown = unknownField(value, CONCEPT_FIELDS, at);
  if (unknown !== undefined) return unknown;
  if (!isList(value.coding) || value.coding.length === 0) return `${at}.coding: missing`;
  for (const coding of value.coding) {
    const rule = checkCoding(coding, at);
    if (rule !== undefined) return rule;
  }
  return optional(value.text, (text) => checkText(text, TEXT_LIMITS.display, `${at}.text`));
}

function checkCoding(value: unknown, at: string): Verdict {
  if (!isFields(value)) return `${at}.coding: not an object`;
  return (
    unknownField(value, CODING_FIELDS, `${at}.coding`) ??
    checkText(value.system, TEXT_LIMITS.system, `${at}.coding.system`) ??
    checkText(value.code, TEXT_LIMITS.identifier, `${at}.coding.code`) ??
    optional(value.display, (text) => checkText(text, TEXT_LIMITS.display, `${at}.coding.display`))
  );
}

/** A reference by identifier: a name or a literal reference is an unknown field here. */
function checkReference(value: unknown, allowed: ReadonlySet<string>, at: string): Verdict {
  if (!isFields(value)) return `${at}: missing`;
  const { identifier, display } = value;
  const unknown = unknownField(value, allowed, at);
  if (unknown !== undefined) return unknown;
  if (!isFields(identifier)) return `${at}.identifier: missing`;
  return (
    unknownField(identifier, IDENTIFIER_FIELDS, `${at}.identifier`) ??
    checkText(identifier.value, TEXT_LIMITS.identifier, `${at}.identifier.value`) ??
    optional(identifier.system, (system) => checkText(system, TEXT_LIMITS.system, `${at}.identifier.system`)) ??
    optional(display, (text) => checkText(text, TEXT_LIMITS.display, `${at}.display`))
  );
}

function checkExtensions(value: unknown, at: string): Verdict {
  if (value === undefined) return undefined;
  if (!isList(value)) return `${at}: not a list`;
  const seen = new Set<unknown>();
  for (const extension of value) {
    const rule = checkExtension(extension, at);
    if (rule !== undefined) return rule;
    const { url } = extension as Fields;
    if (url !== EXTENSIONS.flag && seen.has(url)) return `${at}: the same twice`;
    seen.add(url);
  }
  return undefined;
}

/** A bed or visit that is both subject and extension must be the same one: whose it is would depend on which of them is read. */
function checkPlace(fields: Fields): Verdict {
  const { subject, extension = [] } = fields as unknown as Pick<Observation, 'subject' | 'extension'>;
  const { system, value } = subject.identifier;
  for (const { url, valueString } of extension) {
    if (url === EXTENSIONS.bed && system === IDENTIFIER_SYSTEMS.bed && valueString !== value)
      return 'extension: another bed than the subject';
    if (url === EXTENSIONS.visit && system === IDENTIFIER_SYSTEMS.visit && valueString !== value)
      return 'extension: another visit than the subject';
  }
  return undefined;
}

function checkExtension(value: unknown, at: string): Verdict {
  if (!isFields(value)) return `${at}: not an object`;
  const type = EXTENSION_VALUES.get(value.url);
  if (type === undefined) return `${at}: unknown URL`;
  for (const name in value) if (name !== 'url' && name !== type) return `${at}: a value of the wrong type`;
  const content = value[type];
  if (type === 'valueQuantity') return checkQuantity(content, `${at}.valueQuantity`);
  if (value.url === EXTENSIONS.flag && !(typeof content === 'string' && Object.hasOwn(FLAGS, content))) return `${at}: unknown flag`;
  return checkText(content, TEXT_LIMITS.identifier, `${at}.${type}`);
}

function checkRange(value: unknown, at: string): Verdict {
  if (value === undefined) return undefined;
  if (!isList(value) || value.length !== 1 || !isFields(value[0])) return `${at}: not exactly one`;
  return unknownField(value[0], RANGE_FIELDS, at) ?? checkText(value[0].text, TEXT_LIMITS.display, `${at}.text`);
}

/** A time without its offset is nobody's time. */
function checkTime(value: unknown, at: string): Verdict {
  if (typeof value !== 'string' || value.length > 40 || parseInstant(value) === undefined)
    return `${at}: not a time with seconds and offset`;
  return undefined;
}

function checkText(value: unknown, limit: number, at: string): Verdict {
  if (typeof value !== 'string' || value.trim() === '') return `${at}: missing`;
  if (value.length > limit) return `${at}: too long`;
  return CONTROL_CHARACTERS.test(value) || !value.isWellFormed() ? `${at}: control characters` : undefined;
}

function unknownField(fields: Fields, known: ReadonlySet<string>, at: string): Verdict {
  for (const name in fields) if (!known.has(name)) return `${at}: a field that is not taken`;
  return undefined;
}

function optional(value: unknown, check: (value: unknown) => Verdict): Verdict {
  return value === undefined ? undefined : check(value);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value) && value.length > 0 && value.length <= MAX_LIST;
}
