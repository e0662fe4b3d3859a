import type { Logger } from '../../../log.ts';
import type { Caller } from '../../overlay.ts';

/** How long somebody is turned away who has stopped a channel. */
const REFUSED_MS = 60_000;

/**
 * Identities that did not read what they were sent until a router stopped reading for their sake. Whoever comes back at once would do
 * the same to everybody again. Only who is verified can be told from others, and turned away.
 */
export class DeafCallers {
  readonly #log: Logger;
  /** Until when, in ms of `performance.now`. */
  readonly #until = new Map<string, number>();

  constructor(log: Logger) {
    this.#log = log;
  }

  note({ identityId, verified }: Caller): void {
    this.#forget();
    const caller = verified ? identityId : undefined;
    const known = caller !== undefined && this.#until.has(caller);
    if (caller !== undefined) this.#until.set(caller, performance.now() + REFUSED_MS);
    if (!known)
      this.#log.warn({ caller, refusedMs: caller && REFUSED_MS }, 'a caller does not read what it is sent, and has stopped a channel');
  }

  refuses({ identityId, verified }: Caller): boolean {
    const until = verified && identityId !== undefined ? this.#until.get(identityId) : undefined;
    return until !== undefined && performance.now() < until;
  }

  #forget(): void {
    const now = performance.now();
    for (const [caller, until] of this.#until) if (until <= now) this.#until.delete(caller);
  }
}
