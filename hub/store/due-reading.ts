import type { Instant } from '../../shared/clock.ts';
import { panel, vital } from '../../shared/vitals.ts';
import type { Rolled } from './roll.ts';

/** The classes of readings that the retention tells apart. */
export type ReadingClass = 'spot' | 'continuous';

/** Of a vital sign or a panel; settings and waveform parameters come as often as continuous ones, and what is unknown is kept as long as any. */
export function readingClassOf(key: string): ReadingClass {
  const row = vital(key) ?? vital(panel(key)?.parts.systolic ?? '');
  return row === undefined || row.class === 'spot' ? 'spot' : 'continuous';
}

/** A batch as the retention looks at it. */
export interface DueBatch {
  key: number;
  storedAt: Instant;
  firstKey: number;
  lastKey: number;
  /** How many of its observations are kept. */
  rows: number;
}

/** A reading as the retention looks at it: what goes into its rollup, and by what it stays known. */
export interface DueReading extends Rolled {
  key: number;
  batch: number;
  writer: number;
  seq: number;
  part: number;
  /** The device's time. */
  effective: Instant;
  receivedAt: Instant;
  preliminary: number;
}
