import assert from 'node:assert/strict';
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { Duplex, duplexPair } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { HeldIdentity } from '../../../shared/identity/held-identity.ts';
import type { Identity } from '../../../shared/identity/identity.ts';
import { type InnerTlsOptions, type SecuredConnection, secureDialer, secureListener } from '../../../shared/uplink/inner-tls.ts';
import { verifies } from '../../requirements.ts';
import { ATTACKS, certify, DOMAIN, ForgedNetwork, honest, is, pemOf } from '../../support/forged.ts';
import { OVERLAY_PAIRS, type OverlayPair } from '../../support/overlay-pairs.ts';

const network = await ForgedNetwork.create();
const [gateway, hub] = await Promise.all([network.honest('gw.1'), network.honest('hub')]);
const OPTIONS = { timeoutMs: 10_000 };

/** The overlay of the suite that runs. */
let overlay: OverlayPair;

/** Both ends of an overlay connection, plain. */
async function plainPair(): Promise<[Duplex, Duplex]> {
  const [near, far] = await overlay.connect();
  return [guarded(near), guarded(far)];
}

/** An expected cut must not end the process. */
function guarded<T extends Duplex>(stream: T): T {
  return stream.on('error', () => stream.destroy());
}

async function securedPair(near?: InnerTlsOptions, far?: InnerTlsOptions): Promise<[SecuredConnection, SecuredConnection, Duplex, Duplex]> {
  const [a, b] = await plainPair();
  const [dialer, listener] = await Promise.all([secureDialer(a, gateway, near ?? OPTIONS), secureListener(b, hub, far ?? OPTIONS)]);
  guarded(dialer.stream);
  guarded(listener.stream);
  return [dialer, listener, a, b];
}

/** The TLS of somebody who plays by rules of their own. */
function rogueClient(raw: Duplex, identity: Partial<Identity>, options: object = {}): TLSSocket {
  const { keyPem: key, certPem: cert } = identity;
  return guarded(connect({ socket: raw, key, cert, rejectUnauthorized: false, minVersion: 'TLSv1.3', ALPNProtocols: ['h2'], ...options }));
}

function rogueServer(raw: Duplex, { keyPem: key, certPem: cert }: Identity, options: object = {}): void {
  const server = createServer({ key, cert, requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['h2'], ...options });
  server.on('secureConnection', guarded);
  server.on('tlsClientError', () => raw.destroy());
  server.emit('connection', raw);
}

async function readAll(stream: Duplex): Promise<Buffer> {
  const parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  await once(stream, 'end');
  return Buffer.concat(parts);
}

/** The code with which a stream fails; an end is a failure of the test. */
async function errorOf(stream: Duplex): Promise<string> {
  const failed = Promise.withResolvers<string>();
  stream.once('error', (error: { code?: string }) => failed.resolve(error.code ?? ''));
  stream.once('end', () => failed.resolve('a clean end'));
  stream.resume();
  return failed.promise;
}

for (const [name, open] of Object.entries(OVERLAY_PAIRS)) {
  describe(`inner TLS over the overlay ${name}`, () => {
    before(async () => {
      overlay = await open();
    });
    after(() => overlay[Symbol.asyncDispose]());
    carries();
    refuses();
  });
}

describe('inner TLS over any stream', () => {
  test('carries bytes to their end', async () => {
    const [near, far] = duplexPair();
    const [dialer, listener] = await Promise.all([secureDialer(near, gateway, OPTIONS), secureListener(far, hub, OPTIONS)]);
    dialer.stream.end('over a plain pair');
    assert.equal(String(await readAll(listener.stream)), 'over a plain pair');
    listener.stream.end();
  });

  test('an end in the same read as the last of the handshake is told from a cut, and neither ends the process', async () => {
    for (const honestly of [true, false]) {
      const { raw, far, release } = heldBack(1);
      const listening = secureListener(raw, hub, OPTIONS);
      const client = rogueClient(far, gateway);
      await once(client, 'secureConnect');
      if (honestly) client.end('all');
      release();
      assert.equal(await outcomeOf(listening), honestly ? 'all' : 'OVERLAY-CLOSED');
    }
    const { raw, far, release } = heldBack(0);
    const dialling = secureDialer(raw, gateway, OPTIONS);
    rogueServer(far, hub);
    release();
    assert.equal(await outcomeOf(dialling), 'OVERLAY-CLOSED');
  });

  test('a changed byte on the way is an error, never data', async () => {
    const [a, b] = duplexPair();
    const [c, d] = duplexPair();
    let tamper = false;
    relay(b, c, (chunk) => {
      if (tamper) chunk[chunk.length - 1] = (chunk[chunk.length - 1] ?? 0) ^ 1;
      return chunk;
    });
    const [dialer, listener] = await Promise.all([secureDialer(a, gateway, OPTIONS), secureListener(d, hub, OPTIONS)]);
    guarded(dialer.stream);
    tamper = true;
    const error = errorOf(guarded(listener.stream));
    listener.stream.on('data', () => assert.fail('tampered data was delivered'));
    dialer.stream.write('a reading');
    assert.match(await error, /BAD_RECORD_MAC|OVERLAY-CLOSED/);
    dialer.stream.destroy();
  });
});

