import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openPostgresStore } from '../../hub/store/postgres/postgres.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { arrivalOf, batchOf } from '../contract/store.ts';
import { verifies } from '../requirements.ts';
import { type PostgresDatabase, PostgresServer } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

/** What a hub asks of its sessions at their beginning, and PgBouncer refuses to take unless told to forget it. */
const ASKED = ['options', 'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'];

/** PgBouncer before the server, on a Unix socket of this port in the server's folder. */
async function pooler({ app, owner }: PostgresDatabase, mode: string, port: number, settings: readonly string[]): Promise<Disposable> {
  const users = server.keep(`users-${port}.txt`, `"${app.user}" ""\n"${owner.user}" ""\n`);
  const config = server.keep(
    `pgbouncer-${port}.ini`,
    ['[databases]', `* = host=${server.folder} port=${server.port}`, '[pgbouncer]', `unix_socket_dir = ${server.folder}`]
      .concat(`listen_port = ${port}`, 'auth_type = trust', `auth_file = ${users}`, `pool_mode = ${mode}`, ...settings)
      .join('\n'),
  );
  const running = server.beside('/usr/sbin/pgbouncer', [config]);
  const up = Promise.withResolvers<void>();
  let said = '';
  running.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (said.includes('process up')) up.resolve();
  });
  running.once('error', up.reject).once('exit', (code) => up.reject(new Error(`pgbouncer ended with ${code}: ${said}`)));
  await up.promise;
  up.promise.catch(() => undefined);
  return { [Symbol.dispose]: () => running.kill('SIGKILL') };
}

/** As an administrator would have it who wants the hub to run through it all the same. */
async function settingsByRole({ name, app, owner }: PostgresDatabase): Promise<void> {
  for (const { user } of [app, owner])
    await server.asRoot(name, (client) =>
      client.query(`ALTER ROLE ${user} SET search_path = vitalmesh, pg_temp; ALTER ROLE ${user} SET statement_timeout = '30s';
        ALTER ROLE ${user} SET lock_timeout = '10s'; ALTER ROLE ${user} SET idle_in_transaction_session_timeout = '10s'`),
    );
}

const SETUPS = [
  ['session', 6431, []],
  ['transaction', 6432, []],
  ['session', 6433, [`ignore_startup_parameters = ${['extra_float_digits', ...ASKED].join(', ')}`]],
  ['transaction', 6434, [`ignore_startup_parameters = ${['extra_float_digits', ...ASKED].join(', ')}`]],
] as const;

for (const [mode, port, settings] of SETUPS)
  test(`PgBouncer by the ${mode}${settings.length > 0 ? ', which drops what it does not know,' : ''} is refused by its own code; the server behind it is taken`, async () => {
    verifies('STORE-REMOTE-DIRECT');
    const database = await server.database();
    using _pooler = await pooler(database, mode, port, settings);
    const { app, owner } = database;
    await settingsByRole(database);
    const open = (hubPort: number, ownerPort: number | undefined) =>
      openPostgresStore({
        address: { ...app, port: hubPort },
        ...(ownerPort !== undefined && { owner: { ...owner, port: ownerPort } }),
        metrics: new Metrics(),
        log: silentLogger,
      });
    await assert.rejects(open(port, port), { code: 'STORAGE-REMOTE-POOLED' });
    const { rows } = await server.asRoot(database.name, (client) => client.query("SELECT to_regnamespace('vitalmesh') IS NULL AS none"));
    assert.deepEqual(rows, [{ none: true }], 'nothing was made');
    {
      await using store = await open(server.port, server.port);
      assert.deepEqual((await store.storeBatch(batchOf([arrivalOf({ seq: 1 })]))).results, ['stored']);
    }
    await assert.rejects(open(port, undefined), { code: 'STORAGE-REMOTE-POOLED' });
  });
