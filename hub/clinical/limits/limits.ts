import type { Place } from '../staleness.ts';
import { classOf, staleAfterMs } from '../staleness.ts';
import type { LimitsFile } from './schema.ts';

/** By what a limit holds: the class of the vital sign (the built-in table), or a line of the site's file. */
export const LIMIT_SETTERS = ['class', 'ward', 'panel', 'patient'] as const;
export type LimitSetter = (typeof LIMIT_SETTERS)[number];

/** How long a value is current, ms, and who says so. */
export interface Limit {
  ms: number;
  by: LimitSetter;
}

/** Whose value it is, and where they are. */
export interface LimitedTo {
  patient: string;
  ward?: string | undefined;
  panels?: readonly string[] | undefined;
  /** Of whoever lies in no ward for sure: those in which they may lie, undefined for a bed in none. */
  possible?: readonly { ward?: string }[] | undefined;
}

/** Of what is limited. */
export interface Limited {
  /** Key of the parameter table or of a panel. */
  vital: string;
  /** Where the patient was when it was measured. */
  place: Place;
}

/** The limits of one patient. Pure. */
export type PatientLimits = (of: Limited) => Limit;

type Set = LimitsFile['stale']['patients'][string];

/** Those of the table alone. */
export const BUILT_IN: PatientLimits = ({ vital, place }) => ({ ms: staleAfterMs(vital, place), by: 'class' });

/**
 * The limits that hold for a patient: of their own line, else the shortest of those of their panels, else of their ward, else of the table; within a line that of the
 * vital sign before that of its class. Of whoever lies nowhere for sure the shortest of all wards counts in which they may lie: a value is not shown as current that would not be
 * there.
 */
export function limitsFor(
  { stale: { patients, panels, wards } }: LimitsFile,
  { patient, ward, panels: on = [], possible = [] }: LimitedTo,
): PatientLimits {
  const own = entryOf(patients, patient);
  const listed = on.flatMap((name) => entryOf(panels, name) ?? []);
  const names = new Set(ward === undefined ? possible.map((one) => one.ward) : [ward]);
  const around = [...names].map((name) => (name === undefined ? undefined : entryOf(wards, name)));
  if (own === undefined && listed.length === 0 && around.every((set) => set === undefined)) return BUILT_IN;
  return (of) => {
    const mine = within(own, of.vital);
    if (mine !== undefined) return { ms: mine, by: 'patient' };
    const theirs = listed.flatMap((set) => within(set, of.vital) ?? []);
    if (theirs.length > 0) return { ms: Math.min(...theirs), by: 'panel' };
    const [first = BUILT_IN(of), ...others] = around.map((set) => limitIn(set, of));
    return others.reduce((least, one) => (one.ms < least.ms ? one : least), first);
  };
}

/** Of a ward, by whatever its line says. */
function limitIn(ward: Set | undefined, of: Limited): Limit {
  const here = within(ward, of.vital);
  return here === undefined ? BUILT_IN(of) : { ms: here, by: 'ward' };
}

function within(set: Set | undefined, key: string): number | undefined {
  return set && (entryOf(set.vitals, key) ?? set.classes[classOf(key)]);
}

function entryOf<T>(of: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}

/**
 * How many wards and panels the file names that the registry does not list: a misspelt name would else take its limits from everybody there, without a word. Undefined for none; the
 * names themselves stand in the file.
 */
export function unlistedGroups(
  { stale, ranges }: LimitsFile,
  listed: (kind: 'wards' | 'panels') => ReadonlySet<string>,
): string | undefined {
  return unlistedAmong('limits', [stale, ranges], listed);
}

/** The same of any file, whose parts have lines of wards and panels. */
export function unlistedAmong(
  file: string,
  parts: readonly Record<'wards' | 'panels', Readonly<Record<string, unknown>>>[],
  listed: (kind: 'wards' | 'panels') => ReadonlySet<string>,
): string | undefined {
  const missing = (['wards', 'panels'] as const).flatMap((kind) => {
    const names = new Set(parts.flatMap((part) => Object.keys(part[kind])));
    const known = listed(kind);
    const count = [...names].filter((name) => !known.has(name)).length;
    return count === 0 ? [] : [`${count} of ${names.size} ${kind}`];
  });
  return missing.length === 0 ? undefined : `the file of ${file} names what registry.yaml does not list: ${missing.join(', ')}`;
}

/** A site's range of one vital sign for a patient. */
export interface SiteRange {
  vital: string;
  low: number | null;
  high: number | null;
  by: Exclude<LimitSetter, 'class'>;
}

/** The site's ranges for a patient, of each vital sign the nearest: patient, panels in order of name, ward. No range is built in. */
export function rangesFor({ ranges: { patients, panels, wards } }: LimitsFile, { patient, ward, panels: on = [] }: LimitedTo): SiteRange[] {
  const found = new Map<string, SiteRange>();
  const take = (set: LimitsFile['ranges']['patients'][string] | undefined, by: SiteRange['by']): void => {
    for (const [vital, { low = null, high = null }] of Object.entries(set ?? {}))
      if (!found.has(vital)) found.set(vital, { vital, low, high, by });
  };
  take(entryOf(patients, patient), 'patient');
  for (const name of on.toSorted()) take(entryOf(panels, name), 'panel');
  if (ward !== undefined) take(entryOf(wards, ward), 'ward');
  return [...found.values()].sort((a, b) => (a.vital < b.vital ? -1 : 1));
}
