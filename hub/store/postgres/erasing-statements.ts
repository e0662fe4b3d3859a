const TOMBSTONE =
  'key, tenant, secret, mark, subject, at, reason, principal, others, patient, gateways, last_event AS "lastEvent", removed';

/** Of a table whose primary key begins with the patient. */
function dropOf(table: 'revision' | 'preliminary' | 'rollup' | 'rolled_from'): string {
  return `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE patient = $1 LIMIT 500)) RETURNING patient`;
}

/** Statements on people who were erased, or must not be; for one tenant each. None looks at more rows than it says at its end. */
export const ERASING_PG = {
  erasedOf: 'SELECT secret, mark, at, others, patient IS NOT NULL AS "isUnderWay" FROM erasure WHERE tenant = $1',
  erasures: `SELECT ${TOMBSTONE} FROM erasure WHERE tenant = $1 ORDER BY key`,
  erasureOf: `SELECT ${TOMBSTONE} FROM erasure WHERE tenant = $1 AND secret = $2 AND mark = $3`,
  underWay: `SELECT ${TOMBSTONE} FROM erasure WHERE tenant = $1 AND patient IS NOT NULL ORDER BY key LIMIT 1`,
  addErasure: `
    INSERT INTO erasure (tenant, secret, mark, subject, at, reason, principal, others, patient, gateways, position, hub)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
  countErasure: 'UPDATE head SET erasures = erasures + 1',
  beginAgain: `
    UPDATE erasure SET subject = coalesce($2, subject), patient = $3, gateways = '[]', last_event = 0, removed = '{}', position = $4, hub = $5
    WHERE key = $1`,
  progress: 'UPDATE erasure SET others = $2, gateways = $3, last_event = $4, removed = $5 WHERE key = $1',
  endErasure: 'UPDATE erasure SET patient = NULL, gateways = NULL WHERE key = $1',
  counts: 'SELECT count(*) AS erased, count(*) FILTER (WHERE patient IS NOT NULL) AS "underWay" FROM erasure WHERE tenant = $1',
  toldOf: 'SELECT 1 AS found FROM erasure WHERE tenant = $1 AND position > $2 AND position <= $3 AND hub <> $4 LIMIT 1',

  findHold: 'SELECT 1 AS found FROM legal_hold WHERE tenant = $1 AND patient = $2',
  heldNumbers: `
    SELECT DISTINCT p.authority, p.value FROM legal_hold h JOIN person p ON p.id = h.patient AND p.tenant = h.tenant WHERE h.tenant = $1`,
  countHolds: 'SELECT count(DISTINCT patient) AS held FROM legal_hold WHERE tenant = $1',
  setHold: `
    INSERT INTO legal_hold (tenant, patient, reason, principal, at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING`,
  holds: 'SELECT tenant, patient, reason, principal, at FROM legal_hold WHERE tenant = $1 ORDER BY patient, at, reason',
  dropHold: 'DELETE FROM legal_hold WHERE tenant = $1 AND patient = $2 AND reason = $3 RETURNING patient',

  lookAgain: `
    UPDATE audit_passed_over SET again = true WHERE seq IN (
      SELECT s.seq FROM patient_key k JOIN audit_subject s ON s.subject = k.key WHERE k.tenant = $1 AND k.patient = $2)`,

  knownPatients: `
    SELECT id FROM patient WHERE tenant = $1 UNION SELECT patient FROM patient_key WHERE tenant = $1
    UNION SELECT id FROM person WHERE tenant = $1 AND id IS NOT NULL`,
  keyOf: 'SELECT key FROM patient WHERE tenant = $1 AND id = $2',
  subjectOf: 'SELECT key FROM patient_key WHERE tenant = $1 AND patient = $2',
  hasEvent: 'SELECT 1 AS found FROM event WHERE tenant = $1 AND patient = $2 LIMIT 1',
  gatewaysOf: `
    SELECT DISTINCT b.gateway FROM latest l
    JOIN observation o ON o.key = l.observation AND o.sort_time = l.sort_time JOIN batch b ON b.key = o.batch
    WHERE l.patient = $1
    UNION SELECT gateway FROM binding WHERE tenant = $2 AND patient = $3`,
  dropLatest: 'DELETE FROM latest WHERE patient = $1 RETURNING vital, device',

  batchesOf: `
    SELECT key, gateway, stored_at AS "storedAt", first_key AS "firstKey", last_key AS "lastKey", rows FROM batch
    WHERE key IN (SELECT batch FROM (SELECT batch FROM observation WHERE patient = $1 LIMIT 500) AS found)
    ORDER BY key LIMIT 20`,
  dropObservations: `
    DELETE FROM observation o USING unnest($1::bigint[], $2::bigint[]) AS g (first, last)
    WHERE o.key >= g.first AND o.key <= g.last AND o.patient = $3
    RETURNING o.key, o.batch, o.writer, o.seq, o.part, o.received_at AS "receivedAt"`,
  dropKeptBack: 'DELETE FROM kept_back WHERE observation = ANY ($1::bigint[])',
  dropRevisions: dropOf('revision'),
  dropPreliminary: dropOf('preliminary'),
  dropRollups: dropOf('rollup'),
  dropRolledFrom: dropOf('rolled_from'),
  eventsOf: `
    SELECT key, gateway, sort_time AS "sortTime", writer, seq, part, received_at AS "receivedAt" FROM event
    WHERE tenant = $1 AND patient = $2 LIMIT 100`,
  movementPage: `
    SELECT e.key, e.kind, e.tenant, e.gateway, e.patient, e.device, e.effective, e.offset_min AS "offsetMin", e.received_at AS "receivedAt",
      e.sort_time AS "sortTime", e.stored_at AS "storedAt", e.until, e.test::int AS test, e.writer, e.seq, e.part, e.received, w.agent, w.epoch
    FROM event e JOIN writer w ON w.key = e.writer
    WHERE e.tenant = $1 AND e.kind = 'movement' AND e.key > $2 ORDER BY e.key LIMIT 100`,
  rewriteEvent: 'UPDATE event SET received = $3 WHERE key = $1 AND sort_time = $2',
  setSeen: 'UPDATE seen SET hash = $4 WHERE writer = $1 AND seq = $2 AND part = $3',
  dropQuarantine: `
    DELETE FROM quarantine WHERE key = ANY (ARRAY(
      SELECT key FROM quarantine WHERE tenant = $1 AND gateway = ANY ($2::text[]) LIMIT 500)) RETURNING key`,
  dropPatient: 'DELETE FROM patient WHERE key = $1',
  dropKey: 'DELETE FROM patient_key WHERE tenant = $1 AND patient = $2',
  unbind: 'UPDATE binding SET patient = NULL WHERE tenant = $1 AND patient = $2',
  rollupPage: `
    SELECT vital, device, part, test::int AS test, start, width AS "widthMs", n, least, greatest, sum, last FROM rollup
    WHERE patient = $1 AND (vital, device, part, test, start, width) > ($2, $3, $4, $5, $6, $7)
    ORDER BY vital, device, part, test, start, width LIMIT 500`,
  batchesOfPatient: 'SELECT DISTINCT batch AS key FROM observation WHERE patient = $1 ORDER BY 1',
  ownKeys: `
    SELECT o.key, o.batch, b.first_key AS "firstKey" FROM batch b JOIN observation o ON o.key >= b.first_key AND o.key <= b.last_key
    WHERE b.key = ANY ($1::bigint[]) AND o.patient = $2 ORDER BY o.key`,
  receivedOf: `
    SELECT k.batch AS key, k.received FROM packed k
    WHERE (k.batch, k.stored_at) IN (SELECT b.key, b.stored_at FROM batch b WHERE b.key = ANY ($1::bigint[])) ORDER BY k.batch`,
  batchPage: 'SELECT key, first_key AS "firstKey" FROM batch WHERE tenant = $1 AND key > $2 ORDER BY key LIMIT 50',
  patientsOf: 'SELECT DISTINCT p.id FROM observation o JOIN patient p ON p.key = o.patient WHERE o.key = ANY ($1::bigint[])',
  eventPage: 'SELECT key, kind, patient, received FROM event WHERE tenant = $1 AND key > $2 ORDER BY key LIMIT 100',
} as const;
