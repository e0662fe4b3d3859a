import { randomBytes } from 'node:crypto';
import type { AuditEvent } from '../../access/access.ts';
import type { ChainedEntry } from '../../audit/chain.ts';
import {
  type EvidenceFilter,
  type EvidencePage,
  type EvidencePlace,
  type EvidenceRecord,
  type IndexedShown,
  isWanted,
  openedRow,
  type TimedEntry,
  type UnreadEntry,
  unreadEntry,
  whoseOf,
} from '../../audit/evidence.ts';
import { chainHash } from '../../audit/link.ts';
import { entryText, type NamedKey, subjectsOf } from '../../audit/sealed.ts';
import { maySay, shownTags, tagOf } from '../../audit/shown-tags.ts';
import { withoutErased } from '../erasing/tombstone.ts';
import { AUDIT_PG } from './audit-statements.ts';
import { erasedOf } from './erase.ts';
import type { Transaction } from './transaction.ts';
import { countUsage } from './usage.ts';

/** Where the chain stands before what is added. */
interface ChainEnd {
  storeId: string;
  seq: number;
  hash: Buffer;
}

/** Writes events behind the end of the chain, within a commit that holds the head; gives the new last hash. */
export async function writeEvidence(transaction: Transaction, told: readonly AuditEvent[], end: ChainEnd): Promise<Buffer> {
  const { keys, forgotten } = await keysOf(transaction, told);
  const events = told.map((event) => withoutErased(event, forgotten.get(event.tenant)));
  let { seq, hash } = end;
  const rows = events.map((event) => {
    const own = whoseOf(event).flatMap((patient) => keys.get(event.tenant)?.get(patient) ?? []);
    const entry = entryText(event, own, end.storeId);
    // What the first entry says of a new number is not said again.
    for (const key of own) key.isNew = false;
    seq += 1;
    hash = chainHash(hash, entry);
    const subjects = own.map((key) => ({ subject: key.subject, seq, shown: shownTags(event, key) }));
    return { seq, tenant: event.tenant, entry, hash, subjects };
  });
  await transaction.query(AUDIT_PG.addAudit, [
    rows.map((row) => row.seq),
    rows.map(({ tenant }) => tenant),
    rows.map(({ entry }) => entry),
    rows.map((row) => row.hash),
  ]);
  for (const tenant of keys.keys()) {
    const own = rows.flatMap((row) => (row.tenant === tenant ? row.subjects : []));
    const columns = [own.map(({ subject }) => subject), own.map((row) => row.seq), own.map(({ shown }) => shown)];
    await transaction.as(tenant);
    await transaction.query(AUDIT_PG.addSubjects, [tenant, ...columns]);
  }
  await countUsage(transaction, events, ({ tenant, patient }) => (patient === null ? undefined : keys.get(tenant)?.get(patient)?.subject));
  return hash;
}

interface Keys {
  keys: Map<string, Map<string, NamedKey>>;
  /** Of whom the evidence must not speak any more. */
  forgotten: Map<string, (patient: string) => boolean>;
}

/** The keys of all patients of some events, by tenant; made for those who have none, but for whoever was erased. */
async function keysOf(transaction: Transaction, events: readonly AuditEvent[]): Promise<Keys> {
  const forgotten: Keys['forgotten'] = new Map();
  const wanted = new Map<string, Set<string>>();
  for (const event of events) {
    for (const patient of whoseOf(event)) {
      const patients = wanted.get(event.tenant) ?? new Set();
      wanted.set(event.tenant, patients.add(patient));
    }
  }
  const keys = new Map<string, Map<string, NamedKey>>();
  for (const [tenant, patients] of wanted) {
    await transaction.as(tenant);
    const found = await transaction.query<NamedKey>(AUDIT_PG.findKeys, [tenant, [...patients]]);
    const known = new Set(found.map(({ patient }) => patient));
    const unknown = [...patients].filter((patient) => !known.has(patient));
    const erased = unknown.length === 0 ? undefined : (await erasedOf(transaction, tenant)).people;
    const isForgotten = (patient: string): boolean => unknown.includes(patient) && (erased?.isPatient(patient) ?? false);
    forgotten.set(tenant, isForgotten);
    const missing = unknown.filter((patient) => !isForgotten(patient));
    const secrets = missing.map(() => randomBytes(32));
    const added = missing.length === 0 ? [] : await transaction.query<NamedKey>(AUDIT_PG.addKeys, [tenant, missing, secrets]);
    const all = [...found, ...added.map((key) => ({ ...key, isNew: true }))];
    keys.set(tenant, new Map(all.map((key) => [key.patient, key])));
  }
  return { keys, forgotten };
}

