import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operatorPrincipal } from '../../hub/access/principals.ts';
import type { Gap } from '../../shared/gap.ts';
import { readGap } from '../../shared/gap-observation.ts';
import { createMemoryNetwork, type MemoryNetwork } from '../../shared/overlay/memory.ts';
import { verifies } from '../requirements.ts';
import { gathered, sampleBundle, sampleObservation, TEST_REGISTRY, testHub } from '../support/hub.ts';
import { countsOf, drained, homeRecord, listen, outboxFile, send, storedValuesOf } from '../support/uplink-site.ts';

test('from an encrypted outbox through TLS and HTTP/2 into the encrypted store: each reading once', async () => {
  const network = createMemoryNetwork();
  await using hub = testHub();
  await using outbox = await outboxFile().open();
  await outbox.append([homeRecord(undefined, 71, 72), homeRecord(undefined, 73)]);
  await using _server = await listen(network, hub);
  await using _agent = await send(network, outbox);
  await outbox.append([homeRecord(undefined, 74)]);
  await drained(outbox);
  assert.deepEqual(await storedValuesOf(hub), [71, 72, 73, 74]);
  const { observations, duplicates, quarantined } = await countsOf(hub);
  assert.deepEqual({ observations, duplicates, quarantined }, { observations: 4, duplicates: 0, quarantined: 0 });
});

test('the network lost again and again, the hub and the agent started anew in between: each reading once', async () => {
  verifies('EXACTLY-ONCE', 'ANSWER-AFTER-COMMIT');
  const network = createMemoryNetwork();
  const { open } = outboxFile();
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
    for (const value of sent.slice(start, start + 20)) await outbox.append([homeRecord(undefined, value)]);
    // The last round waits for all; the others leave whatever is under way.
    if (start === 40) await drained(outbox);
  }
  assert.deepEqual(await storedValuesOf(hub), sent);
});

function cutNetwork(network: MemoryNetwork): void {
  network.down();
  network.up();
}

test("somebody else's patient: those readings are in quarantine on both sides, the others are stored", async () => {
  verifies('GOOD-PARTS-SURVIVE');
  const network = createMemoryNetwork();
  await using hub = testHub();
  await using outbox = await outboxFile().open();
  await using _server = await listen(network, hub);
  await using _agent = await send(network, outbox);
  await outbox.append([homeRecord(undefined, 71), homeRecord('pat-other-01', 72), homeRecord(undefined, 73)]);
  await drained(outbox);
  assert.deepEqual(await storedValuesOf(hub), [71, 73]);
  assert.deepEqual(
    (await outbox.quarantined(10)).map(({ code, part }) => [code, part]),
    [['INGEST-NOT-BOUND', 'row']],
  );
  assert.equal((await countsOf(hub)).quarantined, 1);
});

test('a key used before with other content: quarantined at the hub, evidence at the agent, and the reading arrives under a new key', async () => {
  verifies('KEY-REUSED');
  const network = createMemoryNetwork();
  await using hub = testHub();
  await using outbox = await outboxFile().open();
  const { epoch } = outbox;
  // Another life of this disk has sent row 2 already.
  const before = sampleObservation({ agent: 'gw-home', epoch, seq: 2, value: 99 });
  assert.equal((await hub.ingest.batch('gw-home', sampleBundle([before]))).outcomes[0]?.status, 201);
  await using _server = await listen(network, hub);
  await using _agent = await send(network, outbox);
  await outbox.append([homeRecord(undefined, 71), homeRecord(undefined, 72), homeRecord(undefined, 73)]);
  await drained(outbox);
  assert.deepEqual(await storedValuesOf(hub), [71, 72, 73, 99]);
  assert.notEqual(outbox.epoch, epoch);
  assert.equal((await countsOf(hub)).quarantined, 1);
  assert.deepEqual(
    (await outbox.quarantined(10)).map(({ code, part }) => [code, part]),
    [['UPLINK-KEY-REUSED', `row ${epoch}.2`]],
  );
});

test('a gap travels up as any other record does, and stands at the hub as the gateway kept it', async () => {
  verifies('GAPS-TOLD');
  const network = createMemoryNetwork();
  await using hub = testHub();
  await using outbox = await outboxFile().open();
  const gap: Gap = {
    ...{ reason: 'space', lost: 'continuous', from: 1_795_251_600_000, to: 1_795_255_200_000, rows: 9, values: 18 },
    vitals: ['hr'],
  };
  await outbox.append([{ ...homeRecord(undefined), class: 'gap', gap }, homeRecord(undefined, 71)]);
  await using _server = await listen(network, hub);
  await using _agent = await send(network, outbox);
  await drained(outbox);
  const events = await gathered(await hub.door.exportEvents(operatorPrincipal(1000, 'clinic'), { kind: 'gap' }, { channel: 'operator' }));
  assert.deepEqual(
    events.map(({ patient, resource }) => [patient, readGap(resource)]),
    [['pat-home-01', gap]],
  );
  assert.deepEqual(await storedValuesOf(hub), [71]);
});

test('an agent that drains faster than its rate waits, and everything arrives once', async () => {
  verifies('GATEWAYS-FAIR', 'EXACTLY-ONCE');
  const network = createMemoryNetwork();
  const registry = TEST_REGISTRY.replace('identity: gw-home', 'identity: gw-home, limits: { entriesPerSecond: 10 }');
  await using hub = testHub({ registry });
  Object.assign(hub.ingest, { limits: { ...hub.ingest.limits, batchEntries: 4 } });
  await using outbox = await outboxFile().open();
  const values = Array.from({ length: 40 }, (_, i) => i);
  await outbox.append(values.map((value) => homeRecord(undefined, value)));
  await using _server = await listen(network, hub);
  await using _agent = await send(network, outbox);
  await drained(outbox);
  assert.deepEqual(
    (await storedValuesOf(hub)).toSorted((a, b) => (a ?? 0) - (b ?? 0)),
    values,
  );
  assert.equal((await countsOf(hub)).observations, values.length);
  assert.ok(hub.metrics.get('ingest_slowed_batches') > 0);
});
