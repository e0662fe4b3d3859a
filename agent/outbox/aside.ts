import type { ErrorCode } from '../../shared/errors.ts';
import type { RowKey } from '../../shared/uplink/key.ts';
import { Amounts } from './amounts.ts';
import type { Appends } from './appends.ts';
import { inEpochs } from './epochs.ts';
import type { OutboxFile } from './file.ts';
import type { Found, Origin, QuarantineEntry } from './outbox.ts';
import { MAX_RAW_BYTES, type Quarantined, type QuarantineLimits, quarantinePart, quarantineRows, takeOut } from './quarantine.ts';
import { newRow } from './rows.ts';

/** What goes into quarantine and comes out of it, each in one commit. */
export class Aside {
  readonly #file: OutboxFile;
  readonly #appends: Appends;
  readonly #limits: QuarantineLimits;

  constructor(file: OutboxFile, appends: Appends, limits: QuarantineLimits) {
    this.#file = file;
    this.#appends = appends;
    this.#limits = limits;
  }

  async quarantine(rows: readonly (RowKey & { held?: number })[], code: ErrorCode): Promise<void> {
    if (rows.length === 0) return;
    const { left, ...moved } = await this.#file.write((database) => {
      const amounts = new Amounts();
      const at = this.#file.clock.now();
      return { left: amounts, ...quarantineRows(database, inEpochs(database, rows), { code, at, left: amounts }, this.#limits) };
    }, 2 * rows.length);
    this.#quarantined(moved, code);
    this.#file.changed({ left });
  }

  async quarantineBytes(
    source: string,
    code: ErrorCode,
    part: string,
    raw: Uint8Array,
    origin?: Origin,
    bytes: number = raw.length,
  ): Promise<void> {
    // A copy: the caller may fill its buffer anew before the commit.
    const kept = Buffer.from(raw.subarray(0, MAX_RAW_BYTES));
    const known = origin === undefined ? null : JSON.stringify(origin);
    const entry = { at: this.#file.clock.now(), source, code, part, bytes, kept, origin: known };
    const moved = await this.#file.write((database) => quarantinePart(database, entry, this.#limits));
    this.#quarantined(moved, code);
  }

  async release(id: number, found: Found): Promise<RowKey[]> {
    // When the entry is gone, a sender that brings the same message meanwhile is told as well that nothing was stored.
    return found.message ? await this.#appends.instead(found.message, () => this.#release(id, found)) : await this.#release(id, found);
  }

  async drop(id: number): Promise<QuarantineEntry> {
    const { entry, taken } = await this.#file.write((database) => takeOut(database, id));
    this.#file.metrics.count('outbox_dropped', entry.code);
    this.#file.changed({ unquarantined: taken });
    return entry;
  }

  async #release(id: number, { records, message, rest = [] }: Found): Promise<RowKey[]> {
    const rows = records.map(newRow);
    const { keys, code, moved, out } = await this.#file.write((database) => {
      const { entry, origin, taken: out } = takeOut(database, id);
      const inserted = this.#appends.insert(database, rows, message);
      const put: Quarantined = { taken: new Amounts(), dropped: new Amounts() };
      // When the message was on disk already, so is what could not be read of it.
      for (const { code: why, part, bytes, raw, origin: own } of inserted.length > 0 ? rest : []) {
        const kept = Buffer.from(raw.subarray(0, MAX_RAW_BYTES));
        const known = own ? JSON.stringify(own) : origin;
        const one = { at: entry.at, source: entry.source, code: why, part, bytes, kept, origin: known };
        const { taken, dropped } = quarantinePart(database, one, this.#limits);
        put.taken.plus(taken);
        put.dropped.plus(dropped);
      }
      return { keys: inserted, code: entry.code, moved: put, out };
    }, rows.length + 1);
    this.#appends.appended(keys, rows, message);
    this.#file.metrics.count('outbox_released', code);
    this.#file.changed({ quarantined: moved.taken, unquarantined: out });
    this.#dropped(moved.dropped);
    return keys;
  }

  #quarantined({ taken, dropped }: Quarantined, code: ErrorCode): void {
    this.#file.metrics.count('outbox_quarantined', code, taken.rows);
    this.#file.changed({ quarantined: taken });
    this.#dropped(dropped);
  }

  #dropped(gone: Amounts): void {
    const dropped = gone.rows;
    if (dropped === 0) return;
    this.#file.changed({ unquarantined: gone });
    this.#file.metrics.count('outbox_quarantine_dropped', '', dropped);
    this.#file.log.warn({ dropped }, 'quarantine is full; its oldest entries were dropped');
  }
}
