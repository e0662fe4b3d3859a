import { firstBehind } from '../first-behind.ts';
import { ROWS_A_LOOK } from './gateways.ts';

/** How many readings are looked at before it is asked whether a step has taken long enough: of one vital sign and device, and of all in a slice of time. */
export const READINGS_A_PAGE = 250;
export const READINGS_A_SLICE = 500;
export const EVENTS_A_PAGE = 100;

const MEASUREMENT = 'patient = ? AND vital = ? AND device = ? AND test = ? AND effective = ?';

/** Statements on rows that follow their patients. None looks at more rows than it says at its end; those of beds, persons and moves give a page. */
export const PLACING_SQL = {
  version: 'SELECT version FROM placing WHERE tenant = ?',
  raiseVersion: 'INSERT INTO placing (tenant, version) VALUES (?, 1) ON CONFLICT DO UPDATE SET version = version + 1',
  findBed: 'SELECT key FROM placeBed WHERE tenant = ? AND bed = ?',
  addBed: 'INSERT INTO placeBed (tenant, bed) VALUES (?, ?)',
  beds: 'SELECT bed FROM placeBed WHERE tenant = ?',
  personOf: 'SELECT id FROM person WHERE tenant = ? AND authority = ? AND value = ?',
  addPerson: 'INSERT INTO person (tenant, authority, value, id) VALUES (?, ?, ?, ?)',
  findPerson: 'SELECT key FROM person WHERE id = ? AND tenant = ?',
  authorityOf: 'SELECT authority FROM person WHERE key = ?',
  forgetPerson: 'UPDATE person SET authority = NULL, value = NULL, id = NULL WHERE tenant = ? AND id = ?',
  persons: 'SELECT key, tenant, authority, value, id AS patient FROM person WHERE key > ? AND id IS NOT NULL ORDER BY key LIMIT 1000',
  addDeviceMove: 'INSERT INTO deviceMove (tenant, gateway, device, bed, at, idType) VALUES (?, ?, ?, ?, ?, ?)',
  deviceMoves: 'SELECT key, tenant, gateway, device, bed, at, idType FROM deviceMove WHERE key > ? ORDER BY key LIMIT 1000',
  gatewaysTold: "SELECT DISTINCT gateway FROM event WHERE kind = 'device' AND tenant = ? AND device = ?",
  seriesOfDevice: 'SELECT l.patient, l.vital FROM patient p JOIN latest l ON l.patient = p.key WHERE p.tenant = ? AND l.device = ?',
  writersPage: `
    SELECT sortTime, writer FROM observation INDEXED BY observationBySeries
    WHERE patient = ? AND vital = ? AND device = ? AND standing = 1 AND test = ? AND sortTime < ? ORDER BY sortTime DESC, key DESC LIMIT ${ROWS_A_LOOK}`,
  agentOf: 'SELECT agent FROM writer WHERE key = ?',
  writersOf: 'SELECT key FROM writer WHERE agent = ?',

  addDue: 'INSERT INTO reassignDue (tenant, wanted, lastObservation, lastEvent, progress) VALUES (?, ?, ?, ?, ?)',
  oldestDue:
    'SELECT key, tenant, wanted, lastObservation, lastEvent, progress FROM reassignDue WHERE key = (SELECT min(key) FROM reassignDue)',
  setProgress: 'UPDATE reassignDue SET progress = ? WHERE key = ?',
  dropDue: 'DELETE FROM reassignDue WHERE key = ?',

  nextSeries: firstBehind({
    from: 'observation INDEXED BY observationBySeries',
    fixed: ['patient = ?'],
    columns: ['vital', 'device'],
  }),
  seriesPage: `
    SELECT sortTime, key FROM observation INDEXED BY observationBySeries
    WHERE patient = ? AND vital = ? AND device = ? AND standing = ? AND test = ? AND sortTime >= ? AND (sortTime, key) < (?, ?)
    ORDER BY sortTime DESC, key DESC LIMIT ${READINGS_A_PAGE}`,
  newestBefore: `
    SELECT sortTime FROM observation INDEXED BY observationBySeries
    WHERE patient = ? AND vital = ? AND device = ? AND standing = ? AND test = ? AND sortTime >= ? AND (sortTime, key) < (?, ?)
    ORDER BY sortTime DESC, key DESC LIMIT 1`,
  // Of some series (JSON: of each its vital sign and device).
  slice: `
    SELECT o.key, o.vital, o.device, o.bed, o.stated, o.writer, o.effective, o.sortTime, o.test, o.revises, o.preliminary, o.amended
    FROM (
      SELECT o.key FROM json_each(?) CROSS JOIN observation o INDEXED BY observationBySeries
      WHERE o.patient = ? AND o.vital = json_each.value->>0 AND o.device = json_each.value->>1 AND o.standing IN (-1, 0, 1) AND o.test IN (0, 1)
        AND o.sortTime >= ? AND (o.sortTime, o.key) < (?, ?)
      ORDER BY o.sortTime DESC, o.key DESC LIMIT ${READINGS_A_SLICE}
    ) AS found CROSS JOIN observation o ON o.key = found.key`,
  moveReadings: 'UPDATE observation SET patient = ?, bed = ? WHERE key IN (SELECT value FROM json_each(?))',
  storedAtOf: 'SELECT b.storedAt FROM observation o JOIN batch b ON b.key = o.batch WHERE o.key = ?',

  mayDepend: `
    SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM observation INDEXED BY revision WHERE patient = ? AND revises = 1)
      OR EXISTS (SELECT 1 FROM observation INDEXED BY preliminary WHERE patient = ? AND preliminary = 1)`,
  // The time is given twice, as with withdraw.
  versionsOf: `
    SELECT key, writer, seq, part, standing, revises, preliminary, flags, amended FROM observation INDEXED BY observationBySeries
    WHERE patient = ? AND vital = ? AND device = ? AND standing IN (-1, 0, 1) AND test = ? AND effective = ? AND sortTime = ?
    UNION ALL
    SELECT key, writer, seq, part, standing, revises, preliminary, flags, amended FROM observation INDEXED BY observationSetAside
    WHERE ${MEASUREMENT} AND effective <> sortTime`,
  setStanding: 'UPDATE observation SET standing = ? WHERE key = ?',

  currentOf: 'SELECT observation FROM latest WHERE patient = ? AND vital = ? AND device = ?',
  anyObservation: `
    SELECT b.storedAt FROM observation o INDEXED BY observationBySeries JOIN batch b ON b.key = o.batch WHERE o.patient = ? LIMIT 1`,
  anyRollup: 'SELECT 1 AS found FROM rollup WHERE patient = ? LIMIT 1',
  newestCurrent: 'SELECT max(storedAt) AS storedAt FROM latest WHERE patient = ?',
  lastStoredAt: 'SELECT lastStoredAt FROM patient WHERE key = ?',
  setLastStoredAt: 'UPDATE patient SET lastStoredAt = ? WHERE key = ?',

  nextRolled: firstBehind({ from: 'rollup', fixed: ['patient = ?'], columns: ['vital', 'device', 'part', 'test'] }),
  rolledUp: `
    SELECT coalesce(sum(n + absent + withdrawn + undated + doubtful), 0) AS rows FROM rollup
    WHERE patient = ? AND vital = ? AND device = ? AND part = ? AND test = ? AND start > ? AND start < ? AND start + width > ?`,

  eventPage: `
    SELECT key, sortTime, device, bed, stated, writer FROM event INDEXED BY eventByPatient
    WHERE tenant = ? AND patient = ? AND kind = ? AND sortTime >= ? AND (sortTime, key) < (?, ?)
    ORDER BY sortTime DESC, key DESC LIMIT ${EVENTS_A_PAGE}`,
  moveEvent: 'UPDATE event SET patient = ?, bed = ? WHERE key = ?',
} as const;
