import { MAX_VERSIONS } from '../store.ts';
import { MAX_TREND_GAPS } from '../trend.ts';

const SERIES = 'patient = $1 AND vital = $2 AND device = $3';

/** Readings of a stretch of time, of equal times in order of storing. */
function points(column: 'value' | 'components'): string {
  return `
    SELECT sort_time, ${column} AS measured, flags FROM observation
    WHERE ${SERIES} AND standing = $4 AND test = $5 AND sort_time >= $6 AND sort_time < $7 ORDER BY sort_time, key LIMIT $8`;
}

/** From device to device, without walking what lies between them. */
function devicesOf(table: 'observation' | 'rollup'): string {
  return `
    WITH RECURSIVE found (device) AS (
      SELECT min(device) FROM ${table} WHERE patient = $1 AND vital = $2
      UNION ALL
      SELECT (SELECT min(device) FROM ${table} WHERE patient = $1 AND vital = $2 AND device > found.device) FROM found
      WHERE found.device IS NOT NULL)
    SELECT device FROM found WHERE device IS NOT NULL`;
}

const FULL = `
  o.key, o.batch, o.amended, o.seq, o.part, o.vital, o.device, o.value, o.unit, o.absent, o.components, o.flags, o.effective,
  o.offset_min AS "offsetMin", o.received_at AS "receivedAt", o.sort_time AS "sortTime", o.fresh_at AS "freshAt", o.place,
  o.test::int AS test, o.standing, o.tenant, o.stored_at AS "storedAt", w.agent, w.epoch, p.id AS "patientId", b.gateway,
  b.first_key AS "firstKey", k.received`;

/** Statements of trends and versions. Times are UTC ms; each walks no more of an index than is wanted. */
export const TREND_PG = {
  trendPatient: 'SELECT key FROM patient WHERE tenant = $1 AND id = $2',
  devices: devicesOf('observation'),
  rolledDevices: devicesOf('rollup'),
  points: points('value'),
  panels: points('components'),
  rollups: `
    SELECT start, n, least, greatest, sum, last, first_at AS "firstAt", last_at AS "lastAt", covered_ms AS "coveredMs", flags, absent,
      withdrawn, undated, doubtful, stretches
    FROM rollup WHERE ${SERIES} AND part = $4 AND test = $5 AND start >= $6 AND start < $7 ORDER BY start, width LIMIT $8`,
  gaps: `
    SELECT e.kind, e.tenant, e.gateway, e.patient, e.device, e.effective, e.offset_min AS "offsetMin", e.received_at AS "receivedAt",
      e.sort_time AS "sortTime", e.stored_at AS "storedAt", e.until, e.test::int AS test, e.seq, e.part, e.received, w.agent, w.epoch
    FROM event e JOIN writer w ON w.key = e.writer
    WHERE e.tenant = $1 AND e.patient = $2 AND e.kind = 'gap' AND e.until >= $3 AND e.sort_time < $4
    ORDER BY e.sort_time, e.key LIMIT ${MAX_TREND_GAPS}`,
  // By the device's time: that is the sort time, or it was set aside.
  versions: `
    SELECT ${FULL}
    FROM (
      SELECT * FROM observation
      WHERE ${SERIES} AND standing IN (-1, 0, 1) AND sort_time = $4 AND effective = $4
      UNION ALL
      SELECT * FROM observation WHERE ${SERIES} AND effective = $4 AND effective <> sort_time
      ORDER BY key LIMIT ${MAX_VERSIONS}
    ) o
    JOIN batch b ON b.key = o.batch
    JOIN packed k ON k.batch = o.batch AND k.stored_at = o.stored_at
    JOIN patient p ON p.key = o.patient
    JOIN writer w ON w.key = o.writer
    ORDER BY o.key`,
} as const;
