import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { canonicalJson } from '../../hub/ingest/canonical.ts';
import { STORE_MIGRATIONS } from '../../hub/store/schema.ts';
import { SQL } from '../../hub/store/statements.ts';
import type { Observation } from '../../shared/fhir.ts';
import { readObservation } from '../../shared/observation.ts';
import { sampleBundle, sampleObservation, TEST_NOW, testHub } from '../support/hub.ts';

export interface BenchFigure {
  name: string;
  value: number;
  unit: string;
  ratio?: { to: string; value: number };
}

const BATCH = 100;
const ROUNDS = 5;
const BATCHES_A_ROUND = 40;
const VITALS = ['hr', 'spo2', 'pr_oxi', 'rr', 'temp', 'etco2', 'abp_m', 'cvp'] as const;

/** Observations of an ICU gateway with two beds and eight parameters, one second apart; no two alike. */
function batchOf(number: number): Observation[] {
  return Array.from({ length: BATCH }, (_, i) => {
    const row = number * BATCH + i;
    const at = TEST_NOW + Math.floor(row / 16) * 1000;
    const bed = row % 2 === 0 ? 'ICU-01' : 'ICU-02';
    const vital = VITALS[(row >> 1) % VITALS.length] ?? 'hr';
    return sampleObservation({ seq: row + 1, bed, device: `monitor-${bed}`, vital, value: 40 + (row % 50), effective: at, receivedAt: at });
  });
}

/** Plain, unencrypted SQLite with the same schema, settings and statements, and nothing but the inserts. */
function plainStore(path: string): { insert(observations: readonly Observation[]): void; close(): void } {
  const db = new DatabaseSync(path);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;');
  for (const step of STORE_MIGRATIONS) db.exec(step);
  const [seen, observation, latest, batch] = [SQL.addSeen, SQL.addObservation, SQL.setLatest, SQL.addBatch].map((sql) => db.prepare(sql));
  const patients = new Map<string, number>();
  let key = 1;
  let batches = 0;
  return {
    insert(observations) {
      db.exec('BEGIN IMMEDIATE');
      batches += 1;
      const first = key;
      for (const resource of observations) {
        const facts = readObservation(resource);
        const text = JSON.stringify(resource);
        const bed = facts.hints.bed ?? '';
        const patient = patients.get(bed) ?? patients.size + 1;
        patients.set(bed, patient);
        const { vital, device, value, unit, absent, effective, offsetMin, receivedAt } = facts;
        const hints = JSON.stringify(facts.hints);
        seen?.run(1, key, 0, createHash('sha256').update(text).digest());
        const times = [effective, offsetMin, receivedAt, effective];
        observation?.run(key, batches, patient, vital, device, value, unit, absent, null, null, ...times, 0, hints, text);
        latest?.run(patient, vital, device, effective, effective, key);
        key += 1;
      }
      batch?.run(batches, 'clinic', 'gw-icu', TEST_NOW, null, first, key - 1);
      db.exec('COMMIT');
    },
    close: () => db.close(),
  };
}

/** Ingest of batches of 100 (checks, de-duplication, evidence, AES-256) beside plain SQLite in the same run, and audited reads of a patient's latest. */
export async function benchIngest(): Promise<BenchFigure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-bench-'));
  const plain = plainStore(join(folder, 'plain.db'));
  const hub = testHub({ dir: folder, key: randomBytes(32) });
  try {
    const ours: number[] = [];
    const theirs: number[] = [];
    let number = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const batches = Array.from({ length: BATCHES_A_ROUND }, () => batchOf(number++));
      const bundles = batches.map(sampleBundle);
      let startMs = performance.now();
      for (const bundle of bundles) await hub.ingest.batch('gw-icu', bundle);
      ours.push(performance.now() - startMs);
      startMs = performance.now();
      for (const batch of batches) plain.insert(batch);
      theirs.push(performance.now() - startMs);
    }
    const rows = BATCH * BATCHES_A_ROUND;
    const perSecond = (rows * 1000) / median(ours);
    const ratio = median(theirs) / median(ours);
    const readMs = await reads(hub.door, hub.registry.principal('ai-monitor'));
    return [
      {
        name: 'ingest, batches of 100',
        value: Math.round(perSecond),
        unit: 'obs/s',
        ratio: { to: 'plain node:sqlite, same schema', value: ratio },
      },
      { name: 'canonical JSON and SHA-256 of one Observation', value: hashingUs(batchOf(0)), unit: 'µs' },
      { name: 'door.latest, audited, p50', value: readMs, unit: 'ms' },
    ];
  } finally {
    plain.close();
    await hub.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function reads(door: ReturnType<typeof testHub>['door'], principal: Parameters<typeof door.latest>[0] | undefined): Promise<number> {
  if (!principal) return Number.NaN;
  const times: number[] = [];
  for (let i = 0; i < 500; i += 1) {
    const startMs = performance.now();
    await door.latest(principal, 'pat-icu-01', { channel: 'mcp-2026' });
    times.push(performance.now() - startMs);
  }
  return median(times);
}

function hashingUs(observations: readonly Observation[]): number {
  const startMs = performance.now();
  for (const observation of observations) createHash('sha256').update(canonicalJson(observation)).digest();
  return ((performance.now() - startMs) * 1000) / observations.length;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
