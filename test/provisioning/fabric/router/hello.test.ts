import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { describe, test } from 'node:test';
import { verifies } from '../../../requirements.ts';
import { testNetwork } from '../../../support/identities.ts';
import { frameBytes } from '../../../support/ziti/raw-client.ts';
import { idsOf, portOf, Stage, u32Of } from './stage.ts';

const MIB = 1024 * 1024;

describe('embedded router: TLS and hello', { timeout: 30_000 }, () => {
  test('the answer to a hello stands outside the count and says what the real router says', async () => {
    verifies('FABRIC-ROUTER-AS-REAL');
    await using s = await Stage.start();
    const client = await s.connect('gw1');
    // Content type 0, sequence -1, header 1002 = "token-gw1", body "gw1".
    client.write(Buffer.from('0306090c00000000ffffffff1100000003000000ea03000009000000746f6b656e2d677731677731', 'hex'));
    const result = await client.next(2);
    assert.equal(result.sequence, -1);
    assert.deepEqual(idsOf(result), [0, 1, 2, 4, 8, 1024, 1032]);
    assert.equal(u32Of(result, 1), 0xffff_ffff);
    assert.equal(String(result.headers.get(2)), '\x01');
    assert.match(String(result.headers.get(0)), /^[0-9A-Za-z]{4}$/);
    assert.match(String(result.headers.get(4)), /^v2\.0\.3\|[^|]+\|[^|]+\|[^|]+\|[^|]+$/);
    assert.equal(String(result.headers.get(8)), 'router1');
    assert.equal(result.body.length, 0);
    const ping = client.send(1);
    const pong = await client.next(2);
    assert.deepEqual([pong.sequence, u32Of(pong, 1)], [1, ping]);
  });

  for (const [what, token, identity] of [
    ['without a token', undefined, 'gw1'],
    ['with the token of another identity', 'token-gw2', 'gw1'],
  ] as const) {
    test(`a hello ${what} is answered with success and then the connection ends at once`, async () => {
      await using s = await Stage.start();
      const client = await s.connect(identity);
      client.write(frameBytes(0, -1, token === undefined ? {} : { 1002: token }));
      client.send(3);
      assert.equal(String((await client.next(2)).headers.get(2)), '\x01');
      assert.equal(await client.closed, 'end');
      assert.equal(client.received.length, 1);
    });
  }

  test('a hello with an unknown token is answered with success, then with silence, and the connection ends late', async () => {
    await using s = await Stage.start({ unknownTokenMs: 1000 });
    const client = await s.connect('gw1');
    await client.hello('token-nobody');
    client.send(3);
    client.send(60783, { 1000: 1 }, 'gw1/vitals/Dial');
    const foreign = await s.channel('gw2', { identity: await s.identity('gw1') });
    assert.equal(await Promise.race([client.closed.then(() => 'unknown'), foreign.closed.then(() => 'foreign')]), 'foreign');
    assert.equal(await client.closed, 'end');
    assert.equal(client.received.length, 1);
  });

  test('a certificate that the session was signed in with is enough, whatever identity it names', async () => {
    await using s = await Stage.start();
    const identity = await s.identity('renamed');
    const { X509Certificate } = await import('node:crypto');
    const fingerprint = new X509Certificate(identity.certPem).fingerprint256.replaceAll(':', '').toLowerCase();
    s.grants.addSession('token-renamed', 'gw1', { fingerprints: [fingerprint] });
    const client = await s.channel('renamed');
    await client.sync();
  });

  test('TLS 1.2 and 1.3, no ALPN and ziti-edge are taken', async () => {
    await using s = await Stage.start();
    for (const more of [{ tls: 'TLSv1.2' }, { tls: 'TLSv1.3' }, { alpn: ['ziti-edge'] }, { alpn: ['h2', 'ziti-edge'] }] as const) {
      const client = await s.channel('gw1', more.tls ? { tls: more.tls } : { alpn: [...(more.alpn ?? [])] });
      await client.sync();
      assert.equal(client.socket.alpnProtocol, more.tls ? false : 'ziti-edge');
    }
  });

  test('another application protocol is refused by TLS', async () => {
    await using s = await Stage.start();
    await assert.rejects(s.connect('gw1', { alpn: ['h2'] }), /alert/);
  });

  test('nobody gets in without a certificate of this network', async () => {
    verifies('FABRIC-ROUTER-AS-REAL');
    await using s = await Stage.start();
    const nobody = await s.connect(undefined);
    const failed = once(nobody.socket, 'error');
    const [error] = await failed;
    assert.equal(error.code, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');

    const foreign = await (await testNetwork()).identity('gw1');
    const client = await s.connect('gw1', { identity: foreign });
    client.write(frameBytes(0, -1, { 1002: 'token-gw1' }));
    await client.closed;
    assert.deepEqual(client.received, []);
  });

  test('a client that does not say hello, or says it too slowly, is let go', async () => {
    await using s = await Stage.start({ helloMs: 100, handshakeMs: 100 });
    const silent = await s.connect('gw1');
    await silent.closed;
    const slow = await s.connect('gw1');
    slow.write(frameBytes(0, -1, { 1002: 'token-gw1' }).subarray(0, 30));
    await slow.closed;
    const mute = connectTcp(portOf(s.router), '127.0.0.1');
    mute.on('error', () => undefined).resume();
    await once(mute, 'close');
  });

  const garbage: readonly (readonly [string, Buffer])[] = [
    ['bytes that are no frame', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['another version of the channel', Buffer.from('0306090a010000000200000000000000000000000000', 'hex')],
    ['something else than a hello', frameBytes(60783, 1, { 1000: 1 }, 'gw1/vitals/Dial')],
    ['headers beyond those of a hello', frameBytes(0, -1, { 1002: 'token-gw1', 1500: Buffer.alloc(16_384) })],
    ['a body beyond that of a hello', frameBytes(0, -1, { 1002: 'token-gw1' }, Buffer.alloc(4193))],
    ['a header that is cut short', Buffer.from('0306090c00000000ffffffff0900000000000000ea03000009000000aa', 'hex')],
  ];
  for (const [what, bytes] of garbage) {
    test(`${what} in place of a hello ends the connection without a word`, async () => {
      verifies('FABRIC-ROUTER-BOUNDED');
      await using s = await Stage.start();
      const client = await s.connect('gw1');
      client.write(bytes);
      await client.closed;
      assert.deepEqual(client.received, []);
      await (await s.channel('gw1')).sync();
    });
  }

  test('garbage and oversize behind a good hello cost the channel only', async () => {
    await using s = await Stage.start();
    const neighbour = await s.channel('gw2');
    // Bodies may have 16 MiB, headers 64 KiB; the head alone says that it is more.
    const oversize = frameBytes(60786, 1, { 1000: 1 });
    oversize.writeUInt32LE(16 * MIB + 1, 16);
    for (const bytes of [Buffer.alloc(64, 0xff), oversize, frameBytes(60786, 1, { 1000: 1, 2000: Buffer.alloc(65_536) })]) {
      const client = await s.channel('gw1');
      client.write(bytes);
      await client.closed;
    }
    await neighbour.sync();
    assert.equal(s.router.stats().channels, 1);
  });

  test('connections beyond the limit are refused, and there is room again when one ends', async () => {
    await using s = await Stage.start({ channels: 2 });
    const [one] = [await s.channel('gw1'), await s.channel('gw2')];
    await assert.rejects(s.connect('hub'));
    await one[Symbol.asyncDispose]();
    for (;;) {
      const client = await s.connect('hub').catch(() => undefined);
      if (client) break;
    }
  });

  test('a router that ends waits for nobody: neither for who is at the handshake nor for who is at the hello', async () => {
    const s = await Stage.start({ handshakeMs: 600_000, helloMs: 600_000 });
    const mute = connectTcp(portOf(s.router), '127.0.0.1');
    mute.on('error', () => undefined).resume();
    await once(mute, 'connect');
    const [silent, open] = [await s.connect('gw1'), await s.channel('gw1')];
    const ended = Promise.all([once(mute, 'close'), silent.closed, open.closed]);
    await s.router[Symbol.asyncDispose]();
    await ended;
    await s[Symbol.asyncDispose]();
  });

  test('only a loopback address that is free is listened on, and only with certificates that can be used', async () => {
    await using s = await Stage.start();
    const { startRouter } = await import('../../../../provisioning/fabric/router/router.ts');
    const identity = await s.identity('router9');
    const options = {
      id: 'router9',
      name: 'router9',
      serverCert: identity.certPem,
      serverKey: identity.keyPem,
      caPem: s.network.caPem,
      grants: s.grants,
      terminators: s.terminators,
      log: (await import('../../../../shared/log.ts')).silentLogger,
    };
    await assert.rejects(startRouter({ ...options, host: '0.0.0.0', port: 0 }), { code: 'FABRIC-ADDRESS' });
    await assert.rejects(startRouter({ ...options, host: '127.0.0.1', port: portOf(s.router) }), { code: 'FABRIC-ADDRESS' });
    const loopback = { ...options, host: '127.0.0.1', port: 0 };
    await assert.rejects(startRouter({ ...loopback, serverKey: 'no key' }), { code: 'FABRIC-CA' });
    await assert.rejects(startRouter({ ...loopback, caPem: 'no certificate' }), { code: 'IDENTITY-FILE' });
  });
});
