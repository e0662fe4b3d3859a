import type { RowClass } from '../../shared/reading.ts';

/** Rows and the bytes of their content. */
export interface Amount {
  rows: number;
  bytes: number;
}

/** How much there is, and of what. */
export interface Space {
  /** Bytes of the file that are in use: pages that are free again do not count. */
  usedBytes: number;
  limitBytes: number;
  delivered: Amount;
  pending: Readonly<Partial<Record<RowClass, Amount>>>;
}

/** Classes of which rows are given up when there is no other way. */
export const DROPPABLE = ['spot', 'continuous', 'waveform'] as const satisfies readonly RowClass[];
export type DroppableClass = (typeof DROPPABLE)[number];

/**
 * What goes next: delivered rows; waves; continuous readings beyond the extremes of each minute, then all of those; spot readings; and
 * at last what may have been sent of these, because a gap would be told of data that the hub may hold.
 */
export const STEPS = ['delivered', 'waveform', 'thin', 'continuous', 'spot', 'sent'] as const;
export type Step = (typeof STEPS)[number];

/** Shares of the limit. */
export const LEVELS = {
  /** From here on delivered rows go, so that they are never what brings the alarm. */
  deliveredGo: 0.75,
  /** From here on the operator is told, until it is `calm` again. */
  alarm: 0.8,
  calm: 0.7,
  /** From here on what waits is given up, until there is `enough` room. */
  giveUp: 0.95,
  enough: 0.9,
} as const;

/** What to do next to make room; undefined when there is enough, or nothing left that may go. `done`: steps that found nothing to do. */
export function nextStep(space: Space, isMakingRoom: boolean, done: ReadonlySet<Step>): Step | undefined {
  const { usedBytes, limitBytes, delivered } = space;
  if (usedBytes >= LEVELS.deliveredGo * limitBytes && delivered.rows > 0 && !done.has('delivered')) return 'delivered';
  if (usedBytes < (isMakingRoom ? LEVELS.enough : LEVELS.giveUp) * limitBytes) return undefined;
  return STEPS.find(
    (step) => step !== 'delivered' && !done.has(step) && classesOf(step).some((name) => (space.pending[name]?.rows ?? 0) > 0),
  );
}

/**
 * `nearly`: the operator is to be told; delivered rows do not count, for they go by themselves. `full`: nothing comes in any more, or only
 * what is never given up: there is so much of that alone that anything else would be given up as soon as it is acknowledged.
 */
export type Level = 'calm' | 'nearly' | 'full';

export function levelOf({ usedBytes, limitBytes, delivered, pending }: Space, before: Level): Level {
  const mayGo = delivered.rows > 0 || DROPPABLE.some((name) => (pending[name]?.rows ?? 0) > 0);
  if (usedBytes >= (mayGo ? 1 : LEVELS.giveUp) * limitBytes) return 'full';
  const share = (usedBytes - delivered.bytes) / limitBytes;
  return share >= (before === 'calm' ? LEVELS.alarm : LEVELS.calm) ? 'nearly' : 'calm';
}

/** Whether a row of this class may ever be given up. */
export function isDroppable(rowClass: RowClass): boolean {
  return DROPPABLE.some((name) => name === rowClass);
}

/** Bytes that the disk leaves to the file; what is kept free is for the log, and for everybody else. */
export function diskLimit(disk: { totalBytes: number; freeBytes: number }, fileBytes: number): number {
  const keepFree = Math.min(64 * 1024 * 1024, 0.05 * disk.totalBytes);
  return Math.max(LEAST_LIMIT_BYTES, Math.floor(fileBytes + disk.freeBytes - keepFree));
}

/** A disk that leaves less than this is not filled by the outbox: it takes nothing then, and gives nothing up. */
export const LEAST_LIMIT_BYTES = 16 * 1024 * 1024;

function classesOf(step: Exclude<Step, 'delivered'>): readonly RowClass[] {
  if (step === 'sent') return DROPPABLE;
  return [step === 'thin' ? 'continuous' : step];
}
