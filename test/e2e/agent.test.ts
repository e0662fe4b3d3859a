import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { mllpFrame } from '../../agent/framing/mllp.ts';
import { Broker } from '../agent/sources/broker.ts';
import { DeviceServer } from '../agent/sources/device-server.ts';
import { Wire } from '../agent/sources/support.ts';
import { verifies } from '../requirements.ts';
import { AgentSite } from '../support/agent-site.ts';
import { type AgentProcess, agentCommand, startAgent } from './agent-process.ts';

const MONITORS = { type: 'mllp-server', name: 'monitors', host: '127.0.0.1', port: 0 };

/** A PCD-01 message with SpO2 and blood pressure: two Observations. */
function oru(id: string): Uint8Array {
  const rows = [
    ['150456^MDC_PULS_OXIM_SAT_O2^MDC', '1.2.1', '97', '262688^MDC_DIM_PERCENT^MDC'],
    ['150021^MDC_PRESS_BLD_NONINV_SYS^MDC', '1.5.1', '120', '266016^MDC_DIM_MMHG^MDC'],
    ['150022^MDC_PRESS_BLD_NONINV_DIA^MDC', '1.5.1', '80', '266016^MDC_DIM_MMHG^MDC'],
  ].map(([code, path, value, unit], i) => `OBX|${i + 2}|NM|${code}|${path}.${i}|${value}|${unit}|||||R|||20261121100000+0000`);
  const message = [
    `MSH|^~\\&|SIM^00A037FFFE000001^EUI-64|SIM|VITALMESH|GATEWAY|20261121100000+0000||ORU^R01^ORU_R01|${id}|P|2.6|||NE|AL||UNICODE UTF-8`,
    'PID|||P-0001^^^HOSP^MR',
    'PV1||I|ICU^^BED-1',
    'OBR|1|1^SIM|1^SIM|182777000^monitoring of patient^SCT|||20261121100000+0000',
    'OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||00A037FFFE000001^^00A037FFFE000001^EUI-64',
    ...rows,
    '',
  ].join('\r');
  return mllpFrame(Buffer.from(message));
}

async function monitor(agent: AgentProcess): Promise<Wire> {
  const { sources } = await agent.until((status) => status.sources.some(({ name, state }) => name === 'monitors' && state === 'running'));
  const port = sources.find(({ name }) => name === 'monitors')?.endpoint.split(':')[1];
  return new Wire(connect({ host: '127.0.0.1', port: Number(port) }));
}

test('without a hub the agent keeps everything of three kinds of device, and still has it after a restart', async () => {
  verifies('ACK-AFTER-COMMIT', 'OPERATOR-SOCKET');
  await using broker = await Broker.listen();
  await using device = await DeviceServer.listen();
  using site = await AgentSite.make([
    MONITORS,
    { type: 'serial', name: 'oximeter', port: `tcp://127.0.0.1:${device.port}`, profile: 'nonin-df8', device: 'NONIN-0001' },
    { type: 'mqtt', name: 'home-hub', url: `mqtt://127.0.0.1:${broker.port}`, mapping: 'mqtt-home-hub' },
  ]);
  await using agent = await startAgent(site);
  const wire = await monitor(agent);
  wire.send(oru('M-1'));
  await wire.until((text) => text.includes('MSA|AA|M-1'));
  (await device.call()).send(Buffer.from([0x80, 72, 97, 0, 0x80, 73, 96, 0]));
  await agent.until(({ sources }) => sources.every(({ state }) => state === 'running'));
  await broker.publish(
    'home/hub-01/WS-0001/measurement',
    JSON.stringify({ ts: '2026-11-21T07:12:05.000+01:00', serial: 'WS-0001', type: 'weight', weight: 81.4, unit: 'kg' }),
  );
  await broker.until(({ pubacks }) => pubacks === 1);

  const status = await agent.until(({ outbox }) => outbox.pending >= 5);
  assert.equal(status.identity?.id, 'gateway-1');
  assert.equal(status.overlay, 'connecting');
  assert.ok(['waiting', 'connecting'].includes(status.uplink.state));
  assert.ok(status.sources.every(({ records }) => records > 0));
  // SpO2 and blood pressure, in rows of their own since one outlives the other; twice SpO2 and pulse; weight.
  assert.equal(status.outbox.pending, 5);
  assert.equal(status.observations, 2 + 4 + 1);

  const { code, stderr } = await agent.stop();
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /P-0001|HOSP|81\.4/, 'nothing of a patient in the log');
  assert.equal(existsSync(site.operator), false);

  await using again = await startAgent(site);
  assert.equal((await again.status()).outbox.pending, 5);
  await again.stop();
});

