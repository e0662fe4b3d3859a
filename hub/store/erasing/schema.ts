import type { Migration } from '../../../shared/storage/migrations.ts';

/** Who was erased, and of whom nothing may be. */
export const ERASING_STEP: Migration = `
-- A tombstone each; rows are never removed. subject: the number of the person in the evidence. While it is under way there are the patient's id, the gateways
-- that spoke for them and the names that were found (JSON), the last event that
-- was looked at, and how much went (JSON). others: marks, JSON.
CREATE TABLE erasure (
  key INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  secret BLOB NOT NULL,
  mark BLOB NOT NULL,
  subject INTEGER,
  at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  principal TEXT NOT NULL,
  others TEXT NOT NULL,
  patient TEXT,
  gateways TEXT,
  names TEXT,
  lastEvent INTEGER NOT NULL DEFAULT 0,
  removed TEXT NOT NULL DEFAULT '{}',
  UNIQUE (tenant, secret, mark)
) STRICT;
CREATE INDEX erasureUnderWay ON erasure (tenant, patient) WHERE patient IS NOT NULL;

CREATE TABLE legalHold (
  tenant TEXT NOT NULL,
  patient TEXT NOT NULL,
  reason TEXT NOT NULL,
  principal TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (tenant, patient, reason)
) STRICT, WITHOUT ROWID;
`;

const HELD = "BEGIN SELECT RAISE(ABORT, 'of a patient under legal hold'); END;";
/** Of whom an entry is, as it says itself: the index could be changed before it. */
const ENTRY_IS_HELD = `json_valid(OLD.entry) AND (
    EXISTS (
      SELECT 1 FROM (
        SELECT json_extract(OLD.entry, '$.subject') AS subject UNION ALL
        SELECT CASE s.type WHEN 'array' THEN json_extract(s.value, '$[0]') ELSE s.value END FROM json_each(OLD.entry, '$.subjects') s
      ) own JOIN patientKey k ON k.key = own.subject JOIN legalHold h ON h.tenant = k.tenant AND h.patient = k.patient)
    OR EXISTS (
      SELECT 1 FROM legalHold h WHERE h.tenant = json_extract(OLD.entry, '$.tenant') AND h.patient = json_extract(OLD.entry, '$.patient')))`;
const KEY_IS_HELD = 'EXISTS (SELECT 1 FROM legalHold h WHERE h.tenant = OLD.tenant AND h.patient = OLD.patient)';

/** Of whoever is under legal hold nothing goes, whoever asks the database; and what the retention passed over because of that is found again. */
export const HELD_STEP: Migration = `
-- By which marks movements are a person's stands in the tombstone alone.
ALTER TABLE erasure DROP COLUMN names;

-- Entries that were due and held. again: to be looked at, for a hold has ended.
CREATE TABLE auditPassedOver (seq INTEGER PRIMARY KEY, again INTEGER NOT NULL) STRICT;
CREATE INDEX auditPassedOverAgain ON auditPassedOver (seq) WHERE again = 1;
INSERT INTO auditPassedOver (seq, again)
  SELECT a.seq, 1 FROM auditAnchor n JOIN audit a ON a.seq <= n.seq
  WHERE n.what <> 'entries' AND a.entry LIKE '{"v":3,%' AND instr(a.entry, ',"class":"' || n.what || '","principal":') > 0;

CREATE TRIGGER audit_held_update BEFORE UPDATE ON audit WHEN ${ENTRY_IS_HELD} ${HELD}
CREATE TRIGGER audit_held_delete BEFORE DELETE ON audit WHEN ${ENTRY_IS_HELD} ${HELD}
CREATE TRIGGER patientKey_held_update BEFORE UPDATE ON patientKey WHEN ${KEY_IS_HELD} ${HELD}
CREATE TRIGGER patientKey_held_delete BEFORE DELETE ON patientKey WHEN ${KEY_IS_HELD} ${HELD}
`;
