import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { type ControllerLimits, startController } from '../../../../provisioning/fabric/controller/controller.ts';
import { openHome } from '../../../../provisioning/fabric/home.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { readCertificates } from '../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { Seldom } from '../../../../shared/seldom.ts';
import { verifies } from '../../../requirements.ts';
import { assertRefused, FabricSite } from '../site.ts';

let site: FabricSite;
let headers: Record<string, string>;
before(async () => {
  site = await FabricSite.start();
  headers = (await site.signIn(await site.enrol('gw1'))).headers;
});
after(() => site[Symbol.asyncDispose]());

/** How a connection ends does not matter here, a reset is as good as an end. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => socket.destroy());
    socket.once('close', () => resolve());
  });
}

/** What a server that must still be there answers. */
async function stillServes(): Promise<void> {
  assert.equal((await site.call('GET', '/version')).status, 200);
}

describe('requests that fit nothing', () => {
  test('an unknown path is not found, with and without a session', async () => {
    verifies('FABRIC-CONTROLLER-AS-REAL');
    for (const path of ['/edge/client/v1/identities', '/edge/client/v1', '/', '/oidc', '/edge/client/v2/version', '/identities'])
      for (const given of [{}, headers])
        assertRefused(await site.call('GET', path, { absolute: true, headers: given }), 404, 'NOT_FOUND', {
          code: 'UNHANDLED',
          message: `path ${path} was not found`,
        });
    for (const path of ['/edge/client/v1/services//edge-routers', '//edge/client/v1/version', '/edge/client/v1/%00', '/edge/client/v1/%zz'])
      assert.equal((await site.call('GET', path, { absolute: true })).status, 404, path);
  });

  test('a wrong verb is told which ones there are', async () => {
    const cause = (verb: string, allowed: string): object => ({
      code: 'UNHANDLED',
      message: `method ${verb} is not allowed, but [${allowed}] are`,
    });
    assertRefused(await site.call('PUT', '/current-api-session'), 405, 'METHOD_NOT_ALLOWED', cause('PUT', 'GET,DELETE'));
    assertRefused(await site.call('GET', '/authenticate?method=cert'), 405, 'METHOD_NOT_ALLOWED', cause('GET', 'POST'));
    assertRefused(await site.call('PATCH', '/services'), 405, 'METHOD_NOT_ALLOWED', cause('PATCH', 'GET'));
    for (const verb of ['OPTIONS', 'TRACE', 'PROPFIND']) assert.equal((await site.call(verb, '/version')).status, 405);
  });

  test('ids out of a path are looked up as they are', async () => {
    for (const id of ['constructor', '__proto__', '%2e%2e', "x'--", 'a%20b', '%F0%9F%98%80', 'x'.repeat(3000)]) {
      const { status, json } = await site.call('GET', `/services/${id}`, { headers });
      assert.deepEqual([status, json.error.code], [404, 'NOT_FOUND'], id);
    }
  });

  test('bodies of every kind are refused as what they are', async () => {
    const post = (body: string | Buffer, type = 'application/json'): ReturnType<FabricSite['call']> =>
      site.call('POST', '/sessions', { body, headers: { ...headers, 'content-type': type } });
    for (const body of ['{', 'null', '[]', '"x"', randomBytes(200), '['.repeat(60_000)])
      assertRefused(await post(body), 400, 'COULD_NOT_PARSE_BODY');
    assert.equal((await post('{}', 'text/html')).status, 415);
    assert.equal((await post('{}', `${'x'.repeat(5000)}/y`)).status, 415);
    assert.equal((await post('{"__proto__":{"type":"Dial"},"constructor":1}')).status, 400);
    await stillServes();
  });
});

