import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outboxCommands, type Replayed } from '../../agent/outbox/operator.ts';
import type { Outbox } from '../../agent/outbox/outbox.ts';
import { parseRegistry } from '../../hub/registry/load-registry.ts';
import { type Instant, systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { createMemoryNetwork } from '../../shared/overlay/memory.ts';
import { verifies } from '../requirements.ts';
import { gathered, type TestHub, testHub } from '../support/hub.ts';
import { until } from '../support/uplink.ts';
import { countsOf, drained, homeRecord, listen, outboxFile, send, storedValuesOf } from '../support/uplink-site.ts';

const HOUR = 60 * 60_000;

/** Reads a registry of one home gateway as a start and SIGHUP do. */
async function read({ registry, store }: TestHub, patient: string, confirmed?: Instant): Promise<void> {
  const confirms = confirmed === undefined ? '' : `, confirmed: '${new Date(confirmed).toISOString()}'`;
  const next = parseRegistry(
    `tenants: { clinic: { kind: sandbox } }\ngateways: [{ identity: gw-home, tenant: clinic, patient: ${patient}${confirms} }]`,
  );
  registry.replace(next, await store.rebind(next.bindings(), systemClock.now()));
}

async function measured(outbox: Outbox, agoMs: number, ...values: number[]): Promise<void> {
  for (const value of values) await outbox.append([{ ...homeRecord(undefined, value), receivedAt: systemClock.now() - agoMs }]);
}

/** `vitalmesh-agent outbox replay --code INGEST-BEFORE-BINDING`; gives how many entries wait again. */
async function replay(outbox: Outbox): Promise<number> {
  const { 'outbox-replay': command } = outboxCommands({ outbox, sources: [], clock: systemClock, log: silentLogger });
  const replayed = await gathered(command?.({ code: 'INGEST-BEFORE-BINDING' }, 'local:0') as AsyncIterable<Replayed>);
  return replayed.filter(({ outcome }) => outcome === 'pending').length;
}

/** A gateway that a hub had for a week, and then another hub with a new store, which its operator has named. */
async function replaced(outbox: Outbox, network: ReturnType<typeof createMemoryNetwork>): Promise<void> {
  await using before = testHub();
  await read(before, 'pat-home-anna', undefined);
  await using _server = await listen(network, before);
  await using _agent = await send(network, outbox);
  await measured(outbox, 0, 40, 41, 42);
  await drained(outbox);
  assert.deepEqual(await storedValuesOf(before), [40, 41, 42]);
}

for (const [who, patient] of [
  ['somebody else', 'pat-home-bert'],
  ['the same patient', 'pat-home-anna'],
] as const) {
  test(`a hub with a new store, whose registry lists ${who} for the gateway: what was measured before is nobody’s`, async () => {
    verifies('NEW-STORE-NOBODYS', 'STORE-KNOWN', 'NO-SILENT-DROP');
    const network = createMemoryNetwork();
    await using outbox = await outboxFile().open();
    await replaced(outbox, network);
    await measured(outbox, 2 * HOUR, 50);
    await using hub = testHub();
    await read(hub, patient);
    await measured(outbox, 0, 60);
    await using _server = await listen(network, hub);
    await using agent = await send(network, outbox);
    await until(() => agent.uplink.status().code === 'UPLINK-STORE');
    await outbox.setStoreId(hub.store.storeId);
    await drained(outbox);
    await until(async () => (await outbox.status()).quarantined === 4);
    assert.deepEqual(await storedValuesOf(hub), [60], 'what was measured since');
    assert.equal((await countsOf(hub)).quarantined, 4);

    assert.equal(await replay(outbox), 4);
    await until(async () => (await outbox.status()).quarantined === 4);
    assert.deepEqual(await storedValuesOf(hub), [60], 'nobody confirmed it');
    if (patient !== 'pat-home-anna') return;

    // As of the same moment, because whoever says so says it of a listing that is in force.
    await read(hub, patient, systemClock.now());
    assert.equal(await replay(outbox), 4);
    await drained(outbox);
    await until(async () => (await outbox.status()).quarantined === 0);
    assert.deepEqual(await storedValuesOf(hub), [40, 41, 42, 50, 60], 'somebody confirmed it');
    assert.equal(await replay(outbox), 0);
  });
}

test('a home gateway that measured for an hour before the hub first ran: that hour waits until somebody confirms, and nothing after it does', async () => {
  verifies('NEW-STORE-NOBODYS', 'NO-SILENT-DROP');
  const network = createMemoryNetwork();
  await using outbox = await outboxFile().open();
  await measured(outbox, HOUR, 40, 41);
  await using hub = testHub();
  await read(hub, 'pat-home-anna', systemClock.now() - 60_000);
  await using _server = await listen(network, hub);
  await using _agent = await send(network, outbox);
  await measured(outbox, 0, 60);
  await drained(outbox);
  assert.deepEqual(await storedValuesOf(hub), [60], 'confirmed before the store began is confirmed for another one');
  assert.deepEqual(
    (await outbox.quarantined(10)).map(({ code }) => code),
    ['INGEST-BEFORE-BINDING', 'INGEST-BEFORE-BINDING'],
  );
  await read(hub, 'pat-home-anna', systemClock.now());
  assert.equal(await replay(outbox), 2);
  await drained(outbox);
  await until(async () => (await outbox.status()).quarantined === 0);
  assert.deepEqual(await storedValuesOf(hub), [40, 41, 60]);
});
