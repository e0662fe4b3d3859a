/** How a read that takes longer is with whoever waits for it. */
export interface Course {
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal;
  progress(done: number, total: number): Promise<void>;
}
