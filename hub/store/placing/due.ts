import type { Reassignment, ReassignStep } from './placing.ts';

/** The parts of an order, in the order in which they are done. */
export type Part = 'readings' | 'rollups' | 'events';

/** How far an order has come. `after`: behind what its part goes on; empty at its beginning. */
export interface Progress {
  part: Part;
  after: readonly (string | number)[];
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
export const MOVED_KINDS = ['alert', 'device', 'gap', 'wave'] as const;

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

/** An order that names a person twice is of whoever it names: of a panel its first part stands for all, so that no reading is counted twice. */
export function isFirstPart(part: string, parts: Readonly<Record<string, string>> | undefined): boolean {
  return part === (Object.values(parts ?? {})[0] ?? '');
}
