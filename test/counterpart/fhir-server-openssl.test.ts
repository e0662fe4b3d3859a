import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FhirHttp } from '../../agent/uplink/fhir-server/http.ts';
import { systemClock } from '../../shared/clock.ts';
import { verifies } from '../requirements.ts';
import { TestAuthority } from '../support/certificates.ts';

test('OpenSSL as the server says behind the handshake that it wants a certificate: the agent says who was refused, and not that the line is dead', async () => {
  verifies('FHIR-SERVER-SECRETS');
  const authority = await TestAuthority.make();
  const { cert, key } = await authority.issue('localhost');
  const folder = mkdtempSync(join(tmpdir(), 'vm-fhir-openssl-'));
  const [pem, ca] = [join(folder, 'server.pem'), join(folder, 'ca.pem')];
  writeFileSync(pem, cert + key, { mode: 0o600 });
  writeFileSync(ca, authority.pem);
  const options = ['-accept', '127.0.0.1:0', '-cert', pem, '-CAfile', ca, '-tls1_3', '-Verify', '1', '-verify_return_error', '-www'];
  const server = spawn('openssl', ['s_server', ...options], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    let said = '';
    while (!/^ACCEPT .*:\d+$/m.test(said)) said += String((await once(server.stdout, 'data'))[0]);
    const port = /^ACCEPT .*:(\d+)$/m.exec(said)?.[1];
    const times = { setupMs: 5000, answerMs: 5000 };
    const credentials = { tls: { keyPem: '', certPem: '', caPem: authority.pem } };
    const http = new FhirHttp({ base: new URL(`https://localhost:${port}/fhir`), credentials, times, clock: systemClock });
    await assert.rejects(http.ask({ method: 'GET', path: '/metadata' }), { code: 'FHIR-SIGN-IN', detail: /CERTIFICATE_REQUIRED/ });
    http.destroy();
  } finally {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});
