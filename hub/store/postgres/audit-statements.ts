import { EVIDENCE_PAGE, INDEX_PAGE } from '../../audit/evidence.ts';

/** Statements on the evidence. */
export const AUDIT_PG = {
  addAudit: `
    INSERT INTO audit (seq, tenant, entry, hash) SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[])`,
  audit: 'SELECT seq, entry, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT 1000',
  auditBehind: 'SELECT seq, entry, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2',
  auditHead: 'SELECT position AS seq, audit_hash AS hash FROM head',
  auditSubjects: `
    SELECT s.seq, s.subject, s.shown, k.patient, k.secret FROM audit_subject s
    LEFT JOIN patient_key k ON k.key = s.subject AND k.tenant = s.tenant
    WHERE s.tenant = $1 AND s.seq BETWEEN $2 AND $3 ORDER BY s.seq, s.subject`,
  auditHash: 'SELECT hash FROM audit WHERE seq = $1',
  findKeys: 'SELECT key AS subject, patient, secret FROM patient_key WHERE tenant = $1 AND patient = ANY ($2::text[])',
  addKeys: `
    INSERT INTO patient_key (tenant, patient, secret) SELECT $1, * FROM unnest($2::text[], $3::bytea[])
    RETURNING key AS subject, patient, secret`,
  keys: 'SELECT key AS subject, patient, secret FROM patient_key WHERE key = ANY ($1::bigint[])',
  addSubjects: `
    INSERT INTO audit_subject (tenant, subject, seq, shown) SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bytea[])`,
  shownOf: `
    SELECT seq, shown FROM audit_subject
    WHERE tenant = $1 AND subject = $2 AND seq > $3 AND seq <= $4 AND (shown IS NULL OR length(shown) > 0)
    ORDER BY seq LIMIT ${INDEX_PAGE}`,
  entries: 'SELECT seq, 0 AS at, entry, hash FROM audit WHERE tenant = $1 AND seq = ANY ($2::bigint[]) ORDER BY seq',
  ofTime: `
    SELECT seq, entry_at(entry) AS at, entry, hash FROM audit
    WHERE tenant = $1 AND entry_at(entry) < $4 AND (entry_at(entry), seq) > ($2::bigint, $3::bigint)
      AND ($5::text IS NULL OR entry_principal(entry) = $5) AND seq >= $6 AND seq <= $7
    ORDER BY tenant, entry_at(entry), seq LIMIT ${EVIDENCE_PAGE}`,
  unread: `
    SELECT seq, hash FROM audit WHERE tenant = $1 AND entry_at(entry) IS NULL AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT ${EVIDENCE_PAGE}`,
  ofPatient: `
    SELECT a.seq, 0 AS at, a.entry, a.hash
    FROM patient_key k JOIN audit_subject s ON s.subject = k.key JOIN audit a ON a.seq = s.seq
    WHERE k.tenant = $1 AND k.patient = $2 AND s.seq > $3 AND s.seq <= $4
    ORDER BY s.seq LIMIT ${EVIDENCE_PAGE}`,
  addCheckpoint: `
    INSERT INTO audit_checkpoint (seq, note) SELECT $1::bigint, $2
    WHERE $1::bigint > (SELECT coalesce(max(seq), 0) FROM audit_checkpoint) AND $1::bigint <= (SELECT position FROM head)`,
  checkpoints: 'SELECT seq, note FROM audit_checkpoint WHERE seq > $1 ORDER BY seq LIMIT 1000',
} as const;
