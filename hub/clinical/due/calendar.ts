import type { Instant } from '../../../shared/clock.ts';
import { type Expected, keyOf } from './expected.ts';
import { around, type Occurrence } from './schedule.ts';

const MINUTE_MS = 60_000;
/** So many different windows are remembered; a site has some dozens. */
const MOST = 10_000;

interface Around {
  current: Occurrence | null;
  next: Occurrence | null;
}

/** Which occurrence of an expectation is current, found once for all patients of whom the same is expected, until the next one opens. */
export class Calendar {
  readonly #known = new Map<string, Around & { from: Instant; until: Instant }>();

  /** As `around`; one opens with what is tolerated before it. */
  around(expected: Expected, now: Instant): Around {
    const key = keyOf(expected);
    const known = this.#known.get(key);
    if (known && now >= known.from && now < known.until) return known;
    const aheadMs = expected.toleranceMin * MINUTE_MS;
    const found = around(expected.window, expected.zone, now, aheadMs);
    if (this.#known.size >= MOST) this.#known.clear();
    // A clock that was set back is before what was asked.
    this.#known.set(key, { ...found, from: now, until: (found.next?.from ?? now) - aheadMs });
    return found;
  }
}
