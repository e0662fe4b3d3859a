import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outboxCommands, type Replayed } from '../../agent/outbox/operator.ts';
import { random } from '../../agent/simulate/physiology.ts';
import { verifyAudit } from '../../hub/audit/chain.ts';
import { createIngest } from '../../hub/ingest/create-ingest.ts';
import { keepTombstones } from '../../hub/privacy/finish-erasures.ts';
import { tombstonesOf } from '../../hub/privacy/tombstone-file.ts';
import { parseRegistry } from '../../hub/registry/load-registry.ts';
import { type OthersStored, openStore } from '../../hub/store/open-store.ts';
import { OtherHubs } from '../../hub/store/postgres/other-hubs.ts';
import { openPostgresStore } from '../../hub/store/postgres/postgres.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { createMemoryNetwork } from '../../shared/overlay/memory.ts';
import { formatStorePosition, heldThrough, type StorePosition } from '../../shared/uplink/lineage.ts';
import { arrivalOf, batchOf, event } from '../contract/store.ts';
import { erasureEvent, finished } from '../contract/store-erasing.ts';
import { verifies } from '../requirements.ts';
import { gathered, TEST_NOW, TestClock, testHub } from '../support/hub.ts';
import { MovingAddress, PostgresServer } from '../support/postgres.ts';
import { SendingGateways } from '../support/postgres-gateway.ts';
import { seedOf } from '../support/seed.ts';
import { until } from '../support/until.ts';
import { drained, homeRecord, listen, outboxFile, send, storedValuesOf } from '../support/uplink-site.ts';

const CAUGHT_UP = 'SELECT bool_and(replay_lsn >= pg_current_wal_lsn()) FROM pg_stat_replication';

type StoreOptions = Parameters<typeof openPostgresStore>[0];

/** A server, a standby that streams from it, and a store on the server by an address that moves to the standby when that takes over. */
class Pair implements AsyncDisposable {
  readonly primary: PostgresServer;
  readonly standby: PostgresServer;
  readonly address: MovingAddress;
  readonly database: Awaited<ReturnType<PostgresServer['database']>>;
  readonly options: StoreOptions;
  readonly #running: AsyncDisposableStack;

  private constructor(running: AsyncDisposableStack, primary: PostgresServer, standby: PostgresServer, database: Pair['database']) {
    this.#running = running;
    this.primary = primary;
    this.standby = standby;
    this.address = running.use(new MovingAddress(primary));
    this.database = database;
    const { app, owner } = database;
    this.options = { address: { ...app, host: this.address.folder }, owner, metrics: new Metrics(), log: silentLogger };
  }

  static async start(): Promise<Pair> {
    await using running = new AsyncDisposableStack();
    const primary = running.use(await PostgresServer.start());
    const standby = running.use(await primary.standby());
    return new Pair(running.move(), primary, standby, await primary.database());
  }

  /** Commits wait for the standby. */
  static async synchronous(): Promise<Pair> {
    const pair = await Pair.start();
    await pair.primary.set('synchronous_standby_names', '*');
    await pair.primary.until(`SELECT bool_or(sync_state = 'sync') FROM pg_stat_replication`);
    return pair;
  }

  /** The standby has all there is, and nothing that comes from now on. */
  async part(): Promise<void> {
    await this.primary.until(CAUGHT_UP);
    await this.standby.cutOff();
  }

  async takeOver(): Promise<void> {
    await this.primary.kill();
    await this.standby.promote();
    this.address.moveTo(this.standby);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running.disposeAsync();
  }
}

const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

