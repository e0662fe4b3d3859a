import { MAX_VERSIONS } from './store.ts';
import { MAX_TREND_GAPS } from './trend.ts';

const SERIES = 'patient = ? AND vital = ? AND device = ?';

/** How many readings are read before others have their turn: a few milliseconds. */
export const ROWS_A_TURN = 5000;

/** Readings of a stretch of time, of equal times in order of storing. The limit is no parameter: SQLite would prepare the statement anew at each use. */
function points(column: 'value' | 'components', standing: 0 | 1, limit: number): string {
  return `
    SELECT sortTime, ${column}, flags FROM observation
    WHERE ${SERIES} AND standing = ${standing} AND test = ? AND sortTime >= ? AND sortTime < ? ORDER BY sortTime, key LIMIT ${limit}`;
}

function rollups(limit: number): string {
  return `
    SELECT start, n, least, greatest, sum, last, firstAt, lastAt, coveredMs, flags, absent, withdrawn, undated, doubtful, stretches
    FROM rollup WHERE ${SERIES} AND part = ? AND test = ? AND start >= ? AND start < ? ORDER BY start, width LIMIT ${limit}`;
}

/** From device to device, without walking what lies between them. The vital sign of a patient is given three times. */
function devicesOf(table: 'observation' | 'rollup'): string {
  return `
    WITH RECURSIVE found (device) AS (
      SELECT min(device) FROM ${table} WHERE patient = ? AND vital = ?
      UNION ALL
      SELECT (SELECT min(device) FROM ${table} WHERE patient = ? AND vital = ? AND device > found.device) FROM found
      WHERE found.device IS NOT NULL)
    SELECT device FROM found WHERE device IS NOT NULL`;
}

/** Statements of trends and versions. Times are UTC ms; each walks no more of an index than is wanted. */
export const TREND_SQL = {
  trendPatient: 'SELECT key FROM patient WHERE tenant = ? AND id = ?',
  devices: devicesOf('observation'),
  rolledDevices: devicesOf('rollup'),
  standing: points('value', 1, ROWS_A_TURN),
  setAside: points('value', 0, ROWS_A_TURN),
  standingPanel: points('components', 1, ROWS_A_TURN),
  setAsidePanel: points('components', 0, ROWS_A_TURN),
  rollups: rollups(ROWS_A_TURN),
  // Of one millisecond, which cannot be parted any further.
  allStanding: points('value', 1, -1),
  allSetAside: points('value', 0, -1),
  allStandingPanel: points('components', 1, -1),
  allSetAsidePanel: points('components', 0, -1),
  allRollups: rollups(-1),
  // An unpacked resource each, so no more than a reader can do anything with.
  gaps: `
    SELECT e.*, w.agent, w.epoch
    FROM event e INDEXED BY gapByPatient JOIN writer w ON w.key = e.writer
    WHERE e.tenant = ? AND e.patient = ? AND e.kind = 'gap' AND e.until >= ? AND e.sortTime < ?
    ORDER BY e.sortTime, e.key LIMIT ${MAX_TREND_GAPS}`,

  // By the device's time: that is the sort time, or it was set aside.
  versions: `
    SELECT key FROM observation WHERE ${SERIES} AND standing IN (-1, 0, 1) AND test IN (0, 1) AND sortTime = ? AND effective = ?
    UNION ALL
    SELECT key FROM observation INDEXED BY observationSetAside WHERE ${SERIES} AND effective = ? AND effective <> sortTime
    ORDER BY key LIMIT ${MAX_VERSIONS}`,
  version: `
    SELECT o.*, w.agent, w.epoch, p.id AS patientId, b.tenant, b.gateway, b.storedAt, b.firstKey, b.received
    FROM observation o
    JOIN batch b ON b.key = o.batch
    JOIN patient p ON p.key = o.patient
    JOIN writer w ON w.key = o.writer
    WHERE o.key = ?`,
} as const;
