import type { Migration } from '../../shared/storage/migrations.ts';
import { EVIDENCE_CLASSES } from './classes.ts';

const APPEND_ONLY = "BEGIN SELECT RAISE(ABORT, 'the evidence is append-only'); END;";
const UP_TO = "coalesce((SELECT seq FROM auditAnchor WHERE what = 'entries'), 0)";
/** Where the content of an entry begins; what stands for it, as link.ts has it. */
const HEAD = `substr(OLD.entry, 1, instr(OLD.entry, ',"principal":') - 1)`;

/** An anchor that is not of an entry. */
const UNFOUNDED = `NEW.what NOT IN (${[...EVIDENCE_CLASSES, 'entries'].map((name) => `'${name}'`).join(', ')})
    OR NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq AND hash = NEW.hash)`;

/** What the retention of the evidence needs: nothing is removed but behind an anchor. Whether the hub signed that, `verifyEvidence` says. */
export const EVIDENCE_RETENTION_STEP: Migration = `
-- Up to which entry the content of a class, or whole entries ('entries'), may be gone: its hash, the newest time of what went, a signed note.
CREATE TABLE auditAnchor (
  what TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL,
  at INTEGER NOT NULL,
  note TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER auditAnchor_only_grows BEFORE INSERT ON auditAnchor
  WHEN NEW.seq <= coalesce((SELECT seq FROM auditAnchor WHERE what = NEW.what), 0) OR ${UNFOUNDED}
  ${APPEND_ONLY}
CREATE TRIGGER auditAnchor_no_update BEFORE UPDATE ON auditAnchor WHEN NEW.what <> OLD.what OR NEW.seq <= OLD.seq OR ${UNFOUNDED}
  ${APPEND_ONLY}
CREATE TRIGGER auditAnchor_no_delete BEFORE DELETE ON auditAnchor ${APPEND_ONLY}

DROP TRIGGER audit_no_delete;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN OLD.seq > ${UP_TO} ${APPEND_ONLY}
DROP TRIGGER audit_no_update;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
  WHEN NEW.seq <> OLD.seq OR NEW.hash <> OLD.hash OR OLD.entry NOT LIKE '{"v":3,%' OR instr(OLD.entry, ',"principal":') = 0
    OR OLD.seq > coalesce((SELECT seq FROM auditAnchor WHERE what = json_extract(OLD.entry, '$.class')), 0)
    OR substr(NEW.entry, 1, length(${HEAD}) + 9) <> ${HEAD} || ',"gone":"' OR length(NEW.entry) <> length(${HEAD}) + 55 OR substr(NEW.entry, -2) <> '"}'
  ${APPEND_ONLY}
DROP TRIGGER auditCheckpoint_no_delete;
CREATE TRIGGER auditCheckpoint_no_delete BEFORE DELETE ON auditCheckpoint WHEN OLD.seq > ${UP_TO} ${APPEND_ONLY}
`;
