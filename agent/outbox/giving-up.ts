import type { Instant } from '../../shared/clock.ts';
import type { GapReason } from '../../shared/gap.ts';
import { decodeRecord, type ReadingRecord } from '../../shared/reading.ts';
import type { Database } from '../../shared/storage/database.ts';
import { Amounts } from './amounts.ts';
import type { OutboxFile } from './file.ts';
import type { GapRows } from './gap-rows.ts';
import { collected, type GapRecord, gapOf, goneOf, goneReadings } from './gaps.ts';
import { newRow } from './rows.ts';
import { PART_NUMBER } from './schema.ts';
import type { Sent } from './sent.ts';
import * as sql from './statements.ts';
import type { ThinnedRow } from './thinning.ts';

/** What one commit gave up. */
export interface GivenUp {
  rows: number;
  values: number;
  /** Entries of quarantine, whether or not a gap could be told of each. */
  quarantined: number;
}

interface Losses {
  gaps: GapRecord[];
  came: Amounts;
  went: Amounts;
  /** What went from quarantine. */
  unquarantined: Amounts;
}

/** Gives up rows that wait, each time in one commit with the gaps that tell of it. */
export class GivingUp {
  readonly #file: OutboxFile;
  readonly #sent: Sent;
  readonly #gaps: GapRows;

  constructor(file: OutboxFile, sent: Sent, gaps: GapRows) {
    this.#file = file;
    this.#sent = sent;
    this.#gaps = gaps;
  }

  /**
   * Rows go as a whole. Those that were delivered meanwhile, or cannot be read, are left alone; unless `evenSent`, those that were handed out
   * since they were chosen as well: the hub may hold them.
   */
  drop(seqs: readonly number[], reason: GapReason, evenSent: boolean): Promise<GivenUp> {
    return this.#commit(seqs.length, reason, (database, losses) => {
      const at = this.#file.clock.now();
      for (const seq of seqs) {
        if (!evenSent && this.#sent.has(seq)) continue;
        const row = database.prepare<[number], { class: number; body: Buffer; clockRun: number | null }>(sql.WAITING_BODY).get(seq);
        const record = row && readable(row.body);
        if (!row || !record) continue;
        database.prepare<[number]>(sql.GIVE_UP).run(seq);
        losses.went.add(row.class, row.body.length);
        losses.gaps.push({ ...gapOf(record, reason, goneOf(record), at), clockRun: row.clockRun });
      }
    });
  }

  /**
   * The oldest entries of one class go from quarantine, `number` as in its counts: with a gap where it can be read, for they were measured and
   * will not arrive. A gap that was refused is not told again.
   */
  dropQuarantined(number: number, most: number): Promise<GivenUp> {
    return this.#commit(most, 'space', (database, losses) => {
      const at = this.#file.clock.now();
      const remove = database.prepare<[number | null, number], { class: number | null; body: Buffer }>(sql.QUARANTINE_GIVE_UP);
      for (const { class: rowClass, body } of remove.all(number === PART_NUMBER ? null : number, most)) {
        losses.unquarantined.add(number, body.length);
        const record = rowClass === null ? undefined : readable(body);
        if (record && record.class !== 'gap') losses.gaps.push(gapOf(record, 'space', goneOf(record), at));
      }
    });
  }

  /** Some readings of rows go. Rows that were handed out since they were read are left alone: the hub may hold them as they are. */
  thin(rows: readonly ThinnedRow[]): Promise<GivenUp> {
    return this.#commit(rows.length, 'thinned', (database, losses) => {
      const at = this.#file.clock.now();
      for (const row of rows) if (!this.#sent.has(row.seq)) thinOne(database, row, at, losses);
    });
  }

  /** What is given up frees space: on a full disk the reserve is there for it. */
  async #commit(rows: number, reason: GapReason, work: (database: Database, losses: Losses) => void): Promise<GivenUp> {
    const { losses, changes } = await this.#file.writeOnReserve((database) => {
      const found: Losses = { gaps: [], came: new Amounts(), went: new Amounts(), unquarantined: new Amounts() };
      work(database, found);
      this.#file.enter(database);
      const written = this.#gaps.write(database, collected(found.gaps), this.#file.epoch.id, found);
      this.#file.placed(database, written.values());
      return { losses: found, changes: written };
    }, rows);
    this.#gaps.committed(changes);
    this.#file.told();
    for (const { seq } of changes.values()) this.#file.reached(seq);
    this.#file.changed({ came: losses.came, left: losses.went, unquarantined: losses.unquarantined });
    const quarantined = losses.unquarantined.rows;
    if (quarantined > 0) this.#file.metrics.count('outbox_quarantine_dropped', '', quarantined);
    const given = { quarantined, rows: losses.gaps.length, values: losses.gaps.reduce((sum, { gap }) => sum + gap.values, 0) };
    for (const { gap } of losses.gaps) {
      this.#file.metrics.count('outbox_given_up_rows', `${reason}/${gap.lost}`);
      this.#file.metrics.count('outbox_given_up_values', `${reason}/${gap.lost}`, gap.values);
    }
    return given;
  }
}

function thinOne(database: Database, { seq, record, keep, gone }: ThinnedRow, at: Instant, losses: Losses): void {
  const row = database.prepare<[number], { class: number; body: Buffer; clockRun: number | null }>(sql.WAITING_BODY).get(seq);
  if (!row) return;
  losses.went.add(row.class, row.body.length);
  losses.gaps.push({ ...gapOf(record, 'thinned', goneReadings(record, gone), at), clockRun: row.clockRun });
  if (keep.length === 0) {
    database.prepare<[number]>(sql.GIVE_UP).run(seq);
    return;
  }
  const { body } = newRow({ ...record, readings: keep });
  database.prepare<[Buffer, number]>(sql.REWRITE).run(body, seq);
  losses.came.add(row.class, body.length);
}

export function readable(body: Buffer): ReadingRecord | undefined {
  try {
    return decodeRecord(body);
  } catch {
    // Whoever hands rows out sets it aside.
    return undefined;
  }
}
