import type { Clock } from '../../../shared/clock.ts';

/** So many numbers of which nobody has heard a gateway may name at once, and so many more a day: each is kept for good. More than a hospital admits. */
export const NEW_NUMBERS = 2_000;
const DAY_MS = 24 * 3_600_000;

/** How many numbers that are new each gateway of each tenant may still name. In memory alone. */
export class NewNumbers {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #left = new Map<string, { left: number; atMs: number }>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Takes one; false where none is left. */
  take(tenant: string, gateway: string): boolean {
    const key = JSON.stringify([tenant, gateway]);
    const nowMs = this.#clock.monotonicMs();
    const { left, atMs } = this.#left.get(key) ?? { left: NEW_NUMBERS, atMs: nowMs };
    const now = Math.min(NEW_NUMBERS, left + ((nowMs - atMs) * NEW_NUMBERS) / DAY_MS);
    this.#left.set(key, { left: now < 1 ? now : now - 1, atMs: nowMs });
    return now >= 1;
  }
}
