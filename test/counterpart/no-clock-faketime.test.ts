import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect, createServer as createTlsServer } from 'node:tls';
import { formatAgentStatus } from '../../agent/status.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { callOperator } from '../../shared/operator/client.ts';
import { DeviceServer } from '../agent/sources/device-server.ts';
import { verifies } from '../requirements.ts';
import { type AgentProcess, type Enrolled, FabricSite, type HubProcess, oximeterFrame, SiteProcess } from '../support/fabric-site.ts';
import { testNetwork } from '../support/identities.ts';

const [FAKETIME] = globSync('/usr/lib/*/faketime/libfaketime.so.1');
const NEAR_MS = 60_000;

/** What `start` starts before its first wait sees this date, OpenSSL in it too (faketime(1)); the clock that never jumps goes on as it was. */
function inTheYear<T>(year: number, start: () => T): T {
  assert.ok(FAKETIME, 'Debian package libfaketime');
  const before = { ...process.env };
  Object.assign(process.env, { LD_PRELOAD: FAKETIME, FAKETIME: `@${year}-01-01 00:00:00`, FAKETIME_DONT_FAKE_MONOTONIC: '1' });
  try {
    return start();
  } finally {
    for (const name of ['LD_PRELOAD', 'FAKETIME', 'FAKETIME_DONT_FAKE_MONOTONIC']) delete process.env[name];
    Object.assign(process.env, before);
  }
}

interface Row {
  issued: string;
  effectiveDateTime: string;
  extension: { url: string; valueCode?: string }[];
  valueQuantity?: { value: number };
}

async function rowsOf(hub: HubProcess): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of callOperator(hub.operator, 'export')) rows.push(row as Row);
  return rows;
}

