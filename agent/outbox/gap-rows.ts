import type { Instant } from '../../shared/clock.ts';
import { decodeRecord } from '../../shared/reading.ts';
import type { Database } from '../../shared/storage/database.ts';
import type { Amounts } from './amounts.ts';
import { type GapRecord, joined, placeOf } from './gaps.ts';
import { newRow } from './rows.ts';
import type { Sent } from './sent.ts';
import * as sql from './statements.ts';

/** A gap that waits, and may grow while it was never sent. */
interface OpenGap {
  seq: number;
  record: GapRecord;
  bytes: number;
}

/** What a commit did to gaps, by place. */
export type GapChanges = ReadonlyMap<string, OpenGap>;

/** Gaps that are open at most; each is of another device, reason or class. */
const MOST_OPEN = 10_000;

/** Gaps as rows: one that joins a gap which waits and was never sent becomes part of it, so that they do not pile up. */
export class GapRows {
  readonly #sent: Sent;
  #open = new Map<string, OpenGap>();
  #opening = 0;

  constructor(sent: Sent) {
    this.#sent = sent;
  }

  /**
   * Writes gaps in the transaction under way, under keys of `epochId`. `came` and `went` are told of the rows' bytes. The result is for
   * `committed`. One caller at a time: what a commit did must be known before the next.
   */
  write(database: Database, gaps: readonly GapRecord[], epochId: number, tally: { came: Amounts; went: Amounts }): GapChanges {
    this.#load(database);
    const changes = new Map<string, OpenGap>();
    for (const gap of gaps) {
      const place = placeOf(gap);
      const open = changes.get(place) ?? this.#open.get(place);
      const one = open && !this.#sent.has(open.seq) ? joined(open.record, gap) : undefined;
      changes.set(place, (open && one && grow(database, open, one, tally)) ?? begin(database, gap, epochId, tally));
    }
    return changes;
  }

  /** After the commit of `write`. */
  committed(changes: GapChanges): void {
    for (const [place, gap] of changes) {
      this.#open.delete(place);
      this.#open.set(place, gap);
    }
    for (const place of this.#open.keys()) {
      if (this.#open.size <= MOST_OPEN) break;
      this.#open.delete(place);
    }
  }

  /** In a transaction that changed gaps in another way: they are read again before the next is written. */
  changed(): void {
    this.#opening = 0;
  }

  /** Once an opening: the newest of each place. */
  #load(database: Database): void {
    if (this.#opening === database.openings) return;
    this.#open = new Map();
    const rows = database.prepare<[number], { seq: number; body: Buffer; clockRun: number | null }>(sql.WAITING_GAPS).all(MOST_OPEN);
    for (const { seq, body, clockRun } of rows.reverse()) {
      const record = gapIn(body, clockRun);
      if (record) this.#open.set(placeOf(record), { seq, record, bytes: body.length });
    }
    this.#opening = database.openings;
  }
}

function begin(database: Database, record: GapRecord, epochId: number, { came }: { came: Amounts }): OpenGap {
  const row = newRow(record);
  const insert = database.prepare<[number, number, Instant, number | null, Buffer]>(sql.APPEND);
  const seq = Number(insert.run(epochId, row.class, row.receivedAt, record.clockRun ?? null, row.body).lastInsertRowid);
  came.add(row.class, row.body.length);
  return { seq, record, bytes: row.body.length };
}

/** Undefined when the row is not there any more. */
function grow(database: Database, open: OpenGap, record: GapRecord, tally: { came: Amounts; went: Amounts }): OpenGap | undefined {
  const row = newRow(record);
  if (database.prepare<[Buffer, number]>(sql.REWRITE).run(row.body, open.seq).changes === 0) return undefined;
  tally.went.add(row.class, open.bytes);
  tally.came.add(row.class, row.body.length);
  return { seq: open.seq, record, bytes: row.body.length };
}

function gapIn(body: Buffer, clockRun: number | null): GapRecord | undefined {
  try {
    const { gap, ...record } = decodeRecord(body);
    return gap && { ...record, gap, clockRun };
  } catch {
    // Whoever hands rows out sets it aside.
    return undefined;
  }
}
