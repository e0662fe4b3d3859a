import type pg from 'pg';
import { VitalmeshError } from '../../../shared/errors.ts';

export type Bound = string | number | boolean | null | Uint8Array | readonly (string | number | boolean | null | Uint8Array)[];

/** Names of prepared statements, the same in every session. */
const NAMES = new Map<string, string>();

function nameOf(sql: string): string {
  let name = NAMES.get(sql);
  if (name === undefined) {
    name = `vitalmesh_${NAMES.size}`;
    NAMES.set(sql, name);
  }
  return name;
}

/** A transaction of one session. Rows of a tenant are seen and written only after `as`: row-level security shows none before. */
export class Transaction {
  readonly #client: pg.ClientBase;
  #tenant: string | undefined;

  constructor(client: pg.ClientBase, tenant?: string) {
    this.#client = client;
    this.#tenant = tenant;
  }

  /** Runs a constant statement with bound values. */
  async query<R extends object>(sql: string, values: readonly Bound[] = []): Promise<R[]> {
    const { rows } = await this.#client.query<R>({ name: nameOf(sql), text: sql, values: values as unknown[] });
    return rows;
  }

  /** From here on it is about this tenant. */
  async as(tenant: string): Promise<void> {
    if (this.#tenant === tenant) return;
    await this.query("SELECT set_config('vitalmesh.tenant', $1, true)", [tenant]);
    this.#tenant = tenant;
  }

  /** Runs `work` so that its failure undoes its own changes only. */
  async attempt<T>(work: () => Promise<T>): Promise<T> {
    await this.#client.query('SAVEPOINT attempt');
    const tenant = this.#tenant;
    try {
      const result = await work();
      await this.#client.query('RELEASE attempt');
      return result;
    } catch (thrown) {
      await this.#client.query('ROLLBACK TO attempt; RELEASE attempt');
      this.#tenant = tenant;
      throw thrown;
    }
  }
}

/** Runs `work` in a transaction that `begin` (plain SQL) opens, and gives what it gave after the commit. */
export async function inTransaction<T>(client: pg.ClientBase, begin: string, work: (opened: pg.QueryResult[]) => Promise<T>): Promise<T> {
  let result: T;
  try {
    // Several statements at once give a result each.
    const opened = (await client.query(begin)) as unknown as pg.QueryResult | pg.QueryResult[];
    result = await work(Array.isArray(opened) ? opened : [opened]);
  } catch (thrown) {
    // A session that cannot even do this is given up by its lender.
    await client.query('ROLLBACK').catch(() => undefined);
    throw thrown;
  }
  await confirmed(client);
  return result;
}

/**
 * Commits. Throws STORAGE-REMOTE where the server answers with a warning: somebody ended its wait for a synchronous standby, so that the commit is on one
 * disk alone (PostgreSQL documentation, pg_cancel_backend on a session in SyncRep). It may be there all the same, as after an answer that was lost.
 */
async function confirmed(client: pg.ClientBase): Promise<void> {
  let isWarned = false;
  const warned = (): void => {
    isWarned = true;
  };
  client.on('notice', warned);
  try {
    const { command } = await client.query('COMMIT');
    // The answer to a COMMIT after a failed statement is no error.
    if (command !== 'COMMIT') throw new VitalmeshError('INTERNAL', { detail: `COMMIT was answered by ${command}` });
  } finally {
    client.off('notice', warned);
  }
  if (isWarned) throw new VitalmeshError('STORAGE-REMOTE', { detail: 'the wait for a standby was ended by somebody' });
}