function carries(): void {
  test('each side learns who the other is from its certificate', async () => {
    verifies('IDENTITY-CHAIN', 'CALLER-FROM-CERTIFICATE');
    const [dialer, listener] = await securedPair();
    assert.deepEqual(dialer.peer, { identityId: 'hub', trustDomain: DOMAIN });
    assert.deepEqual(listener.peer, { identityId: 'gw.1', trustDomain: DOMAIN });
    for (const { stream } of [dialer, listener]) {
      assert.equal(stream.getProtocol(), 'TLSv1.3');
      assert.equal(stream.alpnProtocol, 'h2');
      stream.destroy();
    }
  });

  test('bytes arrive both ways to their end, and the connection below closes with the stream', async () => {
    const [dialer, listener, near, far] = await securedPair();
    const closed = Promise.all([near, far].map((raw) => once(raw, 'close')));
    const [up, down] = [randomBytes(3_000_000), randomBytes(3_000_000)];
    dialer.stream.end(up);
    listener.stream.end(down);
    const [received, answered] = await Promise.all([readAll(listener.stream), readAll(dialer.stream)]);
    assert.deepEqual([sha256(received), sha256(answered)], [sha256(up), sha256(down)]);
    await closed;
  });

  test('an intermediate that the other side brings along is enough when both trust the root', async () => {
    const second = await certify({ issuer: network.root, subject: 'second controller', extensions: [is.ca(0), is.signer()] });
    const other = network.identity(await network.leaf(honest('gw2'), { issuer: second }), { caPem: pemOf([network.root]) });
    for (const [dialerSide, listenerSide] of [
      [other, hub],
      [hub, other],
    ] as const) {
      const [a, b] = await plainPair();
      const ends = await Promise.all([secureDialer(a, dialerSide, OPTIONS), secureListener(b, listenerSide, OPTIONS)]);
      assert.deepEqual(ends.map(({ peer }) => peer.identityId).sort(), ['gw2', 'hub']);
      for (const { stream } of ends) guarded(stream).destroy();
    }
  });

  test('a connection cut off without the end of TLS is an error on the other side', async () => {
    for (const cut of [
      (_: TLSSocket, raw: Duplex) => raw.end(),
      (_: TLSSocket, raw: Duplex) => raw.destroy(),
      (stream: TLSSocket) => stream.destroy(),
    ]) {
      const [dialer, listener, near] = await securedPair();
      dialer.stream.write('half of a mess');
      await once(listener.stream, 'data');
      const error = errorOf(listener.stream);
      cut(dialer.stream, near);
      assert.equal(await error, 'OVERLAY-CLOSED');
      dialer.stream.destroy();
    }
  });

  test('a session is never resumed: every connection verifies anew', async () => {
    const server = async (): Promise<[Duplex, Promise<SecuredConnection>]> => {
      const [a, b] = await plainPair();
      return [a, secureListener(b, hub, OPTIONS)];
    };
    const [first, accepted] = await server();
    const client = rogueClient(first, gateway);
    const session = once(client, 'session');
    guarded((await accepted).stream).write('x');
    const [ticket] = await session;
    client.destroy();
    const [second, again] = await server();
    const resumed = rogueClient(second, gateway, { session: ticket });
    await once(resumed, 'secureConnect');
    assert.equal(resumed.isSessionReused(), false);
    assert.equal((await again).peer.identityId, 'gw.1');
    resumed.destroy();
  });
}

