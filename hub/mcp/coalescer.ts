import type { Instant } from '../../shared/clock.ts';

/** What a notification says besides which resource: a hint of how new it is. */
export interface Note {
  /** Version of the feed's change; without it and the time for a reader whose data have no real time. */
  version?: number;
  at?: Instant;
  /** Goes out at once, however short the time since the last one. */
  urgent: boolean;
}

/**
 * Which notifications of one reader are due: the first of a resource at once, then at most one in each interval, the newest
 * replacing those before it. Pure: it is told the time, in milliseconds of a clock that never goes back. Memory is bounded by the
 * resources offered.
 */
export class Coalescer {
  readonly #intervalMs: number;
  readonly #pending = new Map<string, Note>();
  readonly #sentMs = new Map<string, number>();
  /** Of resources with an interval of their own. */
  readonly #paces = new Map<string, number>();
  #replaced = 0;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Gives a resource an interval of its own, until it is forgotten. */
  pace(uri: string, intervalMs: number): void {
    this.#paces.set(uri, intervalMs);
  }

  /** Notes a change and says when it is due; negative infinity for at once. */
  offer(uri: string, note: Note): number {
    const before = this.#pending.get(uri);
    if (before !== undefined) this.#replaced += 1;
    const kept = before?.urgent && !note.urgent ? { ...note, urgent: true } : note;
    this.#pending.set(uri, kept);
    return this.#dueMs(uri, kept);
  }

  /** Takes the one of a resource, due or not, as sent now. */
  take(uri: string, nowMs: number): Note | undefined {
    const note = this.#pending.get(uri);
    if (note === undefined) return undefined;
    this.#pending.delete(uri);
    this.#sentMs.set(uri, nowMs);
    return note;
  }

  /** The resources with a notification due now. */
  due(nowMs: number): string[] {
    return [...this.#pending].filter(([uri, note]) => this.#dueMs(uri, note) <= nowMs).map(([uri]) => uri);
  }

  /** When the next one is due; undefined when nothing waits. */
  nextDueMs(): number | undefined {
    let next: number | undefined;
    for (const [uri, note] of this.#pending) {
      const dueMs = this.#dueMs(uri, note);
      if (next === undefined || dueMs < next) next = dueMs;
    }
    return next;
  }

  forget(uri: string): void {
    this.#pending.delete(uri);
    this.#sentMs.delete(uri);
    this.#paces.delete(uri);
  }

  /** How many notifications were replaced by a newer one before they went out. */
  get replaced(): number {
    return this.#replaced;
  }

  #dueMs(uri: string, note: Note): number {
    if (note.urgent) return Number.NEGATIVE_INFINITY;
    const sentMs = this.#sentMs.get(uri);
    return sentMs === undefined ? Number.NEGATIVE_INFINITY : sentMs + (this.#paces.get(uri) ?? this.#intervalMs);
  }
}
