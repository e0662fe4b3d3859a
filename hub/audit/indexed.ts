import type { AuditEvent } from '../access/access.ts';
import type { Store } from '../store/store.ts';
import type { ChainedEntry } from './chain.ts';
import { openEntry } from './sealed.ts';
import { shownTags } from './shown-tags.ts';

/** What the index says of one entry: the number of its patient, and who that is while the key is there. */
export interface IndexedSubject {
  seq: number;
  subject: number;
  patient: string | null;
  secret: Uint8Array | null;
  /** What was shown of the patient, as tags. */
  shown: Uint8Array | null;
}

/** Entries that are compared at a time. */
const PAGE = 1000;

/**
 * The number of the first entry with which the index of patients, or a patient's key, does not agree: it is listed under others than it is about, cannot be
 * opened, or its key is missing though no `patient.erase` says so; or the index lists an entry that is not there. Null where all agrees. The chain
 * does not cover index and keys, but the sealed part of an entry, and the first one that has a patient's number, names its patient. What
 * is written while it goes on is left out. `unread` is told of what is no entry of a known form. Throws STORAGE-*.
 */
export async function misfiledEntry(
  store: Pick<Store, 'storeId' | 'audit' | 'auditSubjects' | 'auditHead'>,
  unread: (seq: number) => void = () => undefined,
): Promise<number | null> {
  const found: Found = { keyless: new Map(), erased: new Set(), tenants: new Set(), upTo: 0, unread };
  const { seq: end } = await store.auditHead();
  let page: ChainedEntry[] = [];
  for await (const entry of store.audit()) {
    if (entry.seq > end) break;
    page.push(entry);
    if (page.length < PAGE) continue;
    const seq = await misfiledOf(page, store, found);
    if (seq !== null) return seq;
    page = [];
  }
  const last = await misfiledOf(page, store, found);
  if (last !== null) return last;
  for (const tenant of found.tenants) {
    const behind = await store.auditSubjects(tenant, end + 1, Number.MAX_SAFE_INTEGER);
    // What was written meanwhile is behind the end, too, but there.
    const { seq: now } = await store.auditHead();
    const stray = behind.find(({ seq }) => seq > now);
    if (stray) return stray.seq;
  }
  for (const [subject, seq] of found.keyless) if (!found.erased.has(subject)) return seq;
  return null;
}

interface Found {
  /** Patients without a key, each with the first entry that is about them. */
  keyless: Map<number, number>;
  erased: Set<number>;
  tenants: Set<string>;
  /** The last entry that was compared. */
  upTo: number;
  unread: (seq: number) => void;
}

async function misfiledOf(
  page: readonly ChainedEntry[],
  store: Pick<Store, 'storeId' | 'auditSubjects'>,
  found: Found,
): Promise<number | null> {
  const last = page.at(-1);
  if (last === undefined) return null;
  for (const { entry } of page) for (const tenant of tenantOf(entry)) found.tenants.add(tenant);
  const rows = new Map<number, Map<number, IndexedSubject>>();
  for (const tenant of found.tenants) {
    for (const row of await store.auditSubjects(tenant, found.upTo + 1, last.seq)) {
      const ofEntry = rows.get(row.seq) ?? new Map<number, IndexedSubject>();
      rows.set(row.seq, ofEntry.set(row.subject, row));
    }
  }
  found.upTo = last.seq;
  for (const { seq, entry } of page) {
    const own = rows.get(seq);
    rows.delete(seq);
    const filed = isFiled(entry, store.storeId, own);
    if (filed === false) return seq;
    if (filed === undefined) found.unread(seq);
    for (const { subject, secret } of own?.values() ?? []) {
      if (secret === null && !found.keyless.has(subject)) found.keyless.set(subject, seq);
      if (isErasure(entry)) found.erased.add(subject);
    }
  }
  // Of entries that are not there.
  const [stray = null] = rows.keys();
  return stray;
}

function tenantOf(entry: string): readonly string[] {
  try {
    const { tenant } = JSON.parse(entry) as Partial<AuditEvent>;
    return tenant === undefined ? [] : [tenant];
  } catch {
    return [];
  }
}

function isErasure(entry: string): boolean {
  if (!entry.includes('"patient.erase"')) return false;
  const { action, outcome } = JSON.parse(entry) as AuditEvent;
  return action === 'patient.erase' && outcome === 'allowed';
}

const NOBODY: ReadonlyMap<number, IndexedSubject> = new Map();

/** Whether an entry is listed under exactly those whom it is about, and by the names that it says itself; undefined for what cannot be read, and is listed under nobody. */
function isFiled(entry: string, storeId: string, rows = NOBODY): boolean | undefined {
  const opened = openEntry(entry, storeId, (subject) => {
    const { patient, secret } = rows.get(subject) ?? {};
    return patient && secret ? { patient, secret } : undefined;
  });
  if (opened === undefined) return rows.size === 0 ? undefined : false;
  const { event, subject, subjects, damaged, gone } = opened;
  if (gone) return true;
  if (damaged) return false;
  if (subjects !== undefined) {
    const names = new Set(event.patients);
    return (
      rows.size === subjects.length &&
      subjects.every((one) => rows.has(one) && isNamed(rows.get(one), names) && isTagged(event, rows.get(one)))
    );
  }
  const [row, ...more] = rows.values();
  if (more.length > 0) return false;
  if (row === undefined) return subject === null && event.patient === null;
  if (subject === null ? event.patient === null : subject !== row.subject) return false;
  return row.secret === null || (row.patient === event.patient && isTagged(event, row));
}

/** Whether the index says of what was shown what the entry says; entries of before have nothing there, and are opened. */
function isTagged(event: AuditEvent, row: IndexedSubject | undefined): boolean {
  if (!row?.shown || row.secret === null) return true;
  const tags = shownTags(event, { secret: row.secret });
  return tags !== null && Buffer.from(tags).equals(row.shown);
}

function isNamed(row: IndexedSubject | undefined, names: ReadonlySet<string>): boolean {
  return row === undefined || row.patient === null || names.has(row.patient);
}
