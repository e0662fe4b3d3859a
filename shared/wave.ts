import type { Instant } from './clock.ts';
import type { Flag } from './reading.ts';

/** Of one run: a minute at 500 Hz. */
export const MAX_SAMPLES = 30_000;
/** Characters of a run as text, a blank between samples. */
export const MAX_SAMPLES_TEXT = 256 * 1024;

/** A run of samples of one wave, as a device sent it (OBX-2 NA). */
export interface Wave {
  /** Key of a row of class `waveform` of the parameter table. */
  vital: string;
  /** In the row's unit; null where the device had no sample. */
  samples: readonly (number | null)[];
  /** Milliseconds between two samples. */
  periodMs: number;
  /** Of the first sample, by the device; without it the record's time of receipt counts. */
  effective?: Instant;
  offsetMin?: number;
  flags?: readonly Flag[];
}