test('an asynchronous standby that lacks the last commits takes over: the hubs go on, and gateways send again what it lacks', {
  timeout: 120_000,
}, async () => {
  verifies('STORE-FAILOVER', 'STORE-BACK-BELOW', 'EXACTLY-ONCE', 'HUB-RESTORED');
  await using pair = await Pair.start();
  const { options } = pair;
  const store = await openPostgresStore(options);
  const network = createMemoryNetwork();
  await using hub = testHub({ store });
  const { ingest } = hub;
  const batch = ingest.batch.bind(ingest);
  const committed: StorePosition[] = [];
  ingest.batch = async (...asked) => {
    const answer = await batch(...asked);
    if (answer.committed) committed.push(answer.committed);
    return answer;
  };
  await using _server = await listen(network, hub);
  await using outbox = await outboxFile().open();
  await using _agent = await send(network, outbox);
  const append = async (values: readonly number[]): Promise<void> => {
    for (const value of values) await outbox.append([homeRecord(undefined, value)]);
    await drained(outbox);
  };
  await append(range(40, 59));
  await pair.part();
  const { position: kept } = await store.lineage();
  await append(range(60, 79));
  assert.deepEqual(await storedValuesOf(hub), range(40, 79));
  const before = await store.lineage();
  await pair.takeOver();
  await append(range(80, 84));
  await drained(outbox);
  assert.deepEqual(await storedValuesOf(hub), range(40, 84), 'all that was acknowledged, once');
  const after = await store.lineage();
  const epoch = before.epochs.at(-1)?.epoch ?? assert.fail();
  assert.notEqual(after.epochs.at(-1)?.epoch, epoch);
  assert.equal(heldThrough(after, epoch), kept);
  const places = committed.map(formatStorePosition);
  assert.equal(new Set(places).size, places.length, 'no position of an epoch names two commits');
  const verdict = await verifyAudit(store.audit(), store.storeId);
  assert.ok(verdict.intact, JSON.stringify(verdict));
  assert.deepEqual((await store.verify()).findings, []);
});

/** A statement ends soon where a standby does not answer. */
const IMPATIENT = { statementMs: 1000, lockMs: 300, idleInTransactionMs: 10_000 };

const IS_WAITING = `SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'`;

test('a synchronous standby takes over under load: nothing that was acknowledged is missing, and nothing has to come again', {
  timeout: 120_000,
}, async (context) => {
  verifies('STORE-FAILOVER', 'STORE-REMOTE-DURABLE', 'EXACTLY-ONCE');
  const uniform = random(seedOf(context));
  await using pair = await Pair.synchronous();
  const { options } = pair;
  await using a = await openPostgresStore(options);
  await using b = await openPostgresStore(options);
  const sending = new SendingGateways(4, [a, b], uniform);
  await sending.more(200 + Math.floor(uniform() * 400));
  await pair.takeOver();
  await sending.more(100);
  await sending.stop();
  const stored = (await gathered(await a.observations('clinic', {}, (rows) => event(rows)))).map(({ id }) => id);
  assert.deepEqual(stored.toSorted(), sending.promised.toSorted(), 'none missing, none twice');
  const { epochs } = await a.lineage();
  assert.equal(epochs.length, 2);
  assert.ok((await verifyAudit(b.audit(), b.storeId)).intact);
  context.diagnostic(`${stored.length} acknowledged, none missing, none twice`);
});

test('a synchronous standby is away: no commit is answered for, what waits is bounded, and all goes on once it is back', {
  timeout: 120_000,
}, async () => {
  verifies('STORE-STANDBY-AWAY', 'STORE-REMOTE-DURABLE');
  await using pair = await Pair.synchronous();
  const { primary, standby, options } = pair;
  await using store = await openPostgresStore({ ...options, limits: IMPATIENT });
  await store.storeBatch(batchOf([arrivalOf({ seq: 1 })]));
  await standby.stop('immediate');
  const waiting = batchOf([arrivalOf({ seq: 2 })]);
  await assert.rejects(store.storeBatch(waiting), { code: 'STORAGE-REMOTE' });
  for (let again = 0; again < 12; again += 1) await assert.rejects(store.storeBatch(waiting), { code: 'STORAGE-BUSY' });
  await primary.until(`SELECT count(*) <= 9 FROM pg_stat_activity WHERE application_name = 'vitalmesh-hub'`);
  await standby.run();
  await primary.until(`SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'`);
  assert.deepEqual((await store.storeBatch(waiting)).results, ['held']);
});

test('a commit whose wait for the standby somebody cancels is not answered for, though it is on the disk of the primary', {
  timeout: 120_000,
}, async () => {
  verifies('STORE-STANDBY-AWAY', 'ANSWER-AFTER-COMMIT');
  await using pair = await Pair.synchronous();
  const { primary, standby, address, options } = pair;
  await using store = await openPostgresStore(options);
  await store.storeBatch(batchOf([arrivalOf({ seq: 1 })]));
  await standby.cutOff();
  const waiting = batchOf([arrivalOf({ seq: 2 })]);
  const refused = assert.rejects(store.storeBatch(waiting), { code: 'STORAGE-REMOTE' });
  await primary.until(IS_WAITING);
  await primary.until(`SELECT bool_and(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`);
  await refused;
  await primary.kill();
  await standby.promote();
  await standby.set('synchronous_standby_names', '');
  address.moveTo(standby);
  const again = async () => await store.storeBatch(waiting);
  assert.deepEqual((await again().catch(again)).results, ['stored'], 'the standby never had it');
});

