import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vitalViews } from '../../hub/access/views.ts';
import { verifyAudit } from '../../hub/audit/chain.ts';
import { misfiledEntry } from '../../hub/audit/indexed.ts';
import { BUILT_IN } from '../../hub/clinical/limits/limits.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { systemClock } from '../../shared/clock.ts';
import { Metrics } from '../../shared/metrics.ts';
import { arrivalOf, batchOf, event } from '../contract/store.ts';
import { TEST_NOW, testHub } from '../support/hub.ts';
import { type Figure, median } from './figure.ts';

const VITALS = ['hr', 'spo2', 'pr_oxi', 'rr', 'temp', 'etco2', 'abp_m', 'cvp'];
const PATIENT = 'pat-icu-01';
const READS = 400;
const ENTRIES = 100_000;
const BATCH = 500;

/**
 * What deciding, masking and recording add to a read, and how quickly the evidence is verified, in an SQLite store (AES-256). The read alone is the same
 * one, with an entry of the barest kind.
 */
export async function benchAccess(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-bench-'));
  try {
    const { added, whole } = await reads(folder);
    const { chain, opened } = await verified(folder);
    return [
      { name: `latest by the door, ${VITALS.length} rows, decided and recorded, p50`, value: whole, unit: 'ms' },
      { name: 'of it deciding, masking, recording, p50', value: added, unit: 'ms', bar: { most: 1 } },
      {
        name: `chain of evidence verified (--quick), ${ENTRIES.toLocaleString('en-US')} entries`,
        value: chain,
        unit: 'entries/s',
        bar: { least: 80_000 },
      },
      { name: 'the same with the index of patients, each entry opened', value: opened, unit: 'entries/s' },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds of a read by the door, and how much longer than the read alone it takes; the two in turns, so that both meet the same disk. */
async function reads(folder: string): Promise<{ added: number; whole: number }> {
  await using hub = testHub({ dir: folder, key: randomBytes(32) });
  for (const [i, vital] of VITALS.entries())
    await hub.store.storeBatch(
      batchOf([arrivalOf({ seq: i + 1, vital, patientId: PATIENT, value: 50, effective: TEST_NOW, receivedAt: TEST_NOW })]),
    );
  const caller = hub.registry.principal('ai-monitor');
  if (!caller) throw new Error('no principal');
  const alone: number[] = [];
  const whole: number[] = [];
  for (let i = 0; i < READS; i += 1) {
    let startMs = performance.now();
    const rows = await hub.store.latest('clinic', PATIENT, (count) => event(count));
    vitalViews(rows, systemClock.now(), BUILT_IN);
    alone.push(performance.now() - startMs);
    startMs = performance.now();
    await hub.door.latest(caller, PATIENT, { channel: 'mcp-2026' });
    whole.push(performance.now() - startMs);
  }
  return { added: median(whole.map((ms, i) => ms - (alone[i] ?? 0))), whole: median(whole) };
}

/** Entries a second, over a chain of entries as reads leave them, opened anew so that nothing of it is in memory. */
async function verified(folder: string): Promise<{ chain: number; opened: number }> {
  const [path, key, metrics] = [join(folder, 'chain.db'), randomBytes(32), new Metrics()];
  {
    await using store = openSqliteStore({ path, key, metrics });
    const shown = VITALS.map((_, i) => [`gw-icu-bench.0123456789abc.${(i * 977).toString(36)}.0`, TEST_NOW + i] as const);
    const detail = { policy: 'built-in-1', purpose: 'TREAT', bytes: 2048, response: 'a'.repeat(64), shown } as const;
    for (let done = 0; done < ENTRIES; done += BATCH)
      await store.record(Array.from({ length: BATCH }, (_, i) => event(i, { patient: PATIENT, detail })));
  }
  await using store = openSqliteStore({ path, key, metrics });
  const startMs = performance.now();
  const verdict = await verifyAudit(store.audit(), store.storeId);
  const chainMs = performance.now() - startMs;
  if (!verdict.intact || verdict.entries !== ENTRIES) throw new Error('the chain does not hold');
  if ((await misfiledEntry(store)) !== null) throw new Error('the index does not hold');
  const wholeMs = performance.now() - startMs;
  return { chain: (verdict.entries / chainMs) * 1000, opened: (verdict.entries / wholeMs) * 1000 };
}
