import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { MIGRATIONS } from '../../agent/outbox/schema.ts';
import { openOutbox } from '../../agent/outbox/sqlite.ts';
import * as sql from '../../agent/outbox/statements.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { encodeRecord, type ReadingRecord } from '../../shared/reading.ts';
import { type Figure, median } from './figure.ts';

const SIZES = [1, 10, 100];
const ROUNDS = 5;
const ROUND_MS = 400;

/** What one ORU message with 8 OBX gives. */
function record(receivedAt: number): ReadingRecord {
  const vitals = ['spo2', 'pr_oxi', 'hr_ecg', 'rr', 'temp_core', 'nibp_s', 'nibp_d', 'nibp_m'];
  return {
    source: 'icu-monitors',
    profile: 'hl7',
    device: { id: '0012210000000001', idType: 'eui64', vendor: 'Example', model: 'Monitor 1' },
    receivedAt,
    subject: { patient: { value: 'P-0001', authority: 'HOSP' }, visit: 'V-0001', bed: 'ICU-1' },
    test: true,
    class: 'continuous',
    readings: vitals.map((vital, i) => ({ vital, value: 60 + i, effective: receivedAt - 500, offsetMin: 60, mdc: 150_456 + i })),
  };
}

/** Rows a second of appending `size` records a turn, each durable before the next turn begins. */
async function ours(folder: string, size: number): Promise<number> {
  await using outbox = await openOutbox({
    path: join(folder, 'outbox.db'),
    keyFile: join(folder, 'key'),
    clock: systemClock,
    log: silentLogger,
    metrics: new Metrics(),
  });
  return await rate(async (now) => {
    await Promise.all(Array.from({ length: size }, () => outbox.append([record(now)])));
    return size;
  });
}

/** The same rows in the same schema by the SQLite that Node brings, unencrypted, equally durable. */
async function plain(folder: string, size: number): Promise<number> {
  const database = new DatabaseSync(join(folder, 'plain.db'));
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    database.exec(MIGRATIONS.join(';'));
    database.prepare(sql.BEGIN_EPOCH).run('0'.repeat(13), 0, 0);
    const insert = database.prepare(sql.APPEND);
    return await rate(async (now) => {
      database.exec('BEGIN IMMEDIATE');
      for (let i = 0; i < size; i += 1) insert.run(1, 40, now, null, encodeRecord(record(now)));
      database.exec('COMMIT');
      return size;
    });
  } finally {
    database.close();
  }
}

async function rate(turn: (now: number) => Promise<number>): Promise<number> {
  for (let i = 0; i < 20; i += 1) await turn(Date.now());
  const startMs = performance.now();
  let rows = 0;
  while (performance.now() - startMs < ROUND_MS) rows += await turn(Date.now());
  return (rows * 1000) / (performance.now() - startMs);
}

/** Durable appends with AES-256 beside plain SQLite, in alternating rounds. About 12 seconds. */
export async function benchOutbox(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of SIZES) {
    const rates = { ours: [] as number[], plain: [] as number[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-bench-'));
      try {
        rates.ours.push(await ours(folder, size));
        rates.plain.push(await plain(folder, size));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
    const [own, peer] = [median(rates.ours), median(rates.plain)];
    figures.push({
      name: `outbox append, AES-256, ${size} a turn`,
      value: own,
      unit: 'rows/s',
      ratio: { to: 'node:sqlite, plain', value: own / peer },
    });
  }
  return figures;
}
