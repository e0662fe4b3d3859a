import type { Migration } from '../../../shared/storage/migrations.ts';

/** By whose number who was merged goes. */
export const MERGED_STEP: Migration = `
-- patient: a number that was merged, as public id; whom it goes by: who survived. A number that is its own has no row.
CREATE TABLE mergedNumber (tenant TEXT NOT NULL, patient TEXT NOT NULL, goesBy TEXT NOT NULL, PRIMARY KEY (tenant, patient)) STRICT, WITHOUT ROWID;
CREATE INDEX mergedNumberBySurvivor ON mergedNumber (tenant, goesBy);
`;

/** Which reading somebody named. */
export const MEANT_STEP: Migration = `
-- Of single measurements: the observation that was named, by which a confirmation holds for what says the same. NULL for a stretch, and for what was decided before this was kept.
ALTER TABLE amendRule ADD COLUMN meant INTEGER;
`;

/** What people decided about readings, and of which rows. */
export const AMEND_STEP: Migration = `
-- What was decided about a row: bits of amended.ts.
ALTER TABLE observation ADD COLUMN amended INTEGER NOT NULL DEFAULT 0;

-- A decision. start: of the first measurement; device, vital and until: of a stretch. patient and toPatient: NULL once that person was erased.
CREATE TABLE amendment (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL,
  patient TEXT,
  toPatient TEXT,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL,
  device TEXT,
  vital TEXT,
  start INTEGER NOT NULL,
  until INTEGER,
  undoneAt INTEGER
) STRICT;
CREATE INDEX amendmentByPatient ON amendment (tenant, patient);
CREATE INDEX amendmentByOther ON amendment (tenant, toPatient) WHERE toPatient IS NOT NULL;

-- What it is of, and what comes too: by the sort time, or by the time of the device (effective 1), from start up to and without until. NULL: any.
CREATE TABLE amendRule (
  key INTEGER PRIMARY KEY,
  amendment INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  patient TEXT NOT NULL,
  device TEXT,
  vital TEXT,
  test INTEGER,
  effective INTEGER NOT NULL,
  start INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT;
CREATE INDEX amendRuleByPatient ON amendRule (tenant, patient, until);
CREATE INDEX amendRuleByAmendment ON amendRule (amendment, key);

-- Which rows it has changed; with the amendment below zero what it had changed until it was undone. Of those that became another's: whose they would be, and by which bed, which movements go on to change.
CREATE TABLE amendedRow (
  observation INTEGER NOT NULL,
  amendment INTEGER NOT NULL,
  patient INTEGER,
  bed INTEGER,
  PRIMARY KEY (observation, amendment)
) STRICT, WITHOUT ROWID;
CREATE INDEX amendedRowByAmendment ON amendedRow (amendment, observation);
CREATE INDEX amendedRowByBed ON amendedRow (patient, bed, observation) WHERE patient IS NOT NULL;
`;
