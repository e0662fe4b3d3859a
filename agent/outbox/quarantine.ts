import type { Instant } from '../../shared/clock.ts';
import { type ErrorCode, isErrorCode, VitalmeshError } from '../../shared/errors.ts';
import { decodeRecord } from '../../shared/reading.ts';
import type { Database } from '../../shared/storage/database.ts';
import { Amounts } from './amounts.ts';
import type { EpochRow } from './epochs.ts';
import type { Origin, QuarantinedContent, QuarantineEntry } from './outbox.ts';
import { classOfNumber, PART_NUMBER, QUARANTINE_KIND } from './schema.ts';
import * as sql from './statements.ts';

/** Of undecodable bytes, this much is kept; the rest of such a part is only counted. */
export const MAX_RAW_BYTES = 64 * 1024;

export interface QuarantineLimits {
  /** Rows that are kept. */
  rows: number;
  /** Undecodable parts that are kept. They have a limit of their own, so that a noisy line cannot push out measurements. */
  parts: number;
}

/** What one step moved: rows or parts taken in, and how many old ones were dropped for them. */
export interface Quarantined {
  taken: Amounts;
  dropped: Amounts;
}

/**
 * Moves pending rows out of the way, in the transaction under way. Rows that are not pending under their key are left alone. `left` is
 * told of what is.
 */
export function quarantineRows(
  database: Database,
  rows: readonly EpochRow[],
  { code, at, left }: { code: ErrorCode; at: Instant; left: Amounts },
  limits: QuarantineLimits,
): Quarantined {
  const find = database.prepare<[number, number, number], { class: number; body: Buffer }>(sql.QUARANTINE_FIND);
  const remove = database.prepare<[number]>(sql.QUARANTINE_REMOVE);
  const insert = database.prepare<[number, Instant, string, string, number, number, number, number, number | null, Buffer]>(
    sql.QUARANTINE_ROW,
  );
  const taken = new Amounts();
  for (const { seq, epochId, writtenFrom, held = null } of rows) {
    const row = find.get(seq, writtenFrom, epochId);
    if (row === undefined) continue;
    insert.run(QUARANTINE_KIND.row, at, code, sourceOf(row.body), row.body.length, seq, epochId, row.class, held, row.body);
    remove.run(seq);
    left.add(row.class, row.body.length);
    taken.add(row.class, row.body.length);
  }
  return { taken, dropped: trim(database, QUARANTINE_KIND.row, limits.rows) };
}

/** The beginning of bytes that could not be decoded; `origin` is JSON. */
export interface QuarantinePart {
  at: Instant;
  source: string;
  code: ErrorCode;
  part: string;
  bytes: number;
  kept: Buffer;
  origin: string | null;
}

/** Keeps bytes that could not be decoded, in the transaction under way. */
export function quarantinePart(database: Database, entry: QuarantinePart, limits: QuarantineLimits): Quarantined {
  database
    .prepare<[number, Instant, string, string, string, number, string | null, Buffer]>(sql.QUARANTINE_PART)
    .run(QUARANTINE_KIND.bytes, entry.at, entry.code, entry.source, entry.part, entry.bytes, entry.origin, entry.kept);
  const taken = new Amounts();
  taken.add(PART_NUMBER, entry.kept.length);
  return { taken, dropped: trim(database, QUARANTINE_KIND.bytes, limits.parts) };
}

interface StoredEntry extends Omit<QuarantineEntry, 'code' | 'class'> {
  code: string;
  class: number | null;
}

/** Entries with an id less than `before`, newest first. */
export function listQuarantined(database: Database, limit: number, before: number): QuarantineEntry[] {
  return database.prepare<[number, number], StoredEntry>(sql.QUARANTINE_LIST).all(before, limit).map(entryOf);
}

/** One entry with its content. */
export function contentOf(database: Database, id: number): QuarantinedContent | undefined {
  const row = database
    .prepare<[number], StoredEntry & { held: number | null; origin: string | null; body: Buffer }>(sql.QUARANTINE_CONTENT)
    .get(id);
  if (!row) return undefined;
  const { held, origin, body, ...entry } = row;
  return {
    ...entryOf(entry),
    body,
    ...(held !== null && { held }),
    ...(origin !== null && { origin: JSON.parse(origin) as Origin }),
  };
}

/** Takes an entry out for ever, in the transaction under way; `origin` as it was kept. Throws OUTBOX-NO-ENTRY. */
export function takeOut(database: Database, id: number): { entry: QuarantineEntry; origin: string | null; taken: Amounts } {
  const row = database.prepare<[number], StoredEntry & { origin: string | null; kept: number }>(sql.QUARANTINE_DROP).get(id);
  if (!row) throw new VitalmeshError('OUTBOX-NO-ENTRY', { detail: `q${id}` });
  const { origin, kept, ...entry } = row;
  return { entry: entryOf(entry), origin, taken: amountsOf([{ class: row.class, kept }]) };
}

function entryOf({ code, class: number, ...row }: StoredEntry): QuarantineEntry {
  return { ...row, code: isErrorCode(code) ? code : 'INTERNAL', class: number === null ? null : (classOfNumber(number) ?? null) };
}

function amountsOf(entries: readonly { class: number | null; kept: number }[]): Amounts {
  const amounts = new Amounts();
  for (const { class: number, kept } of entries) amounts.add(number ?? PART_NUMBER, kept);
  return amounts;
}

/** Drops the oldest entries of a kind beyond `keep`; what they were. */
function trim(database: Database, kind: number, keep: number): Amounts {
  const held = database.prepare<[number], { n: number }>(sql.COUNT_QUARANTINED_KIND).get(kind)?.n ?? 0;
  if (held <= keep) return new Amounts();
  return amountsOf(database.prepare<[number, number], { class: number | null; kept: number }>(sql.QUARANTINE_TRIM).all(kind, held - keep));
}

function sourceOf(body: Buffer): string {
  try {
    return decodeRecord(body).source;
  } catch {
    // A row that cannot be read does not say where it came from.
    return '';
  }
}
