import { onAbort, rejectedBy } from '../limit.ts';

/** Resolves when the first of the signals aborts. */
export async function firstAborted(...signals: readonly AbortSignal[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using watches = new DisposableStack();
  for (const signal of signals) watches.use(onAbort(signal, resolve));
  await promise;
}

/** What the promise comes to, unless the signal aborts before: then its reason is thrown. The work itself goes on for others who wait for it. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return Promise.race([promise, rejectedBy(signal)]);
}

/** Waits `ms` milliseconds or until one of the signals aborts; alone it keeps no process alive. */
export async function idle(ms: number, ...signals: readonly AbortSignal[]): Promise<void> {
  const elapsed = new AbortController();
  const timer = setTimeout(() => elapsed.abort(), ms).unref();
  await firstAborted(elapsed.signal, ...signals);
  clearTimeout(timer);
}

/** A signal that aborts with the first of these, until it is disposed. */
export function anyAborted(...signals: readonly AbortSignal[]): Disposable & { readonly signal: AbortSignal } {
  const first = new AbortController();
  const watches = new DisposableStack();
  for (const signal of signals) watches.use(onAbort(signal, () => first.abort(signal.reason)));
  return { signal: first.signal, [Symbol.dispose]: () => watches.dispose() };
}