function refuses(): void {
  for (const { name, code, make } of ATTACKS) {
    test(`refuses ${name}, dialing and listening`, async () => {
      verifies('IDENTITY-CHAIN');
      const attacker = await make(network);
      const [a, b] = await plainPair();
      rogueClient(a, attacker);
      await refused(secureListener(b, hub, OPTIONS), b, code);
      const [c, d] = await plainPair();
      rogueServer(d, attacker);
      await refused(secureDialer(c, gateway, OPTIONS), c, code);
    });
  }

  test('refuses an honest identity that is not the expected one', async () => {
    verifies('IDENTITY-CHAIN');
    const mallory = network.identity(await network.leaf(honest('mallory'), { subject: 'hub' }));
    const onlyHub = { ...OPTIONS, expectedPeer: (id: string) => id === 'hub' };
    const [a, b] = await plainPair();
    rogueServer(b, mallory);
    await refused(secureDialer(a, gateway, onlyHub), a, 'UPLINK-PEER');
    const [c, d] = await plainPair();
    rogueClient(c, mallory);
    await refused(secureListener(d, gateway, onlyHub), d, 'UPLINK-PEER');
  });

  test('refuses a caller without a certificate', async () => {
    const [a, b] = await plainPair();
    rogueClient(a, {});
    await refused(secureListener(b, hub, OPTIONS), b, 'IDENTITY-CHAIN');
  });

  test('many handshakes of one identity at a time and one after the other, some of which fail: each tells its own caller', async () => {
    const callers = await Promise.all(['gw.2', 'gw.3', 'gw.4'].map((id) => network.honest(id)));
    for (let round = 0; round < 3; round += 1) {
      // One after the other: the overlay does not say which dial an accepted connection came of.
      const [[, silent], [rogue, met], ...pairs] = [
        await plainPair(),
        await plainPair(),
        await plainPair(),
        await plainPair(),
        await plainPair(),
      ];
      const failing = refused(secureListener(silent, hub, { timeoutMs: 1 }), silent, 'OVERLAY-TIMEOUT');
      rogueClient(rogue, {});
      const refusing = refused(secureListener(met, hub, OPTIONS), met, 'IDENTITY-CHAIN');
      const told = await Promise.all(
        pairs.map(async ([a, b], i) => {
          const [dialer, listener] = await Promise.all([secureDialer(a, callers[i] ?? gateway, OPTIONS), secureListener(b, hub, OPTIONS)]);
          guarded(listener.stream);
          guarded(dialer.stream).destroy();
          return listener.peer.identityId;
        }),
      );
      assert.deepEqual(told, ['gw.2', 'gw.3', 'gw.4']);
      await Promise.all([failing, refusing]);
    }
  });

  test('an identity whose certificate is replaced shows the new one from then on, whichever side it is', async () => {
    const renewed = await network.honest('hub');
    const held = new HeldIdentity(hub, renewed);
    const printIn = (stream: TLSSocket): string | undefined => stream.getPeerX509Certificate()?.fingerprint256;
    const shown = async (): Promise<(string | undefined)[]> => {
      const [[a, b], [c, d]] = [await plainPair(), await plainPair()];
      const client = rogueClient(a, gateway);
      const asListener = once(client, 'secureConnect').then(() => printIn(client));
      const met = await Promise.all([
        secureListener(b, held.identity, OPTIONS),
        secureListener(d, gateway, OPTIONS),
        secureDialer(c, held.identity, OPTIONS),
      ]);
      for (const { stream } of met) guarded(stream);
      const prints = [await asListener, printIn(met[1].stream)];
      for (const stream of [client, met[2].stream]) stream.destroy();
      return prints;
    };
    const printOf = ({ certPem }: Identity): string => new X509Certificate(certPem).fingerprint256;
    assert.deepEqual(await shown(), Array(2).fill(printOf(hub)));
    held.proved(renewed);
    assert.deepEqual(await shown(), Array(2).fill(printOf(renewed)));
    assert.notEqual(printOf(hub), printOf(renewed));
  });

  test("refuses another's certificate without its key", async () => {
    verifies('IDENTITY-CHAIN');
    // No TLS library presents a certificate whose key it lacks; ours says so in a coded error.
    const [a, b] = await plainPair();
    await refused(secureDialer(a, { ...gateway, certPem: hub.certPem }, OPTIONS), a, 'IDENTITY-FILE');
    await refused(secureListener(b, { ...hub, certPem: gateway.certPem }, OPTIONS), b, 'IDENTITY-FILE');
  });

  test('refuses TLS 1.2', async () => {
    const [a, b] = await plainPair();
    rogueClient(a, gateway, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
    await refused(secureListener(b, hub, OPTIONS), b, 'UPLINK-PEER');
    const [c, d] = await plainPair();
    rogueServer(d, hub, { maxVersion: 'TLSv1.2' });
    await refused(secureDialer(c, gateway, OPTIONS), c, 'UPLINK-PEER');
  });

  test('refuses another application protocol, or none', async () => {
    for (const ALPNProtocols of [['http/1.1'], []]) {
      const [a, b] = await plainPair();
      rogueClient(a, gateway, { ALPNProtocols });
      await refused(secureListener(b, hub, OPTIONS), b, 'UPLINK-PEER');
      const [c, d] = await plainPair();
      rogueServer(d, hub, { ALPNProtocols });
      await refused(secureDialer(c, gateway, OPTIONS), c, 'UPLINK-PEER');
    }
  });

  test('refuses plain bytes in place of TLS', async () => {
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(100_000, 0x16), randomBytes(5000)]) {
      const [a, b] = await plainPair();
      a.write(bytes);
      await refused(secureListener(b, hub, OPTIONS), b, 'UPLINK-PEER');
      const [c, d] = await plainPair();
      d.write(bytes);
      await refused(secureDialer(c, gateway, OPTIONS), c, 'UPLINK-PEER');
    }
  });

  test('refuses who never answers, after the time limit', async () => {
    const limit = { timeoutMs: 20 };
    const [a, b] = await plainPair();
    await refused(secureListener(b, hub, limit), b, 'OVERLAY-TIMEOUT');
    a.destroy();
    const [c, d] = await plainPair();
    await refused(secureDialer(c, gateway, limit), c, 'OVERLAY-TIMEOUT');
    d.destroy();
  });

  test('refuses who goes away in the middle', async () => {
    for (const leave of [(raw: Duplex) => raw.destroy(), (raw: Duplex) => void raw.end()]) {
      const [a, b] = await plainPair();
      const listening = secureListener(b, hub, OPTIONS);
      leave(a);
      await refused(listening, b, 'OVERLAY-CLOSED');
      const [c, d] = await plainPair();
      const dialling = secureDialer(c, gateway, OPTIONS);
      leave(d);
      await refused(dialling, c, 'OVERLAY-CLOSED');
    }
  });

  test('refuses a certificate by the time of its own clock', async () => {
    const inTwoMonths = { ...OPTIONS, clock: { now: () => Date.now() + 60 * 24 * 3600 * 1000, monotonicMs: () => 0 } };
    const [a, b] = await plainPair();
    rogueServer(b, hub);
    await refused(secureDialer(a, gateway, inTwoMonths), a, 'IDENTITY-EXPIRED');
    const [c, d] = await plainPair();
    rogueClient(c, gateway);
    await refused(secureListener(d, hub, inTwoMonths), d, 'IDENTITY-EXPIRED');
  });
}

