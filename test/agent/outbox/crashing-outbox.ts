import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Outbox } from '../../../agent/outbox/outbox.ts';
import { openOutbox } from '../../../agent/outbox/sqlite.ts';
import { systemClock } from '../../../shared/clock.ts';
import { asVitalmeshError } from '../../../shared/errors.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { CrashFolder, setFull } from '../../support/crash.ts';

/** What the runs came upon: faults that were never met prove nothing. */
export interface Met {
  refused: number;
  crashes: number;
  /** Unanswered work that was found done after a crash, and that was found undone. */
  done: number;
  undone: number;
  /** Rows that waited again because the hub had lost them. */
  returned: number;
  /** Values that were given up for want of room, in one outbox at most. */
  given: number;
}

export const nothingMet = (): Met => ({ refused: 0, crashes: 0, done: 0, undone: 0, returned: 0, given: 0 });

/** The real one, in a process that can die. */
export class CrashingOutbox implements AsyncDisposable {
  outbox: Outbox;
  full = false;
  /** How often it said that the disk was full, and how often a process died in the middle of something. */
  readonly met: Met;
  readonly #folder: CrashFolder;
  readonly #metrics = new Metrics();
  readonly #dead: Outbox[] = [];

  readonly #maxBytes: number | undefined;

  private constructor(folder: CrashFolder, outbox: Outbox, met: Met, maxBytes: number | undefined) {
    [this.#folder, this.outbox, this.met, this.#maxBytes] = [folder, outbox, met, maxBytes];
  }

  /** Of at most so many bytes, where that is said. */
  static async create(met: Met, maxBytes?: number): Promise<CrashingOutbox> {
    const folder = new CrashFolder();
    // One of no length spares the writing of megabytes an outbox.
    mkdirSync(join(folder.path, 'outbox'));
    writeFileSync(join(folder.path, 'outbox', 'outbox.db.reserve'), '');
    return new CrashingOutbox(folder, await openIn(folder, new Metrics(), maxBytes), met, maxBytes);
  }

  setFull(full: boolean): void {
    setFull(join(this.#folder.path, 'outbox', 'outbox.db'), full);
    this.full = full;
  }

  async reopen(): Promise<void> {
    await this.outbox[Symbol.asyncDispose]();
    await this.#open();
  }

  /** The process dies after so many turns of the event loop. */
  async crash(turns: number): Promise<void> {
    for (let i = 0; i < turns; i += 1) await turn();
    this.#dead.push(this.outbox);
    this.#folder.crash();
    await this.#open();
  }

  async #open(): Promise<void> {
    this.outbox = await openIn(this.#folder, this.#metrics, this.#maxBytes);
    this.full = false;
    assert.equal(this.#metrics.get('outbox_rows_lost'), 0, 'told of lost rows');
  }

  /** Whether it was done. Only a full disk, or a limit that is reached, is a reason not to do it. */
  async done<T>(work: Promise<T>): Promise<{ value: T } | undefined> {
    try {
      return { value: await work };
    } catch (thrown) {
      const { code } = asVitalmeshError(thrown);
      assert.ok((code === 'STORAGE-FULL' && this.full) || (code === 'OUTBOX-FULL' && this.#maxBytes !== undefined), code);
      this.met.refused += 1;
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const outbox of [...this.#dead, this.outbox]) await outbox[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

function openIn(folder: CrashFolder, metrics: Metrics, maxBytes: number | undefined): Promise<Outbox> {
  const [path, keyFile] = [join(folder.path, 'outbox', 'outbox.db'), join(folder.path, 'outbox.key')];
  return openOutbox({
    path,
    keyFile,
    clock: systemClock,
    log: silentLogger,
    metrics,
    ...(maxBytes !== undefined && { limits: { maxBytes } }),
  });
}
