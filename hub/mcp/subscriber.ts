import type { Clock } from '../../shared/clock.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { Principal } from '../access/access.ts';
import type { Proof } from '../access/credentials.ts';
import type { CallContext } from '../access/door.ts';
import { Coalescer, type Note } from './coalescer.ts';
import type { McpLimits } from './limits.ts';

/** Where a subscriber's notifications go; swapped when a reader opens its stream anew. */
export interface Outlet {
  /** False while the reader's buffer is full. */
  readonly ready: boolean;
  send(uri: string, note: Note): void;
}

export type EndReason = 'closed' | 'expired' | 'removed' | 'revoked' | 'changed' | 'stalled' | 'idle' | 'evicted' | 'shutdown';

export interface SubscriberOptions {
  principal: Principal;
  /** By what it was told who it is; asked of again for as long as it lasts. */
  proof: Proof;
  context: CallContext;
  clock: Clock;
  metrics: Metrics;
  limits: McpLimits;
  /** Called once, when it ends by itself or by `end`. */
  onEnd: (reason: EndReason) => void;
}

/**
 * One reader of notifications: what it asked for, what waits to be sent, and how long it has not been reading. Nothing is lost and
 * nothing piles up: a resource is either up to date at the reader or has exactly one notification waiting.
 */
export class Subscriber {
  readonly principal: Principal;
  readonly context: CallContext;
  #proof: Proof;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #limits: McpLimits;
  readonly #onEnd: (reason: EndReason) => void;
  readonly #coalescer: Coalescer;
  /** Notifications sent, by the resource subscribed to. */
  readonly #sent = new Map<string, number>();
  #outlet: Outlet | undefined;
  #dueTimer: NodeJS.Timeout | undefined;
  /** When the timer of what waits goes off, by the monotonic clock. */
  #armedMs = Number.POSITIVE_INFINITY;
  #stallTimer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: SubscriberOptions) {
    this.principal = options.principal;
    this.context = options.context;
    this.#proof = options.proof;
    this.#clock = options.clock;
    this.#metrics = options.metrics;
    this.#limits = options.limits;
    this.#onEnd = options.onEnd;
    this.#coalescer = new Coalescer(options.limits.coalesceMs);
  }

  get proof(): Proof {
    return this.#proof;
  }

  /** The same caller has shown a token again: one that lasts longer is what it goes by from now on. False where it goes by the old one. */
  renew(proof: Proof): boolean {
    if ((proof.token?.expiresAt ?? 0) <= (this.#proof.token?.expiresAt ?? 0)) return false;
    this.#proof = proof;
    return true;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get uris(): IterableIterator<string> {
    return this.#sent.keys();
  }

  get size(): number {
    return this.#sent.size;
  }

  has(uri: string): boolean {
    return this.#sent.has(uri);
  }

  /** `intervalMs`: at most one notification of it in this time; that of the limits unless given. */
  add(uri: string, intervalMs?: number): void {
    if (!this.#sent.has(uri)) this.#sent.set(uri, 0);
    if (intervalMs !== undefined) this.#coalescer.pace(uri, intervalMs);
  }

  /** Returns how many notifications of it were sent. */
  remove(uri: string): number {
    const sent = this.#sent.get(uri) ?? 0;
    this.#sent.delete(uri);
    this.#coalescer.forget(uri);
    return sent;
  }

  /** How many notifications of all resources still subscribed to were sent. */
  get delivered(): number {
    let sum = 0;
    for (const sent of this.#sent.values()) sum += sent;
    return sum;
  }

  /** A reader came (back): every resource gets one notification, because nobody knows what it missed. */
  attach(outlet: Outlet, note: Note): void {
    this.#outlet = outlet;
    this.#unstall();
    for (const uri of this.#sent.keys()) this.notify(uri, { ...note, urgent: true });
  }

  /** The reader has gone; what changes until the next one comes is kept, one notification a resource. */
  detach(outlet: Outlet): void {
    if (this.#outlet !== outlet) return;
    this.#outlet = undefined;
    this.#unstall();
    this.#disarm();
  }

  notify(uri: string, note: Note): void {
    if (this.#ended || !this.#sent.has(uri)) return;
    const nowMs = this.#clock.monotonicMs();
    const dueMs = this.#coalescer.offer(uri, note);
    if (!this.#outlet) return;
    if (!this.#outlet.ready) this.#stall();
    else if (dueMs <= nowMs) this.#send(uri, nowMs);
    else this.#armAt(dueMs, nowMs);
  }

  /** The reader's buffer has room again. */
  drained(): void {
    this.#unstall();
    this.#flush();
  }

  end(reason: EndReason): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#outlet = undefined;
    this.#unstall();
    this.#disarm();
    this.#metrics.count('mcp_coalesced', '', this.#coalescer.replaced);
    this.#metrics.count('mcp_streams_ended', reason);
    this.#onEnd(reason);
  }

  #flush(): void {
    this.#disarm();
    const nowMs = this.#clock.monotonicMs();
    for (const uri of this.#coalescer.due(nowMs)) {
      if (!this.#outlet) return;
      if (!this.#outlet.ready) {
        this.#stall();
        return;
      }
      this.#send(uri, nowMs);
    }
    const nextMs = this.#coalescer.nextDueMs();
    if (nextMs !== undefined) this.#armAt(nextMs, nowMs);
  }

  #send(uri: string, nowMs: number): void {
    const note = this.#coalescer.take(uri, nowMs);
    if (!note || !this.#outlet) return;
    this.#sent.set(uri, (this.#sent.get(uri) ?? 0) + 1);
    this.#metrics.count('mcp_notifications', this.context.channel);
    this.#outlet.send(uri, note);
  }

  #armAt(dueMs: number, nowMs: number): void {
    if (dueMs >= this.#armedMs || this.#ended) return;
    clearTimeout(this.#dueTimer);
    this.#armedMs = dueMs;
    this.#dueTimer = setTimeout(() => this.#flush(), Math.max(1, Math.ceil(dueMs - nowMs)));
  }

  #disarm(): void {
    clearTimeout(this.#dueTimer);
    this.#armedMs = Number.POSITIVE_INFINITY;
  }

  #stall(): void {
    this.#stallTimer ??= setTimeout(() => this.end('stalled'), this.#limits.stallMs);
  }

  #unstall(): void {
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
  }
}
