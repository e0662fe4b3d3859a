import type { RowClass } from '../../shared/reading.ts';
import { CLASS_NUMBERS } from './schema.ts';

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
  /** What the disk has room for, where that is less than the limit. */
  roomBytes: number;
  delivered: Amount;
  pending: Readonly<Partial<Record<RowClass, Amount>>>;
  /** What is in quarantine, by number of the class. */
  quarantined: ReadonlyMap<number, Amount>;
}

/** Classes of which rows are given up when there is no other way. */
export const DROPPABLE = ['spot', 'continuous', 'waveform'] as const satisfies readonly RowClass[];
export type DroppableClass = (typeof DROPPABLE)[number];

/**
 * What goes next: delivered rows; quarantine beyond its share; refused waves and continuous readings, before anything that the hub may yet
 * take; waves; continuous readings beyond the extremes of each minute, then all of those; spot readings, refused ones first; and at last
 * what may have been sent of these, because a gap would be told of data that the hub may hold.
 */
export const STEPS = ['delivered', 'excess', 'refused', 'waveform', 'thin', 'continuous', 'refusedSpot', 'spot', 'sent'] as const;
export type Step = (typeof STEPS)[number];

/** Steps that take from quarantine, and the best protected class that each may take, by number. */
const FROM_QUARANTINE = { excess: 0, refused: CLASS_NUMBERS.continuous, refusedSpot: CLASS_NUMBERS.spot } as const;
export type QuarantineStep = keyof typeof FROM_QUARANTINE;

export function isFromQuarantine(step: Step): step is QuarantineStep {
  return Object.hasOwn(FROM_QUARANTINE, step);
}

/** Number of the class that goes from quarantine in such a step, what is least protected first; undefined when there is nothing. */
export function classToGo(quarantined: Space['quarantined'], step: QuarantineStep): number | undefined {
  const numbers = [...quarantined.keys()].filter((number) => number >= FROM_QUARANTINE[step]);
  return numbers.length > 0 ? Math.max(...numbers) : undefined;
}

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
  /** Quarantine takes no more than this, so that what the hub refused never keeps out what it would take. */
  quarantine: 0.25,
} as const;

/** What to do next to make room; undefined when there is enough, or nothing left that may go. `done`: steps that found nothing to do. */
export function nextStep(space: Space, isMakingRoom: boolean, done: ReadonlySet<Step>): Step | undefined {
  const { usedBytes, limitBytes, delivered } = space;
  if (usedBytes >= LEVELS.deliveredGo * limitBytes && delivered.rows > 0 && !done.has('delivered')) return 'delivered';
  if (hasExcess(space) && !done.has('excess')) return 'excess';
  if (usedBytes < (isMakingRoom ? LEVELS.enough : LEVELS.giveUp) * limitBytes) return undefined;
  return STEPS.find((step) => step !== 'delivered' && step !== 'excess' && !done.has(step) && hasAny(space, step));
}

/**
 * `nearly`: the operator is to be told; delivered rows do not count, for they go by themselves. `full`: nothing comes in any more, or only
 * what is never given up: there is so much of that alone that anything else would be given up as soon as it is acknowledged.
 */
export type Level = 'calm' | 'nearly' | 'full';

export function levelOf({ usedBytes, limitBytes, roomBytes, delivered, pending, quarantined }: Space, before: Level): Level {
  const isRefused = classToGo(quarantined, 'refusedSpot') !== undefined;
  const mayGo = delivered.rows > 0 || isRefused || DROPPABLE.some((name) => (pending[name]?.rows ?? 0) > 0);
  if (usedBytes >= (mayGo ? 1 : LEVELS.giveUp) * limitBytes) return 'full';
  const share = (usedBytes - delivered.bytes) / Math.min(limitBytes, roomBytes);
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

/**
 * Of that, what the disk really has room for, which may be less than the outbox ever gives anything up for: by this the operator is told
 * before the disk is full. `logBytes`: what the log beside the file takes already of the room that it needs.
 */
export function diskRoom(disk: { totalBytes: number; freeBytes: number }, fileBytes: number, logBytes: number): number {
  const keepFree = Math.max(LOG_BYTES, Math.min(64 * 1024 * 1024, 0.05 * disk.totalBytes));
  return Math.max(PAGE_BYTES, Math.floor(fileBytes + logBytes + disk.freeBytes - keepFree));
}

/** The log grows to 1000 pages of 4 KiB before SQLite begins it anew. */
const PAGE_BYTES = 4096;
const LOG_BYTES = 1000 * PAGE_BYTES;

/** A disk that leaves less than this is not filled by the outbox: it takes nothing then, and gives nothing up. */
export const LEAST_LIMIT_BYTES = 16 * 1024 * 1024;

/** Whether quarantine takes more than its share. */
export function hasExcess({ limitBytes, quarantined }: Pick<Space, 'limitBytes' | 'quarantined'>): boolean {
  const bytes = [...quarantined.values()].reduce((sum, amount) => sum + amount.bytes, 0);
  return bytes > LEVELS.quarantine * limitBytes;
}

function hasAny({ pending, quarantined }: Space, step: Exclude<Step, 'delivered'>): boolean {
  if (isFromQuarantine(step)) return classToGo(quarantined, step) !== undefined;
  return classesOf(step).some((name) => (pending[name]?.rows ?? 0) > 0);
}

function classesOf(step: Exclude<Step, 'delivered' | QuarantineStep>): readonly RowClass[] {
  if (step === 'sent') return DROPPABLE;
  return [step === 'thin' ? 'continuous' : step];
}
