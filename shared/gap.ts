import type { Instant } from './clock.ts';
import type { RowClass } from './reading.ts';

/** Why a stretch of data does not exist; for people. */
export const GAP_REASONS = {
  space: 'The gateway had no room left and gave up what mattered least.',
  thinned: 'The gateway was short of room and kept the least, the greatest and the last value of each minute.',
  age: 'It waited for the hospital longer than the gateway keeps it.',
  storage: 'The gateway could not store it when it came, and its device cannot send it again.',
  damaged: "The gateway's file was damaged, and what waited in it could not be read.",
  restored: 'The hospital went back to a backup, and the gateway no longer had what came after it.',
} as const;
export type GapReason = keyof typeof GAP_REASONS;

/** A class that data can be lost of: what is never dropped can still be damaged. */
export type LostClass = Exclude<RowClass, 'gap'>;

/** Data that were measured and will never arrive, of one device and one subject: a durable record, so that whoever reads that stretch is told. */
export interface Gap {
  reason: GapReason;
  /** Class of what is missing. */
  lost: LostClass;
  /** Sort times of the first and the last that is missing, both included. */
  from: Instant;
  to: Instant;
  /** Rows (frames, messages) that are gone; with `thinned` those of which something is gone. */
  rows: number;
  /** Values that are gone. */
  values: number;
  /** Vital signs that are missing, in order, at most `MAX_GAP_VITALS`; empty when nobody knows. */
  vitals: readonly string[];
}

export const MAX_GAP_VITALS = 64;
/** Most rows and values that a gap can count (FHIR R4 datatypes, integer); what is more is told as this. */
export const MAX_GAP_COUNT = 2_147_483_647;
