const TOMBSTONE = 'key, tenant, secret, mark, subject, at, reason, principal, others, patient, gateways, lastEvent, removed';

/** Statements on people who were erased, or must not be; of an SQLite store. None looks at more rows than it says at its end. */
export const ERASING_SQL = {
  lastErasure: 'SELECT key, mark FROM erasure WHERE key = (SELECT max(key) FROM erasure)',
  erasedOf: 'SELECT secret, mark, at, others FROM erasure WHERE tenant = ? ORDER BY secret, mark',
  secrets: 'SELECT DISTINCT secret FROM erasure WHERE tenant = ?',
  newestSecret: 'SELECT secret FROM erasure WHERE key = (SELECT max(key) FROM erasure)',
  erasureOf: `SELECT ${TOMBSTONE} FROM erasure WHERE tenant = ? AND secret = ? AND mark = ?`,
  erasuresUnderWay: `SELECT ${TOMBSTONE} FROM erasure INDEXED BY erasureUnderWay WHERE patient IS NOT NULL ORDER BY key LIMIT 1`,
  erasures: `SELECT ${TOMBSTONE} FROM erasure ORDER BY key`,
  addErasure: `
    INSERT INTO erasure (tenant, secret, mark, subject, at, reason, principal, others, patient, gateways)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  // Under a mark that was adopted before the data came back.
  beginAgain: "UPDATE erasure SET subject = ?, patient = ?, gateways = ?, lastEvent = 0, removed = '{}' WHERE key = ?",
  progress: 'UPDATE erasure SET others = ?, gateways = ?, lastEvent = ?, removed = ? WHERE key = ?',
  endErasure: 'UPDATE erasure SET patient = NULL, gateways = NULL WHERE key = ?',
  erasureCounts: `
    SELECT (SELECT count(*) FROM erasure) AS erased, (SELECT count(*) FROM erasure WHERE patient IS NOT NULL) AS underWay,
      (SELECT count(*) FROM (SELECT DISTINCT tenant, patient FROM legalHold)) AS held`,

  findHold: 'SELECT 1 AS found FROM legalHold WHERE tenant = ? AND patient = ?',
  heldNumbers: `
    SELECT DISTINCT p.authority, p.value FROM legalHold h JOIN person p ON p.id = h.patient AND p.tenant = h.tenant WHERE h.tenant = ?`,
  setHold: `
    INSERT INTO legalHold (tenant, patient, reason, principal, at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  holds: 'SELECT tenant, patient, reason, principal, at FROM legalHold WHERE tenant = ? ORDER BY patient, at, reason',
  dropHold: 'DELETE FROM legalHold WHERE tenant = ? AND patient = ? AND reason = ?',

  // What the retention of evidence passed over because of it is looked at again.
  lookAgain: `
    UPDATE auditPassedOver SET again = 1 WHERE seq IN (
      SELECT s.seq FROM patientKey k JOIN auditSubject s ON s.subject = k.key WHERE k.tenant = ? AND k.patient = ?)`,

  knownPatients: `
    SELECT id FROM patient WHERE tenant = ? UNION SELECT patient FROM patientKey WHERE tenant = ?
    UNION SELECT id FROM person WHERE tenant = ? AND id IS NOT NULL`,
  hasKey: 'SELECT key FROM patientKey WHERE tenant = ? AND patient = ?',
  hasEvent: 'SELECT 1 AS found FROM event INDEXED BY eventByPatient WHERE tenant = ? AND patient = ? LIMIT 1',
  currentGateways: `
    SELECT DISTINCT b.gateway FROM latest l JOIN observation o ON o.key = l.observation JOIN batch b ON b.key = o.batch WHERE l.patient = ?`,
  boundGateways: 'SELECT gateway FROM binding WHERE tenant = ? AND patient = ?',
  currentOfPatient: 'SELECT vital, device FROM latest WHERE patient = ?',
  dropCurrent: 'DELETE FROM latest WHERE patient = ?',

  batchOfPatient: `
    SELECT b.key, b.gateway, b.firstKey, b.lastKey, b.rows, b.received FROM batch b
    WHERE b.key = (SELECT o.batch FROM observation o INDEXED BY observationBySeries WHERE o.patient = ? LIMIT 1)`,
  rowsOfBatch: 'SELECT key, writer, seq, part, receivedAt FROM observation WHERE key >= ? AND key <= ? AND patient = ? ORDER BY key',
  dropRowsOfBatch: 'DELETE FROM observation WHERE key >= ? AND key <= ? AND patient = ?',
  receivedOf: `
    SELECT o.key, o.batch, b.firstKey, b.received FROM observation o JOIN batch b ON b.key = o.batch
    WHERE o.key IN (SELECT value FROM json_each(?)) ORDER BY o.key`,
  receivedPage: 'SELECT key, tenant, firstKey, received FROM batch WHERE key > ? ORDER BY key LIMIT 20',
  patientOf: 'SELECT p.id FROM observation o JOIN patient p ON p.key = o.patient WHERE o.key = ?',
  eventPage: 'SELECT key, kind, tenant, patient, received FROM event WHERE key > ? ORDER BY key LIMIT 100',
  dropRollupsOf: 'DELETE FROM rollup WHERE patient = ? LIMIT 500',
  dropRolledFromOf: 'DELETE FROM rolledFrom WHERE patient = ? LIMIT 500',
  eventsOfPatient: `
    SELECT key, gateway, writer, seq, part, receivedAt FROM event INDEXED BY eventByPatient WHERE tenant = ? AND patient = ? LIMIT 50`,
  movementPage: `
    SELECT e.*, w.agent, w.epoch FROM event e INDEXED BY eventByKind JOIN writer w ON w.key = e.writer
    WHERE e.kind = 'movement' AND e.key > ? ORDER BY e.key LIMIT 50`,
  rewriteEvent: 'UPDATE event SET received = ? WHERE key = ?',
  setSeen: 'UPDATE seen SET hash = ? WHERE writer = ? AND seq = ? AND part = ?',
  quarantineOfGateway: 'SELECT key FROM quarantine WHERE tenant = ? AND gateway = ? LIMIT 100',
  dropPatient: 'DELETE FROM patient WHERE key = ?',
  dropKey: 'DELETE FROM patientKey WHERE tenant = ? AND patient = ?',
  unbind: 'UPDATE binding SET patient = NULL WHERE tenant = ? AND patient = ?',
  rollupPage: `
    SELECT vital, device, part, test, start, width AS widthMs, n, least, greatest, sum, last FROM rollup
    WHERE patient = ? AND (vital, device, part, test, start, width) > (?, ?, ?, ?, ?, ?)
    ORDER BY vital, device, part, test, start, width LIMIT 500`,
} as const;
