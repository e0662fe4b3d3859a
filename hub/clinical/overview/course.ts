/** How a read that takes longer is with whoever waits for it. */
export interface Course {
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal;
  progress(done: number, total: number): Promise<void>;
}

/** For whoever waits to the end, and is not asked how far it is. */
export const UNHURRIED: Course = { signal: new AbortController().signal, progress: async () => undefined };
