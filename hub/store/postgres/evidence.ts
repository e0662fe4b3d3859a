import { randomBytes } from 'node:crypto';
import type { AuditEvent } from '../../access/access.ts';
import { type ChainedEntry, chainHash } from '../../audit/chain.ts';
import { type EvidenceFilter, type EvidenceRecord, isWanted } from '../../audit/evidence.ts';
import { entryText, openEntry, type SubjectKey, subjectOf } from '../../audit/sealed.ts';
import { AUDIT_PG } from './audit-statements.ts';
import type { Transaction } from './transaction.ts';
import { countUsage } from './usage.ts';

/** Where the chain stands before what is added. */
interface ChainEnd {
  storeId: string;
  seq: number;
  hash: Buffer;
}

/** Writes events behind the end of the chain, within a commit that holds the head; gives the new last hash. */
export async function writeEvidence(transaction: Transaction, events: readonly AuditEvent[], end: ChainEnd): Promise<Buffer> {
  const keys = await keysOf(transaction, events);
  let { seq, hash } = end;
  const rows = events.map((event) => {
    const key = event.patient === null ? undefined : keys.get(event.tenant)?.get(event.patient);
    const entry = entryText(event, key, end.storeId);
    seq += 1;
    hash = chainHash(hash, entry);
    return { seq, tenant: event.tenant, entry, hash, subject: key?.subject };
  });
  await transaction.query(AUDIT_PG.addAudit, [
    rows.map((row) => row.seq),
    rows.map(({ tenant }) => tenant),
    rows.map(({ entry }) => entry),
    rows.map((row) => row.hash),
  ]);
  for (const tenant of keys.keys()) {
    const own = rows.flatMap((row) => (row.tenant === tenant && row.subject !== undefined ? [{ subject: row.subject, seq: row.seq }] : []));
    await transaction.as(tenant);
    await transaction.query(AUDIT_PG.addSubjects, [tenant, own.map(({ subject }) => subject), own.map((row) => row.seq)]);
  }
  await countUsage(transaction, events, ({ tenant, patient }) => (patient === null ? undefined : keys.get(tenant)?.get(patient)?.subject));
  return hash;
}

/** The keys of all patients of some events, by tenant; made for those who have none. */
async function keysOf(transaction: Transaction, events: readonly AuditEvent[]): Promise<Map<string, Map<string, SubjectKey>>> {
  const wanted = new Map<string, Set<string>>();
  for (const { tenant, patient } of events) {
    if (patient === null) continue;
    const patients = wanted.get(tenant) ?? new Set();
    wanted.set(tenant, patients.add(patient));
  }
  const keys = new Map<string, Map<string, SubjectKey>>();
  for (const [tenant, patients] of wanted) {
    await transaction.as(tenant);
    type Row = SubjectKey & { patient: string };
    const found = await transaction.query<Row>(AUDIT_PG.findKeys, [tenant, [...patients]]);
    const known = new Set(found.map(({ patient }) => patient));
    const missing = [...patients].filter((patient) => !known.has(patient));
    const secrets = missing.map(() => randomBytes(32));
    const added = missing.length === 0 ? [] : await transaction.query<Row>(AUDIT_PG.addKeys, [tenant, missing, secrets]);
    keys.set(tenant, new Map([...found, ...added].map(({ patient, ...key }) => [patient, key])));
  }
  return keys;
}

/** Reads within one transaction of a tenant. */
type Read = <T>(work: (transaction: Transaction) => Promise<T>, tenant: string) => Promise<T>;

/** The entries of a tenant that a filter names, opened; as `readEvidence` of an SQLite store. */
export async function* walkEvidence(read: Read, storeId: string, tenant: string, filter: EvidenceFilter): AsyncGenerator<EvidenceRecord> {
  const { fromSeq = 1, toSeq = Number.MAX_SAFE_INTEGER, from = 0, to = Number.MAX_SAFE_INTEGER, patient, principal = null } = filter;
  for (let after = { seq: fromSeq - 1, at: from }; ; ) {
    const page = await read(async (transaction) => {
      const rows =
        patient === undefined
          ? await transaction.query<ChainedEntry>(AUDIT_PG.ofTime, [tenant, after.at, after.seq, to, principal, fromSeq, toSeq])
          : await transaction.query<ChainedEntry>(AUDIT_PG.ofPatient, [tenant, patient, after.seq, toSeq]);
      const subjects = new Set(rows.flatMap(({ entry }) => subjectOf(entry) ?? []));
      const keys = await transaction.query<SubjectKey>(AUDIT_PG.keys, [[...subjects]]);
      const secrets = new Map(keys.map(({ subject, secret }) => [subject, secret]));
      return rows.map(({ seq, entry, hash }): EvidenceRecord => {
        const opened = openEntry(entry, storeId, (subject) => secrets.get(subject));
        return { seq, hash: Buffer.from(hash).toString('hex'), ...opened };
      });
    }, tenant);
    const last = page.at(-1);
    if (last === undefined) return;
    for (const record of page) if (isWanted(record, filter)) yield record;
    after = { seq: last.seq, at: last.event.at };
  }
}
