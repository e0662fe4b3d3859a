import { readFileSync } from 'node:fs';
import pg from 'pg';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import type { DatabaseAddress } from './address.ts';
import { databaseError } from './errors.ts';

/** Limits of one session; the server ends it by them even when this process cannot be reached any more. */
export interface SessionLimits {
  /** 0: a statement may take as long as it takes. */
  statementMs: number;
  lockMs: number;
  /** A hub that stands still in the middle of a commit holds up the others no longer than this. */
  idleInTransactionMs: number;
}

export const SESSION_LIMITS: SessionLimits = { statementMs: 30_000, lockMs: 10_000, idleInTransactionMs: 10_000 };

/** The schema that holds everything. */
export const SCHEMA = 'vitalmesh';

const INT8 = 20;
const OLDEST_SERVER = 140_000;

/** Times and keys are within 2^53; `pg` gives them as text unless told. Other types as `pg` reads them. */
const TYPES: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format ?? 'text')) as typeof pg.types.getTypeParser,
};

/** How a session of `pg` is opened. Throws STORAGE-URL when the certificate of the authority cannot be read. */
export function clientConfig(address: DatabaseAddress, limits: SessionLimits = SESSION_LIMITS): pg.ClientConfig {
  const { host, port, user, database, password, tls } = address;
  return {
    ...{ host, port, user, database },
    // Without one, none is looked for in the environment or in anybody's home folder.
    password: password ?? '',
    ssl: tls ? { rejectUnauthorized: true, ...(tls.caFile !== undefined && { ca: authority(tls.caFile) }) } : false,
    application_name: 'vitalmesh-hub',
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: 10_000,
    statement_timeout: limits.statementMs,
    lock_timeout: limits.lockMs,
    idle_in_transaction_session_timeout: limits.idleInTransactionMs,
    // The server ends a statement itself; this is for one that no longer answers. A statement without a limit has none here either.
    ...(limits.statementMs > 0 && { query_timeout: limits.statementMs + 5_000 }),
    // Warnings of a commit are heard, whatever the role or the database asks for; see `inTransaction`.
    options: `-c search_path=${SCHEMA},pg_temp -c client_min_messages=warning`,
    types: TYPES,
  };
}

function authority(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new VitalmeshError('STORAGE-URL', { cause, detail: `the authority ${path} cannot be read` });
  }
}

export interface ConnectionsOptions {
  address: DatabaseAddress;
  log: Logger;
  limits?: SessionLimits;
  /** Sessions at once, 8 unless told: one for the commits, the others for reads. */
  max?: number;
  /** Called with each new session before anybody uses it; what it throws, whoever wanted the session gets. */
  prepare: (client: pg.ClientBase) => Promise<void>;
}

/** Sessions of one database, opened when they are needed and opened anew after they were lost. */
export class Connections implements AsyncDisposable {
  readonly #pool: pg.Pool;
  #closed = false;

  constructor({ address, log, limits, max = 8, prepare }: ConnectionsOptions) {
    this.#pool = new pg.Pool({
      ...clientConfig(address, limits),
      max,
      idleTimeoutMillis: 60_000,
      verify: (client, done) => {
        prepare(client).then(
          () => done(),
          (thrown: unknown) => done(databaseError(thrown)),
        );
      },
    });
    // A session that is lost while nobody uses it; the next one that is wanted is opened anew.
    this.#pool.on('error', (error) => log.warn({ err: databaseError(error) }, 'a session of the database was lost'));
  }

  /** Lends a session for `work`; one that failed in a way that leaves its state unknown is closed. Throws STORAGE-*, INTERNAL, or what `work` threw. */
  async with<T>(work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    if (this.#closed) throw new VitalmeshError('STORAGE-CLOSED');
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (thrown) {
      throw databaseError(thrown);
    }
    let lost = false;
    const lose = (): void => {
      lost = true;
    };
    client.on('error', lose);
    try {
      return await work(client);
    } catch (thrown) {
      const error = databaseError(thrown);
      lost ||= error.code === 'STORAGE-REMOTE' || error.code === 'STORAGE-IO';
      throw error;
    } finally {
      client.off('error', lose);
      client.release(lost);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pool.end();
  }
}

/**
 * Throws STORAGE-REMOTE-POOLED where a pooler lies between: the process that the session was said to be is not the one that serves it. From one that
 * lends sessions by the transaction nobody can listen, and names of statements and limits are of whoever had the session before.
 */
export async function refusePooler(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  if (rows[0]?.pid !== (client as { processID?: unknown }).processID) throw new VitalmeshError('STORAGE-REMOTE-POOLED');
}

/**
 * Throws STORAGE-REMOTE-UNSAFE when this server or role does not keep what the store promises: an answer only for what is on disk, and no
 * row of another tenant, whatever is asked. STORAGE-REMOTE for a standby.
 */
export async function checkServer(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<ServerRow>(`
    SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
      current_setting('synchronous_commit') AS synchronous, current_setting('fsync') AS fsync, pg_is_in_recovery() AS standby,
      r.rolsuper OR r.rolbypassrls AS unbound,
      EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = '${SCHEMA}' AND pg_has_role(c.relowner, 'MEMBER')) AS owner
    FROM pg_roles r WHERE r.rolname = current_user`);
  const [server] = rows;
  if (server?.standby) throw new VitalmeshError('STORAGE-REMOTE', { detail: 'the server is a standby' });
  const fault = server ? faultOf(server) : 'the role is unknown';
  if (fault !== undefined) throw new VitalmeshError('STORAGE-REMOTE-UNSAFE', { detail: fault });
}

interface ServerRow {
  version: number;
  encoding: string;
  synchronous: string;
  fsync: string;
  standby: boolean;
  unbound: boolean;
  owner: boolean;
}

function faultOf({ version, encoding, synchronous, fsync, unbound, owner }: ServerRow): string | undefined {
  if (version < OLDEST_SERVER) return 'PostgreSQL is older than 14';
  if (encoding !== 'UTF8') return 'the encoding of the database is not UTF8';
  if (synchronous !== 'on' && synchronous !== 'remote_apply') return `synchronous_commit is ${synchronous}`;
  if (fsync !== 'on') return 'fsync is off';
  if (unbound) return 'the role is a superuser or has BYPASSRLS';
  if (owner) return 'the role owns the tables, or may act as who does';
  return undefined;
}
