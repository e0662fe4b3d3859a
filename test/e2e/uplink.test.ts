import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Outbox } from '../../agent/outbox/outbox.ts';
import { openOutbox } from '../../agent/outbox/sqlite.ts';
import { createUplink } from '../../agent/uplink.ts';
import { operatorPrincipal } from '../../hub/access/principals.ts';
import { serveUplink } from '../../hub/ingest/session.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { createMemoryNetwork, type MemoryNetwork } from '../../shared/overlay/memory.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import { verifies } from '../requirements.ts';
import { sampleBundle, sampleObservation, type TestHub, testHub } from '../support/hub.ts';
import { testNetwork } from '../support/identities.ts';
import { until } from '../support/uplink.ts';

const SERVICE = 'vitals-ingest';
const TENANT = 'clinic';
const ca = await testNetwork();
const hubIdentity = await ca.identity('hub-1');
const gatewayIdentity = await ca.identity('gw-home');
const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-uplink-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Spot measurements of the home gateway's patient, or of somebody else's when a patient is named. */
function record(patient: string | undefined, ...values: number[]): ReadingRecord {
  return {
    source: 'oximeter-1',
    profile: 'nonin-df8',
    device: { id: 'NONIN-0001', idType: 'serial' },
    receivedAt: systemClock.now(),
    subject: patient === undefined ? {} : { patient: { value: patient, authority: '' } },
    test: true,
    class: 'spot',
    readings: values.map((value) => ({ vital: 'hr', value })),
  };
}

async function listen(network: MemoryNetwork, hub: TestHub): Promise<AsyncDisposable> {
  const overlay = network.overlay({ id: 'hub-1', name: 'hub' });
  const { ingest, metrics } = hub;
  const server = serveUplink({ overlay, service: SERVICE, identity: hubIdentity, ingest, log: silentLogger, metrics, clock: systemClock });
  await server.start(new AbortController().signal);
  return {
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await overlay[Symbol.asyncDispose]();
    },
  };
}

let files = 0;

function outboxFile(): () => Promise<Outbox> {
  files += 1;
  const path = join(folder, `outbox-${files}.db`);
  return () => openOutbox({ path, keyFile: `${path}.key`, clock: systemClock, log: silentLogger, metrics: new Metrics() });
}

async function send(network: MemoryNetwork, outbox: Outbox): Promise<AsyncDisposable> {
  const overlay = network.overlay({ id: 'gw-home', name: 'home' });
  const uplink = createUplink({
    outbox,
    overlay,
    service: SERVICE,
    identity: gatewayIdentity,
    hubIdentity: ['hub-1'],
    log: silentLogger,
    metrics: new Metrics(),
    clock: systemClock,
    retry: { minMs: 1, maxMs: 5, slowMinMs: 1, slowMaxMs: 5 },
  });
  await uplink.start(new AbortController().signal);
  return {
    async [Symbol.asyncDispose]() {
      await uplink[Symbol.asyncDispose]();
      await overlay[Symbol.asyncDispose]();
    },
  };
}

const drained = (outbox: Outbox): Promise<void> => until(() => outbox.status().pending === 0);

const operator = operatorPrincipal(0, TENANT);

/** The stored values, as the operator exports them. */
async function values({ door }: TestHub): Promise<(number | null)[]> {
  const found: (number | null)[] = [];
  for await (const { value } of await door.export(operator, {}, { channel: 'operator' })) found.push(value);
  return found.sort((a, b) => (a ?? 0) - (b ?? 0));
}

const counts = ({ door }: TestHub): ReturnType<TestHub['door']['counts']> => door.counts(operator, { channel: 'operator' });

test('from an encrypted outbox through TLS and HTTP/2 into the encrypted store: each reading once', async () => {
  const network = createMemoryNetwork();
  await using hub = testHub();
  await using outbox = await outboxFile()();
  await outbox.append([record(undefined, 71, 72), record(undefined, 73)]);
  await using _server = await listen(network, hub);
  await using _agent = await send(network, outbox);
  await outbox.append([record(undefined, 74)]);
  await drained(outbox);
  assert.deepEqual(await values(hub), [71, 72, 73, 74]);
  const { observations, duplicates, quarantined } = await counts(hub);
  assert.deepEqual({ observations, duplicates, quarantined }, { observations: 4, duplicates: 0, quarantined: 0 });
});

test('the network lost again and again, the hub and the agent started anew in between: each reading once', async () => {
  verifies('EXACTLY-ONCE', 'ANSWER-AFTER-COMMIT');
  const network = createMemoryNetwork();
  const open = outboxFile();
  await using hub = testHub();
  const batch = hub.ingest.batch.bind(hub.ingest);
  let batches = 0;
  // Every third batch loses the network before its commit, every third after it and before the answer.
  hub.ingest.batch = async (identity, bundle) => {
    batches += 1;
    const turn = batches % 3;
    if (turn === 1) cutNetwork(network);
    const outcomes = await batch(identity, bundle);
    if (turn === 2) cutNetwork(network);
    return outcomes;
  };
  const sent = Array.from({ length: 60 }, (_, i) => 40 + i);
  for (let start = 0; start < sent.length; start += 20) {
    await using outbox = await open();
    await using _server = await listen(network, hub);
    await using _agent = await send(network, outbox);
    for (const value of sent.slice(start, start + 20)) await outbox.append([record(undefined, value)]);
    // The last round waits for all; the others leave whatever is under way.
    if (start === 40) await drained(outbox);
  }
  assert.deepEqual(await values(hub), sent);
});

function cutNetwork(network: MemoryNetwork): void {
  network.down();
  network.up();
}

test("somebody else's patient: those readings are in quarantine on both sides, the others are stored", async () => {
  verifies('GOOD-PARTS-SURVIVE');
  const network = createMemoryNetwork();
  await using hub = testHub();
  await using outbox = await outboxFile()();
  await using _server = await listen(network, hub);
  await using _agent = await send(network, outbox);
  await outbox.append([record(undefined, 71), record('pat-other-01', 72), record(undefined, 73)]);
  await drained(outbox);
  assert.deepEqual(await values(hub), [71, 73]);
  assert.deepEqual(
    outbox.quarantined(10).map(({ code, part }) => [code, part]),
    [['INGEST-NOT-BOUND', 'row']],
  );
  assert.equal((await counts(hub)).quarantined, 1);
});

test('a key used before with other content: quarantined at the hub, evidence at the agent, and the reading arrives under a new key', async () => {
  verifies('KEY-REUSED');
  const network = createMemoryNetwork();
  await using hub = testHub();
  await using outbox = await outboxFile()();
  const { epoch } = outbox;
  // Another life of this disk has sent row 2 already.
  const before = sampleObservation({ agent: 'gw-home', epoch, seq: 2, value: 99 });
  assert.equal((await hub.ingest.batch('gw-home', sampleBundle([before]))).outcomes[0]?.status, 201);
  await using _server = await listen(network, hub);
  await using _agent = await send(network, outbox);
  await outbox.append([record(undefined, 71), record(undefined, 72), record(undefined, 73)]);
  await drained(outbox);
  assert.deepEqual(await values(hub), [71, 72, 73, 99]);
  assert.notEqual(outbox.epoch, epoch);
  assert.equal((await counts(hub)).quarantined, 1);
  assert.deepEqual(
    outbox.quarantined(10).map(({ code, part }) => [code, part]),
    [['UPLINK-KEY-REUSED', `row ${epoch}.2`]],
  );
});
