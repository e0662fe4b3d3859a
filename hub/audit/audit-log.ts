import { randomBytes } from 'node:crypto';
import type { Database } from '../../shared/storage/database.ts';
import type { AuditEvent } from '../access/access.ts';
import { isForgotten } from '../store/erasing/erased-sqlite.ts';
import { withoutErased } from '../store/erasing/tombstone.ts';
import { type ChainedEntry, genesisHash, type StoredCheckpoint } from './chain.ts';
import {
  EVIDENCE_PAGE,
  type EvidenceFilter,
  type EvidencePage,
  type EvidencePlace,
  type EvidenceRecord,
  INDEX_PAGE,
  type IndexedShown,
  isWanted,
  openedRow,
  type TimedEntry,
  type UnreadEntry,
  unreadEntry,
  whoseOf,
} from './evidence.ts';
import { chainHash } from './link.ts';
import { MEMBER, UNREAD } from './schema.ts';
import { entryText, type NamedKey, type SubjectKey } from './sealed.ts';
import { maySay, shownTags, tagOf } from './shown-tags.ts';
import { countUsage } from './usage.ts';

/** Statements on the evidence of an SQLite store. */
export const AUDIT_SQL = {
  head: 'SELECT seq, hash FROM audit WHERE seq = (SELECT max(seq) FROM audit)',
  hash: 'SELECT hash FROM audit WHERE seq = ?',
  subjects: `
    SELECT s.seq, s.subject, s.shown, k.patient, k.secret FROM auditSubject s LEFT JOIN patientKey k ON k.key = s.subject
    WHERE s.seq BETWEEN ? AND ? AND (k.tenant IS NULL OR k.tenant = ?) ORDER BY s.seq, s.subject`,
  append: 'INSERT INTO audit (seq, entry, hash) VALUES (?, ?, ?)',
  page: 'SELECT seq, entry, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT 1000',
  behind: 'SELECT seq, entry, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?',
  findKey: 'SELECT key AS subject, secret FROM patientKey WHERE tenant = ? AND patient = ?',
  addKey: 'INSERT INTO patientKey (tenant, patient, secret) VALUES (?, ?, ?)',
  key: 'SELECT patient, secret FROM patientKey WHERE key = ?',
  addSubject: 'INSERT INTO auditSubject (subject, seq, shown) VALUES (?, ?, ?)',
  ofTime: `
    SELECT seq, ${MEMBER.at} AS at, entry, hash FROM audit
    WHERE ${MEMBER.tenant} = ? AND ${MEMBER.at} >= ? AND ${MEMBER.at} < ?
      AND (${MEMBER.at} > ? OR seq > ?) AND (? IS NULL OR ${MEMBER.principal} = ?)
      AND seq >= ? AND seq <= ?
    ORDER BY ${MEMBER.at}, seq LIMIT ${EVIDENCE_PAGE}`,
  unread: `
    SELECT seq, hash FROM audit WHERE ${UNREAD} AND seq > ? AND seq <= ? ORDER BY seq LIMIT ${EVIDENCE_PAGE}`,
  ofPatient: `
    SELECT a.seq, 0 AS at, a.entry, a.hash
    FROM patientKey k JOIN auditSubject s ON s.subject = k.key JOIN audit a ON a.seq = s.seq
    WHERE k.tenant = ? AND k.patient = ? AND s.seq > ? AND s.seq <= ?
    ORDER BY s.seq LIMIT ${EVIDENCE_PAGE}`,
  shownOf: `
    SELECT seq, shown FROM auditSubject WHERE subject = ? AND seq > ? AND seq <= ? AND (shown IS NULL OR length(shown) > 0)
    ORDER BY seq LIMIT ${INDEX_PAGE}`,
  entry: 'SELECT seq, 0 AS at, entry, hash FROM audit WHERE seq = ?',
  addCheckpoint: 'INSERT INTO auditCheckpoint (seq, note) VALUES (?, ?)',
  lastCheckpoint: 'SELECT seq, note FROM auditCheckpoint WHERE seq = (SELECT max(seq) FROM auditCheckpoint)',
  checkpoints: 'SELECT seq, note FROM auditCheckpoint WHERE seq > ? ORDER BY seq LIMIT 1000',
} as const;

type Reader = Pick<Database, 'prepare'>;

/** Adds events to the chain, within the transaction of the effect they are evidence of. The head is read anew each time, because a transaction may be undone. */
export function appendAudit(database: Reader, storeId: string, events: readonly AuditEvent[]): void {
  if (events.length === 0) return;
  const append = database.prepare<[number, string, Uint8Array]>(AUDIT_SQL.append);
  let { seq, hash } = headOf(database, storeId);
  for (const told of events) {
    const event = withoutErased(told, isForgotten(database, told.tenant));
    const keys = whoseOf(event).map((patient) => keyOf(database, event.tenant, patient));
    const entry = entryText(event, keys, storeId);
    seq += 1;
    hash = chainHash(hash, entry);
    append.run(seq, entry, hash);
    const addSubject = database.prepare<[number, number, Uint8Array | null]>(AUDIT_SQL.addSubject);
    for (const key of keys) addSubject.run(key.subject, seq, shownTags(event, key));
    countUsage(database, event, keys[0]?.subject);
  }
}

/** The last entry of the chain, or what stands before the first. */
export function headOf(database: Reader, storeId: string): Pick<ChainedEntry, 'seq' | 'hash'> {
  return database.prepare<[], Pick<ChainedEntry, 'seq' | 'hash'>>(AUDIT_SQL.head).get() ?? { seq: 0, hash: genesisHash(storeId) };
}

