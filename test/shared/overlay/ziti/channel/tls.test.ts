import assert from 'node:assert/strict';
import { KeyObject, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { VitalmeshError } from '../../../../../shared/errors.ts';
import { x509 } from '../../../../../shared/identity/x509.ts';
import { openChannel } from '../../../../../shared/overlay/ziti/channel/open.ts';
import { verifies } from '../../../../requirements.ts';
import { testNetwork } from '../../../../support/identities.ts';
import { hex, rawRouter } from '../../../../support/raw-router.ts';
import { identity, network, towards } from './opened.ts';

test('the router sees the whole certificate chain, whichever version of TLS it speaks', async () => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    await using router = await rawRouter(network, { maxVersion });
    const opening = openChannel(towards(router));
    const peer = await router.accept();
    assert.equal(peer.socket.getProtocol(), maxVersion);
    assert.equal(peer.socket.authorized, true);
    assert.equal(peer.socket.alpnProtocol, 'ziti-edge');
    const leaf = peer.socket.getPeerCertificate(true);
    assert.equal(leaf.subjectaltname, 'URI:spiffe://vitalmesh.test/identity/hc..xMvev');
    assert.match(identity.certPem, new RegExp(leaf.issuerCertificate.raw.toString('base64').slice(0, 60).replaceAll(/[+/]/g, '\\$&')));
    await peer.greet();
    await using _channel = await opening;
    peer.socket.resume();
  }
});

test('a router that knows the protocol by no name is spoken to without one', async () => {
  await using router = await rawRouter(network, { ALPNProtocols: ['http/1.1'] });
  const opening = openChannel(towards(router));
  const peer = await router.accept();
  assert.equal(peer.socket.alpnProtocol, false);
  await peer.greet();
  await using _channel = await opening;
  peer.socket.resume();
});

/** Alert records as RFC 8446 §6 has them: type 21, version, length 2, fatal, description. */
const alert = (description: string): Buffer => hex(`15 0303 0002 02 ${description}`);

test('a router that answers a name it does not know with an internal error is asked once more, without one', async () => {
  await using router = await rawRouter(network);
  await using front = await server((socket, nth) => {
    if (nth === 0) socket.once('data', () => socket.end(alert('50')));
    else socket.pipe(connect(router.port, '127.0.0.1')).pipe(socket);
  });
  const opening = openChannel(towards(front));
  const peer = await router.accept();
  assert.equal(peer.socket.alpnProtocol, false);
  await peer.greet();
  await using _channel = await opening;
  peer.socket.resume();
});

test('a router that always answers with an internal error is unreachable', async () => {
  let connections = 0;
  await using front = await server((socket) => {
    connections += 1;
    socket.once('data', () => socket.end(alert('50')));
  });
  await assert.rejects(openChannel(towards(front)), { code: 'OVERLAY-UNREACHABLE', detail: /INTERNAL_ERROR/ });
  assert.equal(connections, 2);
});

const CERTIFICATE_ALERTS = [
  ['2a', 'bad_certificate'],
  ['2b', 'unsupported_certificate'],
  ['2c', 'certificate_revoked'],
  ['2d', 'certificate_expired'],
  ['2e', 'certificate_unknown'],
  ['30', 'unknown_ca'],
  ['31', 'access_denied'],
  ['33', 'decrypt_error'],
  ['74', 'certificate_required'],
] as const;

test('a router that refuses the certificate refuses the identity, whatever it calls it', async () => {
  for (const [description, name] of CERTIFICATE_ALERTS) {
    await using front = await server((socket) => socket.once('data', () => socket.end(alert(description))));
    await assert.rejects(openChannel(towards(front)), { code: 'OVERLAY-SIGN-IN', detail: /refuses this identity's certificate/ }, name);
  }
});

test('what answers is no TLS, or breaks off', async () => {
  await using plain = await server((socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n')));
  await assert.rejects(openChannel(towards(plain)), { code: 'OVERLAY-UNREACHABLE', detail: /ERR_SSL_/ });
  await using curt = await server((socket) => socket.once('data', () => socket.end()));
  await assert.rejects(openChannel(towards(curt)), { code: 'OVERLAY-UNREACHABLE' });
});

test('a router of another network hears nothing from us', async () => {
  verifies('OVERLAY-ROUTER-VERIFIED');
  const foreign = await testNetwork();
  await using router = await rawRouter(foreign, { ca: [foreign.caPem, network.caPem] });
  await rejectsRouter(openChannel(towards(router)), /not of this network/, 'IDENTITY-UNTRUSTED');
});

test('an identity of the network that poses as a router hears nothing from us', async () => {
  verifies('OVERLAY-ROUTER-VERIFIED');
  const { keyPem: key, certPem: cert } = await network.identity('mallory');
  await using router = await rawRouter(network, { key, cert });
  await rejectsRouter(openChannel(towards(router)), /not of this network/, 'IDENTITY-UNTRUSTED');
});

test('a router whose certificate has expired hears nothing from us', async () => {
  verifies('OVERLAY-ROUTER-VERIFIED');
  const validity = { notBefore: Date.UTC(2020, 0), notAfter: Date.UTC(2020, 1) };
  const { keyPem: key, certPem: cert } = await network.ca.certifyServer({ commonName: 'old', validity });
  await using router = await rawRouter(network, { key, cert });
  await rejectsRouter(openChannel(towards(router)), /outside its time of validity/, 'IDENTITY-EXPIRED');
});

test('a router with a certificate for another host hears nothing from us', async () => {
  verifies('OVERLAY-ROUTER-VERIFIED');
  const { key, cert } = await selfSigned('router.example');
  await using router = await rawRouter(network, { key, cert });
  const trusting = { ...identity, caPem: cert };
  await rejectsRouter(openChannel({ ...towards(router), identity: trusting }), /for another host/, 'IDENTITY-UNTRUSTED');
});

async function rejectsRouter(opening: Promise<unknown>, says: RegExp, cause: string): Promise<void> {
  await assert.rejects(opening, (error: unknown) => {
    assert.ok(error instanceof VitalmeshError && error.cause instanceof VitalmeshError);
    assert.equal(error.code, 'OVERLAY-UNREACHABLE');
    assert.match(error.detail ?? '', says);
    assert.equal(error.cause.code, cause);
    return true;
  });
}

async function selfSigned(host: string): Promise<{ key: string; cert: string }> {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${host}`,
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: host }])],
  });
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString();
  return { key, cert: certificate.toString('pem') };
}

/** A plain TCP server. */
async function server(serve: (socket: Socket, nth: number) => void): Promise<{ host: string; port: number } & AsyncDisposable> {
  const sockets: Socket[] = [];
  const tcp = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    serve(socket, sockets.push(socket) - 1);
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  return {
    host: '127.0.0.1',
    port: (tcp.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      tcp.close();
      await once(tcp, 'close');
    },
  };
}
