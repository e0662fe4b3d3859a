import type { Clock } from '../../shared/clock.ts';
import type { VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';

/** `reason` is why it went, if not in order. */
type Event = { is: 'connected' } | { is: 'disconnected'; reason: VitalmeshError | undefined };

/** Of one gateway, from its first line in a while on. */
interface Window {
  sinceMs: number;
  lines: number;
  /** What has happened last of what was not told, and how often something has. */
  untold: { last: Event; events: number } | undefined;
  timer: NodeJS.Timeout | undefined;
}

const WINDOW_MS = 60_000;
const LINES = 4;
/** Beyond that many gateways, those of which nothing is to be told any more are forgotten. */
const KEPT = 1024;

/**
 * Tells the log that gateways connect and disconnect. One whose line flaps gets four lines a minute; the rest is counted, and at the end
 * of the minute told in one line with how it is then, so that the last line of a gateway is always true.
 */
export class Comings implements Disposable {
  readonly #log: Logger;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #windows = new Map<string, Window>();

  constructor(log: Logger, clock: Pick<Clock, 'monotonicMs'>) {
    this.#log = log;
    this.#clock = clock;
  }

  connected(gateway: string): void {
    this.#note(gateway, { is: 'connected' });
  }

  disconnected(gateway: string, reason: VitalmeshError | undefined): void {
    this.#note(gateway, { is: 'disconnected', reason });
  }

  /** Tells at once what was to be told later. */
  [Symbol.dispose](): void {
    for (const [gateway, { timer, untold }] of this.#windows) {
      clearTimeout(timer);
      if (untold) this.#tell(gateway, untold.last, untold.events);
    }
    this.#windows.clear();
  }

  #note(gateway: string, event: Event): void {
    const window = this.#windowOf(gateway);
    if (window.lines < LINES) {
      window.lines += 1;
      this.#tell(gateway, event, 1);
      return;
    }
    window.untold = { last: event, events: (window.untold?.events ?? 0) + 1 };
    window.timer ??= setTimeout(() => this.#endWindow(gateway, window), window.sinceMs + WINDOW_MS - this.#clock.monotonicMs()).unref();
  }

  #windowOf(gateway: string): Window {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#windows.get(gateway);
    if (known && (known.timer || nowMs - known.sinceMs < WINDOW_MS)) return known;
    if (this.#windows.size >= KEPT) this.#forgetOld(nowMs);
    const window: Window = { sinceMs: nowMs, lines: 0, untold: undefined, timer: undefined };
    this.#windows.set(gateway, window);
    return window;
  }

  /** The line at its end is the first of the next one. */
  #endWindow(gateway: string, { untold }: Window): void {
    this.#windows.set(gateway, { sinceMs: this.#clock.monotonicMs(), lines: 1, untold: undefined, timer: undefined });
    if (untold) this.#tell(gateway, untold.last, untold.events);
  }

  #tell(gateway: string, event: Event, events: number): void {
    const fields = { gateway, ...(events > 1 && { leftOut: events - 1 }) };
    if (event.is === 'connected') this.#log.info(fields, 'uplink connected');
    else this.#log.info({ ...fields, err: event.reason }, 'uplink disconnected');
  }

  #forgetOld(nowMs: number): void {
    for (const [gateway, { timer, sinceMs }] of this.#windows) if (!timer && nowMs - sinceMs >= WINDOW_MS) this.#windows.delete(gateway);
  }
}