function keyOf(database: Reader, tenant: string, patient: string): NamedKey {
  const found = database.prepare<[string, string], SubjectKey>(AUDIT_SQL.findKey).get(tenant, patient);
  if (found) return { ...found, patient };
  const secret = randomBytes(32);
  const { lastInsertRowid } = database.prepare<[string, string, Uint8Array]>(AUDIT_SQL.addKey).run(tenant, patient, secret);
  return { subject: Number(lastInsertRowid), secret, patient, isNew: true };
}

/** The chain from its beginning, read in parts so that no statement stays open while it is walked. */
export function* readAudit(database: Database): Generator<ChainedEntry> {
  for (let after = 0; ; ) {
    const page = database.read(() => database.prepare<[number], ChainedEntry>(AUDIT_SQL.page).all(after));
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}

/**
 * The entries of a tenant that a filter names, opened, a page at a time: of one patient in their order, others by when it was done. What cannot be read
 * says of no tenant, patient or time that it is theirs, so it is told of in any case, at the end.
 */
export function* readEvidence(
  database: Database,
  storeId: string,
  tenant: string,
  filter: EvidenceFilter,
  unread: (entry: UnreadEntry) => void = () => undefined,
): Generator<readonly EvidenceRecord[]> {
  const keys = new Map<number, PatientKey | undefined>();
  const keyOf = (subject: number): PatientKey | undefined => {
    if (!keys.has(subject)) keys.set(subject, database.prepare<[number], PatientKey>(AUDIT_SQL.key).get(subject));
    return keys.get(subject);
  };
  const { fromSeq = 1, toSeq = Number.MAX_SAFE_INTEGER, from = 0 } = filter;
  for (let after: EvidencePlace = { seq: fromSeq - 1, at: from }; ; ) {
    const { page, last } = database.read(() => {
      const { rows, last } = pageOf(database, tenant, filter, after);
      keys.clear();
      return { page: rows.map((row) => openedRow(row, storeId, keyOf)), last };
    });
    if (last === undefined) break;
    for (const record of page) if ('unread' in record) unread(record);
    yield page.flatMap((record) => ('unread' in record || !isWanted(record, filter) ? [] : [record]));
    after = { seq: last.seq, at: last.at };
  }
  for (let after = fromSeq - 1; ; ) {
    const rows = database.read(() => database.prepare<[number, number], Omit<ChainedEntry, 'entry'>>(AUDIT_SQL.unread).all(after, toSeq));
    const last = rows.at(-1);
    if (last === undefined) return;
    for (const row of rows) unread(unreadEntry(row));
    after = last.seq;
  }
}

function pageOf(database: Database, tenant: string, filter: EvidenceFilter, after: EvidencePlace): EvidencePage {
  const { fromSeq = 1, toSeq = Number.MAX_SAFE_INTEGER, to = Number.MAX_SAFE_INTEGER, patient, principal = null, saw } = filter;
  if (patient !== undefined && saw !== undefined) return soughtOf(database, { tenant, patient, saw, toSeq }, after.seq);
  const rows =
    patient === undefined
      ? database
          .prepare<(string | number | null)[], TimedEntry>(AUDIT_SQL.ofTime)
          .all(tenant, after.at, to, after.at, after.seq, principal, principal, fromSeq, toSeq)
      : database.prepare<(string | number)[], TimedEntry>(AUDIT_SQL.ofPatient).all(tenant, patient, after.seq, toSeq);
  return { rows, last: rows.at(-1) };
}

/** The next entries of a patient that may have shown an observation, as the index says, and how far it was looked. */
function soughtOf(
  database: Database,
  { tenant, patient, saw, toSeq }: { tenant: string; patient: string; saw: string; toSeq: number },
  after: number,
): EvidencePage {
  const key = database.prepare<[string, string], SubjectKey>(AUDIT_SQL.findKey).get(tenant, patient);
  if (key === undefined) return { rows: [], last: undefined };
  const tag = tagOf(saw, key.secret);
  const indexed = database.prepare<[number, number, number], IndexedShown>(AUDIT_SQL.shownOf).all(key.subject, after, toSeq);
  const entry = database.prepare<[number], TimedEntry>(AUDIT_SQL.entry);
  const rows = indexed.flatMap(({ seq, shown }) => (maySay(shown, tag) ? (entry.get(seq) ?? []) : []));
  const last = indexed.at(-1);
  return { rows, last: last && { seq: last.seq, at: 0 } };
}

type PatientKey = Pick<NamedKey, 'patient' | 'secret'>;

/** Signed notes of how far the chain had come, a page at a time, in order. */
export function* readCheckpoints(database: Database): Generator<readonly StoredCheckpoint[]> {
  for (let after = 0; ; ) {
    const page = database.read(() => database.prepare<[number], StoredCheckpoint>(AUDIT_SQL.checkpoints).all(after));
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    after = last.seq;
  }
}

/** Keeps a note of an entry behind all that are noted; one that is noted already stays as it is. Within the caller's transaction. */
export function keepCheckpoint(database: Reader, { seq, note }: StoredCheckpoint): void {
  const last = database.prepare<[], StoredCheckpoint>(AUDIT_SQL.lastCheckpoint).get();
  if (last === undefined || last.seq < seq) database.prepare<[number, string]>(AUDIT_SQL.addCheckpoint).run(seq, note);
}
