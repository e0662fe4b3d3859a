import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { verifies } from '../requirements.ts';
import { FOREIGN_REGISTRY } from '../support/foreign.ts';
import { TestClock, testHub } from '../support/hub.ts';
import { INGEST_SERVICE, identityOf, serveUplinkOf } from '../support/uplink-hub.ts';

const run = promisify(execFile);
const BUNDLE = fileURLToPath(new URL('../golden/foreign/home-monitoring.json', import.meta.url));

test('curl posts a Bundle over HTTP/1.1 and HTTP/2 with the key and certificate of its identity, as behind a tunneler', async () => {
  verifies('FOREIGN-CLIENTS');
  await using hub = testHub({ clock: new TestClock(), registry: FOREIGN_REGISTRY });
  await using uplink = await serveUplinkOf(hub.ingest);
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-curl-'));
  const { keyPem, certPem } = await identityOf('gw-home');
  writeFileSync(join(folder, 'key.pem'), keyPem, { mode: 0o600 });
  writeFileSync(join(folder, 'cert.pem'), certPem);
  const overlay = uplink.network.overlay({ id: 'gw-home', name: 'gw-home' });
  // What a tunneler is: a local port whose connections are those of the service.
  const tunneler = createServer(async (socket) => {
    const dialed = await overlay.dial(INGEST_SERVICE);
    for (const end of [socket, dialed]) end.on('error', () => undefined);
    socket.pipe(dialed).pipe(socket);
  });
  tunneler.listen(0, '127.0.0.1');
  await once(tunneler, 'listening');
  try {
    const { port } = tunneler.address() as AddressInfo;
    const post = async (...options: string[]): Promise<unknown[]> => {
      const proof = ['--cert', join(folder, 'cert.pem'), '--key', join(folder, 'key.pem'), '--insecure', '--tlsv1.3'];
      const what = ['-H', 'Content-Type: application/fhir+json', '--data-binary', `@${BUNDLE}`, '-w', '\\n%{http_version} %{http_code}'];
      const { stdout } = await run('curl', [
        '--silent',
        '--max-time',
        '30',
        ...proof,
        ...what,
        ...options,
        `https://127.0.0.1:${port}/fhir`,
      ]);
      const [json = '', shown] = stdout.split('\n');
      const { entry } = JSON.parse(json) as { entry: { response: { status: string } }[] };
      return [shown, ...entry.map(({ response }) => response.status)];
    };
    assert.deepEqual(await post('--http1.1'), ['1.1 200', '201 Created', '201 Created', '201 Created']);
    assert.deepEqual(await post('--http1.1', '-H', 'Expect: 100-continue'), ['1.1 200', '200 OK', '200 OK', '200 OK']);
    assert.deepEqual(await post('--http2'), ['2 200', '200 OK', '200 OK', '200 OK']);
  } finally {
    tunneler.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
