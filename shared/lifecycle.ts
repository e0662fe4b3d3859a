/**
 * A long-lived part of a process. `start` resolves when it works (or throws a VitalmeshError when it cannot); from then on it
 * runs until the signal aborts or it is disposed, and leaves no timer, socket or file open behind it.
 */
export interface Service extends AsyncDisposable {
  readonly name: string;
  start(signal: AbortSignal): Promise<void>;
}

/** Starts services in order; when one fails, those already started are disposed in reverse order and the error is thrown. */
export async function startAll(services: readonly Service[], signal: AbortSignal): Promise<AsyncDisposableStack> {
  await using stack = new AsyncDisposableStack();
  for (const service of services) {
    stack.use(service);
    await service.start(signal);
  }
  return stack.move();
}

/** One Ctrl-C can arrive twice: from the terminal, and from a launcher that passes it on. */
const SAME_SIGNAL_MS = 1000;

/**
 * Aborts on SIGINT or SIGTERM, and with `hangup` when the terminal closes (SIGHUP). A second signal more than a second later ends the
 * process at once (exit code 130).
 */
export function processSignal({ hangup = false }: { hangup?: boolean } = {}): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  const stop = (): void => {
    first ??= performance.now();
    if (performance.now() - first > SAME_SIGNAL_MS) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  if (hangup) process.on('SIGHUP', stop);
  return controller.signal;
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Waits `ms` milliseconds or until the signal aborts, whichever is first; never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Waiting times before reconnecting: full jitter, doubling from `minMs` to `maxMs` (AWS architecture blog, "Exponential Backoff And Jitter"). */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #attempt = 0;

  constructor(minMs: number, maxMs: number, random: () => number = Math.random) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** The next waiting time in milliseconds, never below a tenth of `minMs`. */
  nextMs(): number {
    const ceiling = Math.min(this.#maxMs, this.#minMs * 2 ** Math.min(this.#attempt, 20));
    this.#attempt += 1;
    return Math.max(this.#minMs / 10, this.#random() * ceiling);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
