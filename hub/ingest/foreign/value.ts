import { type CodeableConcept, type Coding, type Extension, type Quantity, SYSTEMS } from '../../../shared/fhir.ts';
import { absentConcept, absentReasonOf, EXTENSIONS, panelOfCode, quantity } from '../../../shared/observation-code.ts';
import type { AbsentReason } from '../../../shared/reading.ts';
import { toRowUnit, type Vital, vitalsByLoinc, vitalsByMdc } from '../../../shared/vitals.ts';
import { type Fields, fields, list, text } from './fields.ts';

/** A part of an Observation that has a value, with the extension that tells how it came where it was converted. */
export interface OurValue {
  content: { valueQuantity: Quantity } | { dataAbsentReason: CodeableConcept };
  extension: Extension[];
}

/** FHIR reasons that ours has no word for, and that are kinds of `unknown` (data-absent-reason, hierarchy). */
const KINDS_OF_UNKNOWN: ReadonlySet<unknown> = new Set(['asked-unknown', 'not-asked', 'asked-declined']);

/** The codings of a concept that name a vital sign, by LOINC and MDC; those of other systems are translations. Undefined where one of the two is not known. */
export function knownCode(concept: unknown): CodeableConcept | undefined {
  const coding = list(fields(concept).coding).map(fields);
  const ours = coding.filter(({ system }) => system === SYSTEMS.loinc || system === SYSTEMS.mdc);
  const known = ours.map(({ system, code }) => ({ system: String(system), code: text(code) ?? '' }));
  return known.length > 0 && known.every(isKnown) ? { coding: known } : undefined;
}

function isKnown(coding: Coding): boolean {
  const rows = coding.system === SYSTEMS.mdc ? vitalsByMdc(Number(coding.code)) : vitalsByLoinc(coding.code);
  return rows.length > 0 || panelOfCode({ coding: [coding] }) !== undefined;
}

/** The codings as they were sent, with the one that its profile demands (FHIR R4, observation-vitalsigns). */
export function codeOf({ coding = [] }: CodeableConcept, [demanded]: readonly string[]): CodeableConcept {
  const isThere = demanded === undefined || coding.some(({ system, code }) => system === SYSTEMS.loinc && code === demanded);
  return { coding: isThere ? coding : [{ system: SYSTEMS.loinc, code: demanded }, ...coding] };
}

/** The unit of a foreign value, as UCUM writes it without annotations; undefined where there is none. */
export function unitOf(holder: Fields): string | undefined {
  const { system, code } = fields(holder.valueQuantity);
  return system === SYSTEMS.ucum ? text(code) : undefined;
}

/** UCUM §6: an annotation says nothing about the unit. Of what is written in two ways the table has one. */
function plainUnit(ucum: string): string {
  const plain = ucum.replaceAll(/\{[^{}]*\}/g, '');
  return PLAIN.get(plain) ?? plain;
}

const PLAIN: ReadonlyMap<string, string> = new Map([
  ['', '1'],
  ['1/min', '/min'],
  ['min-1', '/min'],
]);

/** Value or absence in the unit of the row, or the rule that it breaks. */
export function ourValue(holder: Fields, row: Vital): OurValue | string {
  if (holder.valueQuantity !== undefined) {
    if (holder.dataAbsentReason !== undefined) return 'valueQuantity: beside dataAbsentReason';
    return convertedValue(fields(holder.valueQuantity), row);
  }
  if (holder.dataAbsentReason === undefined) return 'value: neither valueQuantity nor dataAbsentReason';
  const reason = absentReason(holder.dataAbsentReason);
  const dataAbsentReason = reason && absentConcept(reason);
  return dataAbsentReason ? { content: { dataAbsentReason }, extension: [] } : 'dataAbsentReason: not one that is taken';
}

function convertedValue({ value, system, code, comparator }: Fields, row: Vital): OurValue | string {
  if (comparator !== undefined) return 'valueQuantity.comparator: more or less than a value is not taken';
  if (typeof value !== 'number' || !Number.isFinite(value)) return 'valueQuantity.value: not a finite number';
  const unit = system === SYSTEMS.ucum ? text(code) : undefined;
  if (unit === undefined) return 'valueQuantity: not a UCUM unit';
  if (unit === row.ucum) return { content: { valueQuantity: quantity(value, unit) }, extension: [] };
  const plain = plainUnit(unit);
  const converted = toRowUnit(row, value, plain);
  if (converted === undefined) return 'valueQuantity.code: cannot be converted to the unit of this vital sign';
  const original = plain === row.ucum ? [] : [{ url: EXTENSIONS.original, valueQuantity: quantity(value, plain) }];
  return { content: { valueQuantity: quantity(converted, row.ucum) }, extension: original };
}

function absentReason(concept: unknown): AbsentReason | undefined {
  const coding = list(fields(concept).coding).map(fields);
  if (coding.some(({ system, code }) => system === SYSTEMS.absent && KINDS_OF_UNKNOWN.has(code))) return 'unknown';
  return absentReasonOf({ coding: coding.map(({ system, code }) => ({ system: String(system), code: String(code) })) });
}
