import { formatInstant, type Instant, parseInstant } from '../../../shared/clock.ts';
import { ABSENT_REASONS, type AbsentReason, FLAGS, type Flag } from '../../../shared/reading.ts';
import { isPlausible, panel, vital } from '../../../shared/vitals.ts';
import type { Masked } from './contract.ts';
import { type Pseudonyms, shifted } from './pseudonyms.ts';

/** For whom something is masked, and how. */
export interface MaskFrame {
  profile: Masked;
  names: Pseudonyms;
}

/** Every field of a view, optional ones too, has to be said before this compiles; `undefined` hides one that is optional. */
export type Decided<T> = { [K in keyof Required<T>]: T[K] };

/** A view out of fields of which each was decided; what is undefined is left out. */
export function shownOf<T extends object>(decided: Decided<T>): T {
  return Object.fromEntries(Object.entries(decided).filter(([, value]) => value !== undefined)) as T;
}

/** What stands for a text that is not shown where there must be one. */
export const WITHHELD = '';

/** A time as this principal may know it: shifted by days that nobody knows, where it is to be deidentified. */
export function timeOf({ profile, names }: MaskFrame, at: Instant, patient: string): Instant {
  return profile === 'deidentified' ? shifted(at, names.shiftMs(patient)) : at;
}

/** The same of a text of ISO 8601; its offset is part of a place, and a deidentified one is given in UTC. */
export function timeTextOf(frame: MaskFrame, text: string, patient: string): string {
  const parsed = parseInstant(text);
  if (!parsed) return WITHHELD;
  return formatInstant(timeOf(frame, parsed.at, patient), offsetOf(frame, parsed.offsetMin));
}

export function offsetOf({ profile }: MaskFrame, offsetMin: number): number {
  return profile === 'deidentified' ? 0 : offsetMin;
}

/** A zone is named after a place, and by whoever wrote the site's file. */
export const NO_ZONE = undefined;

/** Row or panel of the parameter table: the only names of what is measured that are shown. */
export function isVital(key: string): boolean {
  return (vital(key) ?? panel(key)) !== undefined;
}

/** UCUM of a vital sign by the table, never by what was sent; of a panel that of its parts. */
export function unitOf(key: string): string {
  return (vital(key) ?? vital(panel(key)?.parts.systolic ?? ''))?.ucum ?? WITHHELD;
}

/** A value that can be one of this vital sign. A number that cannot may be anything that was typed in its place: a telephone, a record, a postal code. */
export function plausibleOf(key: string, value: number | null): number | null {
  const row = vital(key);
  return value !== null && Number.isFinite(value) && row?.range !== undefined && isPlausible(row, value) ? value : null;
}

/** Why there is no value: `masked` where there was one that is not shown (FHIR data-absent-reason). */
export function absenceOf(shown: number | null, was: number | null, absent: AbsentReason | null): AbsentReason | null {
  if (shown === null && was !== null) return 'masked';
  return absent === null ? null : (oneOf(ABSENT_REASONS, absent) ?? 'unknown');
}

export function flagsOf(flags: readonly Flag[]): Flag[] {
  return flags.filter((flag) => Object.hasOwn(FLAGS, flag));
}

/** A word out of a table of ours, or undefined. */
export function oneOf<T extends string>(table: readonly T[], word: string): T | undefined {
  return table.find((known) => known === word);
}
