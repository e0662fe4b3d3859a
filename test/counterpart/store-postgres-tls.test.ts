import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../hub/store/open-store.ts';
import { openFromFiles, type PostgresStore } from '../../hub/store/postgres/postgres.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { arrivalOf, batchOf, event } from '../contract/store.ts';
import { verifies } from '../requirements.ts';
import { TestAuthority } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { PostgresServer } from '../support/postgres.ts';

const PASSWORD = 'se-cret';
const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-tls-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const [authority, other] = await Promise.all([TestAuthority.make(), TestAuthority.make()]);
const kept = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
};
const ca = kept('ca.pem', authority.pem);
const otherCa = kept('other.pem', other.pem);

const server = await PostgresServer.start([], await freePort());
after(() => server[Symbol.asyncDispose]());

/** The server takes TCP from now on, with this certificate, and nobody without TLS and password. */
async function withCertificate({ cert, key }: { cert: string; key: string }): Promise<void> {
  const hba = server.keep('hba.conf', 'local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n');
  const [certFile, keyFile] = [server.keep('server.crt', cert), server.keep('server.key', key)];
  await server.change(
    `listen_addresses = '127.0.0.1'`,
    ...[`hba_file = '${hba}'`, 'ssl = on', `ssl_cert_file = '${certFile}'`, `ssl_key_file = '${keyFile}'`],
  );
}

interface Names {
  name: string;
  app: string;
  owner: string;
}

async function database(): Promise<Names> {
  const { name, app, owner } = await server.database();
  for (const { user } of [app, owner]) await server.asRoot(name, (client) => client.query(`ALTER ROLE ${user} PASSWORD '${PASSWORD}'`));
  return { name, app: app.user, owner: owner.user };
}

let files = 0;

/** As hub.yaml names them: a URL each, in a file. */
function urlFiles({ name, app, owner }: Names, host: string, parameters: string, password = PASSWORD) {
  files += 1;
  const url = (role: string) => `postgres://${role}:${password}@${host}:${server.port}/${name}${parameters}\n`;
  return { urlFile: kept(`${files}.url`, url(app)), ownerUrlFile: kept(`${files}-owner.url`, url(owner)) };
}

const open = (urls: { urlFile: string; ownerUrlFile?: string }): Promise<PostgresStore> =>
  openFromFiles(urls, { metrics: new Metrics(), log: silentLogger });

/** What a refusal says, which is never anything of the URL. */
async function refusal(urls: { urlFile: string }): Promise<string> {
  const thrown: unknown = await open(urls).then(
    () => assert.fail('opened'),
    (error) => error,
  );
  assert.ok(thrown instanceof VitalmeshError);
  assert.doesNotMatch(`${thrown.message} ${thrown.stack} ${JSON.stringify(thrown)}`, new RegExp(`${PASSWORD}|_app|_owner`));
  return `${thrown.code} ${thrown.detail}`;
}

test('a database over TLS: every session of the hub is encrypted, by the URL of the README', async () => {
  verifies('STORE-REMOTE-TLS');
  await withCertificate(await authority.issue('localhost'));
  const names = await database();
  const config = { type: 'postgres', ...urlFiles(names, 'localhost', `?sslrootcert=${ca}`), timeFile: join(folder, 'time'), retention: {} };
  const opened = await openStore(config as Parameters<typeof openStore>[0], { metrics: new Metrics() });
  await using store = opened.store;
  const [others] = opened.others(() => undefined);
  assert.ok(others);
  await using _others = others;
  await others.start(new AbortController().signal);
  assert.deepEqual((await store.storeBatch(batchOf([arrivalOf({ seq: 1 })]))).results, ['stored']);
  assert.equal((await store.counts('clinic', (rows) => event(rows))).observations, 1);
  const { rows } = await server.asRoot(names.name, (client) =>
    client.query<{ ssl: boolean; version: string }>(
      `SELECT s.ssl, s.version FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.datname = '${names.name}' AND a.usename = '${names.app}'`,
    ),
  );
  assert.ok(rows.length >= 2, 'commits and the line to other hubs');
  assert.ok(rows.every(({ ssl, version }) => ssl && /^TLSv1\.[23]$/.test(version)));
});

