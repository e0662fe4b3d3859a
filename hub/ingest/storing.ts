import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';

/** That the store does not take batches. */
export interface StoreRefusal {
  /** Why, of the last one. */
  code: ErrorCode;
  /** When the first was refused since one was stored; hub's clock. */
  since: Instant;
  /** When the last was. */
  lastAt: Instant;
  /** How many were refused since. */
  batches: number;
}

/**
 * Whether the store takes batches. That it can be read says nothing of it; nor, where it is full, does the small evidence of what was held before, for
 * which there may still be room: that stands until new rows of a batch are on disk.
 */
export class Storing {
  #refusal: StoreRefusal | null = null;
  /** Whether it was full since it last took new rows, whatever it refused batches for after that. */
  #isFull = false;

  /** The store did not take a batch. */
  refused(code: ErrorCode, at: Instant): void {
    this.#isFull ||= code === 'STORAGE-FULL';
    const { since = at, batches = 0 } = this.#refusal ?? {};
    this.#refusal = { code, since, lastAt: at, batches: batches + 1 };
  }

  /** It took one. `isNew`: with rows that it did not hold before. */
  stored(isNew: boolean): void {
    this.#isFull &&= !isNew;
    this.#refusal = this.#isFull && this.#refusal ? { ...this.#refusal, code: 'STORAGE-FULL' } : null;
  }

  /** Null while batches are stored, and before the first. */
  refusal(): StoreRefusal | null {
    return this.#refusal;
  }
}
