import type { Migration } from '../../shared/storage/migrations.ts';

/** What trends, versions of a measurement and the retention need. */
export const HISTORY_STEP: Migration = `
-- 1 for a version that takes the place of, or takes back, what came before of the same measurement.
ALTER TABLE observation ADD COLUMN revises INTEGER NOT NULL DEFAULT 0;
UPDATE observation SET revises = 1 WHERE standing = -1;
DROP INDEX withdrawal;
CREATE INDEX revision ON observation (patient, vital, device, effective) WHERE revises = 1;
-- A trend is read out of this index alone: of equal sort times what was stored last comes first.
DROP INDEX observationByStanding;
CREATE INDEX observationBySeries ON observation (patient, vital, device, standing, test, sortTime DESC, key DESC, value, flags);

-- How many of a batch's observations are kept. The line of one that is not is empty in the column received.
ALTER TABLE batch ADD COLUMN rows INTEGER NOT NULL DEFAULT 0;
UPDATE batch SET rows = lastKey - firstKey + 1;
DROP INDEX batchByTime;
CREATE INDEX batchByTime ON batch (tenant, storedAt, firstKey, rows);

-- Of a gap: its end. It begins at sortTime.
ALTER TABLE event ADD COLUMN until INTEGER;
UPDATE event SET until = sortTime WHERE kind = 'gap';
CREATE INDEX gapByPatient ON event (tenant, patient, until, sortTime) WHERE kind = 'gap';
CREATE INDEX eventByKind ON event (kind);
CREATE INDEX eventByDevice ON event (tenant, gateway, device, sortTime) WHERE kind = 'device';

-- What remains of observations that were removed, by the minute or the hour (width, in milliseconds). part: of a panel, else ''.
CREATE TABLE rollup (
  patient INTEGER NOT NULL,
  vital TEXT NOT NULL,
  device TEXT NOT NULL,
  part TEXT NOT NULL,
  test INTEGER NOT NULL,
  start INTEGER NOT NULL,
  width INTEGER NOT NULL,
  n INTEGER NOT NULL,
  least REAL,
  greatest REAL,
  sum REAL NOT NULL,
  last REAL,
  firstAt INTEGER,
  lastAt INTEGER,
  coveredMs INTEGER NOT NULL,
  flags TEXT,
  absent INTEGER NOT NULL,
  withdrawn INTEGER NOT NULL,
  undated INTEGER NOT NULL,
  doubtful INTEGER NOT NULL,
  PRIMARY KEY (patient, vital, device, part, test, start, width)
) STRICT, WITHOUT ROWID;
CREATE INDEX rollupByAge ON rollup (width, start);

-- Ids that were stored and whose rows were removed: in each row from first to last the same parts, as '0-7' or '0,2-4'.
CREATE TABLE seenRange (
  writer INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  parts TEXT NOT NULL,
  PRIMARY KEY (writer, first)
) STRICT, WITHOUT ROWID;

-- The greatest time of receipt of what was removed of a writer; null while nothing was. What was received later is not what was removed.
ALTER TABLE writer ADD COLUMN removedUpTo INTEGER;

-- How far the retention has come in each class (a key; under NAMEAt the newest date of what went), and what is due but still the current one.
CREATE TABLE retained (class TEXT PRIMARY KEY, upTo INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE keptBack (observation INTEGER PRIMARY KEY) STRICT;
`;
