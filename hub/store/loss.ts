import type { Instant } from '../../shared/clock.ts';
import { heldThrough, type Lineage, type StorePosition } from '../../shared/uplink/lineage.ts';

/** That the data went back, and to which position. */
export interface Loss {
  to: number;
  /** False where nothing that was told says to which of the store's beginnings it went back: then to the first. */
  isCertain: boolean;
}

/**
 * What a store with this lineage, all of it, has lost of what it told of before: `told` are positions of commits, in the order in which their epochs
 * were met. An epoch that the lineage does not name was led by another copy of the data, and parted from this one where the last epoch ended
 * that both know. The present epoch says nothing: nobody else can have led it. Undefined where nothing is missing. Pure.
 */
export function lossIn(lineage: Lineage, told: readonly StorePosition[]): Loss | undefined {
  const { epochs } = lineage;
  let common = -1;
  let loss: Loss | undefined;
  for (const { epoch, position } of told) {
    const at = epochs.findIndex((known) => known.epoch === epoch);
    if (at === epochs.length - 1) continue;
    if (at >= 0) common = Math.max(common, at);
    const held = heldThrough(lineage, epoch);
    if (at >= 0 && position <= held) continue;
    const found = at >= 0 ? { to: held, isCertain: true } : { to: epochs[Math.max(common, 0) + 1]?.from ?? 0, isCertain: common >= 0 };
    if (loss === undefined || found.to < loss.to) loss = found;
  }
  return loss;
}

/** Whether the sender of a batch was told of another epoch than the present: what of it is stored, and whose it is, is first to be asked. */
export function isOutdated({ epoch: told }: { epoch?: string }, { epoch }: Pick<StorePosition, 'epoch'>): boolean {
  return told !== undefined && told !== epoch;
}

/** Evidence of the commit that a loss went back to, and the next in the present life; undefined where there is none. */
export interface LossTimes {
  at: Instant | undefined;
  next: Instant | undefined;
}

/**
 * The beginning of the stretch of which no binding is known after a loss, or undefined where one of `starts` is of the same loss: made by a restore,
 * or when it was noticed first. Never 0, which is all that was before the store.
 */
export function lossBegins({ at = 1, next = Number.POSITIVE_INFINITY }: LossTimes, starts: readonly Instant[]): Instant | undefined {
  return starts.some((start) => start >= at && start <= next) ? undefined : at;
}