/** Refused with that code, and the connection is gone. */
async function refused(attempt: Promise<SecuredConnection>, raw: Duplex, code: string): Promise<void> {
  const closed = new Promise<void>((resolve) => (raw.closed ? resolve() : raw.once('close', () => resolve())));
  await assert.rejects(attempt, { name: 'VitalmeshError', code });
  await closed;
}

/**
 * A connection whose far side's bytes are held back after the first `pass` writes. `release` lets a few turns go by, and then
 * delivers what was held back at one go, with the end right behind it.
 */
function heldBack(pass: number): { raw: Duplex; far: Duplex; release: () => void } {
  const [far, wire] = duplexPair();
  const raw = guarded(
    new Duplex({
      read: () => undefined,
      write: (chunk, _encoding, done) => void wire.write(chunk, done),
    }),
  );
  const held: Buffer[] = [];
  let passed = 0;
  wire.on('data', (chunk: Buffer) => {
    passed += 1;
    if (passed > pass) held.push(chunk);
    else raw.push(chunk);
  });
  // In a callback of the event loop, as a socket delivers: what it emits comes before any promise goes on.
  const release = (turns = 20): void => {
    setImmediate(() => {
      if (turns > 0) return release(turns - 1);
      raw.push(Buffer.concat(held));
      raw.push(null);
    });
  };
  return { raw, far: guarded(far), release };
}

/** What was read to a clean end, or the code of what went wrong. */
async function outcomeOf(attempt: Promise<SecuredConnection>): Promise<string> {
  try {
    const { stream } = await attempt;
    return String(await readAll(stream));
  } catch (error) {
    return (error as { code?: string }).code ?? '';
  }
}

/** Passes bytes between two streams both ways; those from `a` through `change`. */
function relay(a: Duplex, b: Duplex, change: (chunk: Buffer) => Buffer): void {
  a.on('data', (chunk: Buffer) => b.write(change(Buffer.from(chunk))));
  b.on('data', (chunk: Buffer) => a.write(chunk));
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