/** Reads within one transaction of a tenant. */
type Read = <T>(work: (transaction: Transaction) => Promise<T>, tenant: string) => Promise<T>;

/** The entries of a tenant that a filter names, opened; as `readEvidence` of an SQLite store. */
export async function* walkEvidence(
  read: Read,
  storeId: string,
  tenant: string,
  filter: EvidenceFilter,
  unread: (entry: UnreadEntry) => void = () => undefined,
): AsyncGenerator<EvidenceRecord> {
  const { fromSeq = 1, toSeq = Number.MAX_SAFE_INTEGER, from = 0 } = filter;
  for (let after: EvidencePlace = { seq: fromSeq - 1, at: from }; ; ) {
    const { page, last } = await read(async (transaction) => {
      const { rows, last } = await pageOf(transaction, tenant, filter, after);
      const subjects = new Set(rows.flatMap(({ entry }) => subjectsOf(entry)));
      const found = await transaction.query<NamedKey>(AUDIT_PG.keys, [[...subjects]]);
      const keys = new Map(found.map((key) => [key.subject, key]));
      return { last, page: rows.map((row) => openedRow(row, storeId, (subject) => keys.get(subject))) };
    }, tenant);
    if (last === undefined) break;
    for (const record of page) {
      if ('unread' in record) unread(record);
      else if (isWanted(record, filter)) yield record;
    }
    after = { seq: last.seq, at: last.at };
  }
  for (let after = fromSeq - 1; ; ) {
    const asked = [tenant, after, toSeq];
    const rows = await read((transaction) => transaction.query<Omit<ChainedEntry, 'entry'>>(AUDIT_PG.unread, asked), tenant);
    const last = rows.at(-1);
    if (last === undefined) return;
    for (const row of rows) unread(unreadEntry(row));
    after = last.seq;
  }
}

async function pageOf(transaction: Transaction, tenant: string, filter: EvidenceFilter, after: EvidencePlace): Promise<EvidencePage> {
  const { fromSeq = 1, toSeq = Number.MAX_SAFE_INTEGER, to = Number.MAX_SAFE_INTEGER, patient, principal = null, saw } = filter;
  if (patient !== undefined && saw !== undefined) return await soughtOf(transaction, { tenant, patient, saw, toSeq }, after.seq);
  const rows =
    patient === undefined
      ? await transaction.query<TimedEntry>(AUDIT_PG.ofTime, [tenant, after.at, after.seq, to, principal, fromSeq, toSeq])
      : await transaction.query<TimedEntry>(AUDIT_PG.ofPatient, [tenant, patient, after.seq, toSeq]);
  return { rows, last: rows.at(-1) };
}

async function soughtOf(
  transaction: Transaction,
  { tenant, patient, saw, toSeq }: { tenant: string; patient: string; saw: string; toSeq: number },
  after: number,
): Promise<EvidencePage> {
  const [key] = await transaction.query<NamedKey>(AUDIT_PG.findKeys, [tenant, [patient]]);
  if (key === undefined) return { rows: [], last: undefined };
  const tag = tagOf(saw, key.secret);
  const indexed = await transaction.query<IndexedShown>(AUDIT_PG.shownOf, [tenant, key.subject, after, toSeq]);
  const wanted = indexed.flatMap(({ seq, shown }) => (maySay(shown, tag) ? [seq] : []));
  const rows = wanted.length === 0 ? [] : await transaction.query<TimedEntry>(AUDIT_PG.entries, [tenant, wanted]);
  const last = indexed.at(-1);
  return { rows, last: last && { seq: last.seq, at: 0 } };
}