test('what another hub stores on a standby that took over is told, also where it has stored more by then than the standby lacked', {
  timeout: 120_000,
}, async () => {
  verifies('STORE-FAILOVER', 'STORE-SHARED-FEED');
  await using pair = await Pair.start();
  const { primary, standby, options } = pair;
  using ofTwo = new MovingAddress(primary);
  await using one = await openPostgresStore(options);
  await using two = await openPostgresStore({ ...options, address: { ...options.address, host: ofTwo.folder } });
  let seq = 0;
  const store = async (patientId: string): Promise<void> => {
    seq += 1;
    const batch = batchOf([arrivalOf({ seq, patientId })]);
    // A session that was lost is found to be so by whoever uses it first.
    await one.storeBatch(batch).catch(() => one.storeBatch(batch));
  };
  const told = new Set<string>();
  let heard = Promise.withResolvers<void>();
  const tell = ({ patients }: OthersStored): void => {
    for (const { patient } of patients) told.add(patient);
    heard.resolve();
    heard = Promise.withResolvers<void>();
  };
  await using others = new OtherHubs({ store: two, log: silentLogger, tell });
  await others.start(new AbortController().signal);
  const hears = async (patient: string): Promise<void> => {
    while (!told.has(patient)) await heard.promise;
  };
  await store('pat-kept');
  await pair.part();
  for (let i = 0; i < 5; i += 1) await store('pat-lost');
  await store('pat-lost-last');
  await hears('pat-lost-last');
  await pair.takeOver();
  await store('pat-anna');
  for (let i = 0; i < 20; i += 1) await store('pat-later');
  await store('pat-last');
  ofTwo.moveTo(standby);
  await hears('pat-last');
  assert.ok(told.has('pat-anna'), 'stored where the hub had been told before');
});

test('a standby that did not hear of an erasure takes over under a running hub: who was erased is erased again, without a start', {
  timeout: 120_000,
}, async () => {
  verifies('STORE-FAILOVER', 'ERASE-READOPTED');
  await using pair = await Pair.start();
  const { address, database } = pair;
  const { name, app, owner } = database;
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-standby-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const urlFile = (role: string): string => {
    const path = join(folder, role);
    writeFileSync(path, `postgres:///${name}?host=${address.folder}&user=${role}\n`, { mode: 0o600 });
    return path;
  };
  const files = { urlFile: urlFile(app.user), ownerUrlFile: urlFile(owner.user), timeFile: join(folder, 'time') };
  const config = { type: 'postgres', ...files, retention: {} } as Parameters<typeof openStore>[0];
  const opened = await openStore(config, { metrics: new Metrics() });
  await using store = opened.store;
  const [others] = opened.others(() => undefined);
  assert.ok(others);
  await using _others = others;
  await others.start(new AbortController().signal);
  await store.storeBatch(batchOf([arrivalOf({ seq: 1 }), arrivalOf({ seq: 2, patientId: 'pat-icu-02' })]));
  await pair.part();
  const evidence = () => erasureEvent('pat-icu-01');
  await store.erasing.beginErasure({
    tenant: 'clinic',
    patient: 'pat-icu-01',
    reason: 'DSR-7',
    principal: 'local:0',
    at: TEST_NOW,
    evidence,
  });
  assert.ok(await finished(store, 'pat-icu-01'));
  await keepTombstones(store.erasing, tombstonesOf(config));
  const people = async () => (await store.patients('clinic', (rows) => event(rows))).map(({ patient }) => patient);
  assert.deepEqual(await people(), ['pat-icu-02']);
  await pair.takeOver();
  await until(() => store.erasing.isErased('clinic', 'pat-icu-01').catch(() => false));
  await until(async () => (await store.erasing.erasureCounts()).underWay === 0);
  assert.deepEqual(await people(), ['pat-icu-02']);
  assert.deepEqual((await store.verify()).findings, []);
});

