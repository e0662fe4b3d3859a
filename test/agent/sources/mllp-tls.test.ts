import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ConnectionOptions, connect, createServer, type TlsOptions } from 'node:tls';
import { createMllpClient, MLLP_CLIENT_DEFAULTS, type MllpClientOptions } from '../../../agent/sources/mllp-client.ts';
import { createMllpServer, MLLP_SERVER_DEFAULTS, TLS_LISTENER_DEFAULTS } from '../../../agent/sources/mllp-server.ts';
import type { Source } from '../../../agent/sources/source.ts';
import { outOfTime, readTls, type TlsFiles } from '../../../agent/sources/tls.ts';
import { verifies } from '../../requirements.ts';
import { TestAuthority } from '../../support/certificates.ts';
import { ForgedNetwork } from '../../support/forged.ts';
import { NO_TIMES, retimed } from '../../support/no-times.ts';
import { dial, lineDecoder, started, type TestEnvironment, testEnvironment, Wire } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-mllp-tls-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let authority: TestAuthority;
let stranger: TestAuthority;
before(async () => {
  [authority, stranger] = [await TestAuthority.make(), await TestAuthority.make()];
});

/** Writes a file as a renewal does: beside the old one, and then in its place. */
function put(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(`${path}.new`, text, { mode });
  renameSync(`${path}.new`, path);
  return path;
}

let pairs = 0;

/** Files of a certificate and its key. */
function files({ cert, key }: { cert: string; key: string }): { certFile: string; keyFile: string } {
  pairs += 1;
  return { certFile: put(`${pairs}.crt`, cert), keyFile: put(`${pairs}.key`, key) };
}

const caFile = (of: TestAuthority, name: string): string => put(`${name}.ca`, of.pem);

function listener(environment: TestEnvironment, tls: TlsFiles & { certFile: string; keyFile: string }, reloadMs = 60_000) {
  return createMllpServer(
    {
      ...{ ...MLLP_SERVER_DEFAULTS, name: 'icu', host: '127.0.0.1', port: 0, decoder: () => lineDecoder() },
      tls: { ...TLS_LISTENER_DEFAULTS, files: tls, reloadMs },
    },
    environment,
  );
}

/** A sender over TLS. Rejects when the handshake fails; in TLS 1.3 a refused certificate shows only at the first read. */
async function sender(source: Source, options: ConnectionOptions): Promise<Wire> {
  const { endpoint } = source.status();
  const socket = connect({ host: '127.0.0.1', port: Number(endpoint.split(':')[1]), servername: 'agent.test', ...options });
  await once(socket, 'secureConnect');
  return new Wire(socket);
}

async function exchange(wire: Wire, text: string): Promise<void> {
  wire.send(`${text}\n`);
  await wire.until((received) => received.endsWith(`ack:${text}\n`));
}

test('a certificate of one’s own that does not say until when it is valid is not shown to anybody', async () => {
  verifies('IDENTITY-VALIDITY');
  const network = await ForgedNetwork.create();
  for (const times of NO_TIMES) {
    const cert = retimed(network.root, times).toString();
    assert.equal(outOfTime({ cert }, Date.UTC(2026, 10))?.code, 'SOURCE-CERTIFICATE');
  }
});

test('a listener over TLS takes senders that trust it, and nobody in the clear', async () => {
  verifies('DEVICE-TLS', 'ACK-AFTER-COMMIT');
  const environment = testEnvironment();
  await using source = await started(listener(environment, files(await authority.issue('agent.test'))));
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const wire = await sender(source, { ca: authority.pem, minVersion: version, maxVersion: version });
    await exchange(wire, `over-${version}`);
    wire.socket.end();
    await wire.closed();
  }
  const plain = await dial(source);
  plain.send('in-the-clear\n');
  await plain.closed();
  await assert.rejects(sender(source, { ca: stranger.pem }));
  await assert.rejects(sender(source, { ca: authority.pem, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }));
  assert.deepEqual(environment.intake.stored, ['over-TLSv1.2', 'over-TLSv1.3']);
  assert.ok(environment.metrics.get('source_cut_total', 'icu/tls') >= 2);
  const told = environment.trap.lines.filter(({ reason }) => reason === 'tls');
  assert.equal(told.length, 1, 'one line, however many are refused');
  assert.deepEqual([told[0]?.level, told[0]?.detail], ['warn', 'ERR_SSL_WRONG_VERSION_NUMBER']);
});

