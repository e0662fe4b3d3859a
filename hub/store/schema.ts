import type { Migration } from '../../shared/storage/migrations.ts';
import { FEED_STEP, RECEIVERS_STEP } from '../audit/feed/sqlite-places.ts';
import { EVIDENCE_RETENTION_STEP } from '../audit/retention-schema.ts';
import { AUDIT_SCHEMA, EVIDENCE_STEP, PROOF_STEP, SHOWN_STEP } from '../audit/schema.ts';
import { USAGE_STEP } from '../audit/usage.ts';
import { AMEND_STEP, MEANT_STEP, MERGED_STEP } from './amend/schema.ts';
import { ERASING_STEP, HELD_STEP } from './erasing/schema.ts';
import { IDENTITY_STEP } from './identity/schema.ts';
import { MOVED_TYPE_STEP, MOVES_STEP, PLACING_STEP } from './placing/schema.ts';
import { QUARANTINE_STEP } from './quarantine-room.ts';
import { HISTORY_STEP } from './schema-history.ts';
import { PRELIMINARY_STEP } from './schema-preliminary.ts';
import { SERIES_STEP } from './schema-series.ts';
import { SERVED_STEP } from './served-tools.ts';
import { STRETCHES_STEP } from './stretches.ts';

/**
 * Schema of the hub's SQLite store; steps are never changed after a release. Keys are integers, because random ones cost three to
 * four times as much to insert. The tables written with every row have no foreign keys: each would be a look-up a row, and would make
 * the removal of old rows search its children.
 */
