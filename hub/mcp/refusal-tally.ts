import { type Clock, formatInstant, type Instant } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { AuditDetail } from '../access/access.ts';
import type { ConcernedRow } from '../access/callers.ts';
import type { CallContext, Door } from '../access/door.ts';

/** One that somebody was refused before anything was decided. */
export interface Refused {
  rows: readonly ConcernedRow[];
  reason: string;
  context: CallContext;
  /** Of what stands in the evidence beside. */
  args?: AuditDetail['args'];
}

export interface RefusalTallyOptions {
  door: Pick<Door, 'turnAway'>;
  clock: Clock;
  log: Logger;
  /** How long alike ones are gathered. */
  windowMs?: number;
}

interface Window {
  startedMs: number;
  /** Of the first that is gathered. */
  since: Instant;
  gathered: number;
  last: Refused;
}

const WINDOW_MS = 60_000;
/** So many windows at once; whoever comes with more closes all of them, which is a commit each. */
const MOST_WINDOWS = 1_024;

/**
 * The evidence of refusals that whoever is refused can cause as fast as it likes. The first of its kind is recorded before it is answered; alike ones are
 * gathered for a minute, and then one entry says how many more there were: exactly, or, where the process was killed, none of that minute.
 */
export class RefusalTally {
  readonly #options: RefusalTallyOptions;
  readonly #windowMs: number;
  readonly #windows = new Map<string, Window>();

  constructor(options: RefusalTallyOptions) {
    this.#options = options;
    this.#windowMs = options.windowMs ?? WINDOW_MS;
  }

  /** Takes in one; resolves with whether it is the first of its kind (`key`) in its minute. Never rejects. */
  async add(key: string, refused: Refused): Promise<boolean> {
    const nowMs = this.#options.clock.monotonicMs();
    const known = this.#windows.get(key);
    if (known && nowMs - known.startedMs < this.#windowMs) {
      this.#gather(known, refused);
      return false;
    }
    if (!known && this.#windows.size >= MOST_WINDOWS) await this.#makeRoom();
    const begun: Window = { startedMs: nowMs, since: this.#options.clock.now(), gathered: 0, last: refused };
    this.#windows.set(key, begun);
    if (known && !(await this.#close(known))) takeOver(begun, known);
    if (!(await this.#record(refused))) this.#gather(begun, refused);
    return true;
  }

  /** Where the store takes nothing either, what was gathered goes into the log: memory is not for whoever is refused to fill. */
  async #makeRoom(): Promise<void> {
    await this.flush();
    if (this.#windows.size < MOST_WINDOWS) return;
    const refusals = [...this.#windows.values()].reduce((sum, { gathered }) => sum + gathered, 0);
    this.#windows.clear();
    this.#options.log.error({ refusals }, 'refusals of callers were not recorded');
  }

  /** Records what was gathered in windows that are over. */
  async sweep(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    const over = [...this.#windows].filter(([, { startedMs }]) => nowMs - startedMs >= this.#windowMs);
    await this.#closeAll(over);
  }

  /** Records everything that was gathered; for the end of the service. */
  async flush(): Promise<void> {
    await this.#closeAll([...this.#windows]);
  }

  /** One that could not be recorded stays for the next time; one of its kind that began meanwhile takes over what it gathered. */
  async #closeAll(windows: readonly [string, Window][]): Promise<void> {
    for (const [key] of windows) this.#windows.delete(key);
    for (const [key, window] of windows) {
      if (await this.#close(window)) continue;
      const next = this.#windows.get(key);
      if (next) takeOver(next, window);
      else this.#windows.set(key, window);
    }
  }

  #gather(window: Window, refused: Refused): void {
    if (window.gathered === 0) window.since = this.#options.clock.now();
    window.gathered += 1;
    window.last = refused;
  }

  async #close({ gathered, since, last }: Window): Promise<boolean> {
    if (gathered === 0) return true;
    return await this.#record({ ...last, args: { ...last.args, more: gathered, since: formatInstant(since) } });
  }

  async #record({ rows, reason, context, args }: Refused): Promise<boolean> {
    const { door, log } = this.#options;
    try {
      await door.turnAway(rows, reason, context, args);
      return true;
    } catch (err) {
      log.error({ err, reason }, 'the refusal of a caller could not be recorded');
      return false;
    }
  }
}

function takeOver(next: Window, { gathered, since }: Window): void {
  next.since = next.gathered === 0 ? since : Math.min(since, next.since);
  next.gathered += gathered;
}
