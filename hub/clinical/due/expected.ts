import type { LimitedTo, LimitSetter } from '../limits/limits.ts';
import type { Expectation, ExpectedFile } from './schema.ts';

/** A reading that is expected of somebody, by whose word. */
export interface Expected extends Omit<Expectation, 'zone'> {
  vital: string;
  zone: string;
  by: Exclude<LimitSetter, 'class'>;
}

/**
 * What is expected of a patient, vital sign by vital sign: by their own line, else by those of all their panels, else of their ward. In order of vital sign, then of the day. Pure.
 */
export function expectedOf(file: ExpectedFile, { patient, ward, panels: on = [] }: LimitedTo, hubZone: string): Expected[] {
  const { patients, panels, wards } = file;
  const home = ownZoneOf(file, patient) ?? hubZone;
  const lines: { by: Expected['by']; of: readonly ExpectedFile['wards'][string][] }[] = [
    { by: 'patient', of: entriesOf(patients, [patient]) },
    { by: 'panel', of: entriesOf(panels, on) },
    { by: 'ward', of: entriesOf(wards, ward === undefined ? [] : [ward]) },
  ];
  const vitals = new Set(lines.flatMap(({ of }) => of.flatMap((line) => Object.keys(line))));
  return [...vitals].sort().flatMap((vital) => {
    const nearest = lines.find(({ of }) => of.some((line) => Object.hasOwn(line, vital)));
    if (nearest === undefined) return [];
    const all = nearest.of.flatMap((line) => entryOf(line, vital) ?? []);
    const own = all.map(({ zone = home, ...one }): Expected => ({ ...one, vital, zone, by: nearest.by }));
    return distinct(own).sort((a, b) => a.window.fromMin - b.window.fromMin);
  });
}

/** IANA zone of a patient's home; undefined where the site names none, and it is that of the hub. Pure. */
export function ownZoneOf({ zones }: Pick<ExpectedFile, 'zones'>, patient: string): string | undefined {
  return entryOf(zones, patient);
}

/** By which two expectations are the same one. */
export function keyOf({ vital, window, toleranceMin, zone }: Expected): string {
  return JSON.stringify([vital, window.fromMin, window.untilMin, window.weekdays, toleranceMin, zone]);
}

function distinct(all: readonly Expected[]): Expected[] {
  return [...new Map(all.map((one) => [keyOf(one), one])).values()];
}

function entriesOf<T>(of: Readonly<Record<string, T>>, names: readonly string[]): T[] {
  return names.flatMap((name) => entryOf(of, name) ?? []);
}

function entryOf<T>(of: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}