export const STORE_MIGRATIONS: readonly Migration[] = [
  `
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('storeId', lower(hex(randomblob(16))));

-- A patient of a tenant; the key stands for both.
CREATE TABLE patient (
  key INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  lastStoredAt INTEGER,
  UNIQUE (tenant, id)
) STRICT;

-- What one gateway sent of one patient in one request and was new: the observations firstKey to lastKey. The column received holds
-- their resources as the gateway sent them, canonical JSON, one a line, zstd: fifty together take a fortieth of their text, eight a
-- ninth, in space as in encryption. They say whose the sender thinks they are and are not to be given out as they stand.
CREATE TABLE batch (
  key INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  gateway TEXT NOT NULL,
  storedAt INTEGER NOT NULL,
  sentAt INTEGER,
  firstKey INTEGER NOT NULL,
  lastKey INTEGER NOT NULL,
  received BLOB NOT NULL
) STRICT;
CREATE INDEX batchByTime ON batch (tenant, storedAt, firstKey, lastKey);

-- In order of storing.
CREATE TABLE observation (
  key INTEGER PRIMARY KEY,
  batch INTEGER NOT NULL,
  patient INTEGER NOT NULL,
  writer INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  part INTEGER NOT NULL,
  vital TEXT NOT NULL,
  device TEXT NOT NULL,
  value REAL,
  unit TEXT NOT NULL,
  absent TEXT,
  components TEXT,
  flags TEXT,
  effective INTEGER NOT NULL,
  offsetMin INTEGER NOT NULL,
  receivedAt INTEGER NOT NULL,
  sortTime INTEGER NOT NULL,
  test INTEGER NOT NULL
) STRICT;
CREATE INDEX observationByTime ON observation (patient, vital, sortTime);

-- Which observation is the current one.
CREATE TABLE latest (
  patient INTEGER NOT NULL,
  vital TEXT NOT NULL,
  device TEXT NOT NULL,
  sortTime INTEGER NOT NULL,
  storedAt INTEGER NOT NULL,
  observation INTEGER NOT NULL,
  PRIMARY KEY (patient, vital, device)
) STRICT, WITHOUT ROWID;

-- Who made observation ids, and all ids that were ever stored, with the hash of what came under them. Of no tenant: a gateway that
-- was given to another home must not have its old rows taken for new ones there. They outlive the observations.
CREATE TABLE writer (key INTEGER PRIMARY KEY, agent TEXT NOT NULL, epoch TEXT NOT NULL, UNIQUE (agent, epoch)) STRICT;
CREATE TABLE seen (
  writer INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  part INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (writer, seq, part)
) STRICT, WITHOUT ROWID;

-- What was refused, with its reason; the same part sent again is kept once.
CREATE TABLE quarantine (
  key INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  gateway TEXT NOT NULL,
  id TEXT NOT NULL,
  code TEXT NOT NULL,
  rule TEXT NOT NULL,
  hash BLOB NOT NULL,
  received TEXT NOT NULL,
  UNIQUE (tenant, gateway, hash, code)
) STRICT;

CREATE TABLE total (
  tenant TEXT PRIMARY KEY,
  observations INTEGER NOT NULL DEFAULT 0,
  duplicates INTEGER NOT NULL DEFAULT 0,
  quarantined INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
${AUDIT_SCHEMA}`,
  `
-- Whose what a gateway measures is, and since when by the hub's clock; what was taken away stays with patient NULL. The name is a bed or
-- device, '' for the gateway's own patient.
CREATE TABLE binding (
  gateway TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  tenant TEXT NOT NULL,
  patient TEXT,
  since INTEGER NOT NULL,
  PRIMARY KEY (gateway, kind, name)
) STRICT, WITHOUT ROWID;`,
  `
-- freshAt: from when the age counts (0: unknown). place: home or bed. standing: 1 for what may be the current one, 0 for what may not
-- or was taken back, -1 for what takes another back.
ALTER TABLE observation ADD COLUMN freshAt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE observation ADD COLUMN place TEXT NOT NULL DEFAULT 'bed';
ALTER TABLE observation ADD COLUMN standing INTEGER NOT NULL DEFAULT 1;
UPDATE observation SET freshAt = sortTime, standing = NOT (coalesce(flags, '') LIKE '%memory%' AND coalesce(flags, '') LIKE '%clock%');
ALTER TABLE latest ADD COLUMN freshAt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE latest ADD COLUMN place TEXT NOT NULL DEFAULT 'bed';
ALTER TABLE latest ADD COLUMN test INTEGER NOT NULL DEFAULT 0;
UPDATE latest SET freshAt = min(sortTime, storedAt), test = (SELECT test FROM observation WHERE key = latest.observation);

DROP INDEX observationByTime;
CREATE INDEX observationByStanding ON observation (patient, vital, device, standing, test, sortTime DESC);
CREATE INDEX observationSetAside ON observation (patient, vital, device, effective) WHERE effective <> sortTime;
CREATE INDEX withdrawal ON observation (patient, vital, device, effective) WHERE standing = -1;
`,
  `
-- Alerts, waves and movements, in order of storing. The column received holds the resource as the gateway sent it, canonical JSON, zstd.
CREATE TABLE event (
  key INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  tenant TEXT NOT NULL,
  gateway TEXT NOT NULL,
  patient TEXT,
  writer INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  part INTEGER NOT NULL,
  device TEXT NOT NULL,
  effective INTEGER NOT NULL,
  offsetMin INTEGER NOT NULL,
  receivedAt INTEGER NOT NULL,
  sortTime INTEGER NOT NULL,
  storedAt INTEGER NOT NULL,
  test INTEGER NOT NULL,
  received BLOB NOT NULL
) STRICT;
CREATE INDEX eventByTime ON event (tenant, kind, sortTime);
CREATE INDEX eventByPatient ON event (tenant, patient, kind, sortTime) WHERE patient IS NOT NULL;
ALTER TABLE total ADD COLUMN events INTEGER NOT NULL DEFAULT 0;
`,
  `
-- The epochs of this file, in order; since is the position (number of the last entry of evidence) that an epoch began behind. See lineage.ts.
CREATE TABLE lineage (key INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE, since INTEGER NOT NULL) STRICT;
CREATE INDEX lineageBySince ON lineage (since);
`,
  HISTORY_STEP,
  QUARANTINE_STEP,
  `
-- When no binding is known: the store was put back, at found, to what it held at start; until the registry was next read (NULL: not yet).
CREATE TABLE unknownBinding (key INTEGER PRIMARY KEY, start INTEGER NOT NULL, found INTEGER NOT NULL, until INTEGER) STRICT;
`,
  EVIDENCE_STEP,
  PRELIMINARY_STEP,
  USAGE_STEP,
  FEED_STEP,
  ERASING_STEP,
  PROOF_STEP,
  EVIDENCE_RETENTION_STEP,
  RECEIVERS_STEP,
  PLACING_STEP,
  HELD_STEP,
  SHOWN_STEP,
  MOVES_STEP,
  AMEND_STEP,
  IDENTITY_STEP,
  MERGED_STEP,
  SERVED_STEP,
  SERIES_STEP,
  STRETCHES_STEP,
  MOVED_TYPE_STEP,
  MEANT_STEP,
];
