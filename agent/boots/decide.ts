import type { Instant } from '../../shared/clock.ts';
import { MAX_AHEAD_MS } from '../../shared/sort-time.ts';
import type { ClockRun, KnownTime } from '../../shared/time/clock-run.ts';

/** A run of which rows wait. */
export interface WaitingRun extends ClockRun {
  /** The newest time of its rows; undefined when there are none left. */
  last: Instant | undefined;
}

/** What becomes of a run's rows: they were received so much later than they say, and nobody knows it for sure where they are in doubt. */
export interface Decision {
  shift: number;
  inDoubt: boolean;
  /** Of what is in doubt: they surely were received no earlier than that. */
  notEarlier?: true;
}

/** Nothing is to be changed. */
export const AS_IT_IS: Decision = { shift: 0, inDoubt: false };

/** As far as times since the start of a machine may be wrong: they are counted in hundredths of a second, and a clock's wheel is not even. */
const EVEN_MS = 1000;

/**
 * What becomes of runs of clocks, in the order in which they were, now that the time is known. Of this boot, they are put right to the
 * millisecond; a machine's own clock that was near enough is left as it was. A boot that ended without the time can be bounded alone: after
 * the last known time before it, from which it was counted, and before this boot began. Those are taken for as early as they can have been,
 * behind each other: what is taken for older than it is can pass for nobody's present state. Undefined where it is too early to say: a machine's
 * clock that only shows a time that can be may be set again before anybody tells the time, and nothing can be sent before that anyhow.
 * Where the machine may have stood still without its count knowing it, what seems to have come later than it says may as well have come as it says, or anywhen between.
 */
export function decide(runs: readonly WaitingRun[], known: KnownTime): (Decision | undefined)[] {
  if (!known.settled) return runs.map(() => undefined);
  let after: Instant = Number.NEGATIVE_INFINITY;
  return runs.map((run) => {
    if (isOfBoot(run, known)) return putRight(run, known);
    if (!run.held) return known.sure ? { shift: 0, inDoubt: known.wasPlausible } : undefined;
    const last = run.last ?? run.from;
    const earliest = Math.max(0, after - run.from);
    const shift = Math.min(earliest, known.origin - last);
    after = Math.max(after, last + shift);
    // Where the next boot began before that, what was known before was wrong.
    return shift === earliest ? { shift, inDoubt: true, notEarlier: true } : { shift, inDoubt: true };
  });
}

function putRight({ held, origin }: ClockRun, { sure, mayHaveStoodStill, origin: known }: KnownTime): Decision | undefined {
  const shift = known - origin;
  if (!held && Math.abs(shift) <= MAX_AHEAD_MS) return sure ? AS_IT_IS : undefined;
  if (mayHaveStoodStill && shift > 0) return { shift: held ? shift : 0, inDoubt: true };
  return { shift, inDoubt: !sure };
}

/** A container may be given the machine's boot id and a count of its own: a run of this boot gave no time that is still to come. */
function isOfBoot({ boot, origin, last }: WaitingRun, known: KnownTime): boolean {
  return boot === known.boot && (last === undefined || last - origin <= known.sinceBootMs + EVEN_MS);
}
