import type { Http2Session } from 'node:http2';
import type { Clock } from '../../shared/clock.ts';

export interface FloodLimits {
  /** PINGs and SETTINGS that a peer may send within `controlPerMs`. */
  controlFrames: number;
  controlPerMs: number;
}

/**
 * Calls `onFlood`, once, when the peer sends more PINGs and SETTINGS than that (RFC 9113 §10.5). Each is answered (§6.5.3, §6.7) and costs the
 * peer a few bytes; HTTP/2 itself bounds only the answers that have not left the session yet, and those wait below it.
 */
export function watchForFlood(session: Http2Session, limits: FloodLimits, clock: Pick<Clock, 'monotonicMs'>, onFlood: () => void): void {
  let since = clock.monotonicMs();
  let frames = 0;
  const count = (): void => {
    const now = clock.monotonicMs();
    if (now - since >= limits.controlPerMs) {
      since = now;
      frames = 0;
    }
    frames += 1;
    if (frames === limits.controlFrames + 1) onFlood();
  };
  session.on('ping', count);
  session.on('remoteSettings', count);
}
