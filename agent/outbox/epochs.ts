import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import { newEpoch, type RowKey } from '../../shared/uplink/key.ts';
import type { StorePosition } from '../../shared/uplink/lineage.ts';
import * as sql from './statements.ts';

/** An epoch and its number in the file. */
export interface Epoch {
  id: number;
  text: string;
}

/** A row by its number and the epoch of its key; it was written under that epoch, or any from `writtenFrom` on. */
export interface EpochRow {
  seq: number;
  epochId: number;
  writtenFrom: number;
  /** How many of its resources the hub holds, where that is known. */
  held?: number;
  /** Where the hub committed it, where that is known. */
  committed?: StorePosition;
}

/** Begins a new epoch, in the transaction under way. */
export function beginEpoch(database: Database, at: Instant, rekeyed: boolean): Epoch {
  const text = newEpoch();
  const { lastInsertRowid } = database.prepare<[string, Instant, number]>(sql.BEGIN_EPOCH).run(text, at, rekeyed ? 1 : 0);
  return { id: Number(lastInsertRowid), text };
}

/** Rows with the numbers of their epochs; those of epochs that this file never had are left out. */
export function inEpochs(database: Database, rows: readonly (RowKey & Pick<EpochRow, 'held' | 'committed'>)[]): EpochRow[] {
  const find = database.prepare<[string], { id: number; rekeyed: number }>(sql.EPOCH_ID);
  const epochs = new Map<string, { id: number; rekeyed: number } | undefined>();
  const found: EpochRow[] = [];
  for (const { seq, epoch, held, committed } of rows) {
    if (!epochs.has(epoch)) epochs.set(epoch, find.get(epoch));
    const entry = epochs.get(epoch);
    // A key of a rekey may belong to a row written under any earlier epoch.
    if (entry === undefined) continue;
    const writtenFrom = entry.rekeyed === 1 ? 0 : entry.id;
    found.push({ seq, epochId: entry.id, writtenFrom, ...(held !== undefined && { held }), ...(committed && { committed }) });
  }
  return found;
}
