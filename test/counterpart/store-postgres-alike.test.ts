import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { staleAfterMs } from '../../hub/clinical/staleness.ts';
import { openPostgresStore } from '../../hub/store/postgres/postgres.ts';
import { RETAINED, type Retained, type RetentionPolicy } from '../../hub/store/retention.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import type { Arrival, ArrivedBatch, Store } from '../../hub/store/store.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import type { Flag } from '../../shared/reading.ts';
import { arrivalOf, batchOf, event } from '../contract/store.ts';
import { verifies } from '../requirements.ts';
import { gathered, TEST_NOW } from '../support/hub.ts';
import { PostgresServer } from '../support/postgres.ts';

const server = await PostgresServer.start();
const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-alike-'));
after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
let made = 0;

/** An empty store of each engine. */
async function both(): Promise<[sqlite: Store, postgres: Store]> {
  const { app, owner } = await server.database();
  made += 1;
  return [
    openSqliteStore({ path: join(folder, `${made}.db`), key: randomBytes(32), metrics: new Metrics() }),
    await openPostgresStore({ address: app, owner, metrics: new Metrics(), log: silentLogger }),
  ];
}

interface Sample {
  seq: number;
  minute: number;
  vital: string;
  device: string;
  patient: string;
  status: Arrival['status'];
  flags: Flag[];
  test: boolean;
  value: number | null;
}

const sample: fc.Arbitrary<Sample> = fc.record({
  // Few keys and few times, so that rows are sent again, keys are reused, and measurements meet those that revise them.
  seq: fc.integer({ min: 1, max: 60 }),
  minute: fc.integer({ min: 0, max: 12 }),
  vital: fc.constantFrom('hr', 'spo2', 'nibp_s'),
  device: fc.constantFrom('a', 'b'),
  patient: fc.constantFrom('pat-icu-01', 'pat-icu-02'),
  status: fc.oneof({ weight: 6, arbitrary: fc.constant('final' as const) }, fc.constantFrom('corrected' as const, 'cancelled' as const)),
  flags: fc.constantFrom<Flag[]>([], [], ['memory'], ['memory', 'clock'], ['motion'], ['sensor-off']),
  test: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
  value: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 30, max: 200 }) }, fc.constant(null)),
});

function arrival({ minute, status, flags, patient, ...rest }: Sample): Arrival {
  const effective = TEST_NOW - HOUR + minute * 10_000 + (minute % 2) * 1234;
  const options = { ...rest, patientId: patient, effective, receivedAt: TEST_NOW, ...(flags.length > 0 && { flags }) };
  return { ...arrivalOf(options), status };
}

function batches(given: readonly (readonly Sample[])[]): ArrivedBatch[] {
  return given.map((samples, i) => batchOf(samples.map(arrival), { at: TEST_NOW + i * MINUTE }));
}

const seen = (rows: number) => event(rows);

/** Everything that can be read of a store, but for its name and its epochs. */
async function all(store: Store): Promise<unknown> {
  const edges = Array.from({ length: 9 }, (_, i) => TEST_NOW - HOUR - MINUTE + i * 30_000);
  const of: Record<string, unknown> = { counts: await store.counts('clinic', seen), patients: await store.patients('clinic', seen) };
  for (const patient of ['pat-icu-01', 'pat-icu-02', 'pat-none-01']) {
    of[`latest ${patient}`] = await store.latest('clinic', patient, seen);
    for (const vital of ['hr', 'spo2', 'nibp']) {
      const query = { patient, vital, edges, now: TEST_NOW, reachMs: staleAfterMs(vital, 'bed') };
      of[`trend ${patient} ${vital}`] = await store.trend('clinic', query, seen);
      for (const minute of [0, 5, 12]) {
        const effective = TEST_NOW - HOUR + minute * 10_000 + (minute % 2) * 1234;
        of[`history ${patient} ${vital} ${minute}`] = await store.history('clinic', { patient, vital, device: 'a', effective }, seen);
      }
    }
  }
  of.observations = await gathered(await store.observations('clinic', {}, seen));
  of.currencies = (await gathered(store.currencies())).map((row) => JSON.stringify(row)).sort();
  return of;
}

function policy(change: Partial<Record<Retained, number>>): RetentionPolicy {
  return { ...(Object.fromEntries(RETAINED.map((name) => [name, null])) as Record<Retained, null>), ...change };
}

/** Removes all that is due; gives how many of each. */
async function retained(store: Store, order: Parameters<Store['retain']>[0]): Promise<Record<string, number>> {
  const removed: Record<string, number> = {};
  for (;;) {
    const step = await store.retain(order);
    for (const [name, rows] of Object.entries(step.removed)) removed[name] = (removed[name] ?? 0) + rows;
    if (!step.more) return removed;
  }
}

test('both engines answer alike, whatever came: sent again, reused, corrected, taken back, late, test, removed and rolled up', async () => {
  verifies('STORE-ALIKE', 'THREE-INSTANTS', 'EXACTLY-ONCE');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(sample, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 0, max: 6 }),
      async (given, age) => {
        const [sqlite, postgres] = await both();
        await using _a = sqlite;
        await using _b = postgres;
        for (const batch of batches(given)) {
          const [one, other] = [await sqlite.storeBatch(batch), await postgres.storeBatch(batch)];
          assert.deepEqual(other.results, one.results);
          assert.deepEqual(other.currencies, one.currencies);
          assert.equal(other.committed.position, one.committed.position);
        }
        assert.deepEqual(await all(postgres), await all(sqlite));
        const now = TEST_NOW + age * MINUTE + 1;
        for (const change of [
          { continuous: 0, spot: 2 * MINUTE, quarantine: 0 },
          { continuous: 0, spot: 0, minute: 0 },
          { continuous: 0, spot: 0, minute: 0, hour: 0 },
        ]) {
          const order = { policy: policy(change), now };
          const [one, other] = [await retained(sqlite, order), await retained(postgres, order)];
          assert.deepEqual(other, one);
          assert.deepEqual(await all(postgres), await all(sqlite));
        }
        // What was removed is still known.
        for (const batch of batches(given)) {
          const again = { ...batch, at: now };
          assert.deepEqual((await postgres.storeBatch(again)).results, (await sqlite.storeBatch(again)).results);
        }
        for (const store of [sqlite, postgres]) assert.deepEqual((await store.verify()).findings, []);
        const [one, other] = [await sqlite.verify(), await postgres.verify()];
        assert.deepEqual({ ...other.counts, evidence: 0 }, { ...one.counts, evidence: 0 });
      },
    ),
    { numRuns: 8, endOnFailure: true },
  );
});
