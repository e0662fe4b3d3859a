import type { Instant } from '../../../shared/clock.ts';
import { type ByHandRow, byHandOf } from '../../clinical/by-hand.ts';
import { type EventRow, eventOf } from '../event-row.ts';
import { newestDoubtable } from '../identity/judged.ts';
import { type ObservationRow, observationOf, readingOf, unpackReceived } from '../observation-row.ts';
import type {
  EventFilter,
  ObservationFilter,
  StoreCounts,
  StoredEvent,
  StoredObservation,
  StoredPatient,
  StoredReading,
} from '../store.ts';
import { PG } from './statements.ts';
import type { Transaction } from './transaction.ts';

/** What lends a transaction of a tenant. */
export interface Reading {
  read<T>(work: (transaction: Transaction) => Promise<T>, tenant: string): Promise<T>;
}

/** The keys of a walk, both included. */
export interface KeyRange {
  first: number;
  last: number;
}

/** How many keys one part of a walk covers. */
const KEYS_A_PAGE = 1000;

/** With the newest decision by which a person said that it is this patient's; that is not looked for of what is doubtful. */
type LatestRow = ObservationRow & { decidedKind?: ByHandRow['kind'] | null; decidedAt?: Instant | null };

export async function latest(transaction: Transaction, tenant: string, patient: string): Promise<StoredReading[]> {
  const rows = await transaction.query<LatestRow>(PG.latest, [tenant, patient]);
  const doubtable = newestDoubtable(rows);
  const beside =
    doubtable.length === 0
      ? []
      : await transaction.query<LatestRow>(PG.doubtful, [
          ...[tenant, patient],
          doubtable.map(({ vital }) => vital),
          doubtable.map(({ test }) => test === 1),
          doubtable.map(({ sortTime }) => sortTime),
        ]);
  return [...rows, ...beside]
    .map((row) => ({ ...readingOf(row, row, row.gateway), ...decided(row) }))
    .sort((a, b) => b.sortTime - a.sortTime);
}

function decided({ decidedKind: kind = null, decidedAt: at = null }: LatestRow): Pick<StoredReading, 'byHand'> {
  return kind === null || at === null ? {} : { byHand: byHandOf({ kind, at }) };
}

export async function patients(transaction: Transaction, tenant: string): Promise<StoredPatient[]> {
  const found = new Map<string, StoredPatient & { vitals: string[] }>();
  const rows = await transaction.query<{ id: string; lastStoredAt: Instant | null; vital: string | null }>(PG.patients, [tenant]);
  for (const { id, lastStoredAt, vital } of rows) {
    const patient = found.get(id) ?? { patient: id, lastStoredAt, vitals: [] };
    found.set(id, patient);
    if (vital !== null && patient.vitals.at(-1) !== vital) patient.vitals.push(vital);
  }
  return [...found.values()];
}

export async function counts(transaction: Transaction, tenant: string): Promise<StoreCounts> {
  const [totals] = await transaction.query<Omit<StoreCounts, 'patients' | 'unplaced'>>(PG.totals, [tenant]);
  const [counted] = await transaction.query<{ patients: number }>(PG.countPatients, [tenant]);
  const [nobodys] = await transaction.query<{ unplaced: number }>(PG.countUnplaced, [tenant]);
  const own = totals ?? { observations: 0, events: 0, duplicates: 0, quarantined: 0 };
  return { ...own, patients: counted?.patients ?? 0, unplaced: nobodys?.unplaced ?? 0 };
}

/** How many observations a walk gives, and over which keys it goes. */
export async function countObservations(
  transaction: Transaction,
  tenant: string,
  { patient, since = 0 }: ObservationFilter,
): Promise<{ rows: number; range: KeyRange }> {
  const [first] = await transaction.query<{ key: number }>(PG.firstSince, [tenant, since]);
  const [head] = await transaction.query<{ lastObservation: number }>(PG.head);
  const [counted] =
    patient === undefined
      ? await transaction.query<{ rows: number }>(PG.countTenant, [tenant, since])
      : await transaction.query<{ rows: number }>(PG.countPatient, [tenant, patient, since]);
  return { rows: counted?.rows ?? 0, range: { first: Math.max(1, first?.key ?? 1), last: head?.lastObservation ?? 0 } };
}

export async function* walkObservations(
  store: Reading,
  tenant: string,
  { patient, since = 0 }: ObservationFilter,
  { first, last }: KeyRange,
): AsyncGenerator<StoredObservation> {
  for (let from = first; from <= last; from += KEYS_A_PAGE) {
    const until = Math.min(from + KEYS_A_PAGE, last + 1);
    yield* await store.read(async (transaction) => {
      const rows = await transaction.query<ObservationRow>(PG.observations, [from, until, since, patient ?? null]);
      const received = await resourcesOf(transaction, rows);
      return rows.map((row) => observationOf(row, received.get(row.batch) ?? []));
    }, tenant);
  }
}

async function resourcesOf(transaction: Transaction, rows: readonly ObservationRow[]): Promise<Map<number, string[]>> {
  if (rows.length === 0) return new Map();
  const batches = new Map(rows.map(({ batch, storedAt }) => [batch, storedAt]));
  const packed = await transaction.query<{ batch: number; received: Buffer }>(PG.received, [
    [...batches.keys()],
    [...new Set(batches.values())],
  ]);
  return new Map(packed.map(({ batch, received }) => [batch, unpackReceived(received)]));
}

/** How many events a walk gives, and over which keys it goes. */
export async function countEvents(
  transaction: Transaction,
  tenant: string,
  { since = 0, kind = null, patient = null }: { since?: Instant; kind?: string | null; patient?: string | null },
): Promise<{ rows: number; range: KeyRange }> {
  const [counted] = await transaction.query<{ rows: number }>(PG.countEvents, [tenant, since, kind, patient]);
  const [head] = await transaction.query<{ lastEvent: number }>(PG.head);
  return { rows: counted?.rows ?? 0, range: { first: 1, last: head?.lastEvent ?? 0 } };
}

export async function* walkEvents(
  store: Reading,
  tenant: string,
  { since = 0, kind, patient }: EventFilter,
  { first, last }: KeyRange,
): AsyncGenerator<StoredEvent> {
  for (let from = first; from <= last; from += KEYS_A_PAGE) {
    const until = Math.min(from + KEYS_A_PAGE, last + 1);
    const wanted = [from, until, since, kind ?? null, patient ?? null];
    const rows = await store.read((transaction) => transaction.query<EventRow>(PG.events, wanted), tenant);
    for (const row of rows) yield eventOf(row);
  }
}
