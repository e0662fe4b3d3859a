import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, chownSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import pg from 'pg';
import type { DatabaseAddress } from '../../hub/store/postgres/address.ts';
import { openPostgresStore } from '../../hub/store/postgres/postgres.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import type { StorePlace } from '../contract/store.ts';

const SUPERUSER = 'vitalmesh_test_root';

/** The newest of Debian's installations; they are not in an ordinary PATH. */
function program(name: string): string {
  const found = globSync(`/usr/lib/postgresql/*/bin/${name}`).sort((a, b) => Number(a.split('/')[4]) - Number(b.split('/')[4]));
  return found.at(-1) ?? name;
}

/** The server refuses to run as root: its own user then. */
function serverUser(): { uid: number; gid: number } | Record<string, never> {
  if (process.getuid?.() !== 0) return {};
  const numbers = ['-u', '-g'].map((flag) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout));
  const [uid, gid] = numbers;
  assert.ok(uid && gid, 'the user postgres, whom the package postgresql makes');
  return { uid, gid };
}

/**
 * A PostgreSQL server of its own in a temporary folder, on a Unix socket alone. With the durability that it has as installed. Fails when
 * PostgreSQL is not installed.
 */
export class PostgresServer implements AsyncDisposable {
  /** Where its socket is. */
  readonly folder: string;
  /** Also of its TCP address, where it has one. */
  readonly port: number;
  readonly #user = serverUser();
  #process: ChildProcess | undefined;
  #made = 0;

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
  }

  static async start(settings: readonly string[] = [], port = 5432): Promise<PostgresServer> {
    const server = new PostgresServer(mkdtempSync(join(tmpdir(), 'vitalmesh-pg-')), port);
    const { uid, gid } = server.#user;
    if (uid !== undefined && gid !== undefined) chownSync(server.folder, uid, gid);
    chmodSync(server.folder, 0o755);
    const made = spawnSync(
      program('initdb'),
      ['-D', join(server.folder, 'data'), '-U', SUPERUSER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions'],
      { encoding: 'utf8', cwd: server.folder, ...server.#user },
    );
    assert.equal(made.status, 0, `initdb: ${made.error?.message ?? made.stderr}`);
    const conf = [
      `listen_addresses = ''`,
      `port = ${port}`,
      `unix_socket_directories = '${server.folder}'`,
      'max_connections = 60',
      'shared_buffers = 32MB',
    ];
    writeFileSync(server.#conf, `${[...conf, ...settings].join('\n')}\n`);
    await server.run();
    return server;
  }

  /** A hot standby that streams from this server; it takes part in commits only where the settings of this one say so. */
  async standby(settings: readonly string[] = []): Promise<PostgresServer> {
    const server = new PostgresServer(mkdtempSync(join(tmpdir(), 'vitalmesh-pg-')), this.port);
    const { uid, gid } = server.#user;
    if (uid !== undefined && gid !== undefined) chownSync(server.folder, uid, gid);
    chmodSync(server.folder, 0o755);
    const data = join(server.folder, 'data');
    const from = ['-h', this.folder, '-p', `${this.port}`, '-U', SUPERUSER, '-D', data];
    const made = spawnSync(program('pg_basebackup'), [...from, '-R', '-X', 'stream', '-c', 'fast', '--no-sync'], {
      ...{ encoding: 'utf8', cwd: server.folder },
      ...server.#user,
    });
    assert.equal(made.status, 0, `pg_basebackup: ${made.error?.message ?? made.stderr}`);
    appendFileSync(server.#conf, `${[`unix_socket_directories = '${server.folder}'`, ...settings].join('\n')}\n`);
    await server.run();
    return server;
  }

  /** As a standby: hears nothing more of its primary. What it has received by then is all that it will have when it is promoted. */
  async cutOff(): Promise<void> {
    await this.set('primary_conninfo', '');
    await this.until('SELECT count(*) = 0 FROM pg_stat_wal_receiver');
  }

  /** As a standby: becomes the primary. */
  async promote(): Promise<void> {
    await this.asRoot('postgres', (client) => client.query('SELECT pg_promote(true, 60)'));
  }

  /** Changes a setting that needs no start. */
  async set(name: string, value: string): Promise<void> {
    await this.asRoot('postgres', async (client) => {
      await client.query(`ALTER SYSTEM SET ${name} = ${pg.escapeLiteral(value)}`);
      await client.query('SELECT pg_reload_conf()');
    });
  }

  /** Resolves once a question has the answer true. */
  async until(question: string): Promise<void> {
    await this.asRoot('postgres', async (client) => {
      for (;;) {
        const { rows } = await client.query<[boolean]>({ text: question, rowMode: 'array' });
        if (rows[0]?.[0] === true) return;
        await setImmediate();
      }
    });
  }

  /** Kills the server and each of its sessions at once: nothing is answered, synced or sent to a standby any more. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    assert.ok(running?.pid);
    const ended = once(running, 'exit');
    const children = readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8').trim().split(' ').map(Number);
    running.kill('SIGKILL');
    for (const pid of children) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It had ended by itself.
      }
    }
    await ended;
  }

  get #conf(): string {
    return join(this.folder, 'data', 'postgresql.auto.conf');
  }

  /** Starts it again, with further settings. */
  async change(...settings: string[]): Promise<void> {
    await this.stop();
    appendFileSync(this.#conf, `${settings.join('\n')}\n`);
    await this.run();
  }

  /** Writes a file that only the server can read; gives its path. */
  keep(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    const { uid, gid } = this.#user;
    if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
    return path;
  }

  /** Runs another program as the server's user. */
  beside(command: string, args: readonly string[]): ChildProcess {
    return spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], ...this.#user });
  }

  /** Starts the server on what is in its folder, and waits until it takes connections. */
  async run(): Promise<void> {
    this.#process = spawn(program('postgres'), ['-D', join(this.folder, 'data')], { stdio: ['ignore', 'ignore', 'pipe'], ...this.#user });
    const said: string[] = [];
    const ready = Promise.withResolvers<void>();
    this.#process.once('exit', (code) => ready.reject(new Error(`postgres ended with ${code}: ${said.join('')}`)));
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said.push(text);
      if (/ready to accept (?:read-only )?connections/.test(text)) ready.resolve();
    });
    await ready.promise;
  }

  /** `immediate`: as a crash; what was not synced by then is recovered from the log at the next start. */
  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const ended = once(running, 'exit');
    running.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await ended;
  }

  /** A new database with an owner and a role for hubs that owns nothing. */
  async database(): Promise<PostgresDatabase> {
    this.#made += 1;
    const name = `d${this.#made}`;
    const [owner, app] = [`${name}_owner`, `${name}_app`];
    for (const sql of [`CREATE ROLE ${owner} LOGIN`, `CREATE ROLE ${app} LOGIN`, `CREATE DATABASE ${name} OWNER ${owner}`])
      await this.asRoot('postgres', (client) => client.query(sql));
    const at = (user: string): DatabaseAddress => ({ host: this.folder, port: this.port, user, database: name });
    return {
      name,
      owner: at(owner),
      app: at(app),
      url: (role) => `postgres:///${name}?host=${this.folder}&user=${at(role === 'owner' ? owner : app).user}`,
    };
  }

  /** Runs something as the superuser of the server. */
  async asRoot<T>(database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ host: this.folder, port: this.port, user: SUPERUSER, database });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('immediate');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface PostgresDatabase {
  name: string;
  owner: DatabaseAddress;
  app: DatabaseAddress;
  /** As it stands in a URL file. */
  url(role: 'owner' | 'app'): string;
}

/** Empty stores on this server, for the suites of a contract. */
export function storePlaces(server: PostgresServer): () => Promise<StorePlace> {
  return async () => {
    const { app, owner } = await server.database();
    return {
      open: () => openPostgresStore({ address: app, owner, metrics: new Metrics(), log: silentLogger }),
      [Symbol.asyncDispose]: async () => undefined,
    };
  };
}

/** An address that leads to one server after another, as a virtual IP does. */
export class MovingAddress implements Disposable {
  /** The host of an address that goes this way. */
  readonly folder = mkdtempSync(join(tmpdir(), 'vitalmesh-vip-'));

  constructor(server: PostgresServer) {
    this.moveTo(server);
  }

  moveTo({ folder, port }: PostgresServer): void {
    const socket = `.s.PGSQL.${port}`;
    rmSync(join(this.folder, socket), { force: true });
    symlinkSync(join(folder, socket), join(this.folder, socket));
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
