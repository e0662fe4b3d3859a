import { VitalmeshError } from '../errors.ts';
import type { DialOptions } from './overlay.ts';

export const DIAL_TIMEOUT_MS = 10_000;

/**
 * Runs `work` with a signal that aborts at the time limit (OVERLAY-TIMEOUT), by the caller's own signal, or when the overlay is
 * closed (both OVERLAY-CLOSED). After that the reason is what the caller sees, whatever `work` throws; what it yields is discarded.
 */
export async function limited<T>(
  { signal, timeoutMs = DIAL_TIMEOUT_MS }: DialOptions,
  overlayClosed: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
  discard?: (result: T) => void,
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
    const result = await work(limit.signal);
    if (limit.signal.aborted) discard?.(result);
    limit.signal.throwIfAborted();
    return result;
  } catch (error) {
    throw limit.signal.aborted ? limit.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    overlayClosed.removeEventListener('abort', onClosed);
  }
}

/** Rejects with the signal's reason when it aborts; never settles otherwise. */
export function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Calls `act` when the signal aborts, at once if it has; until the returned object is disposed. */
export function onAbort(signal: AbortSignal, act: () => void): Disposable {
  if (signal.aborted) act();
  else signal.addEventListener('abort', act, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', act) };
}
