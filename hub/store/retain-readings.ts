import type { Database } from '../../shared/storage/database.ts';
import { AMEND_SQL } from './amend/statements.ts';
import { type DueBatch, type DueReading, type ReadingClass, readingClassOf } from './due-reading.ts';
import { packReceived, unpackReceived } from './observation-row.ts';
import { RETENTION_SQL } from './retention-statements.ts';
import { Rolling } from './roll.ts';
import { rolledFrom } from './rolled-from.ts';
import { addToRanges } from './seen-ranges.ts';

/** Of any tenant. */
export interface BatchRow extends DueBatch {
  tenant: string;
}

/** Removes readings of batches within the transaction of the caller; `finish` writes what has to be there in their place. */
export class ReadingRemoval {
  readonly #database: Pick<Database, 'prepare'>;
  readonly #rolling = new Rolling();
  /** Parts by writer and row. */
  readonly #keys = new Map<string, { writer: number; seq: number; parts: number[]; receivedAt: number }>();
  readonly #removed = new Map<string, number>();

  constructor(database: Pick<Database, 'prepare'>) {
    this.#database = database;
  }

  /** Removes the readings of a class, but for those that are the current ones: these are noted, to be looked at again. Gives how many. */
  ofClass(batch: BatchRow, wanted: ReadingClass): number {
    const due: DueReading[] = [];
    for (const row of this.#rowsOf(batch)) {
      if (readingClassOf(row.vital) !== wanted) continue;
      if (this.#isCurrent(row)) this.#database.prepare<[number]>(RETENTION_SQL.keepBack).run(row.key);
      else due.push(row);
    }
    this.#remove(batch, due);
    return due.length;
  }

  /** Removes a reading that was kept back, when it is no longer the current one; true when it did. */
  keptBack(batch: BatchRow, key: number): boolean {
    const row = this.#rowsOf(batch).find((one) => one.key === key);
    if (row !== undefined && this.#isCurrent(row)) return false;
    this.#database.prepare<[number]>(RETENTION_SQL.dropKeptBack).run(key);
    if (row !== undefined) this.#remove(batch, [row]);
    return row !== undefined;
  }

  finish(): void {
    this.#rolling.write(this.#database);
    addToRanges(this.#database, [...this.#keys.values()]);
    const less = this.#database.prepare<[number, number, number, string]>(RETENTION_SQL.lessTotals);
    for (const [tenant, rows] of this.#removed) less.run(rows, 0, 0, tenant);
  }

  #remove(batch: BatchRow, rows: readonly DueReading[]): void {
    if (rows.length === 0) return;
    const dropRow = this.#database.prepare<[number]>(RETENTION_SQL.dropObservation);
    const dropSeen = this.#database.prepare<[number, number, number]>(RETENTION_SQL.dropSeen);
    const dropAmended = this.#database.prepare<[number]>(AMEND_SQL.dropRowsOf);
    for (const row of rows) {
      this.#rolling.reading(row);
      dropRow.run(row.key);
      dropAmended.run(row.key);
      dropSeen.run(row.writer, row.seq, row.part);
      this.#noteKey(row);
    }
    const note = this.#database.prepare<(string | number)[]>(RETENTION_SQL.noteRolledFrom);
    for (const { patient, vital: of, device, test, effective, preliminary, start } of rolledFrom(rows))
      note.run(patient, of, device, test, effective, preliminary, start);
    this.#removed.set(batch.tenant, (this.#removed.get(batch.tenant) ?? 0) + rows.length);
    this.#repack(batch, rows);
  }

  /** The lines of what was removed go out of the batch's resources; the others keep their numbers. */
  #repack({ key, firstKey, rows }: BatchRow, gone: readonly DueReading[]): void {
    if (gone.length >= rows) {
      this.#database.prepare<[number]>(RETENTION_SQL.dropBatch).run(key);
      return;
    }
    const packed = this.#database.prepare<[number], { received: Buffer }>(RETENTION_SQL.packed).get(key);
    const lines = packed ? unpackReceived(packed.received) : [];
    for (const row of gone) lines[row.key - firstKey] = '';
    const left = rows - gone.length;
    this.#database.prepare<[number, Uint8Array, number]>(RETENTION_SQL.repack).run(left, packReceived(lines), key);
  }

  #noteKey({ writer, seq, part, receivedAt }: DueReading): void {
    const name = `${writer} ${seq}`;
    const noted = this.#keys.get(name);
    if (noted === undefined) this.#keys.set(name, { writer, seq, parts: [part], receivedAt });
    else {
      noted.parts.push(part);
      noted.receivedAt = Math.max(noted.receivedAt, receivedAt);
    }
  }

  #rowsOf({ firstKey, lastKey }: BatchRow): DueReading[] {
    return this.#database.prepare<[number, number], DueReading>(RETENTION_SQL.batchRows).all(firstKey, lastKey);
  }

  #isCurrent({ key, patient, vital: of, device }: DueReading): boolean {
    return this.#database.prepare<(string | number)[]>(RETENTION_SQL.isCurrent).get(patient, of, device, key) !== undefined;
  }
}
