import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLatest } from '../../hub/store/read-latest.ts';
import { readTrend } from '../../hub/store/read-trend.ts';
import { STORE_MIGRATIONS } from '../../hub/store/schema.ts';
import type { TrendQuery } from '../../hub/store/trend.ts';
import { type Database, openDatabase } from '../../shared/storage/database.ts';
import { arrivalOf, batchOf } from '../contract/store.ts';
import { TEST_NOW, testHub } from '../support/hub.ts';
import { type Figure, median } from './figure.ts';

const VITALS = ['hr', 'spo2', 'pr_oxi', 'rr', 'temp', 'etco2', 'abp_m', 'cvp'];
const PATIENTS = Array.from({ length: 40 }, (_, i) => `pat-bench-${String(i).padStart(2, '0')}`);
const HOUR_MS = 3_600_000;
const POINTS = 300;
/** Patients with an hour of data; the one that is read by the door is the first of the test's registry. */
const TRENDED = { sparse: 'pat-icu-01', dense: 'pat-icu-02' };
const ROUNDS = 5;
const ROUND_MS = 300;
const READS = 300;

/**
 * Reads of the hub's store (SQLite, AES-256): the calls alone, without evidence, and the same by the door, decided and with its evidence on
 * disk. Not beside a peer: what a server of the network would add is no part of it.
 */
export async function benchStore(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-bench-'));
  const key = randomBytes(32);
  try {
    const audited = await filled(folder, key);
    using database = openDatabase({ path: join(folder, 'hub.db'), key, migrations: STORE_MIGRATIONS, cacheKib: 32 * 1024 });
    let next = 0;
    const latest = (): void => {
      const patient = PATIENTS[next++ % PATIENTS.length] ?? '';
      const rows = database.read(() => readLatest(database, 'clinic', patient));
      if (rows.length !== VITALS.length) throw new Error(`${rows.length} rows`);
    };
    return [
      { name: `latest of a patient, ${VITALS.length} rows, alone`, value: rate(latest), unit: 'reads/s', bar: { least: 50_000 } },
      {
        name: `trend, ${POINTS} points of 300 readings, alone`,
        value: rate(trendOf(database, TRENDED.sparse)),
        unit: 'reads/s',
        bar: { least: 5000 },
      },
      { name: `trend, ${POINTS} points of 3,600 readings, alone`, value: rate(trendOf(database, TRENDED.dense)), unit: 'reads/s' },
      { name: 'door.latest, audited, p50', value: audited, unit: 'ms', bar: { most: 1 } },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Fills the store; milliseconds of a read by the door, the middle one. */
async function filled(folder: string, key: Buffer): Promise<number> {
  await using hub = testHub({ dir: folder, key });
  let seq = 0;
  const store = async (patientId: string, vital: string, effective: number): Promise<unknown> => {
    seq += 1;
    const arrival = arrivalOf({ seq, vital, patientId, device: 'monitor-1', value: 40 + (seq % 50), effective, receivedAt: effective });
    return await hub.store.storeBatch(batchOf([arrival]));
  };
  for (const patient of PATIENTS) await Promise.all(VITALS.map((vital) => store(patient, vital, TEST_NOW)));
  for (const [patient, everyMs] of [
    [TRENDED.sparse, 12_000],
    [TRENDED.dense, 1000],
  ] as const) {
    const times = Array.from({ length: HOUR_MS / everyMs }, (_, i) => TEST_NOW - HOUR_MS + i * everyMs);
    await Promise.all(times.map((at) => store(patient, 'hr', at)));
  }
  const caller = hub.registry.principal('ai-monitor');
  if (!caller) throw new Error('no principal');
  const times: number[] = [];
  for (let i = 0; i < READS; i += 1) {
    const startMs = performance.now();
    await hub.door.latest(caller, TRENDED.sparse, { channel: 'mcp-2026' });
    times.push(performance.now() - startMs);
  }
  return median(times);
}

function trendOf(database: Database, patient: string): () => void {
  const edges = Array.from({ length: POINTS + 1 }, (_, i) => TEST_NOW - HOUR_MS + (i * HOUR_MS) / POINTS);
  const query: TrendQuery = { patient, vital: 'hr', edges, reachMs: 60_000, now: TEST_NOW };
  return () => {
    const step = database.read(() => readTrend(database, 'clinic', query).next());
    if (!step.done || step.value.series[0]?.buckets.length !== POINTS) throw new Error('not the whole trend at once');
  };
}

/** The middle one of several rounds, a second. */
function rate(read: () => void): number {
  for (let i = 0; i < 200; i += 1) read();
  const rounds = Array.from({ length: ROUNDS }, () => {
    const startMs = performance.now();
    let reads = 0;
    while (performance.now() - startMs < ROUND_MS) {
      for (let i = 0; i < 20; i += 1) read();
      reads += 20;
    }
    return (reads * 1000) / (performance.now() - startMs);
  });
  return median(rounds);
}
