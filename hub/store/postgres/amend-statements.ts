import { AMENDED_A_PAGE } from '../amend/statements.ts';

/** A patient, and whoever was merged into this one; of the tenant $1 and the patient $2. */
const NUMBERS = '(SELECT $2 UNION SELECT patient FROM merged_number WHERE tenant = $1 AND goes_by = $2)';

const AMENDMENT = `
    SELECT key, id, tenant, kind, patient, to_patient AS "toPatient", reason, at, device, vital, start, until, undone_at AS "undoneAt" FROM amendment`;

const RULE = 'r.device, r.vital, r.test::int AS test, r.effective, r.start, r.until';

/** Statements on what people decided about readings; within a transaction of the tenant. As in SQLite. */
export const AMEND_PG = {
  add: `
    INSERT INTO amendment (id, tenant, kind, patient, to_patient, reason, at, device, vital, start, until)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING key`,
  byKey: `${AMENDMENT} WHERE key = $1`,
  byId: `${AMENDMENT} WHERE tenant = $1 AND id = $2`,
  ofTenant: `${AMENDMENT} WHERE tenant = $1 ORDER BY key`,
  ofPatient: `${AMENDMENT} WHERE tenant = $1 AND (patient IN ${NUMBERS} OR to_patient IN ${NUMBERS}) ORDER BY key`,
  ofObservation: `${AMENDMENT} WHERE tenant = $1 AND key IN (SELECT abs(amendment) FROM amended_row WHERE observation = $2) ORDER BY key`,
  sinceOf: `
    SELECT key, patient FROM amendment WHERE tenant = $1 AND patient IN ${NUMBERS} AND key > $3 AND undone_at IS NULL ORDER BY key`,
  voidOfAll: `
    ${AMENDMENT} WHERE tenant = $1 AND patient IN ${NUMBERS} AND kind = 'void' AND undone_at IS NULL
      AND start <= $3 AND until >= $4 AND (device IS NULL OR device = $5) AND (vital IS NULL OR vital = $6)
      AND NOT EXISTS (
        SELECT FROM amendment g WHERE g.tenant = $1 AND g.to_patient IN ${NUMBERS} AND g.key > amendment.key AND g.undone_at IS NULL)
    ORDER BY key LIMIT 1`,
  setUndone: 'UPDATE amendment SET undone_at = $2 WHERE key = $1',
  forget: `UPDATE amendment SET patient = NULL WHERE tenant = $1 AND patient IN ${NUMBERS}`,
  forgetOther: `UPDATE amendment SET to_patient = NULL WHERE tenant = $1 AND to_patient IN ${NUMBERS}`,

  addRule: `
    INSERT INTO amend_rule (amendment, tenant, patient, device, vital, test, effective, start, until, meant) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
  hasRule: `
    SELECT 1 AS found FROM amend_rule
    WHERE tenant = $1 AND patient = $2 AND until = $3 AND amendment = $4 AND effective = 1 AND device = $5 AND vital = $6 AND test = $7 LIMIT 1`,
  nextRule: `SELECT r.key, r.patient, ${RULE}, r.meant FROM amend_rule r WHERE r.amendment = $1 AND r.key >= $2 ORDER BY r.key LIMIT 1`,
  dropRules: 'DELETE FROM amend_rule WHERE amendment = $1',
  forgetRules: `DELETE FROM amend_rule WHERE tenant = $1 AND patient IN ${NUMBERS}`,
  anyRule: `
    SELECT 1 AS found FROM amend_rule WHERE tenant = $1 AND until > $3
      AND patient IN (SELECT unnest($2::text[]) UNION SELECT patient FROM merged_number WHERE tenant = $1 AND goes_by = ANY ($2::text[])) LIMIT 1`,
  rulesOf: `
    SELECT r.amendment, ${RULE}, a.kind, coalesce(m.goes_by, a.to_patient) AS "toPatient"
    FROM amend_rule r JOIN amendment a ON a.key = r.amendment
      LEFT JOIN merged_number m ON m.tenant = a.tenant AND m.patient = a.to_patient
    WHERE r.tenant = $1 AND r.patient IN ${NUMBERS} AND r.until > $3 AND a.kind <> 'confirm' ORDER BY r.amendment, r.key`,

  goesBy: 'SELECT goes_by AS "goesBy" FROM merged_number WHERE tenant = $1 AND patient = $2',
  setGoesBy: `
    INSERT INTO merged_number (tenant, patient, goes_by) VALUES ($1, $2, $3)
    ON CONFLICT (tenant, patient) DO UPDATE SET goes_by = excluded.goes_by`,
  dropGoesBy: 'DELETE FROM merged_number WHERE tenant = $1 AND patient = $2',
  forgetMerged: 'DELETE FROM merged_number WHERE tenant = $1 AND (patient = $2 OR goes_by = $2)',
  nextGivenTo: 'SELECT key FROM amendment WHERE tenant = $1 AND to_patient = $2 AND key > $3 ORDER BY key LIMIT 1',
  // Of a page of rows that a decision made somebody's, with the next one that made them another's.
  givenPage: `
    SELECT r.observation AS key, r.sort_time AS "sortTime", o.patient AS owner, o.vital, o.device, o.effective, o.test, o.stored_at AS "storedAt",
      (SELECT min(x.amendment) FROM amended_row x WHERE x.observation = r.observation AND x.amendment > r.amendment AND x.patient IS NOT NULL) AS next
    FROM amended_row r JOIN observation o ON o.key = r.observation AND o.sort_time = r.sort_time
    WHERE r.amendment = $1 AND r.observation > $2 ORDER BY r.observation LIMIT ${AMENDED_A_PAGE}`,
  setGiver: `
    UPDATE amended_row r SET patient = $1 FROM unnest($2::bigint[], $3::bigint[]) AS g (observation, amendment)
    WHERE r.observation = g.observation AND r.amendment = g.amendment AND r.patient = $4`,
  voidsOf: `
    SELECT r.observation, r.amendment FROM amended_row r JOIN amendment a ON a.key = r.amendment
    WHERE r.observation = ANY ($1::bigint[]) AND a.kind = 'void' ORDER BY r.observation, r.amendment`,

  ofKeys: `
    SELECT o.key, o.bed, o.effective, o.sort_time AS "sortTime", o.stored_at AS "storedAt", o.test FROM observation o
    JOIN unnest($1::bigint[], $2::bigint[]) AS g (key, sort_time) ON o.key = g.key AND o.sort_time = g.sort_time
    WHERE NOT EXISTS (
      SELECT FROM amended_row r WHERE r.observation = o.key AND (r.amendment = $3 OR r.amendment > $3 AND r.patient IS NOT NULL))`,
  named: 'SELECT standing, judged, amended FROM observation WHERE key = $1 AND sort_time = $2',
  // In force, and done to a row; or of its measurement, and not done to any row yet.
  doneTo: `
    ${AMENDMENT} WHERE undone_at IS NULL AND key = (
      SELECT min(r.amendment) FROM amended_row r JOIN amendment a ON a.key = r.amendment
      WHERE r.observation = $1 AND a.kind = $2 AND a.undone_at IS NULL)`,
  dueOf: `
    ${AMENDMENT} WHERE key IN (
      SELECT r.amendment FROM amend_rule r
      WHERE r.tenant = $1 AND r.patient IN ${NUMBERS} AND r.until = $3 AND r.effective = 1 AND r.device = $4 AND r.vital = $5 AND r.test = $6)
      AND kind = $7 AND NOT EXISTS (SELECT FROM amended_row d WHERE d.amendment = amendment.key)
    ORDER BY key LIMIT 1`,
  // Of a measurement, with whether a confirmation is of them already.
  toConfirm: `
    SELECT o.key, o.sort_time AS "sortTime", o.standing, o.value, o.components,
      EXISTS (SELECT FROM amended_row r WHERE r.observation = o.key AND r.amendment = $6) AS "isDone",
      EXISTS (SELECT FROM amend_rule m WHERE m.amendment = $6 AND m.meant = o.key) AS "isMeant"
    FROM observation o
    WHERE o.patient = $1 AND o.vital = $2 AND o.device = $3 AND o.standing IN (-1, 0, 1) AND o.test = $4 AND o.effective = $5 AND o.sort_time = $5
    UNION ALL
    SELECT o.key, o.sort_time, o.standing, o.value, o.components,
      EXISTS (SELECT FROM amended_row r WHERE r.observation = o.key AND r.amendment = $6),
      EXISTS (SELECT FROM amend_rule m WHERE m.amendment = $6 AND m.meant = o.key)
    FROM observation o
    WHERE o.patient = $1 AND o.vital = $2 AND o.device = $3 AND o.test = $4 AND o.effective = $5 AND o.effective <> o.sort_time`,
  addRows: `
    INSERT INTO amended_row (tenant, amendment, observation, sort_time, patient, bed)
    SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])`,
  addBit: `
    UPDATE observation o SET amended = o.amended | $1 FROM unnest($2::bigint[], $3::bigint[]) AS g (key, sort_time)
    WHERE o.key = g.key AND o.sort_time = g.sort_time`,
  clearBit: `
    UPDATE observation o SET amended = o.amended & ~$1::int FROM unnest($2::bigint[], $3::bigint[]) AS g (key, sort_time)
    WHERE o.key = g.key AND o.sort_time = g.sort_time`,
  // Of a page of rows, with what else was decided of each: of the same kind, and whether it became yet another's since.
  rowPage: `
    SELECT r.observation AS key, r.sort_time AS "sortTime", r.patient AS "backTo", r.bed AS "backBed", b.id AS "backId", o.patient AS owner, p.id AS "ownerId",
      o.vital, o.device, o.effective, o.test, o.stored_at AS "storedAt",
      EXISTS (SELECT FROM amended_row x JOIN amendment a ON a.key = x.amendment
        WHERE x.observation = r.observation AND x.amendment <> r.amendment AND a.kind = $3) AS "hasOther",
      (SELECT min(x.amendment) FROM amended_row x WHERE x.observation = r.observation AND x.amendment > r.amendment AND x.patient IS NOT NULL) AS next
    FROM amended_row r LEFT JOIN observation o ON o.key = r.observation AND o.sort_time = r.sort_time LEFT JOIN patient p ON p.key = o.patient
    LEFT JOIN patient b ON b.key = r.patient
    WHERE r.amendment = $1 AND r.observation > $2 ORDER BY r.observation LIMIT ${AMENDED_A_PAGE}`,
  // They stay as history: no amendment has a key below zero, so that nothing goes by them.
  setRowsUndone:
    'UPDATE amended_row SET amendment = -amendment, patient = NULL, bed = NULL WHERE amendment = $1 AND observation = ANY ($2::bigint[])',
  dropRowsOf: 'DELETE FROM amended_row WHERE observation = ANY ($1::bigint[])',
  setGivenBy: `
    UPDATE amended_row r SET patient = $1, bed = $2 FROM unnest($3::bigint[], $4::bigint[]) AS g (observation, amendment)
    WHERE r.observation = g.observation AND r.amendment = g.amendment`,
  byHandPage: `
    SELECT r.observation, r.amendment, r.bed, o.stated, o.writer, o.sort_time AS "sortTime", o.device, o.vital, o.test, o.effective
    FROM amended_row r JOIN observation o ON o.key = r.observation AND o.sort_time = r.sort_time
    WHERE r.patient = $1 AND r.bed = $2 AND r.observation > $3 AND r.observation <= $4 ORDER BY r.observation LIMIT ${AMENDED_A_PAGE}`,
  forgetGiver: 'UPDATE amended_row SET patient = NULL, bed = NULL WHERE patient = $1',

  countChanged: `
    SELECT count(*)::int AS rows FROM amendment a CROSS JOIN LATERAL (VALUES (a.key), (-a.key)) AS s (key)
    JOIN amended_row r ON r.amendment = s.key WHERE a.tenant = $1 AND a.id = $2`,
  idsChanged: `
    SELECT w.agent, w.epoch, o.seq, o.part FROM amendment a CROSS JOIN LATERAL (VALUES (a.key), (-a.key)) AS s (key)
    JOIN amended_row r ON r.amendment = s.key JOIN observation o ON o.key = r.observation AND o.sort_time = r.sort_time JOIN writer w ON w.key = o.writer
    WHERE a.tenant = $1 AND a.id = $2 ORDER BY r.observation LIMIT $3`,
  holding: `
    ${AMENDMENT} WHERE undone_at IS NULL AND key IN (
      SELECT x.amendment FROM amendment a CROSS JOIN LATERAL (VALUES (a.key), (-a.key)) AS s (key)
      JOIN amended_row r ON r.amendment = s.key
      JOIN amended_row x ON x.observation = r.observation AND x.amendment > 0 AND x.amendment <> a.key
      WHERE a.tenant = $1 AND a.id = $2)
    ORDER BY key`,
  idsOfSeries: `
    SELECT w.agent, w.epoch, o.seq, o.part FROM observation o JOIN writer w ON w.key = o.writer
    WHERE o.patient = $1 AND o.vital = $2 AND o.device = $3 AND o.standing IN (-1, 0, 1) AND o.test IN (false, true)
      AND o.sort_time >= $4 AND o.sort_time < $5 LIMIT $6`,
  removedUpTo: `SELECT coalesce(max(up_to), 0) AS "removedUpTo" FROM retained WHERE tenant = $1 AND class IN ('spotAt', 'continuousAt')`,

  // Keys of observations have no index, for each row would pay for it: pages of the table are looked through, the newest first.
  seenKey: `
    SELECT s.writer FROM writer w JOIN seen s ON s.writer = w.key AND s.seq = $1 AND s.part = $2 WHERE w.agent = $3 AND w.epoch = $4`,
  measurementIn: `
    SELECT o.key, o.sort_time AS "sortTime", p.tenant, p.id AS patient, o.vital, o.device, o.test::int AS test, o.effective
    FROM observation o JOIN patient p ON p.key = o.patient
    WHERE o.key >= $1 AND o.key < $2 AND o.writer = $3 AND o.seq = $4 AND o.part = $5`,
  lastKept: 'SELECT max(key) AS key FROM observation WHERE key < $1',
  countStretch: `
    SELECT count(*)::int AS rows FROM observation
    WHERE patient = $1 AND vital = $2 AND device = $3 AND standing IN (-1, 0, 1) AND test IN (false, true) AND sort_time >= $4 AND sort_time < $5`,
  anyNotVoid: `
    SELECT 1 AS found FROM observation
    WHERE patient = $1 AND vital = $2 AND device = $3 AND standing IN (-1, 0, 1) AND test IN (false, true) AND sort_time >= $4 AND sort_time < $5
      AND amended & 1 = 0 LIMIT 1`,
  rollupPage: `
    SELECT start, width FROM rollup
    WHERE patient = $1 AND vital = $2 AND device = $3 AND part = $4 AND test = $5 AND start > $6 AND start < $7 AND start + width > $8
    ORDER BY start LIMIT ${AMENDED_A_PAGE}`,
} as const;
