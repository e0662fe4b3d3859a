import { isNobody, type Reassignment, type ReassignStep } from './placing.ts';

/** The parts of an order, in the order in which they are done. */
export const PARTS = ['readings', 'byHand', 'rollups', 'events'] as const;
export type Part = (typeof PARTS)[number];

/** Behind what a part goes on; empty at its beginning. */
export type After = readonly (string | number)[];

/** How far an order has come. */
export interface Progress {
  part: Part;
  after: After;
  moved: number;
  rolledUp: number;
}

export const BEGINNING: Progress = { part: 'readings', after: [], moved: 0, rolledUp: 0 };

/** An order that is due, as a store keeps it. */
export interface DueRow {
  key: number;
  tenant: string;
  /** A `Reassignment`, or an `AmendWanted`, JSON. */
  wanted: string;
  /** What came later was placed by this order already. */
  lastObservation: number;
  lastEvent: number;
  /** A `Progress`, JSON. */
  progress: string;
}

export interface Due extends Omit<DueRow, 'wanted' | 'progress'> {
  wanted: Reassignment;
  progress: Progress;
}

/** To carry out, or to undo, what a person decided of readings; by the key of the amendment. They take turns with what movements change, in order of deciding. */
export interface AmendWanted {
  amendment: number;
  undo: boolean;
  /** Of readings of this patient, where that is not whom it was decided of: both are one person. */
  of?: string;
}

/** One decision once more, of readings that came back to any of these. Pure. */
export function againOf({ key, patient }: { key: number; patient: string }, whose: readonly string[]): AmendWanted[] {
  const wanted = { amendment: key, undo: false };
  return [wanted, ...[...new Set(whose)].filter((of) => of !== patient).map((of) => ({ ...wanted, of }))];
}

export interface AmendDue extends Omit<Due, 'wanted'> {
  amend: AmendWanted;
}

/** Kinds of events that are of a patient; whose a movement is it says itself. */
const MOVED_KINDS: readonly string[] = ['alert', 'device', 'gap', 'wave'];

/** Where the kind of events goes on that comes behind one; undefined behind the last. */
export function behindKind(kind: string): After | undefined {
  const following = MOVED_KINDS[MOVED_KINDS.indexOf(kind) + 1];
  return following === undefined ? undefined : [following];
}

/** How far an order has come once a page of its part was done, which goes on behind `behind`; undefined once all of it is done. */
export function followed(progress: Progress, behind: After | undefined): Progress | undefined {
  if (behind !== undefined) return { ...progress, after: behind };
  const part = PARTS[PARTS.indexOf(progress.part) + 1];
  return part && { ...progress, part, after: [] };
}

/** Collects whose rows changed in one step, for the feed; nothing of nobody. */
export class ChangedRows {
  readonly #changed = new Map<string, ReassignStep['changed'][number]>();

  /** `vitals` of what an order moved of these; undefined where nothing did. */
  add(tenant: string, patients: Iterable<string>, vitals: readonly string[] | undefined): void {
    if (vitals === undefined) return;
    for (const patient of patients) {
      if (isNobody(patient)) continue;
      const name = JSON.stringify([tenant, patient]);
      const all = new Set([...(this.#changed.get(name)?.vitals ?? []), ...vitals]);
      this.#changed.set(name, { tenant, patient, vitals: [...all].sort() });
    }
  }

  list(): ReassignStep['changed'] {
    return [...this.#changed.values()];
  }
}

export function dueOf(row: DueRow): Due | AmendDue {
  const { wanted: text, ...rest } = row;
  const wanted = JSON.parse(text) as Reassignment | AmendWanted;
  const progress = JSON.parse(row.progress) as Progress;
  return 'amendment' in wanted ? { ...rest, progress, amend: wanted } : { ...rest, progress, wanted };
}

/** Whether an order is of what was measured then by this device. Pure. */
export function isWithin({ from, to, device }: Reassignment, row: { sortTime: number; device: string }): boolean {
  return row.sortTime >= from && (to === null || row.sortTime < to) && (device === undefined || device === row.device);
}

/** What is told of an order that is whole. */
export function doneOf({ tenant, wanted, progress }: Due, isDropped: boolean): ReassignStep['done'][number] {
  const { moved, rolledUp } = progress;
  return { ...wanted, tenant, moved, rolledUp, ...(isDropped && { dropped: true }) };
}

/** By which bed a row is somebody's and whom its message named, as keys. */
export interface PlacedKeys {
  bed: number | null;
  stated: number | null;
  /** Who made its id. */
  writer: number;
}

/** Which rows an order is of, as keys; without `writers`, by whomever they were stored. */
export interface WantedKeys {
  bed: number;
  unnamed: boolean;
  stating: ReadonlySet<number>;
  others?: OthersKeys;
  writers?: ReadonlySet<number>;
}

/** `NamedOthers` as keys. `authorityOf`: by whom the number of a person was assigned; null for one who was erased. */
export interface OthersKeys {
  compared: ReadonlySet<string>;
  whole: ReadonlySet<string>;
  but: ReadonlySet<number>;
  authorityOf(person: number): string | null;
}

/** Whether an order is of a row. Pure. */
export function isWanted(row: PlacedKeys, { bed, unnamed, stating, others, writers }: WantedKeys): boolean {
  if (writers && !writers.has(row.writer)) return false;
  if (row.bed !== bed) return false;
  if (row.stated === null) return unnamed;
  return stating.has(row.stated) || (others !== undefined && isOfOthers(row.stated, others, unnamed));
}

function isOfOthers(stated: number, { compared, whole, but, authorityOf }: OthersKeys, unnamed: boolean): boolean {
  if (but.has(stated)) return false;
  const authority = authorityOf(stated) ?? '';
  if (authority === '') return false;
  return compared.has(authority) ? whole.has(authority) : unnamed;
}

/** Of a panel its first part stands for all, so that no reading is counted twice. */
export function isFirstPart(part: string, parts: Readonly<Record<string, string>> | undefined): boolean {
  return part === (Object.values(parts ?? {})[0] ?? '');
}
