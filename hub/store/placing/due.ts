import { isNobody, type Reassignment, type ReassignStep } from './placing.ts';

/** The parts of an order, in the order in which they are done. */
export const PARTS = ['readings', 'rollups', 'events'] as const;
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
  /** A `Reassignment`, JSON. */
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

  /** `vitals` of what an order moved; undefined where nothing did. */
  add({ tenant, wanted }: Pick<Due, 'tenant' | 'wanted'>, vitals: readonly string[] | undefined): void {
    if (vitals === undefined) return;
    for (const patient of [wanted.was, wanted.is]) {
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

export function dueOf(row: DueRow): Due {
  return { ...row, wanted: JSON.parse(row.wanted) as Reassignment, progress: JSON.parse(row.progress) as Progress };
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
}

/** Whether an order is of a row. `bed` and `stating`: what it names, as keys. Pure. */
export function isWanted(
  row: PlacedKeys,
  { bed, unnamed, stating }: { bed: number; unnamed: boolean; stating: ReadonlySet<number> },
): boolean {
  return row.bed === bed && (row.stated === null ? unnamed : stating.has(row.stated));
}

/** Of a panel its first part stands for all, so that no reading is counted twice. */
export function isFirstPart(part: string, parts: Readonly<Record<string, string>> | undefined): boolean {
  return part === (Object.values(parts ?? {})[0] ?? '');
}
