import { VitalmeshError } from '../errors.ts';
import type { DialOptions } from './overlay.ts';

export const DIAL_TIMEOUT_MS = 10_000;

/**
 * Runs `work` with a signal that aborts at the time limit (OVERLAY-TIMEOUT), by the caller's own signal, or when the overlay is
 * closed (both OVERLAY-CLOSED); the error is the signal's reason. Whatever `work` throws after that, the reason is what the caller sees.
 */
export async function limited<T>(
  { signal, timeoutMs = DIAL_TIMEOUT_MS }: DialOptions,
  overlayClosed: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const onAbort = (): void => limit.abort(new VitalmeshError('OVERLAY-CLOSED', { cause: signal?.reason, detail: 'the caller gave up' }));
  const onClosed = (): void => limit.abort(new VitalmeshError('OVERLAY-CLOSED'));
  const timer = setTimeout(() => limit.abort(new VitalmeshError('OVERLAY-TIMEOUT', { detail: `${timeoutMs} ms` })), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  overlayClosed.addEventListener('abort', onClosed, { once: true });
  try {
    if (overlayClosed.aborted) onClosed();
    else if (signal?.aborted) onAbort();
    limit.signal.throwIfAborted();
    return await work(limit.signal);
  } catch (error) {
    throw limit.signal.aborted ? limit.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    overlayClosed.removeEventListener('abort', onClosed);
  }
}
