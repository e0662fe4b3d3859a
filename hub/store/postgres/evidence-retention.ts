import type { Anchor } from '../../audit/anchors.ts';
import type { ChainedEntry } from '../../audit/chain.ts';
import { EVIDENCE_CLASSES } from '../../audit/classes.ts';
import { behindGenesis, type PassedOver, planOfReleased } from '../../audit/passed-over.ts';
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
} from '../../audit/retention.ts';
import { MS_A_DAY } from '../../audit/usage.ts';
import type { Commit } from './commits.ts';
import { SCHEMA } from './connections.ts';
import { PG } from './statements.ts';
import type { Transaction } from './transaction.ts';

const UP_TO = "coalesce((SELECT seq FROM audit_anchor WHERE what = 'entries'), 0)";
const RAISE = "RAISE EXCEPTION 'the evidence is append-only';";
const BODY = `strpos(OLD.entry, ',"principal":')`;

/** As hub/audit/retention-schema.ts has it for SQLite. The hub's role still changes and deletes nothing: what it does to entries goes through two functions of the owner. */
export const EVIDENCE_RETENTION_STEP = `
CREATE TABLE audit_anchor (what text COLLATE "C" PRIMARY KEY, seq bigint NOT NULL, hash bytea NOT NULL, at bigint NOT NULL, note text NOT NULL);
CREATE FUNCTION audit_anchor_grows() RETURNS trigger LANGUAGE plpgsql SET search_path = ${SCHEMA}, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN ${RAISE} END IF;
  IF NEW.what NOT IN (${[...EVIDENCE_CLASSES, 'entries'].map((name) => `'${name}'`).join(', ')})
    OR (TG_OP = 'UPDATE' AND (NEW.what <> OLD.what OR NEW.seq <= OLD.seq))
    OR NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq AND hash = NEW.hash)
  THEN ${RAISE} END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_anchor_grows BEFORE INSERT OR UPDATE OR DELETE ON audit_anchor FOR EACH ROW EXECUTE FUNCTION audit_anchor_grows();
CREATE TRIGGER audit_anchor_stays BEFORE TRUNCATE ON audit_anchor FOR EACH STATEMENT EXECUTE FUNCTION audit_anchor_grows();

-- Of an entry its content alone may go, for its digest, and only behind the anchor of its class.
CREATE FUNCTION audit_is_retained() RETURNS trigger LANGUAGE plpgsql SET search_path = ${SCHEMA}, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.seq <= ${UP_TO} THEN RETURN OLD; END IF;
  ELSIF NEW.seq = OLD.seq AND NEW.tenant = OLD.tenant AND NEW.hash = OLD.hash AND OLD.entry LIKE '{"v":3,%' AND ${BODY} > 0
    AND OLD.seq <= (SELECT seq FROM audit_anchor WHERE what = OLD.entry::json ->> 'class')
    AND NEW.entry = left(OLD.entry, ${BODY} - 1) || ',"gone":"' || encode(sha256(convert_to(substr(OLD.entry, ${BODY}), 'UTF8')), 'base64') || '"}'
  THEN RETURN NEW; END IF;
  ${RAISE}
END $$;
CREATE FUNCTION audit_checkpoint_is_retained() RETURNS trigger LANGUAGE plpgsql SET search_path = ${SCHEMA}, pg_temp AS $$
BEGIN
  IF OLD.seq <= ${UP_TO} THEN RETURN OLD; END IF;
  ${RAISE}
END $$;
DROP TRIGGER audit_only_grows ON audit;
CREATE TRIGGER audit_only_grows BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER audit_is_retained BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_retained();
DROP TRIGGER audit_only_grows ON audit_checkpoint;
CREATE TRIGGER audit_only_grows BEFORE UPDATE OR TRUNCATE ON audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER audit_is_retained BEFORE DELETE ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION audit_checkpoint_is_retained();

-- FORCE binds the owner, too; only its functions get as far as here.
CREATE POLICY emptied ON audit FOR UPDATE USING (current_setting('vitalmesh.evidence', true) = 'all');
CREATE POLICY dropped ON audit FOR DELETE USING (current_setting('vitalmesh.evidence', true) = 'all');
CREATE FUNCTION empty_evidence(seqs bigint[]) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = ${SCHEMA}, pg_temp AS $$
  UPDATE audit SET entry = left(entry, strpos(entry, ',"principal":') - 1) || ',"gone":"' ||
    encode(sha256(convert_to(substr(entry, strpos(entry, ',"principal":')), 'UTF8')), 'base64') || '"}'
  WHERE seq = ANY (seqs);
$$;
CREATE FUNCTION drop_evidence() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = ${SCHEMA}, pg_temp AS $$
  DELETE FROM audit WHERE seq <= ${UP_TO};
  DELETE FROM audit_checkpoint WHERE seq <= ${UP_TO};
$$;
REVOKE ALL ON FUNCTION empty_evidence(bigint[]), drop_evidence() FROM PUBLIC;
`;

