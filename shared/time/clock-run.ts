import type { Instant } from '../clock.ts';

/**
 * A run of a clock that nobody has confirmed: counted from a floor, or a machine's own before anybody said that it is right. Times that it
 * gave lie as far from each other as they should; how far they lie from the true ones is known once the time is. With the boot it says of
 * each of them how long after the start of the machine it was: `at - origin`.
 */
export interface ClockRun {
  /** Which start of the machine it is of. */
  boot: string;
  /** What it would have shown when the machine started. */
  origin: Instant;
  /** The first time that it gave. */
  from: Instant;
  /** It surely is wrong, so that nothing stamped by it is sent before the time is known. */
  held: boolean;
}

/** The true time, as far as it is known now, by which what runs gave is put right. */
export interface KnownTime {
  boot: string;
  /** The true time at which the machine started. */
  origin: Instant;
  /** How long ago that is, in milliseconds. */
  sinceBootMs: number;
  /** Somebody said so; else the machine's clock shows a time that can be, and no more is known. */
  sure: boolean;
  /** No more will come to be known: somebody said so, or who could have told was heard and is not believed. Until then nothing is decided by it. */
  settled: boolean;
  /** The machine's clock showed a time that could be, and was wrong: what it showed in earlier boots is in doubt as well. */
  wasPlausible: boolean;
  /** The machine is one that may have stood still without knowing it, so that what came before may have come earlier than its count says. */
  mayHaveStoodStill?: true;
}
