import { panelOfPart } from '../../../../shared/vitals.ts';
import type { AlertsView } from '../../../access/alert-views.ts';
import type { LatestView, VitalView } from '../../../access/door.ts';

/** What was current of one vital sign by one device. */
interface Seen {
  vital: string;
  name: string;
  unit: string;
  device: string;
  test: boolean;
  at: string;
  /** By vital sign, of a panel by part; null where there is no current value. */
  values: ReadonlyMap<string, number | null>;
}

/** What a caller was shown of one patient. */
export interface Snapshot {
  place: string;
  sources: ReadonlyMap<string, string>;
  seen: ReadonlyMap<string, Seen>;
  /** How each alert stood, by what was told of it last. */
  alerts: ReadonlyMap<string, string>;
}

/** How one vital sign is another than before. `lost`: it has no current value any more, which says nothing about the patient. */
export type VitalChange = {
  vital: string;
  name: string;
  part: string;
  unit: string;
  device: string;
  at: string;
  from: number | null;
  to: number | null;
} & {
  what: 'value' | 'lost' | 'back' | 'gone';
};

/** What changed of one patient. */
export interface PatientChanges {
  vitals: VitalChange[];
  /** The patient was moved, left, came back, or is not known for sure to be where they were. */
  moved: boolean;
  /** Something that the values hang on fell silent or came back. */
  sources: boolean;
  /** A device told of an alert, or whether one still stands is told otherwise. */
  alerts: boolean;
}

/** What is current in a view, of these vital signs alone if any are named, and how alerts stand. Pure. */
export function snapshotOf(view: LatestView, alerts: Snapshot['alerts'], vitals?: readonly string[]): Snapshot {
  const wanted = vitals && new Set(vitals.flatMap((key) => [key, panelOfPart(key)?.key ?? key]));
  const rows = view.vitals.filter(({ vital }) => wanted === undefined || wanted.has(vital));
  return {
    place: JSON.stringify([view.patient, view.bed, view.ward ?? null, view.discharged ?? null, view.unplaced ?? false]),
    sources: new Map(view.sources.map(({ kind, id, state }) => [JSON.stringify([kind, id]), state])),
    seen: new Map(rows.map((row) => [JSON.stringify([row.vital, row.test]), seenOf(row)])),
    alerts,
  };
}

/** How the alerts of a view stand. Pure. */
export function standingOf({ alerts }: AlertsView): Snapshot['alerts'] {
  return new Map(alerts.map(({ event, state }) => [event, state]));
}

/** How many vital signs have a current value. Pure. */
export function currentIn({ seen }: Snapshot): number {
  return [...seen.values()].filter(({ values }) => [...values.values()].some((value) => value !== null)).length;
}

/** What of a snapshot is another in a later one; values that differ by less than `minimum` of their vital sign, or of its panel, are the same. Pure. */
export function changesBetween(before: Snapshot, after: Snapshot, minimum: Readonly<Record<string, number>>): PatientChanges {
  const keys = new Set([...before.seen.keys(), ...after.seen.keys()]);
  return {
    vitals: [...keys].flatMap((key) => vitalChanges(before.seen.get(key), after.seen.get(key), minimum)),
    moved: before.place !== after.place,
    sources: JSON.stringify([...before.sources].sort()) !== JSON.stringify([...after.sources].sort()),
    // One that is not shown any more ended long ago.
    alerts: [...after.alerts].some(([event, state]) => before.alerts.get(event) !== state),
  };
}

export function hasChanged({ vitals, moved, sources, alerts }: PatientChanges): boolean {
  return vitals.length > 0 || moved || sources || alerts;
}

function seenOf({ vital, name, unit, device, test, at, value, stale, components }: VitalView): Seen {
  const current = (number: number | null): number | null => (stale ? null : number);
  const own: [string, number | null][] = components.length > 0 && value === null ? [] : [[vital, current(value)]];
  return {
    vital,
    name,
    unit,
    device,
    test,
    at,
    values: new Map([...own, ...components.map((part) => [part.vital, current(part.value)] as const)]),
  };
}

function vitalChanges(before: Seen | undefined, after: Seen | undefined, minimum: Readonly<Record<string, number>>): VitalChange[] {
  const row = after ?? before;
  if (!row) return [];
  const { vital, name, unit, device, at } = row;
  const parts = new Set([...(before?.values.keys() ?? []), ...(after?.values.keys() ?? [])]);
  return [...parts].flatMap((part) => {
    const [from, to] = [before?.values.get(part) ?? null, after?.values.get(part) ?? null];
    const least = limitOf(minimum, part) ?? limitOf(minimum, vital) ?? 0;
    const what = kindOf(from, to, { least, isGone: after === undefined });
    return what === undefined ? [] : [{ vital, name, part, unit, device, at, from, to, what }];
  });
}

function kindOf(
  from: number | null,
  to: number | null,
  { least, isGone }: { least: number; isGone: boolean },
): VitalChange['what'] | undefined {
  if (from === null && to === null) return undefined;
  if (to === null) return isGone ? 'gone' : 'lost';
  if (from === null) return 'back';
  return from !== to && Math.abs(to - from) >= least ? 'value' : undefined;
}

function limitOf(minimum: Readonly<Record<string, number>>, key: string): number | undefined {
  return Object.hasOwn(minimum, key) ? minimum[key] : undefined;
}