/** What the hub's role may do with it; `role` is an identifier, quoted. */
export function evidenceRetentionGrantsTo(role: string): string {
  return `
GRANT SELECT, INSERT, UPDATE ON audit_anchor TO ${role};
GRANT DELETE ON usage, usage_other TO ${role};
GRANT EXECUTE ON FUNCTION empty_evidence(bigint[]), drop_evidence() TO ${role};`;
}

/** Statements of it. */
export const EVIDENCE_RETENTION_PG = {
  anchors: 'SELECT what, seq, hash, at, note FROM audit_anchor',
  setAnchor: 'UPDATE audit_anchor SET seq = $2, hash = $3, at = $4, note = $5 WHERE what = $1 RETURNING what',
  addAnchor: 'INSERT INTO audit_anchor (what, seq, hash, at, note) VALUES ($1, $2, $3, $4, $5)',
  page: `SELECT seq, tenant, entry, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT ${RETAIN_PAGE}`,
  empty: 'SELECT empty_evidence($1::bigint[])',
  drop: 'SELECT drop_evidence()',
  dropSubjects: 'DELETE FROM audit_subject WHERE tenant = $1 AND seq = ANY ($2::bigint[]) RETURNING subject',
  dropKeys: `
    DELETE FROM patient_key k WHERE k.tenant = $1 AND k.key = ANY ($2::bigint[])
      AND NOT EXISTS (SELECT 1 FROM audit_subject s WHERE s.subject = k.key)`,
  held: `
    SELECT h.tenant, h.patient, k.key AS subject FROM legal_hold h LEFT JOIN patient_key k ON k.tenant = h.tenant AND k.patient = h.patient
    WHERE h.tenant = $1`,
  passOver: `
    INSERT INTO audit_passed_over (seq, tenant, again) SELECT seq, $1, false FROM unnest($2::bigint[]) AS g (seq)
    ON CONFLICT (seq) DO UPDATE SET again = false`,
  released: `
    SELECT a.seq, a.tenant, a.entry, a.hash, coalesce(
      (SELECT b.hash FROM audit b WHERE b.seq = a.seq - 1),
      (SELECT n.hash FROM audit_anchor n WHERE n.what = 'entries' AND n.seq = a.seq - 1)) AS before
    FROM audit_passed_over p JOIN audit a ON a.seq = p.seq
    WHERE p.tenant = $1 AND p.again AND p.seq > $2 ORDER BY p.seq LIMIT ${RETAIN_PAGE}`,
  releasedTenants: 'SELECT DISTINCT tenant FROM audit_passed_over WHERE again ORDER BY tenant',
  leave: 'UPDATE audit_passed_over SET again = false WHERE seq = ANY ($1::bigint[])',
  settle: 'DELETE FROM audit_passed_over WHERE seq = ANY ($1::bigint[])',
  dropPassedOver: 'DELETE FROM audit_passed_over WHERE tenant = $1 AND seq <= $2',
  dropUsage: 'DELETE FROM usage WHERE tenant = $1 AND day < $2',
  dropOthers: 'DELETE FROM usage_other WHERE tenant = $1 AND at < $2',
} as const;

type Entry = ChainedEntry & { tenant: string };

/** How far the retention has come, in no order. */
export function readAnchors(transaction: Transaction): Promise<Anchor[]> {
  return transaction.query<Anchor>(EVIDENCE_RETENTION_PG.anchors);
}

/** Does one step of the retention of evidence within a commit. Throws AUDIT-NOT-REMOVED. */
export async function retainEvidence(
  commit: Commit,
  storeId: string,
  tenants: readonly string[],
  order: EvidenceOrder,
): Promise<EvidenceStep> {
  await commit.query(PG.allEvidence);
  for (const stretch of stretches(storeId, await readAnchors(commit), order)) {
    const page = await commit.query<Entry>(EVIDENCE_RETENTION_PG.page, [stretch.after.seq]);
    const plan = planOf(stretch, page, order.now, await heldIn(commit, page));
    if (plan !== undefined) return await carryOut(commit, plan, page, tenants, order);
  }
  for (const { tenant } of await commit.query<{ tenant: string }>(EVIDENCE_RETENTION_PG.releasedTenants)) {
    const step = await retainReleased(commit, storeId, tenant, order);
    if (step !== undefined) return step;
  }
  return { removed: {}, more: false };
}

