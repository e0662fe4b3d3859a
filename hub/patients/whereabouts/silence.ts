import type { Instant } from '../../../shared/clock.ts';
import type { Missing, Span } from './course.ts';

/** Since when movements are silent, for an occupant of whom something was said at `saidAt`; infinite where they are not. */
export type SilentSince = (saidAt: Instant) => Instant;

/** After how many milliseconds without a movement of a gateway that tells of them nobody knows any more who lies where; by identity id. */
export type SilenceLimits = ReadonlyMap<string, number>;

const NEVER: SilentSince = () => Number.POSITIVE_INFINITY;

/**
 * Since when movements are silent, from when each gateway's last one happened: by what happened, and not by when it was heard, so that what waited during an outage
 * does not make sure what is still to come. Of several gateways the first to fall silent counts, and one that never told anything does not. Of whom something was
 * said since, as by hand, it is known for as long again.
 */
export function silentSince(lastOf: ReadonlyMap<string, Instant>, limits: SilenceLimits): SilentSince {
  let [since, limit] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const [gateway, ms] of limits) {
    const last = lastOf.get(gateway);
    if (last === undefined) continue;
    since = Math.min(since, last + ms);
    limit = Math.min(limit, ms);
  }
  return since === Number.POSITIVE_INFINITY ? NEVER : (saidAt) => Math.max(since, saidAt + limit);
}

/** The same, but for times that nothing was measured at yet: of two that differ only there, nothing follows for what is stored. */
export function upTo(horizon: Instant, since: SilentSince): SilentSince {
  return (saidAt) => {
    const at = since(saidAt);
    return at > horizon ? Number.POSITIVE_INFINITY : at;
  };
}

const NOTHING: readonly Span[] = [];

/** The time in which movements of an occupant are silent. */
export function missingBySilence(since: SilentSince): Missing {
  return ({ saidAt }) => {
    const from = since(saidAt);
    return from === Number.POSITIVE_INFINITY ? NOTHING : [{ from, to: Number.POSITIVE_INFINITY }];
  };
}