test('a server that does not prove its name by the authority that the URL names is refused, before it has role or password', async () => {
  verifies('STORE-REMOTE-TLS', 'LOG-CLEAN');
  await withCertificate(await authority.issue('localhost'));
  const names = await database();
  const of = (host: string, parameters: string, password?: string) => refusal(urlFiles(names, host, parameters, password));
  assert.match(await of('localhost', `?sslrootcert=${otherCa}`), /^STORAGE-REMOTE TLS: CERT_SIGNATURE_FAILURE/);
  assert.match(await of('localhost', '?sslmode=verify-full'), /^STORAGE-REMOTE TLS: (?:SELF_SIGNED|UNABLE_TO)/);
  assert.match(await of('127.0.0.1', `?sslrootcert=${ca}`), /^STORAGE-REMOTE TLS: ERR_TLS_CERT_ALTNAME_INVALID/);
  assert.match(await of('localhost', `?sslrootcert=${join(folder, 'missing.pem')}`), /^STORAGE-URL /);
  assert.match(await of('localhost', `?sslrootcert=${ca}`, 'wrong'), /^STORAGE-REMOTE-REFUSED /);
  assert.match(await of('127.0.0.1', ''), /^STORAGE-REMOTE-REFUSED SQLSTATE 28000/, 'the server takes nobody without TLS');
  await withCertificate(await authority.issue('localhost', { lastDay: -1 }));
  assert.match(await of('localhost', `?sslrootcert=${ca}`), /^STORAGE-REMOTE TLS: CERT_HAS_EXPIRED/);
  await server.change('ssl = off');
  assert.match(await of('localhost', `?sslrootcert=${ca}`), /^STORAGE-REMOTE the server offers no TLS/);
});

test('who takes the place of the server and says that it has no TLS hears nothing of role and password', async () => {
  verifies('STORE-REMOTE-TLS');
  const heard: Buffer[] = [];
  const ended = Promise.withResolvers<void>();
  const impostor = createServer((socket) => {
    socket.on('data', (bytes) => heard.push(bytes));
    socket.on('error', () => undefined).on('close', () => ended.resolve());
    socket.write('N');
  }).listen(0, '127.0.0.1');
  await once(impostor, 'listening');
  const address = impostor.address();
  assert.ok(typeof address === 'object' && address);
  const urlFile = kept('impostor.url', `postgres://hub:${PASSWORD}@localhost:${address.port}/hub?sslrootcert=${ca}`);
  assert.match(await refusal({ urlFile }), /^STORAGE-REMOTE the server offers no TLS/);
  await ended.promise;
  // The request for TLS alone: a length of 8, and 80877103.
  assert.equal(Buffer.concat(heard).toString('hex'), '0000000804d2162f');
  await new Promise((resolve) => impostor.close(resolve));
});

test('a server that comes back with the certificate of somebody else gets no commit, until it has its own again', async () => {
  verifies('STORE-REMOTE-TLS', 'STORE-REMOTE-DURABLE');
  const own = await authority.issue('localhost');
  await withCertificate(own);
  await using store = await open(urlFiles(await database(), 'localhost', `?sslrootcert=${ca}`));
  await store.storeBatch(batchOf([arrivalOf({ seq: 1 })]));
  await withCertificate(await other.issue('localhost'));
  const batch = batchOf([arrivalOf({ seq: 2 })]);
  // The session of before is found lost, then no new one is had.
  await assert.rejects(store.storeBatch(batch), { code: 'STORAGE-REMOTE' });
  await assert.rejects(store.storeBatch(batch), { code: 'STORAGE-REMOTE', detail: /^TLS: / });
  await withCertificate(own);
  assert.deepEqual((await store.storeBatch(batch)).results, ['stored']);
});
