import { type ErrorCode, meaningOf } from '../../../shared/errors.ts';

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

/** The same for people: how far it is, why it waits, and what else is wrong. */
export function feedRows(status: FeedStatus | null): [string, string][] {
  if (status === null) return [];
  const { kind, to, state, code, alarms, confirmed, newest, behindMs } = status;
  const late = behindMs === null ? '' : `, behind for ${Math.round(behindMs / 1000)} s`;
  const far = state === 'standby' ? 'another hub feeds' : `confirmed up to entry ${confirmed} of ${newest}${late}`;
  return [
    ['Feed to SIEM', `${kind} ${to}: ${far}`],
    ...[...(code === null ? [] : [code]), ...alarms].map((one): [string, string] => ['', meaningOf(one)]),
  ];
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
