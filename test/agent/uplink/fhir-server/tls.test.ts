import assert from 'node:assert/strict';
import { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import type { Uplink } from '../../../../agent/uplink/contract.ts';
import { createFhirServerUplink, type FhirServerUplinkOptions } from '../../../../agent/uplink/fhir-server/fhir-server.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';
import type { ErrorCode } from '../../../../shared/errors.ts';
import { createLogger, silentLogger } from '../../../../shared/log.ts';
import { Metrics } from '../../../../shared/metrics.ts';
import { NetworkClock } from '../../../../shared/time/network-clock.ts';
import { verifies } from '../../../requirements.ts';
import { TestAuthority } from '../../../support/certificates.ts';
import { FhirTestServer } from '../../../support/fhir-server.ts';
import { certify, days, is, pemOf } from '../../../support/forged.ts';
import { MemoryOutbox, recordOf, until } from '../../../support/uplink.ts';

const folder = mkdtempSync(join(tmpdir(), 'vm-fhir-tls-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const authority = await TestAuthority.make();
const stranger = await TestAuthority.make();
const good = await authority.issue('localhost');

let files = 0;
function file(content: string, mode = 0o600): string {
  files += 1;
  const path = join(folder, `${files}`);
  writeFileSync(path, content, { mode });
  return path;
}

const caFile = file(authority.pem);

interface Agent extends AsyncDisposable {
  uplink: Uplink;
  outbox: MemoryOutbox;
  /** Resolves when it waits with this code, and has sent nothing. */
  waits(code: ErrorCode): Promise<void>;
}

/** With one row to send. */
async function startAgent(url: string, options: Partial<FhirServerUplinkOptions>): Promise<Agent> {
  const outbox = new MemoryOutbox();
  await outbox.append([recordOf(71)]);
  const uplink = createFhirServerUplink({
    ...{ agent: 'gw-1', url, files: { tls: { caFile } }, outbox, metrics: new Metrics(), log: silentLogger, clock: systemClock },
    retry: { minMs: 1, maxMs: 5, slowMinMs: 1, slowMaxMs: 5 },
    ...options,
  });
  await uplink.start(new AbortController().signal);
  return {
    uplink,
    outbox,
    async waits(code) {
      await until(() => uplink.status().state === 'waiting' && uplink.status().code === code);
      assert.equal((await outbox.status()).pending, 1);
    },
    [Symbol.asyncDispose]: () => uplink[Symbol.asyncDispose](),
  };
}

/** The address under the name that the certificate has. */
const named = (server: FhirTestServer): string => `https://localhost:${server.port}/fhir`;

test('data goes to a server whose certificate is that of the host, by an authority that is trusted, and in time', async () => {
  verifies('FHIR-SERVER-SECRETS');
  await using server = await FhirTestServer.listen({ tls: good });
  await using agent = await startAgent(named(server), {});
  await agent.outbox.empty();
  assert.equal(server.resources.length, 1);
});

test('any other certificate gets nothing, whatever the environment says', async (t) => {
  verifies('FHIR-SERVER-SECRETS');
  const warn = process.listeners('warning');
  process.removeAllListeners('warning');
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  t.after(() => {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    for (const listener of warn) process.on('warning', listener);
  });
  const cases = [
    { name: 'of another authority', tls: await stranger.issue('localhost') },
    { name: 'of another host', tls: await authority.issue('fhir.example') },
    { name: 'that is over', tls: await authority.issue('localhost', { lastDay: -1 }) },
  ];
  for (const { name, tls } of cases) {
    await using server = await FhirTestServer.listen({ tls });
    await using agent = await startAgent(named(server), {});
    await agent.waits('FHIR-TLS');
    assert.deepEqual(server.requests, [], name);
  }
  // Without a CA of the site, the public authorities count.
  await using server = await FhirTestServer.listen({ tls: good });
  await using agent = await startAgent(named(server), { files: {} });
  await agent.waits('FHIR-TLS');
  assert.deepEqual(server.requests, []);
});

test('a server that wants a certificate of the agent gets it, and nothing comes through without', async () => {
  verifies('FHIR-SERVER-SECRETS');
  const own = await authority.issue('gw-1');
  await using server = await FhirTestServer.listen({ tls: { ...good, ca: authority.pem, requestCert: true, rejectUnauthorized: true } });
  {
    await using agent = await startAgent(named(server), {});
    await agent.waits('FHIR-SIGN-IN');
    assert.deepEqual(server.requests, []);
  }
  await using agent = await startAgent(named(server), { files: { tls: { caFile, certFile: file(own.cert), keyFile: file(own.key) } } });
  await agent.outbox.empty();
  assert.equal(server.resources.length, 1);
});

test('a server that refuses the certificate of the agent, or that there is none, refuses who it is', async () => {
  for (const description of ['2a', '2b', '2c', '2d', '2e', '30', '31', '74']) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(Buffer.from(`150303000202${description}`, 'hex')));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    await using agent = await startAgent(`https://localhost:${(server.address() as AddressInfo).port}/fhir`, {});
    await agent.waits('FHIR-SIGN-IN');
    server.close();
  }
});

test('a token is read from its file for each connection, and is in no log', async () => {
  verifies('FHIR-SERVER-SECRETS', 'LOG-CLEAN');
  await using server = await FhirTestServer.listen({ tls: good });
  server.token = 'new-token-4711';
  const tokenFile = file('old-token-0815\n');
  const lines: string[] = [];
  const log = createLogger({ component: 'agent', level: 'debug', destination: { write: (line: string) => void lines.push(line) } });
  await using agent = await startAgent(named(server), { files: { tokenFile, tls: { caFile } }, log });
  await agent.waits('FHIR-SIGN-IN');
  writeFileSync(tokenFile, 'new-token-4711\n');
  await agent.outbox.empty();
  const logged = lines.join('');
  assert.match(logged, /FHIR-SIGN-IN/);
  assert.doesNotMatch(logged, /token-/);
  assert.doesNotMatch(logged, /P-0001/);
  assert.doesNotMatch(logged, /without TLS/);
});

test('that data goes without TLS is said at the start, in the log that an operator reads', async () => {
  verifies('FHIR-SERVER-SECRETS');
  await using server = await FhirTestServer.listen();
  const lines: string[] = [];
  const log = createLogger({ component: 'agent', destination: { write: (line: string) => void lines.push(line) } });
  await using agent = await startAgent(server.url, { files: {}, log });
  assert.match(lines.join(''), /"level":"warn".*the FHIR server is called without TLS/);
  await agent.outbox.empty();
});

test('files that others can read, or that hold something else, are not used', async () => {
  verifies('FHIR-SERVER-SECRETS');
  const own = await authority.issue('gw-1');
  const other = await authority.issue('gw-2');
  await using server = await FhirTestServer.listen({ tls: good });
  const cases: FhirServerUplinkOptions['files'][] = [
    { tokenFile: file('token', 0o640), tls: { caFile } },
    { tokenFile: file('', 0o600), tls: { caFile } },
    { tokenFile: file('two\nlines'), tls: { caFile } },
    { tokenFile: file('smuggled\r\nhost: elsewhere'), tls: { caFile } },
    { tokenFile: join(folder, 'none'), tls: { caFile } },
    { tls: { caFile, certFile: file(own.cert), keyFile: file(own.key, 0o644) } },
    { tls: { caFile, certFile: file(own.cert), keyFile: file(other.key) } },
    { tls: { caFile: file('no certificate') } },
  ];
  for (const given of cases) {
    await using agent = await startAgent(named(server), { files: given });
    await agent.waits('FHIR-CREDENTIALS');
  }
  assert.deepEqual(server.requests, []);
  // Once it is mended, nobody has to start anything.
  const tokenFile = file('token', 0o644);
  await using agent = await startAgent(named(server), { files: { tokenFile, tls: { caFile } } });
  await agent.waits('FHIR-CREDENTIALS');
  chmodSync(tokenFile, 0o600);
  await agent.outbox.empty();
});

test('a machine that does not know the time asks the server for it first, and shows it no token until then', async () => {
  verifies('FHIR-SERVER-SECRETS');
  const root = await certify({ subject: 'site authority', extensions: [is.ca(), is.signer()] });
  // By the clock of this machine it has not begun, so nothing but the rule of `NetworkClock` can have accepted it.
  const leaf = await certify({
    ...{ issuer: root, subject: 'localhost', notBefore: days(3), notAfter: days(20) },
    extensions: [is.key(), is.named({ type: 'dns', value: 'localhost' })],
  });
  const key = KeyObject.from(leaf.keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString();
  await using server = await FhirTestServer.listen({ tls: { cert: pemOf([leaf]), key } });
  server.metadata = { ...server.metadata, headers: { date: days(10).toUTCString() } };
  const machine: Clock = { now: () => Date.UTC(2001, 0, 1), monotonicMs: () => systemClock.monotonicMs() };
  const clock = new NetworkClock({ floors: { certain: Date.now() }, log: pino({ level: 'silent' }), machine });
  assert.equal(clock.trust, 'floor');
  const given = { tokenFile: file('token-1'), tls: { caFile: file(pemOf([root])) } };
  await using agent = await startAgent(named(server), { clock, files: given });
  await agent.outbox.empty();
  assert.equal(clock.trust, 'network');
  assert.ok(Math.abs(clock.now() - days(10).getTime()) < 60_000);
  const [first, second] = server.requests;
  assert.deepEqual([first?.line, first?.headers.authorization], ['GET /fhir/metadata', undefined]);
  assert.deepEqual([second?.line, second?.headers.authorization], ['GET /fhir/metadata', 'Bearer token-1']);
  assert.equal(server.resources.length, 1);
});
