import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import { readKeyFile } from '../../shared/storage/key-file.ts';
import { DamagedFile, filesAside } from '../../shared/storage/set-aside.ts';
import { type AnyRow, DamagedTable } from './damaged-table.ts';
import type { Place } from './places.ts';
import * as sql from './statements.ts';

/** A file that was set aside, as far as it was taken over. */
export interface Inherited {
  id: number;
  name: string;
  at: Instant;
  /** Received when the oldest row that may have waited was; null where nobody knows. */
  oldestAt: Instant | null;
  /** Greatest number that a row of it may have. */
  lastSeq: number;
  /** 1 when rows behind its last one were committed, and are gone with its log. */
  cutOff: number;
  nextSeq: number;
  nextQuarantine: number;
  /** Between which times what cannot be read was received; null when all could be read so far. */
  lostFrom: Instant | null;
  lostTo: Instant | null;
  /** Whose rows may have been in it: a list of `Place` as JSON; null where a version before this one listed it. */
  places: string | null;
}

/** Large tables are taken over later, piece by piece; what may have been sent is all that there was. */
const NOT_AT_ONCE: ReadonlySet<string> = new Set(['rows', 'quarantine', 'sent']);

/** What an opening knew of the file that was set aside. */
export interface Known {
  at: Instant;
  oldestAt: Instant | null;
  highestSeq: number;
  places: readonly Place[];
}

/** Names of files that were set aside and are not in the list of this one; the list of files in the folder is the durable record. */
export function unlisted(database: Database, path: string): string[] {
  const names = filesAside(path);
  if (names.length === 0) return [];
  const known = new Set(
    database
      .prepare<[], { name: string }>(sql.ASIDE_NAMES)
      .all()
      .map(({ name }) => name),
  );
  return names.filter((name) => !known.has(name));
}

/**
 * Lists a file that was set aside, in the transaction that begins the new one, and takes over at once what a row needs to keep its key and
 * a message to be known: everything but the rows. Returns the greatest number that a row of it may have.
 */
export function inherit(database: Database, path: string, keyFile: string, name: string, known: Known): number {
  let last: number | undefined;
  let lastEpoch = 0;
  try {
    using damaged = new DamagedFile(path, name, readKeyFile(keyFile));
    last = lastSeq(damaged, sql.LAST_SEQ);
    lastEpoch = lastSeq(damaged, sql.LAST_EPOCH) ?? 0;
    for (const { name: table } of database.prepare<[], { name: string }>(sql.TABLES).all()) {
      if (!NOT_AT_ONCE.has(table)) copyTable(database, damaged, table);
    }
    // Of which epoch they tell is not known, and a number is given again.
    database.prepare(sql.FORGET_PRUNED).run();
  } catch {
    // Nothing of it can be read; that is told when the rest is to be taken over.
  }
  passEpochs(database, lastEpoch);
  // Behind its last commit that is known of, rows are missing with the log.
  const isCutOff = last === undefined || last < known.highestSeq;
  const highest = Math.max(known.highestSeq, last ?? 0);
  database
    .prepare<[string, Instant, Instant | null, number, number, string]>(sql.ADD_ASIDE)
    .run(name, known.at, known.oldestAt, highest, isCutOff ? 1 : 0, JSON.stringify(known.places));
  return highest;
}

/** Epochs that a damaged file may have begun and that cannot be read; it begins one with each start. */
const EPOCHS_LEFT_OUT = 1_000_000;

/** The new file's epochs get numbers behind all that the damaged one may have given, in the transaction under way. */
function passEpochs(database: Database, damaged: number): void {
  const own = database.prepare<[], { seq: number }>(sql.LAST_EPOCH).get()?.seq ?? 0;
  database.prepare(sql.FORGET_LAST_EPOCH).run();
  database.prepare<[number]>(sql.SET_LAST_EPOCH).run(Math.max(own, damaged) + EPOCHS_LEFT_OUT);
}

/**
 * Numbers of epochs that mean the same in the damaged file and in this one: only a row of such an epoch is known to keep its key. Nothing
 * before a part of the list that cannot be read counts, for a rekey may stand there.
 */
export function epochsKept(database: Database, damaged: DamagedFile): Set<number> {
  const kept = new Set<number>();
  const find = database.prepare<[number], { epoch: string }>(sql.EPOCH_TEXT);
  const table = new DamagedTable(damaged, 'epochs');
  while (!table.over) {
    const { rows, hole } = table.next();
    if (hole) kept.clear();
    for (const { rowid_: id, epoch } of rows) if (find.get(id)?.epoch === epoch) kept.add(id);
  }
  return kept;
}

/**
 * Numbers of the store's epochs that mean the same in both files. This one gives the others anew, for epochs that the hub has told since: what
 * was delivered in one of those is not known any more.
 */
export function storeEpochsKept(database: Database, damaged: DamagedFile): Set<number> {
  const kept = new Set<number>();
  const find = database.prepare<[number], { epoch: string }>(sql.STORE_EPOCH_TEXT);
  try {
    const table = new DamagedTable(damaged, 'store_epochs');
    while (!table.over) for (const { rowid_: id, epoch } of table.next().rows) if (find.get(id)?.epoch === epoch) kept.add(id);
  } catch {
    // A file of an older version has no such table, and told of no epochs.
  }
  return kept;
}

/** A row out of the damaged file as it is in this one: where nobody knows any more in which epoch the hub took it, it waits again under its key. */
export function inKnownEpoch(row: AnyRow, storeEpochs: ReadonlySet<number>, rekeyedId: number): AnyRow {
  const epoch = row.store_epoch ?? null;
  if (epoch === null || storeEpochs.has(Number(epoch))) return row;
  return { ...row, delivered_at: null, store_epoch: null, position: null, pinned: rekeyedId };
}

function lastSeq(damaged: DamagedFile, statement: string): number | undefined {
  try {
    return damaged.all<{ seq: number }>(statement)[0]?.seq ?? 0;
  } catch {
    // That page is damaged, too.
    return undefined;
  }
}

function copyTable(database: Database, damaged: DamagedFile, name: string): void {
  try {
    const table = new DamagedTable(damaged, name);
    while (!table.over) for (const row of table.next().rows) insertAny(database, name, row);
  } catch {
    // A file of an older version has no such table.
  }
}

/** Writes a row as it is, with the columns that both files know; false when one of its number is there. */
export function insertAny(database: Database, table: string, row: AnyRow, without: readonly string[] = []): boolean {
  const columns = columnsOf(database, table).filter((column) => Object.hasOwn(row, column) && !without.includes(column));
  const text = `INSERT OR IGNORE INTO "${table}" (${columns.map((column) => `"${column}"`).join()}) VALUES (${columns.map(() => '?').join()})`;
  return database.prepare<AnyRow[string][]>(text).run(...columns.map((column) => row[column] ?? null)).changes > 0;
}

function columnsOf(database: Database, table: string): string[] {
  return database
    .prepare<[], { name: string }>(`PRAGMA table_info("${table}")`)
    .all()
    .map(({ name }) => name);
}
