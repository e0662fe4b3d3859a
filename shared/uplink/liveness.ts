import type { Http2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { AwakeLimit } from '../awake-limit.ts';
import { VitalmeshError } from '../errors.ts';
import { machineSleep } from '../waking.ts';

/** An HTTP/2 session with the overlay connection that carries it, TLS in between. */
export interface Carried {
  session: Http2Session;
  raw: Duplex;
}

/** Round trip of a PING in milliseconds (RFC 9113 §6.7), or undefined when none comes back within the limit. */
export function ping(session: Http2Session, limitMs: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const limit = new AwakeLimit(limitMs, () => settle(undefined));
    const gone = (): void => settle(undefined);
    const settle = (durationMs: number | undefined): void => {
      limit[Symbol.dispose]();
      session.off('close', gone);
      resolve(durationMs);
    };
    session.once('close', gone);
    try {
      // A session that is closing, or one with too many PINGs under way, sends none.
      if (!session.ping((error, durationMs) => settle(error ? undefined : durationMs))) settle(undefined);
    } catch {
      settle(undefined);
    }
  });
}

/**
 * Ends a session for certain. `destroy` of Node's session waits for a write that the other end may never take; a session left waiting
 * over TLS crashes the process when it is collected as garbage (~TLSWrap calls into it, Node 24.21). With the connection below it gone, nothing waits.
 */
export function cut({ session, raw }: Carried, reason?: VitalmeshError): void {
  session.destroy(reason);
  raw.destroy();
}

/** Ends a session in order: what is under way is finished, within `limitMs`. Resolves when it is gone. */
export function closeInOrder(carried: Carried, limitMs: number): Promise<void> {
  const { session, raw } = carried;
  if (raw.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => cut(carried), limitMs);
    raw.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    if (!session.destroyed) session.close();
  });
}

export interface KeepAliveOptions {
  /** How long nothing may come before a PING goes out, idle or not. */
  everyMs: number;
  /** The same while `isAwaiting`; no longer than `everyMs`. */
  awaitingEveryMs?: number;
  /** Whether the other side owes an answer. */
  isAwaiting?: () => boolean;
  limitMs: number;
}

/** `everyMs` is counted in so many ticks: so much earlier than it may have to, by a tick at most, a PING goes out. */
const TICKS = 6;

/**
 * Cuts the session with UPLINK-SILENT when a PING stays unanswered, and one that Node has destroyed without getting rid of it. Whatever comes
 * shows as much as an answer, so a PING goes out when nothing has come for a while, and at once after a sleep of the machine.
 * Until its end the timer holds the session, so that it cannot be collected before.
 */
export function keepAlive(carried: Carried, { everyMs, awaitingEveryMs = everyMs, isAwaiting, limitMs }: KeepAliveOptions): void {
  const { session, raw } = carried;
  let asking = false;
  let quietTicks = 0;
  let heard = false;
  const ask = (): void => {
    if (asking) return;
    asking = true;
    void ping(session, limitMs).then((durationMs) => {
      asking = false;
      // A closing session sends no PING; who closes it has a time limit of their own.
      const closing = session.closed && !session.destroyed;
      if (durationMs === undefined && !closing) cut(carried, new VitalmeshError('UPLINK-SILENT'));
    });
  };
  const awaitingTicks = Math.max(1, Math.floor((TICKS * awaitingEveryMs) / everyMs));
  const timer = setInterval(() => {
    // What was heard may be as old as the tick is long.
    quietTicks = heard ? 1 : quietTicks + 1;
    heard = false;
    if (quietTicks >= (isAwaiting?.() ? awaitingTicks : TICKS) || session.destroyed) ask();
  }, everyMs / TICKS);
  const hear = (): void => {
    heard = true;
  };
  raw.on('data', hear);
  const waking = machineSleep.onWake(ask);
  raw.once('close', () => {
    clearInterval(timer);
    waking[Symbol.dispose]();
  });
}
