/** One row of the error table: what an operator reads, and what they can do. Neither ever holds a patient's data. */
export interface ErrorEntry {
  /** What happened, in one sentence. */
  message: string;
  /** What to do about it. */
  advice: string;
  /** True when the same call may succeed later without anybody changing anything. */
  retryable: boolean;
}