test('where certificates of senders are asked for, only one of the authority is let in', async () => {
  verifies('DEVICE-TLS');
  const environment = testEnvironment();
  const tls = { ...files(await authority.issue('agent.test')), caFile: caFile(authority, 'mutual') };
  await using source = await started(listener(environment, tls));
  const right = await sender(source, { ca: authority.pem, ...(await authority.issue('sender.test')) });
  await exchange(right, 'known');
  const wrongOnes = [{}, await stranger.issue('sender.test'), await authority.issue('sender.test', { lastDay: -2 })];
  for (const wrong of wrongOnes) {
    const wire = await sender(source, { ca: authority.pem, ...wrong, maxVersion: 'TLSv1.3' });
    wire.send('unknown\n');
    await wire.closed();
    assert.equal(wire.received, '');
  }
  assert.deepEqual(environment.intake.stored, ['known']);
  assert.equal(environment.metrics.get('source_cut_total', 'icu/tls'), 3);
});

test('a renewed certificate is shown to new senders; the old connections stay, and a file that is wrong changes nothing', async () => {
  verifies('DEVICE-TLS');
  const environment = testEnvironment();
  const own = files(await authority.issue('agent.test'));
  await using source = await started(listener(environment, own, 5));
  const before = await sender(source, { ca: authority.pem });
  put(own.certFile.slice(folder.length + 1), 'no certificate');
  await environment.trap.until('the certificate of a source is not good');
  await exchange(await sender(source, { ca: authority.pem }), 'still-the-old-one');
  const { cert, key } = await stranger.issue('agent.test');
  put(own.keyFile.slice(folder.length + 1), key);
  put(own.certFile.slice(folder.length + 1), cert);
  await environment.trap.until('the certificate was read anew');
  await exchange(await sender(source, { ca: stranger.pem }), 'the-new-one');
  await exchange(before, 'before');
});

