import type { Instant } from '../../../shared/clock.ts';
import { MAX_AHEAD_MS } from '../../../shared/sort-time.ts';
import type { UnknownStretch } from '../../registry/bindings.ts';
import { BY_HAND } from '../by-hand.ts';
import type { PersonFacts, Span } from './course.ts';

/** Of what a store that was put back lost the movements; the same object while it is the same. */
export interface Losses {
  /** Every stretch of any bed. */
  all: readonly UnknownStretch[];
  /** Of a bed: the stretches that not everybody who speaks for it confirmed since; oldest first. */
  of(bed: string): readonly UnknownStretch[];
  /** Gateways that are listed to tell of movements. */
  tellers: ReadonlySet<string>;
  /** The same as if nobody had ever confirmed anything; left out where it is the same. */
  ever?: Losses;
}

export const NO_LOSSES: Losses = { all: [], of: () => [], tellers: new Set() };

/** When each gateway heard the movements that it told, by the numbers of its rows. */
export interface Heard {
  rowsOf(gateway: string): Iterable<readonly [row: number, heard: Instant]>;
  heardAt(gateway: string, row: number): Instant | undefined;
}

/**
 * Until when every movement of a lost stretch came again, by when gateways heard them: infinite where none is missing, and before the stretch where that cannot be told. A gateway numbers its
 * rows without a gap, so none is missing between two that follow each other; one that tells of more than movements leaves gaps, and somebody has to confirm. Of several gateways all must have told
 * again, but for one that never told anything. Pure.
 */
export function toldAgainUntil({ from, until }: UnknownStretch, tellers: ReadonlySet<string>, heard: Heard): Instant {
  let known: Instant | undefined;
  for (const gateway of tellers) {
    const reached = reachedBy(gateway, { from, until }, heard);
    if (reached !== undefined) known = Math.min(known ?? reached, reached);
  }
  return known ?? from;
}

/** Undefined for a gateway that never told anything. */
function reachedBy(gateway: string, { from, until }: Pick<UnknownStretch, 'from' | 'until'>, heard: Heard): Instant | undefined {
  let [row, hasTold] = [0, false];
  for (const [number, at] of heard.rowsOf(gateway)) {
    hasTold = true;
    if (at <= from) row = Math.max(row, number);
  }
  if (!hasTold) return undefined;
  let reached = from;
  for (let at = heard.heardAt(gateway, row + 1); at !== undefined; at = heard.heardAt(gateway, row + 1)) {
    if (at > until + MAX_AHEAD_MS) return Number.POSITIVE_INFINITY;
    row += 1;
    reached = Math.max(reached, at);
  }
  return reached;
}

/**
 * When it is not known whether somebody still lay where they lay before a loss: from the first movement on that may be missing (`known`), until something was said of them since: by hand, of whatever time
 * that was about, or by a gateway, but of the stretch itself only all of its movements together tell. Undefined where it is known. Pure.
 */
export function lostSpan({ from, found, until }: UnknownStretch, known: Instant, { said }: PersonFacts): Span | undefined {
  if (known === Number.POSITIVE_INFINITY) return undefined;
  const begin = Math.max(from - MAX_AHEAD_MS, known);
  const over = until + MAX_AHEAD_MS;
  let end = Number.POSITIVE_INFINITY;
  for (const { at, heard, by } of said) {
    if (by === BY_HAND) end = heard >= found ? Math.min(end, at) : end;
    else if (heard > over && at >= begin) end = Math.min(end, Math.max(at, over));
  }
  return begin < end ? { from: begin, to: end } : undefined;
}
