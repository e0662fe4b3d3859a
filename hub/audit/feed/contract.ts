import type { Instant } from '../../../shared/clock.ts';

/** What a SIEM is sent: made anew out of decided fields, so that nothing of a patient can be in it. */
export interface FeedEvent {
  /** `entry`: one of the evidence. `gap`: entries that the store no longer has. `heartbeat`: how far the evidence has come. */
  type: 'entry' | 'gap' | 'heartbeat';
  /** UTC ms; null where an entry does not say it. */
  at: Instant | null;
  level: 'info' | 'notice' | 'warning';
  /** In this order, each name once. Texts are as `visible` makes them, and short enough that all of them fit into a message. */
  fields: readonly (readonly [name: string, value: string | number])[];
}

/** How much may be on its way before it is known to have arrived. */
export interface FeedRound {
  entries: number;
  ms: number;
}

/**
 * Where the evidence goes. One caller, which awaits each call before the next. What was sent since the last `confirm` that resolved is to be sent again after any
 * call that rejected: it may be there, in part, or not. Opens its way when it is needed, and anew after a failure. Errors: AUDIT-FEED-UNREACHABLE, -TLS, -FILE.
 */
export interface FeedSink extends AsyncDisposable {
  readonly round: FeedRound;
  /** Hands events over in their order; resolves once the way has taken them, so whoever is slow holds up nobody but this call. Ends at the abort. */
  send(events: readonly FeedEvent[], signal: AbortSignal): Promise<void>;
  /** Resolves once all that was sent is with the receiver, as far as it can be known from here. */
  confirm(signal: AbortSignal): Promise<void>;
}
