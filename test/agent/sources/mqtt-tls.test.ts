import assert from 'node:assert/strict';
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import { Aedes } from 'aedes';
import { createMqtt, MQTT_DEFAULTS, type MqttTls } from '../../../agent/sources/mqtt.ts';
import { x509 } from '../../../shared/identity/x509.ts';
import { decodeText, started, type TestEnvironment, testEnvironment } from './support.ts';

/** A certificate for `name` that vouches for itself. */
async function selfSigned(name: string): Promise<{ key: string; cert: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const load = (format: 'pkcs8' | 'spki', der: Buffer, use: 'sign' | 'verify') =>
    webcrypto.subtle.importKey(format, Uint8Array.from(der), algorithm, true, [use]);
  const keys = {
    privateKey: await load('pkcs8', privateKey.export({ format: 'der', type: 'pkcs8' }), 'sign'),
    publicKey: await load('spki', publicKey.export({ format: 'der', type: 'spki' }), 'verify'),
  };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  });
  return { key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), cert: certificate.toString('pem') };
}

test('a broker over TLS is read only when its certificate is the right one', async () => {
  const broker = await selfSigned('broker.test');
  const stranger = await selfSigned('broker.test');
  const aedes = await Aedes.createBroker();
  const server = createServer(broker, aedes.handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.on('tlsClientError', () => undefined);

  const source = (environment: TestEnvironment, tls: MqttTls) =>
    started(
      createMqtt(
        {
          ...MQTT_DEFAULTS,
          name: 'home',
          host: '127.0.0.1',
          port,
          tls,
          clientId: 'vitalmesh-test',
          protocolVersion: 4,
          filters: ['home/+/measurement'],
          decode: (_topic, payload, receivedAt) => decodeText(Buffer.from(payload).toString('latin1'), receivedAt),
          maxFrameBytes: 1024,
          reopenMinMs: 5,
          reopenMaxMs: 20,
        },
        environment,
      ),
    );
  // Nor where the environment of the process would have it otherwise.
  for (const checks of ['1', '0']) {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = checks;
    for (const wrong of [{ ca: stranger.cert, servername: 'broker.test' }, { ca: broker.cert, servername: 'other.test' }, {}]) {
      const environment = testEnvironment();
      await using refused = await source(environment, wrong);
      await environment.trap.until('source is not running; it is tried again');
      assert.equal(refused.status().state, 'waiting');
    }
  }
  delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  assert.equal(aedes.connectedClients, 0);

  const environment = testEnvironment();
  const right = await source(environment, { ca: broker.cert, servername: 'broker.test' });
  await environment.trap.until('source is running');
  aedes.publish({ cmd: 'publish', dup: false, qos: 1, retain: false, topic: 'home/a/measurement', payload: 'one' }, () => undefined);
  await environment.intake.until(({ stored }) => stored.length === 1);
  assert.equal(right.status().endpoint, `mqtts://127.0.0.1:${port}`);
  await right[Symbol.asyncDispose]();
  server.close();
  await new Promise<void>((resolve) => aedes.close(resolve));
});