describe('limits', () => {
  test('a body that is too large is refused, by its end or by the end of the connection', async () => {
    verifies('FABRIC-CONTROLLER-BOUNDED');
    const post = (bytes: number): ReturnType<FabricSite['call']> =>
      site.call('POST', '/sessions', { body: Buffer.alloc(bytes, 0x20), headers: { ...headers, 'content-type': 'application/json' } });
    assertRefused(await post(64 * 1024), 400, 'COULD_NOT_PARSE_BODY');
    assertRefused(await post(64 * 1024 + 1), 413, 'COULD_NOT_PARSE_BODY', { code: 'UNHANDLED', message: 'request body too large' });
    assert.equal((await post(1024 * 1024)).status, 413);
    const huge = await post(8 * 1024 * 1024).catch((error: NodeJS.ErrnoException) => error);
    assert.ok(huge instanceof Error || huge.status === 413);
    await stillServes();
  });

  test('headers beyond 16 KiB are refused', async () => {
    const { status } = await site.call('GET', '/version', { headers: { 'x-long': 'x'.repeat(17_000) } });
    assert.equal(status, 431);
  });

  test('what is no TLS, no HTTP, or HTTP/2 alone ends with its connection', async () => {
    verifies('FABRIC-CONTROLLER-BOUNDED');
    const port = Number(new URL(site.origin).port);
    const plain = connectTcp(port, '127.0.0.1').resume();
    plain.write('GET /version HTTP/1.1\r\nhost: x\r\n\r\n');
    await closed(plain);
    const h2 = connect({ port, host: '127.0.0.1', ca: site.fabric.caPem, ALPNProtocols: ['h2'] });
    const [refused] = await once(h2, 'error');
    assert.match(refused.code, /ALPN|NO_APPLICATION_PROTOCOL/);
    const garbage = connect({ port, host: '127.0.0.1', ca: site.fabric.caPem });
    garbage.write(randomBytes(100_000));
    assert.match(await text(garbage).catch(() => ''), /^(HTTP\/1\.1 4\d\d |$)/);
    await stillServes();
  });
});

/** A controller alone, with limits of its own. It takes the folder over. */
async function startIn(folder: string, limits: Partial<ControllerLimits>): Promise<{ port: number; stop(): Promise<void> }> {
  const running = new AsyncDisposableStack();
  running.defer(() => rmSync(folder, { recursive: true, force: true }));
  const { state, ca, tokens, controllerKeyPem } = running.use(await openHome(join(folder, 'home'), silentLogger));
  const { certPem } = await ca.certifyServer({ commonName: 'controller', key: { pem: controllerKeyPem } });
  const parts = {
    ...{ state, ca, tokens, certPem, clock: systemClock, log: silentLogger },
    trusted: readCertificates(ca.caPem, 'ca'),
    origin: () => 'https://127.0.0.1',
    routers: () => [],
    oidc: undefined,
    refusals: new Seldom(systemClock, 60_000),
  };
  const { port } = running.use(await startController({ host: '127.0.0.1', port: 0, keyPem: controllerKeyPem, parts, limits }));
  return { port, stop: () => running.disposeAsync() };
}

describe('clients that are slow', () => {
  test('do not hold the end of the controller up', async () => {
    const home = mkdtempSync(join(tmpdir(), 'vitalmesh-end-'));
    const { port, stop } = await startIn(home, { handshakeMs: 600_000, headersMs: 600_000, requestMs: 600_000 });
    const handshaking = connectTcp(port, '127.0.0.1').resume();
    const idle = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }).resume();
    await Promise.all([once(handshaking, 'connect'), once(idle, 'secureConnect')]);
    await Promise.all([closed(handshaking), closed(idle), stop()]);
  });

  const LIMITS = {
    handshakeMs: 2000,
    headersMs: 1500,
    requestMs: 2500,
    idleMs: 500,
    maxConnections: 8,
  } satisfies Partial<ControllerLimits>;
  let port: number;
  let stop: () => Promise<void>;
  before(async () => {
    ({ port, stop } = await startIn(mkdtempSync(join(tmpdir(), 'vitalmesh-slow-')), LIMITS));
  });
  after(() => stop());

  async function open(): Promise<TLSSocket> {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    return socket;
  }

  /** Feeds one byte after the other for as long as the other side takes them. */
  async function drip(socket: TLSSocket, first: string): Promise<void> {
    socket.resume();
    socket.write(first);
    const dripping = setInterval(() => socket.write('x'), 20);
    await closed(socket);
    clearInterval(dripping);
  }

  test('lose their own connection: before TLS, before a request, in its headers, in its body, and idle after it', async () => {
    verifies('FABRIC-CONTROLLER-BOUNDED');
    await Promise.all([
      closed(connectTcp(port, '127.0.0.1').resume()),
      closed((await open()).resume()),
      drip(await open(), 'GET /version HTTP/1.1\r\nx: '),
      drip(await open(), 'POST /edge/client/v1/authenticate?method=cert HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n'),
    ]);
    const idle = await open();
    idle.write('GET /version HTTP/1.1\r\nhost: x\r\n\r\n');
    assert.match(await text(idle), /^HTTP\/1\.1 200 /);
  });

  test('more connections than allowed are not taken, and those there are go on', async () => {
    verifies('FABRIC-CONTROLLER-BOUNDED');
    await Promise.all(Array.from({ length: 24 }, () => closed(connectTcp(port, '127.0.0.1').resume())));
    const later = await open();
    later.write('GET /version HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    assert.match(await text(later), /"v2\.0\.3"/);
  });
});
