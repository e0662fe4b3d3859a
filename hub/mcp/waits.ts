import { randomBytes } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { Principal } from '../access/access.ts';
import type { Proof } from '../access/credentials.ts';
import type { CallContext, Door } from '../access/door.ts';
import type { Fanout } from './fanout.ts';
import type { McpLimits } from './limits.ts';
import { Subscriber } from './subscriber.ts';

/** By what a request proved who sends it, and how it came. */
export interface Waiter {
  proof: Proof;
  context: CallContext;
}

/** The waits of whoever sends one request. */
export interface OwnWaits {
  /** Watches resources of these patients, by the names that the caller has for them. Throws MCP-LIMIT, and as `Door.openSubscription` does. */
  open(principal: Principal, patients: readonly string[], uris: readonly string[]): Promise<Watching>;
  /** Keeps what a caller was told, in the place of what it was told before; gives the name by which it goes on from there. */
  remember(principal: Principal, what: unknown): string;
  /** What a caller was told under this name; undefined when that is not what it was told last, or too long ago. */
  recall(principal: Principal, id: string): unknown;
}

/** A subscription for the time of one call. Disposing ends it, which stands in the evidence. */
export interface Watching extends Disposable {
  /**
   * Resolves with the resources that changed since they were last taken, or with none when `ms` have passed. Rejects with the reason of the signal, and with MCP-WAIT-ENDED
   * when the right to what is watched has ended or become another one.
   */
  changed(ms: number, signal: AbortSignal): Promise<readonly string[]>;
}

/** What a caller was told last, to be gone on from. */
interface Told {
  id: string;
  what: unknown;
  atMs: number;
}

export interface WaitsOptions {
  fanout: Fanout;
  door: Pick<Door, 'openSubscription'>;
  clock: Clock;
  metrics: Metrics;
  limits: McpLimits;
}

/** How long it is remembered what a caller was told. */
const REMEMBERED_MS = 10 * 60_000;

/** Subscriptions that last as long as a call, for callers that cannot subscribe: with the same rights and the same evidence, and one of a caller at a time. */
export class Waits {
  readonly #options: WaitsOptions;
  /** Callers with a wait under way, by tenant and identity. */
  readonly #waiting = new Set<string>();
  readonly #told = new Map<string, Told>();

  constructor(options: WaitsOptions) {
    this.#options = options;
  }

  /** Those of a request; `waiter` is asked when it begins to wait. */
  of(waiter: () => Waiter): OwnWaits {
    return {
      open: (principal, patients, uris) => this.#open({ ...waiter(), principal }, patients, uris),
      remember: (principal, what) => this.#remember(principal, what),
      recall: (principal, id) => this.#recall(principal, id),
    };
  }

  async #open(waiter: Waiter & { principal: Principal }, patients: readonly string[], uris: readonly string[]): Promise<Watching> {
    const { principal, proof, context } = waiter;
    const { fanout, door, clock, metrics, limits } = this.#options;
    const caller = keyOf(principal);
    if (this.#waiting.has(caller)) throw new VitalmeshError('MCP-LIMIT', { detail: 'one wait at a time' });
    this.#waiting.add(caller);
    try {
      fanout.countOpen(principal);
      await door.openSubscription(principal, patients, context);
    } catch (error) {
      this.#waiting.delete(caller);
      throw error;
    }
    const watch = new Watch();
    const subscriber = new Subscriber({
      ...{ principal, proof, context, clock, metrics, limits },
      onEnd: () => {
        this.#waiting.delete(caller);
        fanout.retire(subscriber);
        watch.end();
      },
    });
    fanout.enroll(subscriber);
    // Attached before it watches anything: what is there already is no change.
    subscriber.attach({ ready: true, send: (uri) => watch.note(uri) }, fanout.catchUp(subscriber));
    for (const uri of uris) fanout.watch(subscriber, uri);
    fanout.stillMay(subscriber);
    return {
      changed: (ms, signal) => watch.changed(ms, signal),
      [Symbol.dispose]: () => subscriber.end('closed'),
    };
  }

  #remember(principal: Principal, what: unknown): string {
    const id = randomBytes(6).toString('base64url');
    this.#told.set(keyOf(principal), { id, what, atMs: this.#options.clock.monotonicMs() });
    return id;
  }

  #recall(principal: Principal, id: string): unknown {
    const told = this.#told.get(keyOf(principal));
    return told?.id === id ? told.what : undefined;
  }

  /** Forgets what nobody went on from. */
  sweep(): void {
    const sinceMs = this.#options.clock.monotonicMs() - REMEMBERED_MS;
    for (const [caller, { atMs }] of this.#told) if (atMs <= sinceMs) this.#told.delete(caller);
  }
}

/** Resources that changed, until somebody takes them. */
class Watch {
  readonly #noted = new Set<string>();
  #isOver = false;
  #wake: () => void = () => undefined;

  note(uri: string): void {
    this.#noted.add(uri);
    this.#wake();
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  async changed(ms: number, signal: AbortSignal): Promise<readonly string[]> {
    signal.throwIfAborted();
    if (this.#noted.size === 0 && !this.#isOver) await this.#woken(ms, signal);
    signal.throwIfAborted();
    if (this.#isOver) throw new VitalmeshError('MCP-WAIT-ENDED');
    const noted = [...this.#noted];
    this.#noted.clear();
    return noted;
  }

  #woken(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#wake = () => undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      this.#wake = done;
    });
  }
}

function keyOf({ tenant, id }: Principal): string {
  return `${tenant} ${id}`;
}