test('a killed agent has what it acknowledged', async () => {
  verifies('ACK-AFTER-COMMIT');
  using site = await AgentSite.make([MONITORS]);
  await using agent = await startAgent(site);
  const wire = await monitor(agent);
  for (let i = 0; i < 20; i += 1) wire.send(oru(`K-${i}`));
  const received = await wire.until((text) => text.split('MSA|AA').length > 10);
  await agent.stop('SIGKILL');
  const acknowledged = Math.max(received.split('MSA|AA').length, wire.received.split('MSA|AA').length) - 1;
  await using again = await startAgent(site);
  const { outbox } = await again.status();
  // A message makes two rows.
  assert.ok(outbox.pending >= 2 * acknowledged, `${outbox.pending} rows on disk, ${acknowledged} messages acknowledged`);
  await again.stop();
});

test('a second agent on the same outbox is refused, and the first goes on', async () => {
  verifies('OWNER-LOCK');
  using site = await AgentSite.make([MONITORS]);
  await using first = await startAgent(site);
  const second = await agentCommand('run', '--config', site.config);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /^STORAGE-LOCKED: /m);
  const text = await agentCommand('status', '--config', site.config);
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, /^monitors +mllp-server running at 127\.0\.0\.1:\d+: 0 readings, 0 rejected, last never$/m);
  const wire = await monitor(first);
  wire.send(oru('M-1'));
  await wire.until((text) => text.includes('MSA|AA|M-1'));
  await first.stop();
});

test('SIGINT stops it in order as well, with a sender connected', async () => {
  using site = await AgentSite.make([MONITORS]);
  await using agent = await startAgent(site);
  const wire = await monitor(agent);
  wire.send(oru('M-1'));
  await wire.until((text) => text.includes('MSA|AA|M-1'));
  const { code } = await agent.stop('SIGINT');
  assert.equal(code, 0);
  await wire.closed();
});

test('drivers that no source needs are not loaded', async () => {
  using site = await AgentSite.make([MONITORS]);
  await using agent = await startAgent(site);
  const maps = readFileSync(`/proc/${agent.child.pid}/maps`, 'utf8');
  assert.match(maps, /better-sqlite3/, 'a loaded driver shows here');
  assert.doesNotMatch(maps, /serialport/);
  await agent.stop();
});

test('an agent listens only where a device must call it', async () => {
  await using device = await DeviceServer.listen();
  using site = await AgentSite.make([
    { type: 'serial', name: 'oximeter', port: `tcp://127.0.0.1:${device.port}`, profile: 'nonin-df8', device: 'NONIN-0001' },
  ]);
  await using agent = await startAgent(site);
  await device.call();
  assert.deepEqual(listening(agent.child.pid ?? 0), []);
  await agent.stop();
});

/** Local addresses of the sockets in LISTEN state that a process holds (proc(5), /proc/net/tcp: state 0A). */
function listening(pid: number): string[] {
  const inodes = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode) inodes.add(inode);
    } catch {
      // Closed since the folder was read.
    }
  }
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode = '']) => state === '0A' && inodes.has(inode))
      .map(([, address = '']) => address),
  );
}
