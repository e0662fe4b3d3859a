import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { DeviceServer } from '../agent/sources/device-server.ts';
import { verifies } from '../requirements.ts';
import { TestAuthority } from '../support/certificates.ts';
import { oximeterFrame } from '../support/fabric-site.ts';
import { FhirTestServer } from '../support/fhir-server.ts';
import { until } from '../support/until.ts';
import { agentCommand, startAgent } from './agent-process.ts';

const TOKEN = 'token-4711';

interface SiteOptions {
  devicePort: number;
  url: string;
  caPem: string;
  tokenMode?: number;
  /** Shown to the server. */
  own?: { cert: string; key: string };
}

/** A folder with an agent that reads one oximeter and sends to a FHIR server, with a token in a file of this mode. */
class FhirSite implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'vitalmesh-fhir-'));
  readonly config = join(this.folder, 'agent.yaml');
  readonly operator = join(this.folder, 'run', 'operator.sock');
  readonly outbox = join(this.folder, 'outbox.db');

  constructor({ devicePort, url, caPem, tokenMode = 0o600, own }: SiteOptions) {
    const file = (name: string, content: string, mode: number): string => {
      writeFileSync(join(this.folder, name), content, { mode });
      return join(this.folder, name);
    };
    const pair = own && { certFile: file('own.pem', own.cert, 0o644), keyFile: file('own.key', own.key, 0o600) };
    const uplink = { tokenFile: file('token', `${TOKEN}\n`, tokenMode), tls: { caFile: file('ca.pem', caPem, 0o644), ...pair } };
    const oximeter = { type: 'serial', name: 'oximeter', port: `tcp://127.0.0.1:${devicePort}`, profile: 'nonin-df8' };
    file(
      'agent.yaml',
      stringify({
        outbox: { path: this.outbox, keyFile: join(this.folder, 'outbox.key') },
        uplink: { type: 'fhir-server', url, gateway: 'home-7', batchEntries: 3, ...uplink },
        operator: { socket: this.operator },
        test: true,
        sources: [{ ...oximeter, patient: { value: 'P-0001' } }],
      }),
      0o600,
    );
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Pulse rates that the server holds, sorted. */
function pulses(server: FhirTestServer): number[] {
  const found = server.resources.filter(({ code }) => JSON.stringify(code).includes('8867-4'));
  return found.map(({ valueQuantity }) => (valueQuantity as { value: number }).value).sort((a, b) => a - b);
}

test('without a hub, what a device sends is on the FHIR server once, through a kill with answers lost, and the status says where it goes', async () => {
  verifies('FHIR-SERVER-ONCE', 'FHIR-SERVER-SECRETS');
  const authority = await TestAuthority.make();
  await using server = await FhirTestServer.listen({ tls: await authority.issue('localhost') });
  server.token = TOKEN;
  await using device = await DeviceServer.listen();
  const url = `https://localhost:${server.port}/fhir`;
  using site = new FhirSite({ devicePort: device.port, url, caPem: authority.pem });

  // Stored, and never said so.
  server.fault = () => ({ silent: true });
  await using killed = await startAgent(site);
  const sent = Array.from({ length: 10 }, (_, i) => 61 + i);
  const wire = await device.call();
  for (const pulse of sent) wire.send(oximeterFrame(pulse, 97));
  const before = await killed.until(({ outbox, uplink }) => outbox.pending === sent.length && uplink.inFlight > 0);
  assert.deepEqual([before.identity, before.overlay, before.fhirServer], [null, null, url]);
  await until(() => server.resources.length > 0);
  await killed.stop('SIGKILL');

  server.fault = undefined;
  await using again = await startAgent(site);
  const { uplink } = await again.until(({ outbox, uplink: { state } }) => outbox.pending === 0 && state === 'connected');
  assert.equal(uplink.code, null);
  assert.deepEqual(pulses(server), sent);
  assert.ok([...server.counts().values()].every((count) => count === 1));
  const { stdout } = await agentCommand('status', '--config', site.config);
  assert.match(stdout, /^FHIR server https:\/\/localhost:\d+\/fhir$/m);
  assert.match(stdout, /^Uplink {6}connected, its clock [+-]\d+ ms, last answer \d+ s ago$/m);
  assert.doesNotMatch(stdout, /^(?:Identity|Overlay)/m);
  const { code, stderr } = await again.stop();
  assert.equal(code, 0, stderr);
  for (const log of [killed.stderr, stderr]) assert.doesNotMatch(log, /P-0001|token-4711/);
});

test('check reads the files that prove who the agent is', async () => {
  verifies('FHIR-SERVER-SECRETS');
  const authority = await TestAuthority.make();
  const { pem: caPem } = authority;
  const url = 'https://fhir.example/r4';
  {
    using site = new FhirSite({ devicePort: 4001, url, caPem });
    const { code, stdout } = await agentCommand('check', '--config', site.config);
    assert.equal(code, 0);
    assert.match(stdout, /^The configuration is good\.\n/);
  }
  const cases: [Partial<SiteOptions>, RegExp][] = [
    [{ tokenMode: 0o644 }, /^FHIR-CREDENTIALS: .*token has mode 0644/m],
    [{ own: await authority.issue('gw', { lastDay: -1 }) }, /^FHIR-CREDENTIALS: .*expired at/m],
  ];
  for (const [changes, expected] of cases) {
    using site = new FhirSite({ devicePort: 4001, url, caPem, ...changes });
    const { code, stderr } = await agentCommand('check', '--config', site.config);
    assert.equal(code, 1);
    assert.match(stderr, expected);
  }
});