/** What was passed over because of a legal hold that has ended since; undefined where nothing of it goes. */
async function retainReleased(commit: Commit, storeId: string, tenant: string, order: EvidenceOrder): Promise<EvidenceStep | undefined> {
  await commit.as(tenant);
  for (let after = 0; ; ) {
    const page = await commit.query<Entry & PassedOver>(EVIDENCE_RETENTION_PG.released, [tenant, after]);
    const last = page.at(-1);
    if (last === undefined) return undefined;
    const held = await heldIn(commit, page);
    const rows = page.map((one) => behindGenesis(one, storeId));
    const { emptied, unlisted, removal, ...looked } = planOfReleased(rows, order, held);
    if (looked.held.length > 0) await commit.query(EVIDENCE_RETENTION_PG.leave, [looked.held]);
    if (looked.settled.length > 0) await commit.query(EVIDENCE_RETENTION_PG.settle, [looked.settled]);
    if (removal) {
      commit.append(order.told(removal));
      await commit.query(EVIDENCE_RETENTION_PG.empty, [emptied.map(({ seq }) => seq)]);
      const gone = new Set(unlisted.map(({ seq }) => seq));
      await unlist(
        commit,
        tenant,
        page.filter(({ seq }) => gone.has(seq)),
      );
      return { removed: { [removal.what]: countOf(removal) }, more: true };
    }
    after = last.seq;
  }
}

/** Whoever of these entries' tenants is under legal hold. */
async function heldIn(commit: Commit, page: readonly Entry[]): Promise<Held> {
  const rows: { tenant: string; patient: string; subject: number | null }[] = [];
  for (const tenant of new Set(page.map((one) => one.tenant))) {
    await commit.as(tenant);
    rows.push(...(await commit.query<(typeof rows)[number]>(EVIDENCE_RETENTION_PG.held, [tenant])));
  }
  return heldOf(rows);
}

async function carryOut(
  commit: Commit,
  { anchor, emptied, unlisted, passedOver, removal }: Plan,
  page: readonly Entry[],
  tenants: readonly string[],
  order: EvidenceOrder,
): Promise<EvidenceStep> {
  const { what, seq, hash, at } = anchor;
  const bound = [what, seq, hash, at, order.sign(anchor)];
  const set = await commit.query(EVIDENCE_RETENTION_PG.setAnchor, bound);
  if (set.length === 0) await commit.query(EVIDENCE_RETENTION_PG.addAnchor, bound);
  for (const [tenant, passed] of Map.groupBy(
    page.filter((one) => passedOver.includes(one.seq)),
    (one) => one.tenant,
  )) {
    await commit.as(tenant);
    await commit.query(EVIDENCE_RETENTION_PG.passOver, [tenant, passed.map((one) => one.seq)]);
  }
  const count = countOf(removal);
  if (count === 0) return { removed: {}, more: true };
  commit.append(order.told(removal));
  if (emptied.length > 0) await commit.query(EVIDENCE_RETENTION_PG.empty, [emptied.map((one) => one.seq)]);
  if (what === 'entries') await commit.query(EVIDENCE_RETENTION_PG.drop);
  const gone = new Set(unlisted.map((one) => one.seq));
  for (const tenant of new Set(page.map((one) => one.tenant))) {
    await commit.as(tenant);
    await unlist(
      commit,
      tenant,
      page.filter((one) => one.tenant === tenant && gone.has(one.seq)),
    );
  }
  if (what === 'entries')
    for (const tenant of new Set([...tenants, ...page.map((one) => one.tenant)])) {
      await commit.as(tenant);
      await commit.query(EVIDENCE_RETENTION_PG.dropUsage, [tenant, Math.floor(at / MS_A_DAY)]);
      await commit.query(EVIDENCE_RETENTION_PG.dropOthers, [tenant, at]);
      await commit.query(EVIDENCE_RETENTION_PG.dropPassedOver, [tenant, seq]);
    }
  return { removed: { [what]: count }, more: true };
}

/** Takes entries of a tenant out of the index of patients, and the keys with which no entry is sealed any more. */
async function unlist(commit: Commit, tenant: string, entries: readonly Entry[]): Promise<void> {
  if (entries.length === 0) return;
  const listed = await commit.query<{ subject: number }>(EVIDENCE_RETENTION_PG.dropSubjects, [tenant, entries.map(({ seq }) => seq)]);
  await commit.query(EVIDENCE_RETENTION_PG.dropKeys, [tenant, [...new Set(listed.map(({ subject }) => subject))]]);
}
