import { asVitalmeshError } from '../../shared/errors.ts';
import type { DamagedFile } from '../../shared/storage/set-aside.ts';

/** A row of any table, by column, with its number. */
export type AnyRow = Record<string, number | string | Buffer | null> & { rowid_: number };

/** What was read in one go: rows, and whether some may be missing before them. */
export interface Piece {
  rows: AnyRow[];
  hole: boolean;
}

const PAGE = 64;
/** So many numbers are tried one by one behind what cannot be read, then in longer and longer steps. */
const ONE_BY_ONE = 64;
const LONGEST_STEP = 65_536;
/** Where nobody knows how far a table goes, so many numbers are tried behind the last that could be read. */
const REACH = 2_000_000;

/** Reads a table of a damaged file in order of its row numbers, around the pages that are not whole. */
export class DamagedTable {
  readonly #file: DamagedFile;
  readonly #sql: string;
  readonly #last: number;
  #after: number;
  #failed = 0;
  #over = false;

  /** `table` is a name out of the schema. `last` is the greatest row number, where it is known. */
  constructor(file: DamagedFile, table: string, { after = 0, last }: { after?: number; last?: number } = {}) {
    this.#file = file;
    this.#sql = `SELECT rowid AS rowid_, * FROM "${table}" WHERE rowid > ? ORDER BY rowid LIMIT ?`;
    this.#after = after;
    this.#last = last ?? after + REACH;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Everything up to this number was read, or cannot be. */
  get after(): number {
    return this.#after;
  }

  /** Throws INTERNAL when there is no such table. */
  next(): Piece {
    const rows = this.#read(PAGE) ?? this.#read(1);
    if (rows === undefined) {
      this.#failed += 1;
      this.#after += this.#failed <= ONE_BY_ONE ? 1 : Math.min(LONGEST_STEP, 2 ** (this.#failed - ONE_BY_ONE));
      if (this.#after > this.#last) this.#over = true;
      return { rows: [], hole: true };
    }
    const hole = this.#failed > 0;
    this.#failed = 0;
    const last = rows.at(-1);
    if (last) this.#after = last.rowid_;
    else this.#over = true;
    return { rows, hole };
  }

  #read(limit: number): AnyRow[] | undefined {
    try {
      return this.#file.all<AnyRow>(this.#sql, this.#after, limit);
    } catch (thrown) {
      if (asVitalmeshError(thrown).code === 'INTERNAL') throw thrown;
      return undefined;
    }
  }
}
