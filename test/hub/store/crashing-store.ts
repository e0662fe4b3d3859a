import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import type { Store } from '../../../hub/store/store.ts';
import { asVitalmeshError } from '../../../shared/errors.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { CrashFolder, setFull } from '../../support/crash.ts';

/** What the runs came upon: faults that were never met prove nothing. */
export interface Met {
  refused: number;
  crashes: number;
  /** Batches that were found stored after a crash without having been answered, and those that were found not stored. */
  done: number;
  undone: number;
  /** Rows and events that the retention removed, and minutes that became hours. */
  removed: number;
  thinned: number;
  /** Retentions in which the process died, and while the disk was full. */
  retentionsCut: number;
  retentionsFull: number;
}

export const nothingMet = (): Met => ({
  refused: 0,
  crashes: 0,
  done: 0,
  undone: 0,
  removed: 0,
  thinned: 0,
  retentionsCut: 0,
  retentionsFull: 0,
});

/** The real store, in a process that can die. */
export class CrashingStore implements AsyncDisposable {
  store: Store;
  readonly met: Met;
  readonly #key = randomBytes(32);
  readonly #folder = new CrashFolder();
  readonly #dead: Store[] = [];
  #full = false;

  constructor(met: Met) {
    this.met = met;
    this.store = this.#open();
  }

  setFull(full: boolean): void {
    setFull(this.#path, full);
    this.#full = full;
  }

  /** Reads are written down as well, so they need room. */
  async withRoom<T>(work: () => Promise<T>): Promise<T> {
    const full = this.#full;
    if (full) this.setFull(false);
    const result = await work();
    if (full) this.setFull(true);
    return result;
  }

  async reopen(): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    this.store = this.#open();
  }

  /** The process dies after so many turns of the event loop. */
  async crash(turns: number): Promise<void> {
    for (let i = 0; i < turns; i += 1) await turn();
    this.met.crashes += 1;
    this.#dead.push(this.store);
    this.#folder.crash();
    const { storeId } = this.store;
    this.store = this.#open();
    assert.equal(this.store.storeId, storeId);
  }

  /** Whether it was done. Only a full disk is a reason not to do it. */
  async done<T>(work: Promise<T>): Promise<{ value: T } | undefined> {
    try {
      return { value: await work };
    } catch (thrown) {
      assert.deepEqual([asVitalmeshError(thrown).code, this.#full], ['STORAGE-FULL', true]);
      this.met.refused += 1;
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of [...this.#dead, this.store]) await store[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }

  get #path(): string {
    return join(this.#folder.path, 'hub.db');
  }

  #open(): Store {
    this.#full = false;
    return openSqliteStore({ path: this.#path, key: this.#key, metrics: new Metrics() });
  }
}