test('a certificate that is out of its time is told of at the start, and when its time comes', async () => {
  verifies('DEVICE-TLS');
  const expired = files(await authority.issue('agent.test', { lastDay: -2 }));
  const environment = testEnvironment();
  await using source = await started(listener(environment, expired));
  assert.equal(environment.trap.of('the certificate of a source is not good'), 1);
  assert.match(JSON.stringify(environment.trap.lines), /"code":"SOURCE-CERTIFICATE","detail":"expired at /);
  await assert.rejects(sender(source, { ca: authority.pem }), { code: 'CERT_HAS_EXPIRED' });
  const { notBefore, notAfter } = { notBefore: Date.now() - 30 * 86_400_000, notAfter: Date.now() };
  assert.match(outOfTime(readTls(expired), notBefore)?.detail ?? '', /^not valid before/);
  assert.match(outOfTime(readTls(expired), notAfter)?.detail ?? '', /^expired at/);
});

test('files that cannot be used are refused with their reason', async () => {
  verifies('CONFIG-ERRORS-HELP');
  const [one, other] = [files(await authority.issue('a.test')), files(await authority.issue('b.test'))];
  assert.throws(() => readTls({ certFile: one.certFile, keyFile: other.keyFile }), { code: 'SOURCE-CERTIFICATE' });
  assert.throws(() => readTls({ caFile: put('empty.ca', 'nothing') }), { code: 'SOURCE-CERTIFICATE' });
  assert.throws(() => readTls({ caFile: join(folder, 'missing') }), { code: 'CONFIG-UNREADABLE' });
  assert.throws(() => readTls({ ...one, keyFile: put('open.key', 'key', 0o644) }), { code: 'SOURCE-CREDENTIALS' });
});

/** A device that listens with TLS, and its next call. */
async function device(options: TlsOptions) {
  const server = createServer(options).listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.on('tlsClientError', () => undefined);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  return {
    port: (server.address() as AddressInfo).port,
    server,
    call: async () => new Wire((await once(server, 'secureConnection'))[0]),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function client(environment: TestEnvironment, port: number, tls: NonNullable<MllpClientOptions['tls']>) {
  return createMllpClient(
    {
      ...{ ...MLLP_CLIENT_DEFAULTS, name: 'monitor', host: '127.0.0.1', port, reopenMinMs: 5, reopenMaxMs: 20 },
      ...{ decoder: () => lineDecoder(), tls },
    },
    environment,
  );
}

test('a device over TLS is read when its certificate is the right one, and not otherwise', async () => {
  verifies('DEVICE-TLS', 'DEVICE-CALLED');
  await using monitor = await device(await authority.issue('monitor.test'));
  for (const [ca, servername] of [
    [stranger, 'monitor.test'],
    [authority, 'other.test'],
    [authority, undefined],
  ] as const) {
    const environment = testEnvironment();
    const tls = { files: { caFile: caFile(ca, 'device') }, ...(servername && { servername }) };
    await using source = await started(client(environment, monitor.port, tls));
    await environment.trap.until('source is not running; it is tried again');
    assert.match(JSON.stringify(environment.trap.lines), /SOURCE-TLS/);
    assert.equal(source.status().state, 'waiting');
  }
  // Nor where the environment of the process would have it otherwise.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  try {
    const trusting = testEnvironment();
    await using _source = await started(client(trusting, monitor.port, { files: { caFile: caFile(stranger, 'device') } }));
    await trusting.trap.until('source is not running; it is tried again');
    assert.match(JSON.stringify(trusting.trap.lines), /SOURCE-TLS/);
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  }
  const environment = testEnvironment();
  const calling = monitor.call();
  const tls = { files: { caFile: caFile(authority, 'device') }, servername: 'monitor.test' };
  await using source = await started(client(environment, monitor.port, tls));
  const wire = await calling;
  await exchange(wire, 'one');
  assert.equal(source.status().state, 'running');
});

test('a device that asks for a certificate gets ours, read anew for each call', async () => {
  verifies('DEVICE-TLS');
  const mutual = { requestCert: true, rejectUnauthorized: true, ca: authority.pem };
  await using monitor = await device({ ...(await authority.issue('monitor.test')), ...mutual });
  const environment = testEnvironment();
  const own = files(await stranger.issue('gateway.test'));
  const tls = { files: { ...own, caFile: caFile(authority, 'mutual-device') }, servername: 'monitor.test' };
  const calling = monitor.call();
  await using source = await started(client(environment, monitor.port, tls));
  await environment.trap.until('source is not running; it is tried again');
  assert.deepEqual(environment.intake.stored, []);
  const { cert, key } = await authority.issue('gateway.test');
  put(own.keyFile.slice(folder.length + 1), key);
  put(own.certFile.slice(folder.length + 1), cert);
  await exchange(await calling, 'one');
  assert.equal(source.status().records, 1);
});

test('a device that speaks no TLS is not spoken to in the clear', async () => {
  verifies('DEVICE-TLS');
  const { createServer: createPlain } = await import('node:net');
  const heard: Buffer[] = [];
  const plain = createPlain((socket) => {
    socket.on('data', (chunk) => heard.push(chunk));
    socket.on('error', () => undefined);
    socket.end('no TLS here\n');
  }).listen(0, '127.0.0.1');
  await once(plain, 'listening');
  const environment = testEnvironment();
  const source = await started(client(environment, (plain.address() as AddressInfo).port, { files: {} }));
  await environment.trap.until('source is not running; it is tried again');
  await source[Symbol.asyncDispose]();
  plain.close();
  assert.deepEqual(environment.intake.stored, []);
  // A handshake record, and nothing else (RFC 8446, 5.1).
  assert.ok(heard.every((chunk) => chunk[0] === 0x16 || chunk[0] === 0x15));
});
