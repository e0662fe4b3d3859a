import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { DEFAULT_POLICY } from '../../hub/access/default-policy.ts';
import { gatewayPrincipal } from '../../hub/access/principals.ts';
import { admit } from '../../hub/ingest/admit.ts';
import { openPostgresStore } from '../../hub/store/postgres/postgres.ts';
import { STORE_MIGRATIONS } from '../../hub/store/schema.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { type Arrival, type ArrivedBatch, isEvent, type Store } from '../../hub/store/store.ts';
import { writeBatch } from '../../hub/store/write-batch.ts';
import type { Observation } from '../../shared/fhir.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { readObservation } from '../../shared/observation.ts';
import type { Database } from '../../shared/storage/database.ts';
import { event } from '../contract/store.ts';
import { sampleBundle, sampleObservation, TEST_NOW, type TestHub, testHub } from '../support/hub.ts';
import { PostgresServer } from '../support/postgres.ts';
import { type Figure, median } from './figure.ts';

const BATCH = 100;
const ROUNDS = 7;
const BATCHES_A_ROUND = 30;
const VITALS = ['hr', 'spo2', 'pr_oxi', 'rr', 'temp', 'etco2', 'abp_m', 'cvp'] as const;

/**
 * The hub's taking-in of batches of 100, beside plain unencrypted SQLite with the same schema and statements in the same run: the store
 * alone (de-duplication, AES-256, evidence; rows made beforehand), and ingest as a whole (every check too) against a plain
 * store that must read the columns out of the same Observations but checks nothing. PostgreSQL stands beside it, with its durability.
 */
