import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { verifyAudit } from '../../hub/audit/chain.ts';
import type { KeptBinding } from '../../hub/registry/bindings.ts';
import type { OthersStored } from '../../hub/store/open-store.ts';
import { nobodyIn } from '../../hub/store/placing/placing.ts';
import { OtherHubs } from '../../hub/store/postgres/other-hubs.ts';
import { openPostgresStore, type PostgresStore } from '../../hub/store/postgres/postgres.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { arrivalOf, batchOf, event, eventArrival } from '../contract/store.ts';
import { verifies } from '../requirements.ts';
import { gathered, TEST_NOW } from '../support/hub.ts';
import { type PostgresDatabase, PostgresServer } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

const log = silentLogger;

function open({ app, owner }: PostgresDatabase): Promise<PostgresStore> {
  return openPostgresStore({ address: app, owner, metrics: new Metrics(), log });
}

const seen = (rows: number) => event(rows);

test('two hubs that start at once on an empty database make one store of it', async () => {
  verifies('STORE-SHARED');
  const database = await server.database();
  const [a, b] = await Promise.all([open(database), open(database)]);
  await using _a = a;
  await using _b = b;
  assert.equal(a.storeId, b.storeId);
  assert.equal((await a.lineage()).epochs.length, 1);
});

test('the same rows sent through two hubs at once are stored once, in one order, and latest is that of one hub', async () => {
  verifies('STORE-SHARED', 'EXACTLY-ONCE', 'AUDIT-CHAINED');
  const database = await server.database();
  await using a = await open(database);
  await using b = await open(database);
  const rows = Array.from({ length: 120 }, (_, i) =>
    arrivalOf({
      seq: i + 1,
      value: 40 + (i % 60),
      device: `monitor-${i % 3}`,
      patientId: `pat-icu-0${1 + (i % 4)}`,
      effective: TEST_NOW - ((i * 7919) % 120) * 1000,
    }),
  );
  // Batches that overlap, in other orders in both hubs: locks that are taken in the order of rows would meet head on.
  const batches = Array.from({ length: 24 }, (_, i) => rows.slice(i * 5, i * 5 + 15));
  const through = (store: PostgresStore, list: (typeof rows)[]) =>
    Promise.all(list.map((arrivals) => store.storeBatch(batchOf(arrivals, { at: TEST_NOW }))));
  const outcomes = (await Promise.all([through(a, batches), through(b, batches.map((list) => list.toReversed()).reverse())])).flat();
  const stored = outcomes.flatMap(({ results }) => results).filter((result) => result === 'stored').length;
  assert.equal(stored, rows.length);
  const positions = outcomes.map(({ committed }) => committed.position);
  assert.equal(new Set(positions).size, positions.length);
  const ids = (await gathered(await a.observations('clinic', {}, seen))).map(({ id }) => id);
  assert.deepEqual([...ids].sort(), rows.map(({ id }) => id).sort());
  for (const patient of ['pat-icu-01', 'pat-icu-02', 'pat-icu-03', 'pat-icu-04']) {
    const current = await b.latest('clinic', patient, seen);
    for (const device of ['monitor-0', 'monitor-1', 'monitor-2']) {
      const newest = Math.max(...rows.filter((row) => row.patient === patient && row.device === device).map(({ sortTime }) => sortTime));
      assert.equal(current.find((row) => row.device === device)?.sortTime, newest);
    }
  }
  const verdict = await verifyAudit(b.audit(), b.storeId);
  assert.ok(verdict.intact && verdict.entries >= outcomes.length, JSON.stringify(verdict));
  assert.equal((await a.counts('clinic', seen)).observations, rows.length);
});