test('the old primary comes back alone, and the hubs are led to it and back: each server keeps its epochs, and what is where is known', {
  timeout: 120_000,
}, async () => {
  verifies('STORE-FAILOVER', 'STORE-LINEAGE', 'EXACTLY-ONCE', 'HUB-RESTORED');
  await using pair = await Pair.start();
  const { primary, standby, address, options } = pair;
  const store = await openPostgresStore(options);
  const network = createMemoryNetwork();
  await using hub = testHub({ store });
  await using _server = await listen(network, hub);
  await using outbox = await outboxFile().open();
  await using _agent = await send(network, outbox);
  const append = async (values: readonly number[]): Promise<void> => {
    for (const value of values) await outbox.append([homeRecord(undefined, value)]);
    await drained(outbox);
  };
  await append(range(40, 49));
  await pair.part();
  await append(range(50, 59));
  await pair.takeOver();
  await append(range(60, 69));
  assert.deepEqual(await storedValuesOf(hub), range(40, 69));
  const ofStandby = (await store.lineage()).epochs.map(({ epoch }) => epoch);
  // The standby falls silent, and the old primary, whose data parted from it, is taken for the right one.
  await standby.stop('immediate');
  await primary.run();
  address.moveTo(primary);
  await append(range(70, 79));
  await until(async () => (await storedValuesOf(hub)).length === 40);
  assert.deepEqual(await storedValuesOf(hub), range(40, 79), 'what only the standby had came again');
  const ofPrimary = (await store.lineage()).epochs.map(({ epoch }) => epoch);
  assert.equal(ofPrimary.filter((epoch) => ofStandby.includes(epoch)).length, 1, 'they share what was before they parted');
  await primary.kill();
  await standby.run();
  address.moveTo(standby);
  await append(range(80, 84));
  await until(async () => (await storedValuesOf(hub)).length === 45);
  assert.deepEqual(await storedValuesOf(hub), range(40, 84), 'and the other way round');
  assert.deepEqual((await store.verify()).findings, []);
});

test('what was measured since a standby lost touch is nobody’s until somebody confirms who was bound, and all of it is there then', {
  timeout: 120_000,
}, async (context) => {
  verifies('STORE-FAILOVER', 'PUT-BACK-NOBODYS', 'EXACTLY-ONCE', 'NO-SILENT-DROP');
  await using pair = await Pair.start();
  const { options } = pair;
  const clock = new TestClock(systemClock.now());
  const network = createMemoryNetwork();
  await using hub = testHub({ store: await openPostgresStore(options), clock });
  const { registry, store } = hub;
  const read = async (confirms = ''): Promise<void> => {
    const next = parseRegistry(
      `tenants: { clinic: { kind: sandbox } }\ngateways: [{ identity: gw-home, tenant: clinic, patient: pat-home-anna${confirms} }]`,
    );
    registry.replace(next, await store.rebind(next.bindings(), clock.now()));
  };
  await read();
  const rebind = async (): Promise<void> => registry.rebound(await store.rebind(registry.bindings(), clock.now()));
  await using _server = await listen(network, { ...hub, ingest: createIngest({ ...hub, clock, rebind }) });
  await using outbox = await outboxFile().open();
  await using _agent = await send(network, outbox, clock);
  const measure = async (values: readonly number[]): Promise<void> => {
    clock.advance(5 * 60_000);
    for (const value of values) await outbox.append([{ ...homeRecord(undefined, value), receivedAt: clock.now() }]);
    await drained(outbox);
  };
  await measure(range(40, 44));
  await pair.part();
  await measure(range(50, 54));
  await pair.takeOver();
  await measure([60, 61]);
  await until(async () => (await outbox.status()).quarantined >= 5);
  const unconfirmed = await storedValuesOf(hub);
  assert.deepEqual(
    unconfirmed.filter((value) => value !== 60 && value !== 61),
    range(40, 44),
  );
  context.diagnostic(`stored without a word of anybody: ${unconfirmed.join(' ')}`);
  // From here on it is known again who is bound.
  await measure([70]);
  clock.advance(5 * 60_000);
  await read(`, confirmed: '${new Date(clock.now()).toISOString()}'`);
  const { 'outbox-replay': replay } = outboxCommands({ outbox, sources: [], clock: systemClock, log: silentLogger });
  await gathered(replay?.({ code: 'INGEST-BEFORE-BINDING' }, 'local:0') as AsyncIterable<Replayed>);
  await drained(outbox);
  assert.deepEqual(await storedValuesOf(hub), [...range(40, 44), ...range(50, 54), 60, 61, 70], 'all that was acknowledged, once');
  assert.equal((await outbox.status()).quarantined, 0);
});