export async function benchIngest(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-bench-'));
  await using postgres = await postgresStore();
  const plain = plainStore(join(folder, 'plain.db'));
  const hub = testHub({ dir: folder, key: randomBytes(32) });
  const aegis = openSqliteStore({ path: join(folder, 'aegis.db'), key: randomBytes(32), cipher: 'aegis256', metrics: new Metrics() });
  try {
    const ms = {
      aegis: [] as number[],
      postgres: [] as number[],
      store: [] as number[],
      plainStore: [] as number[],
      ingest: [] as number[],
      plainIngest: [] as number[],
    };
    let number = 0;
    const next = (): Observation[][] => Array.from({ length: BATCHES_A_ROUND }, () => observationsOf(number++));
    for (let round = 0; round < ROUNDS; round += 1) {
      const made = next().map((batch) => batchOf(admitted(hub, batch)));
      ms.plainStore.push(await timed(made, (batch) => plain.write(batch)));
      ms.store.push(await timed(made, (batch) => hub.store.storeBatch(batch)));
      ms.aegis.push(await timed(made, (batch) => aegis.storeBatch(batch)));
      if (postgres) ms.postgres.push(await timed(made, (batch) => postgres.store.storeBatch(batch)));
      const observations = next();
      const bundles = observations.map(sampleBundle);
      ms.plainIngest.push(await timed(observations, (batch) => plain.write(batchOf(batch.map(unchecked)))));
      ms.ingest.push(await timed(bundles, (bundle) => hub.ingest.batch('gw-icu', bundle)));
    }
    const perSecond = (times: number[]): number => Math.round((BATCH * BATCHES_A_ROUND * 1000) / median(times));
    const to = 'plain SQLite, same schema, same run';
    return [
      {
        name: 'store, batches of 100',
        value: perSecond(ms.store),
        unit: 'obs/s',
        ratio: { to, value: median(ms.plainStore) / median(ms.store) },
        bar: { least: 0.4 },
      },
      {
        name: 'store with AEGIS-256, batches of 100',
        value: perSecond(ms.aegis),
        unit: 'obs/s',
        ratio: { to, value: median(ms.plainStore) / median(ms.aegis) },
        bar: { least: 0.75 },
      },
      ...(postgres
        ? [
            {
              name: 'store in PostgreSQL, batches of 100',
              value: perSecond(ms.postgres),
              unit: 'obs/s',
              ratio: { to, value: median(ms.plainStore) / median(ms.postgres) },
            },
          ]
        : []),
      {
        name: 'ingest, batches of 100',
        value: perSecond(ms.ingest),
        unit: 'obs/s',
        ratio: { to, value: median(ms.plainIngest) / median(ms.ingest) },
        bar: { least: 0.4 },
      },
    ];
  } finally {
    plain.close();
    await aegis[Symbol.asyncDispose]();
    await hub.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A store in a database server of this machine's own, on a Unix socket; undefined where PostgreSQL is not installed. */
async function postgresStore(): Promise<(AsyncDisposable & { store: Store }) | undefined> {
  await using stack = new AsyncDisposableStack();
  try {
    const server = stack.use(await PostgresServer.start());
    const { app, owner } = await server.database();
    const store = stack.use(await openPostgresStore({ address: app, owner, metrics: new Metrics(), log: silentLogger }));
    const running = stack.move();
    return { store, [Symbol.asyncDispose]: () => running.disposeAsync() };
  } catch (error) {
    process.stderr.write(`without PostgreSQL: ${error instanceof Error ? error.message : error}\n`);
    return undefined;
  }
}

/** Observations of an ICU gateway with two beds and eight parameters, one second apart; no two alike. */
function observationsOf(number: number): Observation[] {
  return Array.from({ length: BATCH }, (_, i) => {
    const row = number * BATCH + i;
    const at = TEST_NOW + Math.floor(row / 16) * 1000;
    const bed = row % 2 === 0 ? 'ICU-01' : 'ICU-02';
    const vital = VITALS[(row >> 1) % VITALS.length] ?? 'hr';
    return sampleObservation({ seq: row + 1, bed, device: `monitor-${bed}`, vital, value: 40 + (row % 50), effective: at, receivedAt: at });
  });
}

function admitted({ registry }: TestHub, observations: readonly Observation[]): Arrival[] {
  const gateway = registry.gateway('gw-icu');
  if (!gateway) throw new Error('no gateway');
  const sender = { gateway, principal: gatewayPrincipal(gateway), registry, policy: DEFAULT_POLICY, at: TEST_NOW };
  return observations.map((resource) => {
    const part = admit({ resource, request: { method: 'PUT', url: `Observation/${resource.id}` } }, sender);
    if ('refusal' in part) throw new Error(part.refusal.rule);
    if (isEvent(part.arrival)) throw new Error('an event');
    return part.arrival;
  });
}

function unchecked(observation: Observation): Arrival {
  const facts = readObservation(observation);
  return {
    ...facts,
    freshAt: facts.effective,
    place: 'bed',
    id: observation.id,
    patient: facts.hints.bed ?? '',
    sortTime: facts.effective,
    received: JSON.stringify(observation),
  };
}

function batchOf(arrivals: readonly Arrival[]): ArrivedBatch {
  return {
    tenant: 'clinic',
    gateway: 'gw-icu',
    at: TEST_NOW,
    sentAt: null,
    arrivals,
    refusals: [],
    evidence: (results) => [event(results.length)],
  };
}

function plainStore(path: string): { write(batch: ArrivedBatch): void; close(): void } {
  const db = new DatabaseSync(path);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;');
  for (const step of STORE_MIGRATIONS) db.exec(step);
  const statements = new Map<string, StatementSync>();
  const database = {
    prepare: (sql: string) => {
      const statement = statements.get(sql) ?? db.prepare(sql);
      statements.set(sql, statement);
      return statement;
    },
  } as unknown as Pick<Database, 'prepare'>;
  return {
    write(batch) {
      db.exec('BEGIN IMMEDIATE');
      writeBatch(database, batch);
      db.exec('COMMIT');
    },
    close: () => db.close(),
  };
}

async function timed<T>(items: readonly T[], work: (item: T) => unknown): Promise<number> {
  const startMs = performance.now();
  for (const item of items) await work(item);
  return performance.now() - startMs;
}
