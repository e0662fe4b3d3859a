import type { Migration } from '../../../shared/storage/migrations.ts';

/** Devices were moved by their id alone before: of those moves no gateway is known. */
export const MOVES_STEP: Migration = `
ALTER TABLE deviceMove ADD COLUMN gateway TEXT;
`;

/** Of a device that was moved, what kind of id its messages had; NULL: any. */
export const MOVED_TYPE_STEP: Migration = `
ALTER TABLE deviceMove ADD COLUMN idType TEXT;
`;

/** By which bed rows are somebody's, and what is still to be done since that changed. */
export const PLACING_STEP: Migration = `
-- A bed of a tenant, and a person as a hospital numbers it; rows name them by their keys. Of who was erased the row stays, with NULL for all that it said,
-- so that nobody else gets its key.
CREATE TABLE placeBed (key INTEGER PRIMARY KEY, tenant TEXT NOT NULL, bed TEXT NOT NULL, UNIQUE (tenant, bed)) STRICT;
CREATE TABLE person (
  key INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  authority TEXT,
  value TEXT,
  id TEXT UNIQUE,
  UNIQUE (tenant, authority, value)
) STRICT;

-- The bed by which a row is somebody's, and the person whom its message named; NULL where its patient does not follow from movements.
ALTER TABLE observation ADD COLUMN bed INTEGER;
ALTER TABLE observation ADD COLUMN stated INTEGER;
ALTER TABLE event ADD COLUMN bed INTEGER;
ALTER TABLE event ADD COLUMN stated INTEGER;

-- Devices that were moved by hand, in order of keeping; bed NULL: nowhere.
CREATE TABLE deviceMove (key INTEGER PRIMARY KEY, tenant TEXT NOT NULL, device TEXT NOT NULL, bed TEXT, at INTEGER NOT NULL) STRICT;

-- How often what is known of who lies where has changed.
CREATE TABLE placing (tenant TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Rows that are to become another's, in the order in which that was decided: the order (JSON) concerns observations and events up to these keys, for what came
-- later was placed by it already. progress: how far it has come (JSON).
CREATE TABLE reassignDue (
  key INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  wanted TEXT NOT NULL,
  lastObservation INTEGER NOT NULL,
  lastEvent INTEGER NOT NULL,
  progress TEXT NOT NULL
) STRICT;
`;
