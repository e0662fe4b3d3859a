import { hash } from 'node:crypto';
import type { Instant } from '../../shared/clock.ts';
import { encodeRecord } from '../../shared/reading.ts';
import type { Database } from '../../shared/storage/database.ts';
import { Amounts } from './amounts.ts';
import { type GapRecord, gapOf, goneOf, joined, placeOf } from './gaps.ts';
import { readable } from './giving-up.ts';
import * as sql from './statements.ts';

/** How many stretches are remembered; of ten devices that send all the time, three months. The oldest go first. */
const MOST_STRETCHES = 20_000;

/** A stretch is no longer than this, so that what a hub lost is told to the hour. */
const STRETCH_MS = 3_600_000;

interface PrunedRow {
  class: number;
  bytes: number;
  storeEpoch: number | null;
  position: number | null;
  /** Null where no position was told. */
  body: Buffer | null;
}

/** Rows of one place that were delivered under one epoch of the hub's store, as the gap that they would leave. */
interface Stretch {
  storeEpoch: number;
  position: number;
  gap: GapRecord;
}

/** Removes delivered rows that are due, at most so many, the oldest first, in the transaction under way. */
export function pruneOld(database: Database, deliveredBefore: Instant, limit: number): Amounts {
  return remember(database, database.prepare<[Instant, number], PrunedRow>(sql.PRUNE).all(deliveredBefore, limit));
}

/** Removes so many delivered rows, the oldest first, in the transaction under way. */
export function pruneOldest(database: Database, limit: number): Amounts {
  return remember(database, database.prepare<[number], PrunedRow>(sql.PRUNE_EXCESS).all(limit));
}

/** Takes out the stretches of an epoch with anything behind `heldThrough`, in the transaction under way: the gaps that they are now. */
export function takeLost(database: Database, storeEpoch: number, heldThrough: number): GapRecord[] {
  const lost = database.prepare<[number, number], { gap: Buffer }>(sql.TAKE_PRUNED).all(storeEpoch, heldThrough);
  return lost.flatMap(({ gap }) => gapIn(gap) ?? []);
}

/** What the rows were, should the hub go back to a backup that is older than they would have been kept. */
function remember(database: Database, rows: readonly PrunedRow[]): Amounts {
  const pruned = new Amounts();
  const stretches = new Map<string, Stretch[]>();
  for (const { class: rowClass, bytes, storeEpoch, position, body } of rows) {
    pruned.add(rowClass, bytes);
    const gap = body && gapOfRow(body);
    if (!gap || storeEpoch === null || position === null) continue;
    add(stretches, { storeEpoch, position, gap });
  }
  for (const [place, found] of stretches) for (const stretch of found) store(database, place, stretch);
  if (stretches.size > 0) database.prepare<[number]>(sql.TRIM_PRUNED).run(MOST_STRETCHES);
  return pruned;
}

function add(stretches: Map<string, Stretch[]>, stretch: Stretch): void {
  const place = placeOf(stretch.gap);
  const there = stretches.get(place);
  const last = there?.at(-1);
  const one = last && last.storeEpoch === stretch.storeEpoch ? withinAnHour(last.gap, stretch.gap) : undefined;
  if (there && last && one) there[there.length - 1] = { ...last, position: Math.max(last.position, stretch.position), gap: one };
  else if (there) there.push(stretch);
  else stretches.set(place, [stretch]);
}

function store(database: Database, place: string, { storeEpoch, position, gap }: Stretch): void {
  const name = hash('sha256', place, 'buffer').subarray(0, 16);
  const last = database.prepare<[number, Buffer], { id: number; gap: Buffer }>(sql.LAST_PRUNED).get(storeEpoch, name);
  const before = last && gapIn(last.gap);
  const one = before && withinAnHour(before, gap);
  if (last && one) database.prepare<[Buffer, number, number]>(sql.GROW_PRUNED).run(encodeRecord(one), position, last.id);
  else database.prepare<[number, Buffer, number, Buffer]>(sql.ADD_PRUNED).run(storeEpoch, name, position, encodeRecord(gap));
}

function withinAnHour(a: GapRecord, b: GapRecord): GapRecord | undefined {
  const one = joined(a, b);
  return one && one.gap.to - one.gap.from <= STRETCH_MS ? one : undefined;
}

/** A gap that is lost is that gap again. */
function gapOfRow(body: Buffer): GapRecord | undefined {
  const record = readable(body);
  return record && (gapIn(body) ?? gapOf(record, 'restored', goneOf(record), record.receivedAt));
}

function gapIn(body: Buffer): GapRecord | undefined {
  const record = readable(body);
  return record?.gap && { ...record, gap: record.gap };
}
