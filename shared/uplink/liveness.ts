import type { Http2Session } from 'node:http2';
import { VitalmeshError } from '../errors.ts';

/** Round trip of a PING in milliseconds (RFC 9113 §6.7), or undefined when none comes back within the limit. */
export function ping(session: Http2Session, limitMs: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle(undefined), limitMs);
    const gone = (): void => settle(undefined);
    const settle = (durationMs: number | undefined): void => {
      clearTimeout(timer);
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

/** Destroys the session with UPLINK-SILENT when a PING stays unanswered. Ends with the session. */
export function keepAlive(session: Http2Session, { everyMs, limitMs }: { everyMs: number; limitMs: number }): void {
  let asking = false;
  const timer = setInterval(() => {
    if (asking || session.destroyed) return;
    asking = true;
    void ping(session, limitMs).then((durationMs) => {
      asking = false;
      if (durationMs === undefined && !session.destroyed && !session.closed) session.destroy(new VitalmeshError('UPLINK-SILENT'));
    });
  }, everyMs);
  session.once('close', () => clearInterval(timer));
}
