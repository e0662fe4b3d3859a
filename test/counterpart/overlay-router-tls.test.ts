import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createCa } from '../../provisioning/fabric/ca.ts';
import { silentLogger } from '../../shared/log.ts';
import { openChannel } from '../../shared/overlay/ziti/channel/open.ts';
import { verifies } from '../requirements.ts';
import { testNetwork } from '../support/identities.ts';

/** `openssl s_server`, which answers a certificate that it does not want with an alert, as Go's TLS does and Node's own server does not. */
class OpensslServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'vitalmesh-openssl-'));
  #child: ChildProcess | undefined;

  /** Its port, once it listens. */
  async start(keyPem: string, certPem: string, caPem: string, version: string): Promise<number> {
    const file = (name: string, content: string): string => {
      const path = join(this.#folder, name);
      writeFileSync(path, content, { mode: 0o600 });
      return path;
    };
    const [key, cert, ca] = [file('key.pem', keyPem), file('cert.pem', certPem), file('ca.pem', caPem)];
    const verifying = ['-Verify', '3', '-verify_return_error', '-CAfile', ca, '-no-CApath', '-no-CAstore'];
    const serving = ['-accept', '127.0.0.1:0', '-key', key, '-cert', cert, '-cert_chain', cert, '-alpn', 'ziti-edge', version, '-rev'];
    const child = spawn('openssl', ['s_server', ...serving, ...verifying], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    let said = '';
    for await (const chunk of child.stdout) {
      said += chunk;
      const port = /^ACCEPT 127\.0\.0\.1:(\d+)$/m.exec(said)?.[1];
      if (port !== undefined) return Number(port);
    }
    throw new Error(`openssl s_server does not listen: ${said}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child?.exitCode === null && this.#child.kill()) await once(this.#child, 'exit');
    rmSync(this.#folder, { recursive: true });
  }
}

for (const [commonName, alert] of [
  ['Another network', 'UNKNOWN_CA'],
  // A network that was made anew has the names of the old one.
  ['Test network', 'DECRYPT_ERROR'],
] as const) {
  for (const version of ['-tls1_2', '-tls1_3']) {
    test(`a router that trusts another CA, named ${commonName}, refuses the identity (${version})`, async () => {
      verifies('OVERLAY-ROUTER-VERIFIED');
      const network = await testNetwork();
      const foreign = await createCa({ trustDomain: network.trustDomain, commonName });
      const identity = await network.identity('gw1');
      const { keyPem, certPem } = await network.ca.certifyServer({ commonName: 'router' });
      await using server = new OpensslServer();
      const port = await server.start(keyPem, certPem, foreign.caPem, version);
      const opening = openChannel({ host: '127.0.0.1', port, identity, sessionToken: 'token', log: silentLogger });
      await assert.rejects(opening, {
        code: 'OVERLAY-SIGN-IN',
        detail: `the router refuses this identity's certificate (ERR_SSL_TLSV1_ALERT_${alert})`,
      });
    });
  }
}
