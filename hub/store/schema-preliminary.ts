import type { Migration } from '../../shared/storage/migrations.ts';

/** What preliminary values need, and those that lie in another rollup than that of their device's time. */
export const PRELIMINARY_STEP: Migration = `
-- 1 for a preliminary value: it stands until a final one of the same measurement is there.
ALTER TABLE observation ADD COLUMN preliminary INTEGER NOT NULL DEFAULT 0;
CREATE INDEX preliminary ON observation (patient, vital, device, effective) WHERE preliminary = 1;

-- Minutes of rollups that hold a value which has to be found by its device's time (effective, its minute) once it is taken back or replaced: it
-- lies in another minute, or it is preliminary.
CREATE TABLE rolledFrom (
  patient INTEGER NOT NULL,
  vital TEXT NOT NULL,
  device TEXT NOT NULL,
  test INTEGER NOT NULL,
  effective INTEGER NOT NULL,
  preliminary INTEGER NOT NULL,
  start INTEGER NOT NULL,
  PRIMARY KEY (patient, vital, device, test, effective, preliminary, start)
) STRICT, WITHOUT ROWID;
CREATE INDEX rolledFromByStart ON rolledFrom (patient, vital, device, test, start);
CREATE INDEX rolledFromPreliminary ON rolledFrom (patient) WHERE preliminary = 1;
`;
