import type { Database } from '../../shared/storage/database.ts';
import type { Anchor } from './anchors.ts';
import { appendAudit } from './audit-log.ts';
import type { ChainedEntry } from './chain.ts';
import { behindGenesis, type PassedOver, planOfReleased } from './passed-over.ts';
import {
  countOf,
  type EvidenceOrder,
  type EvidenceStep,
  type Held,
  heldOf,
  type Plan,
  planOf,
  RETAIN_PAGE,
  stretches,
} from './retention.ts';
import { MS_A_DAY } from './usage.ts';

/** Statements of the retention of evidence in an SQLite store. */
export const EVIDENCE_RETENTION_SQL = {
  anchors: 'SELECT what, seq, hash, at, note FROM auditAnchor',
  // Not REPLACE: that deletes without asking the trigger.
  addAnchor: 'INSERT INTO auditAnchor (what, seq, hash, at, note) VALUES (?, ?, ?, ?, ?)',
  setAnchor: 'UPDATE auditAnchor SET seq = ?, hash = ?, at = ?, note = ? WHERE what = ?',
  page: `SELECT seq, entry, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ${RETAIN_PAGE}`,
  empty: 'UPDATE audit SET entry = ? WHERE seq = ?',
  drop: 'DELETE FROM audit WHERE seq <= ?',
  dropCheckpoints: 'DELETE FROM auditCheckpoint WHERE seq <= ?',
  dropSubjects: 'DELETE FROM auditSubject WHERE seq = ? RETURNING subject',
  dropKey: 'DELETE FROM patientKey WHERE key = ? AND NOT EXISTS (SELECT 1 FROM auditSubject WHERE subject = ?)',
  held: 'SELECT h.tenant, h.patient, k.key AS subject FROM legalHold h LEFT JOIN patientKey k ON k.tenant = h.tenant AND k.patient = h.patient',
  passOver: 'INSERT OR REPLACE INTO auditPassedOver (seq, again) VALUES (?, 0)',
  released: `
    SELECT a.seq, a.entry, a.hash, coalesce(
      (SELECT b.hash FROM audit b WHERE b.seq = a.seq - 1),
      (SELECT n.hash FROM auditAnchor n WHERE n.what = 'entries' AND n.seq = a.seq - 1)) AS before
    FROM auditPassedOver p INDEXED BY auditPassedOverAgain JOIN audit a ON a.seq = p.seq
    WHERE p.again = 1 AND p.seq > ? ORDER BY p.seq LIMIT ${RETAIN_PAGE}`,
  leave: 'UPDATE auditPassedOver SET again = 0 WHERE seq = ?',
  settle: 'DELETE FROM auditPassedOver WHERE seq = ?',
  dropPassedOver: 'DELETE FROM auditPassedOver WHERE seq <= ?',
  dropUsage: 'DELETE FROM usage WHERE day < ?',
  dropOthers: 'DELETE FROM usageOther WHERE at < ?',
} as const;

const SQL = EVIDENCE_RETENTION_SQL;
type Tables = Pick<Database, 'prepare'>;

/** How far the retention has come, in no order. */
export function readAnchors(database: Tables): Anchor[] {
  return database.prepare<[], Anchor>(SQL.anchors).all();
}

/** Does one step of the retention of evidence within the transaction of the caller. Throws AUDIT-NOT-REMOVED. */
export function retainEvidence(database: Tables, storeId: string, order: EvidenceOrder): EvidenceStep {
  type HeldRow = { tenant: string; patient: string; subject: number | null };
  const held = heldOf(database.prepare<[], HeldRow>(SQL.held).all());
  for (const stretch of stretches(storeId, readAnchors(database), order)) {
    const page = database.prepare<[number], ChainedEntry>(SQL.page).all(stretch.after.seq);
    const plan = planOf(stretch, page, order.now, held);
    if (plan !== undefined) return carryOut(database, storeId, plan, order);
  }
  return retainReleased(database, storeId, order, held);
}

/** What was passed over because of a legal hold that has ended since. */
function retainReleased(database: Tables, storeId: string, order: EvidenceOrder, held: Held): EvidenceStep {
  for (let after = 0; ; ) {
    const page = database.prepare<[number], PassedOver>(SQL.released).all(after);
    const { emptied, unlisted, removal, ...looked } = planOfReleased(
      page.map((one) => behindGenesis(one, storeId)),
      order,
      held,
    );
    for (const seq of looked.held) database.prepare<[number]>(SQL.leave).run(seq);
    for (const seq of looked.settled) database.prepare<[number]>(SQL.settle).run(seq);
    if (removal) {
      appendAudit(database, storeId, order.told(removal));
      for (const { seq, entry } of emptied) database.prepare<[string, number]>(SQL.empty).run(entry, seq);
      unlist(database, unlisted);
      return { removed: { [removal.what]: countOf(removal) }, more: true };
    }
    const last = page.at(-1);
    if (last === undefined) return { removed: {}, more: false };
    after = last.seq;
  }
}

function carryOut(database: Tables, storeId: string, plan: Plan, order: EvidenceOrder): EvidenceStep {
  const { anchor, emptied, unlisted, passedOver, removal } = plan;
  setAnchor(database, { ...anchor, note: order.sign(anchor) });
  for (const seq of passedOver) database.prepare<[number]>(SQL.passOver).run(seq);
  const count = countOf(removal);
  if (count === 0) return { removed: {}, more: true };
  // Before anything goes, so that the chain has an end at every moment.
  appendAudit(database, storeId, order.told(removal));
  const empty = database.prepare<[string, number]>(SQL.empty);
  for (const { seq, entry } of emptied) empty.run(entry, seq);
  unlist(database, unlisted);
  if (anchor.what === 'entries') {
    database.prepare<[number]>(SQL.drop).run(anchor.seq);
    database.prepare<[number]>(SQL.dropCheckpoints).run(anchor.seq);
    database.prepare<[number]>(SQL.dropPassedOver).run(anchor.seq);
    database.prepare<[number]>(SQL.dropUsage).run(Math.floor(anchor.at / MS_A_DAY));
    database.prepare<[number]>(SQL.dropOthers).run(anchor.at);
  }
  return { removed: { [anchor.what]: count }, more: true };
}

function setAnchor(database: Tables, { what, seq, hash, at, note }: Anchor): void {
  const set = database.prepare<[number, Uint8Array, number, string, string]>(SQL.setAnchor).run(seq, hash, at, note, what);
  if (set.changes > 0) return;
  database.prepare<[string, number, Uint8Array, number, string]>(SQL.addAnchor).run(what, seq, hash, at, note);
}

/** Takes entries out of the index of patients, and the keys with which no entry is sealed any more. */
function unlist(database: Tables, entries: readonly ChainedEntry[]): void {
  const touched = new Set<number>();
  const drop = database.prepare<[number], { subject: number }>(SQL.dropSubjects);
  for (const { seq } of entries) for (const { subject } of drop.all(seq)) touched.add(subject);
  const dropKey = database.prepare<[number, number]>(SQL.dropKey);
  for (const subject of touched) dropKey.run(subject, subject);
}
