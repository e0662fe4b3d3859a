import type { Instant } from '../../../shared/clock.ts';

/** What is to be looked at of one vital sign; `Test`: as the engine keeps it, that it is a test. */
export interface ToLookAt<Test> {
  vital: string;
  test: Test;
  since: Instant;
  /** Rows that came; undefined once anything else than coming happened to one. */
  came: Set<number> | undefined;
}

/** Rows of one vital sign and device that were written or changed. */
export interface Touched {
  vital: string;
  device: string;
  keys: ReadonlySet<number>;
}

/** Gathers, while rows of one patient are written or changed, from when on whose readings are is to be looked at again, and which rows what is current may go by. Pure. */
export class ToJudge<Test> {
  readonly #since = new Map<string, ToLookAt<Test>>();
  readonly #touched = new Map<string, Touched & { keys: Set<number> }>();

  /** What is to be looked at, a vital sign each. */
  get since(): Iterable<ToLookAt<Test>> {
    return this.#since.values();
  }

  get touched(): Iterable<Touched> {
    return this.#touched.values();
  }

  /** `came`: the row, where nothing more happened than that it came. */
  lookAt({ vital, test, sortTime, effective }: { vital: string; test: Test; sortTime: Instant; effective: Instant }, came?: number): void {
    const name = JSON.stringify([vital, test]);
    const of = this.#since.get(name) ?? { vital, test, since: sortTime, came: new Set() };
    this.#since.set(name, of);
    // What it takes back, or replaces, is ordered by the time of its device or by its own.
    of.since = Math.min(of.since, sortTime, effective);
    if (came === undefined) of.came = undefined;
    else of.came?.add(came);
  }

  touch({ vital, device }: { vital: string; device: string }, key: number): void {
    const name = JSON.stringify([vital, device]);
    const known = this.#touched.get(name);
    if (known) known.keys.add(key);
    else this.#touched.set(name, { vital, device, keys: new Set([key]) });
  }
}
