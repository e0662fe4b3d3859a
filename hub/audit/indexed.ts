import type { AuditEvent } from '../access/access.ts';
import type { Store } from '../store/store.ts';
import type { ChainedEntry } from './chain.ts';
import { type OpenedEntry, openEntry } from './sealed.ts';

/** What the index says of one entry: the number of its patient, and who that is while the key is there. */
export interface IndexedSubject {
  seq: number;
  subject: number;
  patient: string | null;
  secret: Uint8Array | null;
}

/** Entries that are compared at a time. */
const PAGE = 1000;

/**
 * The number of the first entry with which the index of patients, or a patient's key, does not agree: it is listed under nobody or somebody else, cannot be
 * opened, or its key is missing though no `patient.erase` says so. Null where all agrees. The chain does not cover index and keys, but the sealed
 * part of an entry names its patient. Throws STORAGE-*.
 */
export async function misfiledEntry(store: Pick<Store, 'storeId' | 'audit' | 'auditSubjects'>): Promise<number | null> {
  const found: Found = { keyless: new Map(), erased: new Set() };
  let page: ChainedEntry[] = [];
  for await (const entry of store.audit()) {
    page.push(entry);
    if (page.length < PAGE) continue;
    const seq = await misfiledOf(page, store, found);
    if (seq !== null) return seq;
    page = [];
  }
  const last = await misfiledOf(page, store, found);
  if (last !== null) return last;
  for (const [subject, seq] of found.keyless) if (!found.erased.has(subject)) return seq;
  return null;
}

interface Found {
  /** Patients without a key, each with the first entry that is about them. */
  keyless: Map<number, number>;
  erased: Set<number>;
}

async function misfiledOf(
  page: readonly ChainedEntry[],
  store: Pick<Store, 'storeId' | 'auditSubjects'>,
  found: Found,
): Promise<number | null> {
  const [first, last] = [page[0], page.at(-1)];
  if (first === undefined || last === undefined) return null;
  const tenants = new Set(page.map(({ entry }) => (JSON.parse(entry) as AuditEvent).tenant));
  const rows = new Map<number, IndexedSubject[]>();
  for (const tenant of tenants)
    for (const row of await store.auditSubjects(tenant, first.seq, last.seq)) rows.set(row.seq, [...(rows.get(row.seq) ?? []), row]);
  for (const { seq, entry } of page) {
    const [row, ...more] = rows.get(seq) ?? [];
    const opened = openEntry(entry, store.storeId, (subject) => (row?.subject === subject ? (row.secret ?? undefined) : undefined));
    if (more.length > 0 || !isFiled(opened, row)) return seq;
    if (row === undefined) continue;
    if (row.secret === null && !found.keyless.has(row.subject)) found.keyless.set(row.subject, seq);
    if (opened.event.action === 'patient.erase' && opened.event.outcome === 'allowed') found.erased.add(row.subject);
  }
  return null;
}

function isFiled({ event, subject, damaged }: OpenedEntry, row: IndexedSubject | undefined): boolean {
  if (row === undefined) return subject === null && event.patient === null;
  if (damaged || (subject !== null && subject !== row.subject)) return false;
  if (subject === null && event.patient === null) return false;
  return row.secret === null || row.patient === event.patient;
}
