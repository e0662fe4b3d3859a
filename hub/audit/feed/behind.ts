import { type ErrorCode, meaningOf } from '../../../shared/errors.ts';
import { type KnownReceiver, UNNAMED } from './place.ts';
import type { FeedReceiver } from './receiver.ts';

/** From when on a feed is behind. */
export interface FeedLimits {
  entries: number;
  ms: number;
}

/** How the live feed stands, as `status --json` prints it. */
export interface FeedStatus extends Omit<FeedReceiver, 'id'> {
  /** `standby`: another hub that shares the store feeds. `waiting`: it does not get through, `code` says why. */
  state: 'feeding' | 'waiting' | 'standby';
  code: ErrorCode | null;
  /** What exactly: an error of the system, what is wrong with a certificate or a file. */
  detail: string | null;
  /** AUDIT-FEED-BEHIND, AUDIT-FEED-REWRITTEN. */
  alarms: readonly ErrorCode[];
  /** It has nothing up to this entry, because it began behind it; null until the store knows it. */
  began: number | null;
  /** Whom the store knows beside it, and how far each of them is. */
  others: readonly KnownReceiver[];
  /** The last entry that was handed over, and the last that is known to have arrived. */
  sent: number;
  confirmed: number;
  /** The last entry of the evidence. */
  newest: number;
  /** For how long there has been something to be sent without a pause; null while there is nothing. */
  behindMs: number | null;
}

/** The same for people: how far it is, why it waits, what else is wrong, and who was fed before. */
export function feedRows(status: FeedStatus | null): [string, string][] {
  if (status === null) return [];
  const { kind, to, state, code, detail, alarms, newest, behindMs, others } = status;
  const late = behindMs === null ? '' : `, behind for ${Math.round(behindMs / 1000)} s`;
  const far = state === 'standby' ? 'another hub feeds' : `${reached(status)}${late}`;
  const why = code === null ? [] : [detail === null ? meaningOf(code) : `${meaningOf(code)}: ${detail}`];
  return [
    ['Feed to SIEM', `${kind} ${to}: ${far}`],
    ...[...why, ...alarms.map(meaningOf)].map((one): [string, string] => ['', one]),
    ...others.map((one): [string, string] => ['', `not fed now: ${receiverRow(one, newest)}`]),
  ];
}

/** A receiver that the store knows, on one line. */
export function receiverRow(known: KnownReceiver, newest: number): string {
  const name = known.id === UNNAMED ? 'the receiver of before, whose name is not kept' : `${known.kind} ${known.to}`;
  return `${name}: ${known.confirmed > known.began ? `confirmed up to entry ${known.confirmed} of ${newest}` : begins(known.began)}`;
}

function reached({ began, begin, confirmed, newest }: FeedStatus): string {
  if (confirmed > (began ?? 0)) return `confirmed up to entry ${confirmed} of ${newest}`;
  if (began !== null) return begins(began);
  return begin === 'now' ? 'nothing confirmed yet; it begins with what comes from now on' : begins(0);
}

function begins(began: number): string {
  return `nothing confirmed yet; it begins ${began === 0 ? 'with the first entry that is kept' : `behind entry ${began}`}`;
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
