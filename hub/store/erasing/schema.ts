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

/** By which marks a person's movements are found stands in the tombstone alone. */
export const HELD_STEP: Migration = `
ALTER TABLE erasure DROP COLUMN names;
`;
