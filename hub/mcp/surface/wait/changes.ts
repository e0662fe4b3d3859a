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

/**
 * Why nothing may come of a patient, or not under their name, however calm it looks: what is current then stays as it is until it is too old. Of a gateway and of the movements
 * `silent`, `lost` and `unknown` are as in `SourceState`.
 */
export const UNSEEN = [
  'discharged',
  'unplaced',
  'left_bed',
  'gateway_silent',
  'gateway_lost',
  'gateway_unknown',
  'movements_silent',
  'movements_lost',
  'movements_unknown',
] as const;
export type Unseen = (typeof UNSEEN)[number];

/** What a caller was shown of one patient. */
export interface Snapshot {
  place: string;
  /** In the order of `UNSEEN`. */
  unseen: readonly Unseen[];
  /** Nothing can come: discharged, in no bed for sure, or every gateway is gone. */
  isBlind: boolean;
  sources: ReadonlyMap<string, string>;
  /** By vital sign, device and whether it is test data. */
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
  /** Another device has a current value of it now. */
  isElsewhere: boolean;
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
    place: JSON.stringify([
      view.patient,
      view.bed,
      view.ward ?? null,
      view.discharged ?? null,
      view.unplaced ?? false,
      view.leftBed ?? null,
      view.alsoKnownAs ?? null,
    ]),
    ...unseenIn(view),
    sources: new Map(view.sources.map(({ kind, id, state }) => [JSON.stringify([kind, id]), state])),
    // By device: what one measured long ago says nothing of what another one measures now.
    seen: new Map(rows.map((row) => [JSON.stringify([row.vital, row.device, row.test]), seenOf(row)])),
    alerts,
  };
}

/** What of a snapshot is to be kept until the next call: of a row without a current value nothing, however many devices there were. Pure. */
export function keptOf(snapshot: Snapshot): Snapshot {
  return { ...snapshot, seen: new Map([...snapshot.seen].filter(([, { values }]) => hasValue(values))) };
}

/** How the alerts of a view stand. Pure. */
export function standingOf({ alerts }: AlertsView): Snapshot['alerts'] {
  return new Map(alerts.map(({ event, state }) => [event, state]));
}

/** Which vital signs have a current value by any device, and which have none by any. Pure. */
export function currentIn({ seen }: Snapshot): { current: ReadonlySet<string>; without: ReadonlySet<string> } {
  const current = new Set<string>();
  for (const { vital, values } of seen.values()) if (hasValue(values)) current.add(vital);
  return { current, without: new Set([...seen.values()].map(({ vital }) => vital).filter((vital) => !current.has(vital))) };
}

/** What of a snapshot is another in a later one; values that differ by less than `minimum` of their vital sign, or of its panel, are the same. Pure. */
export function changesBetween(before: Snapshot, after: Snapshot, minimum: Readonly<Record<string, number>>): PatientChanges {
  const keys = new Set([...before.seen.keys(), ...after.seen.keys()]);
  return {
    vitals: [...keys].flatMap((key) =>
      vitalChanges(before.seen.get(key), after.seen.get(key), minimum).map((change) => ({
        ...change,
        isElsewhere: isElsewhere(change, after),
      })),
    ),
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

function hasValue(values: Seen['values']): boolean {
  return [...values.values()].some((value) => value !== null);
}

function isElsewhere({ vital, part, device }: Pick<VitalChange, 'vital' | 'part' | 'device'>, { seen }: Snapshot): boolean {
  return [...seen.values()].some((row) => row.vital === vital && row.device !== device && (row.values.get(part) ?? null) !== null);
}

/** What a view says of why nothing may come. */
function unseenIn({ discharged, unplaced, leftBed, bed, sources }: LatestView): Pick<Snapshot, 'unseen' | 'isBlind'> {
  const gateways = sources.filter(({ kind }) => kind === 'gateway');
  const isCutOff = gateways.length > 0 && gateways.every(({ state }) => state === 'lost' || state === 'silent');
  const found = new Set<string>(sources.map(({ kind, state }) => `${kind}_${state}`));
  if (discharged !== undefined) found.add('discharged');
  if (unplaced) found.add('unplaced');
  if (leftBed !== undefined && bed === null) found.add('left_bed');
  return {
    unseen: UNSEEN.filter((why) => found.has(why)),
    isBlind: discharged !== undefined || unplaced === true || isCutOff,
  };
}

function vitalChanges(
  before: Seen | undefined,
  after: Seen | undefined,
  minimum: Readonly<Record<string, number>>,
): Omit<VitalChange, 'isElsewhere'>[] {
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