describe('a machine that starts in the year 2000', () => {
  let site: FabricSite;
  let hubIdentity: Enrolled;
  let gateway: Enrolled;

  before(async () => {
    site = await FabricSite.start();
    hubIdentity = await site.enrol('hub', 'hubs');
    gateway = await site.enrol('gateway', 'gateways');
  });

  after(() => site[Symbol.asyncDispose]());

  test('the first connection works, the time is taken from the network, and readings carry it', async () => {
    verifies('NO-CLOCK-CONNECTS', 'NO-CLOCK-TIME');
    await using device = await DeviceServer.listen();
    await using hub = await site.hub(hubIdentity, [gateway]);
    await using agent = inTheYear(2000, () => site.beginAgent(gateway, hubIdentity, device.port));
    const wire = await device.call();
    const { clock, now, startedAt } = await agent.until(({ uplink }) => uplink.state === 'connected');
    assert.equal(clock?.trust, 'network');
    assert.equal(new Date(clock.machine).getUTCFullYear(), 2000);
    assert.ok(Math.abs(now - Date.now()) < NEAR_MS, new Date(now).toISOString());
    assert.ok(Math.abs(startedAt - Date.now()) < NEAR_MS, new Date(startedAt).toISOString());
    wire.send(oximeterFrame(61, 97));
    await hub.until(({ counts }) => counts.observations === 2);
    for (const { issued, effectiveDateTime, extension } of await rowsOf(hub)) {
      assert.ok(Math.abs(Date.parse(issued) - Date.now()) < NEAR_MS, issued);
      assert.ok(Math.abs(Date.parse(effectiveDateTime) - Date.now()) < NEAR_MS, effectiveDateTime);
      assert.ok(!extension.some(({ valueCode }) => valueCode === 'clock'));
    }
    assert.equal(await agent.stop(), 0);
    const kept = readFileSync(join(site.folder, gateway.id, 'outbox.db.time'), 'utf8').trim();
    assert.ok(Math.abs(Date.parse(kept) - Date.now()) < NEAR_MS, kept);
  });

  test('what it receives while the network is away has its true time once that is back, over the death of its process in between', async () => {
    verifies('NO-CLOCK-RETIMED', 'NO-CLOCK-TOLD');
    await using site = await FabricSite.start();
    const [hubIdentity, offline] = [await site.enrol('hub', 'hubs'), await site.enrol('offline', 'gateways')];
    // Whose the gateway is counts from when a hub first read it.
    await (await site.hub(hubIdentity, [offline])).stop();
    await site.fabric.stop();
    await using device = await DeviceServer.listen();
    const received = new Map<number, number>();
    const measure = async (agent: AgentProcess, pulses: readonly number[]): Promise<void> => {
      const wire = await device.call();
      for (const pulse of pulses) {
        received.set(pulse, Date.now());
        wire.send(oximeterFrame(pulse, 97));
        const rows = received.size;
        await agent.until(({ outbox }) => outbox.untimed === rows);
      }
    };
    await using killed = inTheYear(2000, () => site.beginAgent(offline, hubIdentity, device.port));
    await measure(killed, [71, 72]);
    const status = await killed.status();
    assert.equal(status.clock?.trust, 'floor');
    assert.match(formatAgentStatus(status), /^Clock +NOT KNOWN, .*; 2 rows wait for the time$/m);
    await killed.stop('SIGKILL');
    await using agent = inTheYear(1970, () => site.beginAgent(offline, hubIdentity, device.port));
    await measure(agent, [73, 74]);
    await site.startFabric();
    await using hub = await site.hub(hubIdentity, [offline]);
    await hub.until(({ counts }) => counts.observations > 0);
    await agent.until(({ outbox }) => outbox.pending === 0);
    const rows = (await rowsOf(hub)).filter(({ valueQuantity }) => received.has(valueQuantity?.value ?? 0));
    assert.deepEqual(rows.map(({ valueQuantity }) => valueQuantity?.value).sort(), [71, 72, 73, 74]);
    for (const { issued, effectiveDateTime, extension, valueQuantity } of rows) {
      const at = received.get(valueQuantity?.value ?? 0) ?? 0;
      assert.ok(Math.abs(Date.parse(issued) - at) < 1000, `${issued} for ${new Date(at).toISOString()}`);
      assert.equal(effectiveDateTime, issued);
      assert.ok(!extension.some(({ valueCode }) => valueCode === 'clock' || valueCode === 'memory'));
    }
    assert.equal((await agent.status()).outbox.untimed, 0);
  });

  test('a hub too: it hosts, and a gateway with a good clock delivers', async () => {
    verifies('NO-CLOCK-CONNECTS', 'NO-CLOCK-TIME');
    await using device = await DeviceServer.listen();
    const hub = await inTheYear(1970, () => site.hub(hubIdentity, [gateway]));
    await using _hub = hub;
    await using agent = await site.agent(gateway, hubIdentity, device.port);
    const { counts, clock } = await hub.status();
    assert.equal(clock?.trust, 'network');
    (await device.call()).send(oximeterFrame(62, 96));
    const { metrics } = await hub.until((status) => status.counts.observations > counts.observations);
    assert.equal(
      Object.keys(metrics).some((name) => name.startsWith('ingest_quarantined')),
      false,
    );
    assert.equal((await agent.status()).clock, null);
  });

  test('it enrols', async () => {
    verifies('NO-CLOCK-ENROLS');
    const { id, jwt } = await site.admin.createIdentity({ name: 'newcomer', attributes: [] });
    const file = join(site.folder, 'newcomer.json');
    const token = join(site.folder, 'newcomer.jwt');
    writeFileSync(token, jwt, { mode: 0o600 });
    await using enrolling = inTheYear(2000, () => new SiteProcess('provisioning', ['enroll', token, '-o', file]));
    assert.equal(await enrolling.ended, 0, enrolling.stderr);
    assert.equal(loadIdentity(file).id, id);
  });

  test('somebody in the middle with another CA is told nothing, exception or not', async () => {
    verifies('NO-CLOCK-BOUNDED');
    const other = await testNetwork();
    const { keyPem, certPem } = await other.ca.certifyServer({ commonName: 'controller' });
    const heard: Buffer[] = [];
    const closed = Promise.withResolvers<void>();
    const impostor = createTlsServer({ key: keyPem, cert: certPem }, (socket) => {
      socket.on('error', () => undefined).on('data', (chunk) => heard.push(chunk));
    });
    impostor.on('tlsClientError', () => undefined);
    impostor.on('connection', (socket: Socket) => socket.on('close', () => closed.resolve()));
    await once(impostor.listen(0, '127.0.0.1'), 'listening');
    try {
      const { port } = impostor.address() as { port: number };
      const identity = await site.enrol('watched', 'gateways');
      const text = readFileSync(identity.file, 'utf8').replaceAll(`127.0.0.1:${site.controllerPort}`, `127.0.0.1:${port}`);
      const file = identity.file.replace(/\.json$/, '-led-astray.json');
      writeFileSync(file, text, { mode: 0o600 });
      await using device = await DeviceServer.listen();
      await using agent = inTheYear(2000, () => site.beginAgent({ ...identity, file }, hubIdentity, device.port));
      await closed.promise;
      const { clock } = await agent.until(({ uplink }) => uplink.code === 'OVERLAY-UNREACHABLE');
      assert.equal(clock?.trust, 'floor');
      assert.equal(clock.exceptions, 0);
      assert.deepEqual(heard, []);
    } finally {
      impostor.close();
    }
  });
});

test('faketime moves OpenSSL’s time too, or the tests above would prove nothing', async () => {
  const network = await testNetwork();
  const { keyPem, certPem } = await network.ca.certifyServer({ commonName: 'server' });
  const server = createTlsServer({ key: keyPem, cert: certPem }, (socket) => socket.on('error', () => undefined).resume());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  const own = connect({ host: '127.0.0.1', port, ca: network.caPem });
  await once(own, 'secureConnect');
  own.destroy();
  const script = `require('tls').connect({host:'127.0.0.1',port:${port},ca:process.env.CA}).on('error',(e)=>{console.log(e.code);process.exit()})`;
  process.env.CA = network.caPem;
  const child = inTheYear(2000, () => spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] }));
  delete process.env.CA;
  let said = '';
  child.stdout?.on('data', (chunk) => (said += chunk));
  await once(child, 'close');
  server.close();
  assert.equal(said.trim(), 'CERT_NOT_YET_VALID');
});
