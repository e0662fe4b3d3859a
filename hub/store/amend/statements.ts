/** How many rows a page of an amendment holds. */
export const AMENDED_A_PAGE = 250;

/** A patient, and whoever was merged into this one: `numbersOf`. */
const NUMBERS = '(SELECT ? UNION SELECT patient FROM mergedNumber WHERE tenant = ? AND goesBy = ?)';

/** As the statements with numbers take a patient. */
export function numbersOf(tenant: string, patient: string): [patient: string, tenant: string, patient: string] {
  return [patient, tenant, patient];
}

const AMENDMENT = 'key, id, tenant, kind, patient, toPatient, reason, at, device, vital, start, until, undoneAt';

/** Statements on what people decided about readings. None looks at more rows than it says at its end, or than those of one measurement, row or batch. */
export const AMEND_SQL = {
  add: `
    INSERT INTO amendment (id, tenant, kind, patient, toPatient, reason, at, device, vital, start, until)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  byKey: `SELECT ${AMENDMENT} FROM amendment WHERE key = ?`,
  byId: `SELECT ${AMENDMENT} FROM amendment WHERE tenant = ? AND id = ?`,
  ofTenant: `SELECT ${AMENDMENT} FROM amendment WHERE tenant = ? ORDER BY key`,
  ofPatient: `
    SELECT ${AMENDMENT} FROM amendment WHERE tenant = ? AND patient IN ${NUMBERS}
    UNION SELECT ${AMENDMENT} FROM amendment WHERE tenant = ? AND toPatient IN ${NUMBERS} ORDER BY key`,
  ofObservation: `
    SELECT ${AMENDMENT} FROM amendment WHERE tenant = ? AND key IN (SELECT abs(amendment) FROM amendedRow WHERE observation = ?) ORDER BY key`,
  sinceOf: `
    SELECT key, patient FROM amendment WHERE tenant = ? AND patient IN ${NUMBERS} AND key > ? AND undoneAt IS NULL ORDER BY key`,
  // But where something was given here since: what comes late of that would not be void by it.
  voidOfAll: `
    SELECT ${AMENDMENT} FROM amendment WHERE tenant = ? AND patient IN ${NUMBERS} AND kind = 'void' AND undoneAt IS NULL
      AND start <= ? AND until >= ? AND (device IS NULL OR device = ?) AND (vital IS NULL OR vital = ?)
      AND NOT EXISTS (
        SELECT 1 FROM amendment g WHERE g.tenant = ? AND g.toPatient IN ${NUMBERS} AND g.key > amendment.key AND g.undoneAt IS NULL)
    ORDER BY key LIMIT 1`,
  setUndone: 'UPDATE amendment SET undoneAt = ? WHERE key = ?',
  forget: `UPDATE amendment SET patient = NULL WHERE tenant = ? AND patient IN ${NUMBERS}`,
  forgetOther: `UPDATE amendment SET toPatient = NULL WHERE tenant = ? AND toPatient IN ${NUMBERS}`,

  addRule: `
    INSERT INTO amendRule (amendment, tenant, patient, device, vital, test, effective, start, until, meant) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  hasRule: `
    SELECT 1 AS found FROM amendRule INDEXED BY amendRuleByPatient
    WHERE tenant = ? AND patient = ? AND until = ? AND amendment = ? AND effective = 1 AND device = ? AND vital = ? AND test = ?`,
  nextRule:
    'SELECT key, patient, device, vital, test, effective, start, until, meant FROM amendRule WHERE amendment = ? AND key >= ? ORDER BY key LIMIT 1',
  dropRules: 'DELETE FROM amendRule WHERE amendment = ?',
  forgetRules: `DELETE FROM amendRule WHERE tenant = ? AND patient IN ${NUMBERS}`,
  rulesOf: `
    SELECT r.amendment, r.device, r.vital, r.test, r.effective, r.start, r.until, a.kind, coalesce(m.goesBy, a.toPatient) AS toPatient
    FROM amendRule r INDEXED BY amendRuleByPatient JOIN amendment a ON a.key = r.amendment
      LEFT JOIN mergedNumber m ON m.tenant = a.tenant AND m.patient = a.toPatient
    WHERE r.tenant = ? AND r.patient IN ${NUMBERS} AND r.until > ? AND a.kind <> 'confirm' ORDER BY r.amendment, r.key`,

  goesBy: 'SELECT goesBy FROM mergedNumber WHERE tenant = ? AND patient = ?',
  setGoesBy: 'INSERT INTO mergedNumber (tenant, patient, goesBy) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET goesBy = excluded.goesBy',
  dropGoesBy: 'DELETE FROM mergedNumber WHERE tenant = ? AND patient = ?',
  forgetMerged: 'DELETE FROM mergedNumber WHERE tenant = ? AND (patient = ? OR goesBy = ?)',
  nextGivenTo: 'SELECT key FROM amendment WHERE tenant = ? AND toPatient = ? AND key > ? ORDER BY key LIMIT 1',
  // Of a page of rows that a decision made somebody's, with the next one that made them another's.
  givenPage: `
    SELECT r.observation AS key, o.patient AS owner, o.vital, o.device, o.effective, o.test, o.revises, o.preliminary,
      (SELECT min(x.amendment) FROM amendedRow x WHERE x.observation = r.observation AND x.amendment > r.amendment AND x.patient IS NOT NULL) AS next
    FROM amendedRow r JOIN observation o ON o.key = r.observation
    WHERE r.amendment = ? AND r.observation > ? ORDER BY r.observation LIMIT ${AMENDED_A_PAGE}`,
  setGiver: 'UPDATE amendedRow SET patient = ? WHERE observation = ? AND amendment = ? AND patient = ?',
  voidsOf: `
    SELECT r.amendment FROM amendedRow r JOIN amendment a ON a.key = r.amendment WHERE r.observation = ? AND a.kind = 'void' ORDER BY r.amendment`,

  // Without those that it was done to, and those that came to their owner by a later decision.
  ofKeys: `
    SELECT key, bed, effective, sortTime, test, revises, preliminary FROM observation
    WHERE key IN (SELECT value FROM json_each(?))
      AND NOT EXISTS (SELECT 1 FROM amendedRow r WHERE r.observation = key AND (r.amendment = ? OR r.amendment > ? AND r.patient IS NOT NULL))`,
  named: 'SELECT standing, judged, amended FROM observation WHERE key = ?',
  // In force, and done to a row; or of its measurement, and not done to any row yet.
  doneTo: `
    SELECT ${AMENDMENT} FROM amendment WHERE undoneAt IS NULL AND key = (
      SELECT min(r.amendment) FROM amendedRow r JOIN amendment a ON a.key = r.amendment
      WHERE r.observation = ? AND a.kind = ? AND a.undoneAt IS NULL)`,
  dueOf: `
    SELECT ${AMENDMENT} FROM amendment WHERE key IN (
      SELECT r.amendment FROM amendRule r INDEXED BY amendRuleByPatient
      WHERE r.tenant = ? AND r.patient IN ${NUMBERS} AND r.until = ? AND r.effective = 1 AND r.device = ? AND r.vital = ? AND r.test = ?)
      AND kind = ? AND NOT EXISTS (SELECT 1 FROM amendedRow d WHERE d.amendment = amendment.key)
    ORDER BY key LIMIT 1`,
  // Of a measurement, with whether a confirmation is of them already, and named them. The time is given twice, as with withdraw.
  toConfirm: `
    SELECT key, standing, value, components, EXISTS (SELECT 1 FROM amendedRow r WHERE r.observation = key AND r.amendment = ?) AS isDone,
      EXISTS (SELECT 1 FROM amendRule g WHERE g.amendment = ? AND g.meant = observation.key) AS isMeant
    FROM observation WHERE key IN (
      SELECT key FROM observation INDEXED BY observationBySeries
      WHERE patient = ? AND vital = ? AND device = ? AND standing IN (-1, 0, 1) AND test = ? AND effective = ? AND sortTime = ?
      UNION ALL
      SELECT key FROM observation INDEXED BY observationSetAside
      WHERE patient = ? AND vital = ? AND device = ? AND test = ? AND effective = ? AND effective <> sortTime)`,
  byHand: 'SELECT kind, at FROM amendment WHERE key = ?',
  addRow: 'INSERT INTO amendedRow (observation, amendment, patient, bed) VALUES (?, ?, ?, ?)',
  addBit: 'UPDATE observation SET amended = amended | ? WHERE key IN (SELECT value FROM json_each(?))',
  clearBit: 'UPDATE observation SET amended = amended & ~? WHERE key = ?',
  hasOther: `
    SELECT 1 AS found FROM amendedRow r JOIN amendment a ON a.key = r.amendment WHERE r.observation = ? AND a.kind = ? LIMIT 1`,
  rowPage: `
    SELECT r.observation AS key, r.patient AS backTo, r.bed AS backBed, o.patient AS owner, p.id AS ownerId, o.vital, o.device, o.effective, o.test, o.revises, o.preliminary
    FROM amendedRow r LEFT JOIN observation o ON o.key = r.observation LEFT JOIN patient p ON p.key = o.patient
    WHERE r.amendment = ? AND r.observation > ? ORDER BY r.observation LIMIT ${AMENDED_A_PAGE}`,
  // It stays as history: no amendment has a key below zero, so that nothing goes by it.
  setRowUndone:
    'UPDATE OR REPLACE amendedRow SET amendment = -amendment, patient = NULL, bed = NULL WHERE observation = ? AND amendment = ?',
  dropRowsOf: 'DELETE FROM amendedRow WHERE observation = ?',
  nextGiven: `
    SELECT amendment FROM amendedRow WHERE observation = ? AND amendment > ? AND patient IS NOT NULL ORDER BY amendment LIMIT 1`,
  setGivenBy: 'UPDATE amendedRow SET patient = ?, bed = ? WHERE observation = ? AND amendment = ?',
  byHandPage: `
    SELECT r.observation, r.amendment, r.bed, o.stated, o.writer, o.sortTime, o.device, o.vital, o.test, o.effective
    FROM amendedRow r INDEXED BY amendedRowByBed JOIN observation o ON o.key = r.observation
    WHERE r.patient = ? AND r.bed = ? AND r.observation > ? AND r.observation <= ? ORDER BY r.observation LIMIT ${AMENDED_A_PAGE}`,
  forgetGiver: 'UPDATE amendedRow SET patient = NULL, bed = NULL WHERE patient = ?',

  countChanged: `
    SELECT count(*) AS rows FROM amendment a JOIN amendedRow r ON r.amendment IN (a.key, -a.key) WHERE a.tenant = ? AND a.id = ?`,
  idPage: `
    SELECT r.observation AS key, w.agent, w.epoch, o.seq, o.part FROM amendment a
    JOIN amendedRow r ON r.amendment = a.key * ? JOIN observation o ON o.key = r.observation JOIN writer w ON w.key = o.writer
    WHERE a.tenant = ? AND a.id = ? AND r.observation > ? ORDER BY r.observation LIMIT ${AMENDED_A_PAGE}`,
  // Of a page of rows, with what else was done to each (JSON).
  othersPage: `
    SELECT r.observation AS key,
      (SELECT json_group_array(x.amendment) FROM amendedRow x WHERE x.observation = r.observation AND x.amendment > 0 AND x.amendment <> a.key) AS others
    FROM amendment a JOIN amendedRow r ON r.amendment = a.key * ?
    WHERE a.tenant = ? AND a.id = ? AND r.observation > ? ORDER BY r.observation LIMIT ${AMENDED_A_PAGE}`,
  // Of a comparison of row values SQLite would walk all that are equal in the first.
  seriesBehind: `
    SELECT * FROM (
      SELECT vital, device FROM observation INDEXED BY observationBySeries WHERE patient = ? AND vital = ? AND device > ? ORDER BY device LIMIT 1) AS found
    UNION ALL SELECT * FROM (
      SELECT vital, device FROM observation INDEXED BY observationBySeries WHERE patient = ? AND vital > ? ORDER BY vital, device LIMIT 1) AS found
    LIMIT 1`,
  idsOfSeries: `
    SELECT w.agent, w.epoch, o.seq, o.part FROM observation o INDEXED BY observationBySeries JOIN writer w ON w.key = o.writer
    WHERE o.patient = ? AND o.vital = ? AND o.device = ? AND o.standing IN (-1, 0, 1) AND o.test IN (0, 1) AND o.sortTime >= ? AND o.sortTime < ? LIMIT ?`,
  removedUpTo: "SELECT coalesce(max(upTo), 0) AS removedUpTo FROM retained WHERE class IN ('spotAt', 'continuousAt')",

  patientId: 'SELECT id FROM patient WHERE key = ?',
  // Keys of observations have no index, for each row would pay for it: pages of the table are looked through, the newest first.
  seenKey: `
    SELECT s.writer FROM writer w JOIN seen s ON s.writer = w.key AND s.seq = ? AND s.part = ? WHERE w.agent = ? AND w.epoch = ?`,
  measurementIn: `
    SELECT o.key, p.tenant, p.id AS patient, o.vital, o.device, o.test, o.effective FROM observation o JOIN patient p ON p.key = o.patient
    WHERE o.key >= ? AND o.key < ? AND o.writer = ? AND o.seq = ? AND o.part = ?`,
  lastKept: 'SELECT max(key) AS key FROM observation WHERE key < ?',
  countStretch: `
    SELECT count(*) AS rows FROM observation INDEXED BY observationBySeries
    WHERE patient = ? AND vital = ? AND device = ? AND standing IN (-1, 0, 1) AND test IN (0, 1) AND sortTime >= ? AND sortTime < ?`,
  // Looks at all that are void before the first that is not.
  anyNotVoid: `
    SELECT 1 AS found FROM observation INDEXED BY observationBySeries
    WHERE patient = ? AND vital = ? AND device = ? AND standing IN (-1, 0, 1) AND test IN (0, 1) AND sortTime >= ? AND sortTime < ?
      AND amended & 1 = 0 LIMIT 1`,
  rollupPage: `
    SELECT start, width FROM rollup WHERE patient = ? AND vital = ? AND device = ? AND part = ? AND test = ? AND start > ? AND start < ? AND start + width > ?
    ORDER BY start LIMIT ${AMENDED_A_PAGE}`,
} as const;
