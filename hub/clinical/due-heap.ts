import type { Instant } from '../../shared/clock.ts';

/** Something that is next to be looked at; `due` is undefined while the heap need not hold it. */
export interface Due {
  due: Instant | undefined;
}

/**
 * A binary heap of things by when they are due. One that was put off keeps its old place, which then means nothing: so putting off costs nothing, and `isCrowded` says when such
 * places are most of it and it is to be made anew.
 */
export class DueHeap<T extends Due> {
  readonly #items: { of: T; due: Instant }[] = [];

  isCrowded(live: number): boolean {
    return this.#items.length > 2 * live + 64;
  }

  nextDue(): Instant | undefined {
    return this.#items[0]?.due;
  }

  /** Sets `due` of what is put in. */
  push(of: T, due: Instant): void {
    of.due = due;
    const items = this.#items;
    const item = { of, due };
    let at = items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent];
      if (above === undefined || above.due <= due) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  /** Takes out the first that is due at or before `now`, its `due` then undefined. */
  popUntil(now: Instant): T | undefined {
    for (let top = this.#items[0]; top !== undefined && top.due <= now; top = this.#items[0]) {
      const last = this.#items.pop();
      if (last !== undefined && last !== top) this.#sink(last);
      if (top.of.due !== top.due) continue;
      top.of.due = undefined;
      return top.of;
    }
    return undefined;
  }

  /** Puts an item in the place of the top and lets it sink to its own. */
  #sink(item: { of: T; due: Instant }): void {
    const items = this.#items;
    let at = 0;
    for (;;) {
      const left = items[2 * at + 1];
      const right = items[2 * at + 2];
      const child = right !== undefined && left !== undefined && right.due < left.due ? right : left;
      if (child === undefined || child.due >= item.due) break;
      items[at] = child;
      at = child === left ? 2 * at + 1 : 2 * at + 2;
    }
    items[at] = item;
  }
}
