import { randomBytes } from 'node:crypto';
import type { Database } from '../../shared/storage/database.ts';
import type { AuditEvent } from '../access/access.ts';
import { type ChainedEntry, chainHash, genesisHash, type StoredCheckpoint } from './chain.ts';
import { EVIDENCE_PAGE, type EvidenceFilter, type EvidenceRecord, isWanted } from './evidence.ts';
import { entryText, openEntry, type SubjectKey } from './sealed.ts';
import { countUsage } from './usage.ts';

/** Statements on the evidence of an SQLite store. */
export const AUDIT_SQL = {
  head: 'SELECT seq, hash FROM audit WHERE seq = (SELECT max(seq) FROM audit)',
  hash: 'SELECT hash FROM audit WHERE seq = ?',
  subjects: `
    SELECT s.seq, s.subject, k.patient, k.secret
    FROM audit a JOIN auditSubject s ON s.seq = a.seq AND s.subject = coalesce(json_extract(a.entry, '$.subject'), (
      SELECT key FROM patientKey WHERE tenant = json_extract(a.entry, '$.tenant') AND patient = json_extract(a.entry, '$.patient')))
    LEFT JOIN patientKey k ON k.key = s.subject AND k.tenant = ?
    WHERE a.seq BETWEEN ? AND ? AND json_extract(a.entry, '$.tenant') = ?`,
  append: 'INSERT INTO audit (seq, entry, hash) VALUES (?, ?, ?)',
  page: 'SELECT seq, entry, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT 1000',
  behind: 'SELECT seq, entry, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?',
  findKey: 'SELECT key AS subject, secret FROM patientKey WHERE tenant = ? AND patient = ?',
  addKey: 'INSERT INTO patientKey (tenant, patient, secret) VALUES (?, ?, ?)',
  secret: 'SELECT secret FROM patientKey WHERE key = ?',
  addSubject: 'INSERT INTO auditSubject (subject, seq) VALUES (?, ?)',
  ofTime: `
    SELECT seq, entry, hash FROM audit
    WHERE json_extract(entry, '$.tenant') = ? AND json_extract(entry, '$.at') >= ? AND json_extract(entry, '$.at') < ?
      AND (json_extract(entry, '$.at') > ? OR seq > ?) AND (? IS NULL OR json_extract(entry, '$.principal') = ?)
      AND seq >= ? AND seq <= ?
    ORDER BY json_extract(entry, '$.at'), seq LIMIT ${EVIDENCE_PAGE}`,
  ofPatient: `
    SELECT a.seq, a.entry, a.hash
    FROM patientKey k JOIN auditSubject s ON s.subject = k.key JOIN audit a ON a.seq = s.seq
    WHERE k.tenant = ? AND k.patient = ? AND s.seq > ? AND s.seq <= ?
    ORDER BY s.seq LIMIT ${EVIDENCE_PAGE}`,
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
  for (const event of events) {
    const key = event.patient === null ? undefined : keyOf(database, event.tenant, event.patient);
    const entry = entryText(event, key, storeId);
    seq += 1;
    hash = chainHash(hash, entry);
    append.run(seq, entry, hash);
    if (key) database.prepare<[number, number]>(AUDIT_SQL.addSubject).run(key.subject, seq);
    countUsage(database, event, key?.subject);
  }
}

/** The last entry of the chain, or what stands before the first. */
export function headOf(database: Reader, storeId: string): Pick<ChainedEntry, 'seq' | 'hash'> {
  return database.prepare<[], Pick<ChainedEntry, 'seq' | 'hash'>>(AUDIT_SQL.head).get() ?? { seq: 0, hash: genesisHash(storeId) };
}

function keyOf(database: Reader, tenant: string, patient: string): SubjectKey {
  const found = database.prepare<[string, string], SubjectKey>(AUDIT_SQL.findKey).get(tenant, patient);
  if (found) return found;
  const secret = randomBytes(32);
  const { lastInsertRowid } = database.prepare<[string, string, Uint8Array]>(AUDIT_SQL.addKey).run(tenant, patient, secret);
  return { subject: Number(lastInsertRowid), secret };
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

/** The entries of a tenant that a filter names, opened, a page at a time: of one patient in their order, others by when it was done. */
export function* readEvidence(
  database: Database,
  storeId: string,
  tenant: string,
  filter: EvidenceFilter,
): Generator<readonly EvidenceRecord[]> {
  const secrets = new Map<number, Uint8Array | undefined>();
  const open = ({ seq, entry, hash }: ChainedEntry): EvidenceRecord => {
    const secretOf = (subject: number): Uint8Array | undefined => {
      if (!secrets.has(subject))
        secrets.set(subject, database.prepare<[number], { secret: Uint8Array }>(AUDIT_SQL.secret).get(subject)?.secret);
      return secrets.get(subject);
    };
    return { seq, hash: Buffer.from(hash).toString('hex'), ...openEntry(entry, storeId, secretOf) };
  };
  const { fromSeq = 1, toSeq = Number.MAX_SAFE_INTEGER, from = 0, to = Number.MAX_SAFE_INTEGER, patient, principal = null } = filter;
  for (let after = { seq: fromSeq - 1, at: from }; ; ) {
    const page = database.read(() => {
      const rows =
        patient === undefined
          ? database
              .prepare<(string | number | null)[], ChainedEntry>(AUDIT_SQL.ofTime)
              .all(tenant, after.at, to, after.at, after.seq, principal, principal, fromSeq, toSeq)
          : database.prepare<(string | number)[], ChainedEntry>(AUDIT_SQL.ofPatient).all(tenant, patient, after.seq, toSeq);
      secrets.clear();
      return rows.map(open);
    });
    const last = page.at(-1);
    if (last === undefined) return;
    yield page.filter((record) => isWanted(record, filter));
    after = { seq: last.seq, at: last.event.at };
  }
}

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
