import type { Dates } from './directory.ts';
import type { StateFile } from './file.ts';

/** What every entity has. */
export interface Entity extends Dates {
  id: string;
}

/** How a value lies in its column: lists and objects as JSON, flags as 0 and 1, what is not there as NULL. */
export type Codec = 'plain' | 'json' | 'flag';

/** Column and codec of each field of an entity. */
export type Columns<R> = Readonly<Record<keyof R & string, readonly [column: string, codec: Codec]>>;

type Value = string | number | null;

/** One table of the state whose rows are entities. Reads are of what was last written, also within a transaction. */
export class Table<R extends Entity> {
  readonly #file: StateFile;
  readonly #columns: [field: keyof R & string, column: string, codec: Codec][];
  readonly #sql: { all: string; one: string; insert: string; update: string; delete: string; named: string };
  readonly #all: () => readonly R[];

  constructor(file: StateFile, name: string, columns: Columns<R>) {
    this.#file = file;
    this.#columns = (Object.entries(columns) as [keyof R & string, readonly [string, Codec]][]).map(([field, [column, codec]]) => [
      field,
      column,
      codec,
    ]);
    const named = this.#columns.map(([, column]) => column);
    this.#sql = {
      all: `SELECT ${named.join(', ')} FROM ${name} ORDER BY id`,
      one: `SELECT ${named.join(', ')} FROM ${name} WHERE id = ?`,
      insert: `INSERT INTO ${name} (${named.join(', ')}) VALUES (${named.map(() => '?').join(', ')})`,
      update: `UPDATE ${name} SET ${named.map((column) => `${column} = ?`).join(', ')} WHERE id = ?`,
      delete: `DELETE FROM ${name} WHERE id = ?`,
      named: `SELECT ${named.join(', ')} FROM ${name} WHERE name = ?`,
    };
    this.#all = keptWhile(file, () =>
      file
        .sql<[], Record<string, Value>>(this.#sql.all)
        .all()
        .map((row) => this.#entityOf(row)),
    );
  }

  /** Ordered by id, as the real controller lists. */
  all(): readonly R[] {
    return this.#all();
  }

  get(id: string): R | undefined {
    const row = this.#file.read(() => this.#file.sql<[string], Record<string, Value>>(this.#sql.one).get(id));
    return row && this.#entityOf(row);
  }

  /** Those of that name: one at most, or one of each kind where a table holds several. */
  named(name: string): R[] {
    return this.#file.read(() =>
      this.#file
        .sql<[string], Record<string, Value>>(this.#sql.named)
        .all(name)
        .map((row) => this.#entityOf(row)),
    );
  }

  /** Within a transaction. */
  insert(entity: R): void {
    this.#file.sql<Value[]>(this.#sql.insert).run(...this.#valuesOf(entity));
    this.#file.written();
  }

  /** Within a transaction: the entity of this id becomes this. */
  update(entity: R): void {
    this.#file.sql<Value[]>(this.#sql.update).run(...this.#valuesOf(entity), entity.id);
    this.#file.written();
  }

  /** Within a transaction. False when there is none. */
  delete(id: string): boolean {
    const { changes } = this.#file.sql<[string]>(this.#sql.delete).run(id);
    this.#file.written();
    return changes > 0;
  }

  #valuesOf(entity: R): Value[] {
    return this.#columns.map(([field, , codec]) => {
      const value = entity[field];
      if (value === undefined) return null;
      if (codec === 'json') return JSON.stringify(value);
      return codec === 'flag' ? Number(value) : (value as Value);
    });
  }

  #entityOf(row: Record<string, Value>): R {
    const fields = this.#columns.map(([field, column, codec]) => {
      const value = row[column] ?? null;
      if (value === null) return [field, undefined];
      if (codec === 'json') return [field, JSON.parse(String(value))];
      return [field, codec === 'flag' ? value !== 0 : value];
    });
    return Object.fromEntries(fields) as R;
  }
}

/** Reads once and again after each write: some lists are asked for at every dial. */
export function keptWhile<T>(file: StateFile, read: () => T): () => T {
  let kept: { value: T; revision: number } | undefined;
  return () => {
    if (kept?.revision !== file.revision) kept = { value: file.read(read), revision: file.revision };
    return kept.value;
  };
}