test('a batch that is sent again over another hub while the first is not committed waits for it, and is held', async () => {
  verifies('STORE-SHARED', 'EXACTLY-ONCE');
  const database = await server.database();
  await using a = await open(database);
  await using b = await open(database);
  // Somebody holds the head, so that both are under way at once.
  const outcomes = await server.asRoot(database.name, async (holder) => {
    await holder.query('BEGIN; SELECT 1 FROM vitalmesh.head FOR UPDATE');
    const both = [a, b].map((store) => store.storeBatch(batchOf([arrivalOf({ seq: 1 })])));
    let waiting = 0;
    while (waiting < 2) {
      const { rows } = await server.asRoot('postgres', (client) =>
        client.query(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = '${database.name}' AND wait_event_type = 'Lock'`),
      );
      waiting = rows[0]?.n ?? 0;
      await setImmediate();
    }
    await holder.query('COMMIT');
    return await Promise.all(both);
  });
  assert.deepEqual(outcomes.flatMap(({ results }) => results).sort(), ['held', 'stored']);
});

test('two hubs that read the same registry at once keep one time for each binding', async () => {
  verifies('STORE-SHARED', 'SUBJECT-BY-HUB');
  const database = await server.database();
  await using a = await open(database);
  await using b = await open(database);
  const bed = (name: string, patient: string | null, tenant = 'clinic') => ({
    ...({ gateway: 'gw-icu', kind: 'bed', name, patient, tenant } as const),
  });
  await a.rebind([bed('A', 'pat-icu-01'), bed('B', null)], 1000);
  const next = [bed('A', 'pat-icu-02'), bed('B', 'pat-icu-01', 'other')];
  const kept = await Promise.all([a.rebind(next, 2000), b.rebind(next, 2500)]);
  const times = (bindings: readonly KeptBinding[]) => bindings.map(({ name, tenant, since }) => [name, tenant, since]);
  const [first, second] = kept.map(times);
  assert.deepEqual(first, second);
  assert.ok([2000, 2500].includes(first?.[0]?.[2] as number));
  assert.deepEqual(
    first?.map(([name, tenant]) => [name, tenant]),
    [
      ['A', 'clinic'],
      ['B', 'other'],
    ],
  );
});

/** What a hub is told of the others, with a way to wait for it. */
class Told implements AsyncDisposable {
  readonly #store: PostgresStore;
  readonly #service: OtherHubs;
  readonly #all: OthersStored[] = [];
  #heard = Promise.withResolvers<void>();

  private constructor(store: PostgresStore) {
    this.#store = store;
    this.#service = new OtherHubs({ store, log, tell: (stored) => this.#tell(stored) });
  }

  static async by(store: PostgresStore): Promise<Told> {
    const told = new Told(store);
    await told.#service.start(new AbortController().signal);
    return told;
  }

  #tell(stored: OthersStored): void {
    this.#all.push(stored);
    this.#heard.resolve();
    this.#heard = Promise.withResolvers<void>();
  }

  /** Everything told so far, once it names this patient. */
  async of(patient: string): Promise<OthersStored[]> {
    while (!this.#all.some(({ patients }) => patients.some((told) => told.patient === patient))) await this.#heard.promise;
    return this.#all;
  }

  get hub(): string {
    return this.#store.hub;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service[Symbol.asyncDispose]();
  }
}

test('what one hub stores, the other is told of: whose, which vital signs, how current, and what is gone; never its own', async () => {
  verifies('STORE-SHARED-FEED');
  const database = await server.database();
  await using a = await open(database);
  await using b = await open(database);
  await using told = await Told.by(b);
  await b.storeBatch(batchOf([arrivalOf({ seq: 1, patientId: 'pat-own-01' })]));
  const row = arrivalOf({ seq: 2, value: 71 });
  await a.storeBatch(batchOf([row, arrivalOf({ seq: 3, vital: 'spo2', value: 97 })]));
  const [first] = await told.of('pat-icu-01');
  assert.deepEqual(first?.patients, [{ tenant: 'clinic', patient: 'pat-icu-01', kind: 'stored', vitals: ['hr', 'spo2'], at: TEST_NOW }]);
  const current = { tenant: 'clinic', patient: 'pat-icu-01', device: 'monitor-1', freshAt: TEST_NOW, storedAt: TEST_NOW, place: 'bed' };
  assert.deepEqual(
    first?.currencies.toSorted((x, y) => (x.vital < y.vital ? -1 : 1)),
    [
      { ...current, vital: 'hr' },
      { ...current, vital: 'spo2' },
    ],
  );
  await a.storeBatch(
    batchOf([{ ...arrivalOf({ seq: 4, value: null, absent: 'error' }), status: 'cancelled' }], { tenant: 'clinic', at: TEST_NOW + 1 }),
  );
  const waited = { effective: TEST_NOW - 60_000, sortTime: TEST_NOW - 60_000 };
  await a.storeBatch(batchOf([{ ...arrivalOf({ seq: 5, vital: 'spo2' }), ...waited }], { tenant: 'clinic', at: TEST_NOW + 2 }));
  await a.storeBatch(batchOf([arrivalOf({ agent: 'gw-other', seq: 1, patientId: 'pat-new-01' })], { tenant: 'new', gateway: 'gw-other' }));
  const all = await told.of('pat-new-01');
  assert.deepEqual(
    all.flatMap(({ currencies }) => currencies).filter((change) => 'gone' in change),
    [{ tenant: 'clinic', patient: 'pat-icu-01', vital: 'hr', device: 'monitor-1', gone: true }],
  );
  const last = all.flatMap(({ patients }) => patients.filter(({ patient }) => patient === 'pat-icu-01')).at(-1);
  assert.ok(last?.kind === 'late' || last?.vitals.includes('hr'), 'what is not current is told as late, or not beside what is');
  assert.ok(!(last?.kind === 'stored' && last.vitals.includes('spo2')));
  assert.ok(b.tenants().includes('new'));
  assert.doesNotMatch(JSON.stringify(all), /pat-own-01/);
});

test('of whom one hub stores alerts and gaps, the other is told, by kind; of nobody’s and of what no reader hears of it is not, nor of its own', async () => {
  verifies('STORE-SHARED-FEED');
  const database = await server.database();
  await using a = await open(database);
  await using b = await open(database);
  await using told = await Told.by(b);
  const of = (seq: number, kind: 'alert' | 'gap' | 'movement' | 'wave', patient: string | null) => eventArrival({ seq, kind, patient });
  await b.storeBatch(batchOf([of(1, 'alert', 'pat-own-01')]));
  await a.storeBatch(batchOf([of(2, 'wave', 'pat-wave-01'), of(3, 'alert', nobodyIn('ICU-01')), of(4, 'movement', null)]));
  const alerts = [of(5, 'alert', 'pat-icu-01'), of(6, 'alert', 'pat-icu-01'), of(7, 'gap', 'pat-icu-01'), of(8, 'gap', null)];
  await a.storeBatch(batchOf(alerts, { at: TEST_NOW + 5 }));
  await a.storeBatch(batchOf([of(9, 'gap', 'pat-gap-01')], { at: TEST_NOW + 6 }));
  const all = (await told.of('pat-gap-01')).flatMap(({ patients }) => patients);
  const what = { tenant: 'clinic', vitals: [] };
  assert.deepEqual(
    all.toSorted((x, y) => x.at - y.at || (x.kind < y.kind ? -1 : 1)),
    [
      { ...what, patient: 'pat-icu-01', kind: 'alert', at: TEST_NOW + 5 },
      { ...what, patient: 'pat-icu-01', kind: 'gap', at: TEST_NOW + 5 },
      { ...what, patient: 'pat-gap-01', kind: 'gap', at: TEST_NOW + 6 },
    ],
  );
  // What comes again is held, and told of nobody.
  await a.storeBatch(batchOf([alerts[0] ?? assert.fail()], { at: TEST_NOW + 7 }));
  await a.storeBatch(batchOf([of(10, 'alert', 'pat-end-01')], { at: TEST_NOW + 8 }));
  const after = (await told.of('pat-end-01')).flatMap(({ patients }) => patients);
  assert.ok(after.every(({ at }) => at !== TEST_NOW + 7));
});

test('a notification says nothing of anybody, however much was stored', async () => {
  verifies('STORE-SHARED-FEED', 'LOG-CLEAN');
  const database = await server.database();
  await using a = await open(database);
  await server.asRoot(database.name, async (listener) => {
    const heard = Promise.withResolvers<string>();
    listener.on('notification', ({ payload }) => heard.resolve(payload ?? ''));
    await listener.query('LISTEN vitalmesh');
    const rows = Array.from({ length: 600 }, (_, i) => arrivalOf({ seq: i + 1, patientId: `pat-icu-${String(i).padStart(4, '0')}` }));
    const { committed } = await a.storeBatch(batchOf(rows));
    assert.equal(await heard.promise, `${a.hub} ${committed.position}`);
  });
});

test('what was stored while the line to the database was lost is told once it is back', async () => {
  verifies('STORE-SHARED-FEED');
  const database = await server.database();
  await using a = await open(database);
  await using b = await open(database);
  await using told = await Told.by(b);
  for (const round of [1, 2]) {
    await server.asRoot('postgres', async (client) => {
      // No new session for hubs until the next row is stored, so that its notification is not heard.
      await client.query(`REVOKE CONNECT ON DATABASE ${database.name} FROM PUBLIC`);
      const { rows } = await client.query(
        `SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity
         WHERE datname = '${database.name}' AND application_name = 'vitalmesh-hub listens'`,
      );
      assert.deepEqual(rows, [{ ended: true }]);
    });
    const patientId = `pat-lost-0${round}`;
    await a.storeBatch(batchOf([arrivalOf({ seq: round, patientId })]));
    await server.asRoot('postgres', (client) => client.query(`GRANT CONNECT ON DATABASE ${database.name} TO PUBLIC`));
    await told.of(patientId);
  }
});
