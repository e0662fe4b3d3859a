import type { Instant } from '../../../shared/clock.ts';
import type { Source } from './source.ts';

/** One time in which nothing was heard of a source, for longer than its limit. UTC ms. */
export interface Loss {
  /** When it was last heard; `SINCE_EVER` where the hub does not know, as of a gateway before the hub began. */
  from: Instant;
  backAt: Instant;
}

/** The losses of one device or gateway that are over, in order of time. */
export interface Losses extends Pick<Source, 'kind' | 'id'> {
  losses: readonly Loss[];
}

export const SINCE_EVER = Number.NEGATIVE_INFINITY;

/** Most losses that are remembered of one source. */
const MOST_LOSSES = 8;

/** With one more loss. The two oldest of too many count as one: what was told between them is as doubtful as what was told before. Pure. */
export function withLoss(losses: readonly Loss[], loss: Loss): readonly Loss[] {
  const all = [...losses, loss];
  const [first, second, ...others] = all;
  if (all.length <= MOST_LOSSES || first === undefined || second === undefined) return all;
  return [{ from: first.from, backAt: second.backAt }, ...others];
}
