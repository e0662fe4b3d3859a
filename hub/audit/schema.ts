import type { Migration } from '../../shared/storage/migrations.ts';

/**
 * Table of the evidence. Only the next entry may be added: the insert trigger also stops REPLACE, which deletes without asking the
 * delete trigger (sqlite.org/lang_conflict.html).
 */
export const AUDIT_SCHEMA = `
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  entry TEXT NOT NULL,
  hash BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_only_next BEFORE INSERT ON audit
  WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit)
  BEGIN SELECT RAISE(ABORT, 'the evidence is append-only'); END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the evidence is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the evidence is append-only'); END;
`;

/** What sealing, reading and signing the evidence need. */
export const EVIDENCE_STEP: Migration = `
-- By what the parts of the evidence that tell of a patient are sealed, see audit/sealed.ts. AUTOINCREMENT: the number stands in entries that nobody
-- can change, and is never another's.
CREATE TABLE patientKey (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant TEXT NOT NULL,
  patient TEXT NOT NULL,
  secret BLOB NOT NULL,
  UNIQUE (tenant, patient)
) STRICT;
-- In which entries a patient stands.
CREATE TABLE auditSubject (subject INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (subject, seq)) STRICT, WITHOUT ROWID;
-- Entries of before name their patient legibly.
INSERT INTO patientKey (tenant, patient, secret)
  SELECT DISTINCT json_extract(entry, '$.tenant') AS tenant, json_extract(entry, '$.patient') AS patient, randomblob(32) FROM audit
  WHERE json_extract(entry, '$.patient') IS NOT NULL GROUP BY tenant, patient;
INSERT INTO auditSubject (subject, seq)
  SELECT k.key, a.seq FROM audit a
  JOIN patientKey k ON k.tenant = json_extract(a.entry, '$.tenant') AND k.patient = json_extract(a.entry, '$.patient');
-- Of what is legible in every entry, so that no column can say otherwise than the entry.
CREATE INDEX auditByTime ON audit (json_extract(entry, '$.tenant'), json_extract(entry, '$.at'), json_extract(entry, '$.principal'));

-- Signed notes of how far the chain had come.
CREATE TABLE auditCheckpoint (seq INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
CREATE TRIGGER auditCheckpoint_only_next BEFORE INSERT ON auditCheckpoint
  WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM auditCheckpoint) OR NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
  BEGIN SELECT RAISE(ABORT, 'the evidence is append-only'); END;
CREATE TRIGGER auditCheckpoint_no_update BEFORE UPDATE ON auditCheckpoint BEGIN SELECT RAISE(ABORT, 'the evidence is append-only'); END;
CREATE TRIGGER auditCheckpoint_no_delete BEFORE DELETE ON auditCheckpoint BEGIN SELECT RAISE(ABORT, 'the evidence is append-only'); END;
`;

/** What an entry showed of the patient that it is listed under, as hub/audit/shown-tags.ts has it: NULL where that is not said, and of entries of before. */
export const SHOWN_STEP: Migration = 'ALTER TABLE auditSubject ADD COLUMN shown BLOB;';

/** A member of an entry; null where the entry is no JSON. */
const member = (name: string): string => `CASE WHEN json_valid(entry) THEN json_extract(entry, '$.${name}') END`;

/** By what entries are found, as the index has it: of what is legible in them, so that no column can say otherwise. */
export const MEMBER = { tenant: `(${member('tenant')})`, at: `(${member('at')})`, principal: `(${member('principal')})` } as const;

/** Holds for what no time or tenant can be read of. */
export const UNREAD = `
  coalesce(CASE WHEN json_valid(entry) THEN json_type(entry, '$.tenant') = 'text' AND json_type(entry, '$.at') = 'integer' END, 0) = 0`;

/** The index of patients from the side of the entries, by which it is verified as a whole; and reading that nothing stops which is no entry. */
export const PROOF_STEP: Migration = `
CREATE INDEX auditSubjectByEntry ON auditSubject (seq, subject);
DROP INDEX auditByTime;
CREATE INDEX auditByTime ON audit (${MEMBER.tenant}, ${MEMBER.at}, ${MEMBER.principal});
CREATE INDEX auditUnread ON audit (seq) WHERE ${UNREAD};
`;
