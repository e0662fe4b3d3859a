import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCapture } from '../../agent/capture/format.ts';
import { mllpFrame } from '../../agent/framing/mllp.ts';
import { formatHl7Time } from '../../agent/hl7/time.ts';
import { DeviceServer } from '../agent/sources/device-server.ts';
import { Wire } from '../agent/sources/support.ts';
import { verifies } from '../requirements.ts';
import { AgentSite } from '../support/agent-site.ts';
import { type AgentProcess, agentCommand, startAgent } from './agent-process.ts';

const MONITORS = { type: 'mllp-server', name: 'monitors', host: '127.0.0.1', port: 0 };

/** MSH-7: what came at another time is no repetition. */
const SENT = formatHl7Time(Date.now());

/** A message with one SpO2. */
function oru(id: string): Uint8Array {
  return mllpFrame(
    Buffer.from(
      `MSH|^~\\&|SIM|SIM|||${SENT}||ORU^R01^ORU_R01|${id}|P|2.6\rPID|||P-0001^^^HOSP^MR||Doe^Jane\r` +
        'OBR|1|||182777000^monitoring of patient^SCT|||20261121100000+0000\r' +
        'OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1|97|262688^MDC_DIM_PERCENT^MDC|||||R\r',
    ),
  );
}

async function monitor(agent: AgentProcess): Promise<Wire> {
  const { sources } = await agent.until((status) => status.sources.every(({ state }) => state === 'running'));
  return new Wire(connect({ host: '127.0.0.1', port: Number(sources[0]?.endpoint.split(':')[1]) }));
}

test('a message that was on disk when the agent was killed, and not acknowledged, is stored once', async () => {
  verifies('STORED-ONCE', 'ACK-AFTER-COMMIT');
  using site = await AgentSite.make([MONITORS]);
  {
    await using agent = await startAgent(site);
    const wire = await monitor(agent);
    // Whatever is answered never reaches the sender.
    wire.socket.pause();
    wire.send(oru('M-1'));
    await agent.until(({ outbox }) => outbox.pending === 1);
    await agent.stop('SIGKILL');
    assert.equal(wire.received, '');
  }
  await using agent = await startAgent(site);
  const wire = await monitor(agent);
  wire.send(oru('M-1'));
  await wire.until((text) => text.includes('MSA|AA|M-1'));
  assert.equal((await agent.status()).outbox.pending, 1);
  wire.send(oru('M-2'));
  await wire.until((text) => text.includes('MSA|AA|M-2'));
  assert.equal((await agent.status()).outbox.pending, 2);
});

test('a device that waits to be called is called, and captured while the agent runs', async () => {
  verifies('DEVICE-CALLED', 'CAPTURE-BLANKED', 'REPLAY-MARKED');
  await using device = await DeviceServer.listen();
  using site = await AgentSite.make([
    { type: 'mllp-client', name: 'bedside', host: '127.0.0.1', port: device.port, profile: 'hl7-nihon-kohden', framing: 'none' },
  ]);
  await using agent = await startAgent(site);
  const wire = await device.call();
  const golden = readFileSync(join(import.meta.dirname, '../golden/captures/hl7-nihon-kohden/monitor.hl7'));
  wire.send(golden);
  await agent.until(({ sources }) => sources.every(({ state, readings }) => state === 'running' && readings > 0));

  const out = join(site.folder, 'bedside.ndjson');
  const capturing = agentCommand('capture', '--config', site.config, '--source', 'bedside', '--out', out, '--seconds', '2');
  // From when it records nobody outside can tell; a device goes on sending.
  let captured = false;
  const done = capturing.then((finished) => {
    captured = true;
    return finished;
  });
  while (!captured) {
    wire.send(golden);
    await Promise.race([done, new Promise((passed) => setTimeout(passed, 200))]);
  }
  const { code, stderr } = await done;
  assert.equal(code, 0, stderr);
  const { header, chunks } = readCapture(readFileSync(out, 'utf8'));
  assert.deepEqual([header.replay, header.profile, header.identifiers], [true, 'hl7-nihon-kohden', 'blanked']);
  assert.ok(chunks.length > 0);
  const replayed = await agentCommand('replay', out);
  assert.equal(replayed.code, 0, replayed.stderr);
  const observations = replayed.stdout.trim().split('\n');
  assert.ok(observations.length > 0 && observations.every((line) => line.includes('HTEST')));
});
