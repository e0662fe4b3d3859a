import type { ErrorCode } from '../../../shared/errors.ts';

/** From when on a feed is behind. */
export interface FeedLimits {
  entries: number;
  ms: number;
}

/** How the live feed stands, as `status --json` prints it. */
export interface FeedStatus {
  kind: 'file' | 'syslog';
  to: string;
  /** `standby`: another hub that shares the store feeds. `waiting`: it does not get through, `code` says why. */
  state: 'feeding' | 'waiting' | 'standby';
  code: ErrorCode | null;
  /** AUDIT-FEED-BEHIND, AUDIT-FEED-REWRITTEN. */
  alarms: readonly ErrorCode[];
  /** The last entry that was handed over, and the last that is known to have arrived. */
  sent: number;
  confirmed: number;
  /** The last entry of the evidence. */
  newest: number;
  /** For how long there has been something to be sent without a pause; null while there is nothing. */
  behindMs: number | null;
}

/** One line for people. */
export function formatFeed({ kind, to, state, confirmed, newest, behindMs }: FeedStatus): string {
  if (state === 'standby') return `${kind} ${to}: another hub feeds`;
  const late = behindMs === null ? '' : `, behind for ${Math.round(behindMs / 1000)} s`;
  return `${kind} ${to}: it has entry ${confirmed} of ${newest}${late}`;
}

/** Says how far a feed is behind, by the clock that never jumps. */
export class Behind {
  readonly #limits: FeedLimits;
  #since: number | null = null;
  #entries = 0;

  constructor(limits: FeedLimits) {
    this.#limits = limits;
  }

  /** `newest` and `sent`: numbers of entries. */
  look(newest: number, sent: number, nowMs: number): void {
    this.#entries = Math.max(0, newest - sent);
    if (this.#entries === 0) this.#since = null;
    else this.#since ??= nowMs;
  }

  forMs(nowMs: number): number | null {
    return this.#since === null ? null : nowMs - this.#since;
  }

  isTooFar(nowMs: number): boolean {
    return this.#entries > this.#limits.entries || (this.forMs(nowMs) ?? 0) > this.#limits.ms;
  }
}
