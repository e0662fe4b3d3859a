import type { Http2Session, Settings } from 'node:http2';
import { asVitalmeshError, VitalmeshError } from '../errors.ts';
import { UPLINK_WINDOWS } from './protocol.ts';

/** HTTP/2 settings of both sides (RFC 9113 §6.5.2). */
export const UPLINK_SETTINGS: Settings = { enablePush: false, initialWindowSize: UPLINK_WINDOWS.streamBytes };

/** Opens the session's window to what both sides agreed on; the default of 64 KiB doubles the time of a full batch. */
export function widenWindow(session: Http2Session): void {
  session.setLocalWindowSize(UPLINK_WINDOWS.sessionBytes);
}

/** Why a session or a stream of one ended: a broken protocol is told from a connection that was cut. */
export function sessionError(thrown: unknown): VitalmeshError {
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ERR_HTTP2_ERROR') return new VitalmeshError('UPLINK-REQUEST', { cause: thrown, detail: 'not HTTP/2' });
  return asVitalmeshError(thrown ?? new VitalmeshError('OVERLAY-CLOSED'), 'OVERLAY-CLOSED');
}
