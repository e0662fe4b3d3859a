import { NO_END } from '../registry/bindings.ts';
import { firstBehind } from './first-behind.ts';
import { IS_DOUBTFUL } from './identity/judged.ts';

/** How many rows of `latest` a patient has at most: device ids that keep changing would add to them for ever. */
export const MAX_LATEST = 512;

const READING = 'o.*, w.agent, w.epoch, p.id AS patientId, b.tenant, b.gateway, b.storedAt, b.firstKey';

/** Of a patient: what is nobody's for sure stands under its bed (`nobodyIn`). */
const NOBODY = "p.id >= '@bed ' AND p.id < '@bed!'";
const SOMEBODY = (id: string): string => `(${id} < '@bed ' OR ${id} >= '@bed!')`;

/** Every SQL statement of the store, in one place so that a test can look at the plan of each. Times are UTC ms; keys are integers. */
export const SQL = {
  storeId: "SELECT value FROM meta WHERE name = 'storeId'",

  position: 'SELECT coalesce(max(seq), 0) AS position FROM audit',
  epochs: 'SELECT epoch, since AS "from" FROM lineage WHERE key > 0 ORDER BY key DESC LIMIT ?',
  addEpoch: 'INSERT INTO lineage (epoch, since) VALUES (?, ?)',
  dropEpochs: 'DELETE FROM lineage WHERE since = ?',

  findPatient: 'SELECT key FROM patient WHERE tenant = ? AND id = ?',
  addPatient: 'INSERT INTO patient (tenant, id) VALUES (?, ?)',
  touchPatient: 'UPDATE patient SET lastStoredAt = max(coalesce(lastStoredAt, 0), ?) WHERE key = ?',
  findWriter: 'SELECT key FROM writer WHERE agent = ? AND epoch = ?',
  addWriter: 'INSERT INTO writer (agent, epoch) VALUES (?, ?)',

  nextBatch: 'SELECT coalesce(max(key), 0) + 1 AS key FROM batch',
  nextObservation: 'SELECT coalesce(max(key), 0) + 1 AS key FROM observation',
  addBatch: `
    INSERT INTO batch (key, tenant, gateway, storedAt, sentAt, firstKey, lastKey, rows, received) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  addSeen: 'INSERT INTO seen (writer, seq, part, hash) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  seenHash: 'SELECT hash FROM seen WHERE writer = ? AND seq = ? AND part = ?',
  addObservation: `
    INSERT INTO observation (key, batch, patient, writer, seq, part, vital, device, value, unit, absent, components, flags, effective,
      offsetMin, receivedAt, sortTime, test, freshAt, place, standing, revises, preliminary, bed, stated, amended)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  // A real reading is before every test reading. What was stored before the hub's clock was set back (the last three numbers: how far
  // a sort time and a time of storing may be ahead of it, and how old what takes their place) does not keep out what is measured now.
  setLatest: `
    INSERT INTO latest (patient, vital, device, test, sortTime, storedAt, observation, freshAt, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET test = excluded.test, sortTime = excluded.sortTime, storedAt = excluded.storedAt,
      observation = excluded.observation, freshAt = excluded.freshAt, place = excluded.place
    WHERE (-excluded.test, excluded.sortTime, excluded.storedAt, excluded.observation) > (-test, sortTime, storedAt, observation)
      OR (excluded.test <= test AND (sortTime > excluded.storedAt + ? OR storedAt > excluded.storedAt + ?)
        AND excluded.freshAt > excluded.storedAt - ?)`,
  hasRevision: 'SELECT 1 AS found FROM observation INDEXED BY revision WHERE patient = ? AND revises = 1 LIMIT 1',
  // Its sender had taken it back, or sent a better one, when it came.
  isRevised: `
    SELECT 1 AS found FROM observation INDEXED BY revision
    WHERE patient = ? AND vital = ? AND device = ? AND test = ? AND effective = ? AND revises = 1 AND writer = ? AND (seq, part) > (?, ?)
    LIMIT 1`,
  // The time is given twice, because the index is by the sort time; where that is another, the next one finds it. The last four numbers
  // are the version that does it: itself stays, and so does what the same writer sent after it.
  withdraw: `
    UPDATE observation SET standing = 0
    WHERE patient = ? AND vital = ? AND device = ? AND test = ? AND effective = ? AND sortTime = ? AND standing = 1
      AND key <> ? AND NOT (writer = ? AND (seq, part) > (?, ?))`,
  withdrawSetAside: `
    UPDATE observation INDEXED BY observationSetAside SET standing = 0
    WHERE patient = ? AND vital = ? AND device = ? AND test = ? AND effective = ? AND effective <> sortTime AND standing = 1
      AND key <> ? AND NOT (writer = ? AND (seq, part) > (?, ?))`,
  // What one row of a sender holds are different measurements, as of two pressure lines.
  hasPreliminary: `
    SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM observation INDEXED BY preliminary WHERE patient = ? AND preliminary = 1)
      OR EXISTS (SELECT 1 FROM rolledFrom INDEXED BY rolledFromPreliminary WHERE patient = ? AND preliminary = 1)`,
  settle: `
    UPDATE observation INDEXED BY preliminary SET standing = 0
    WHERE patient = ? AND vital = ? AND device = ? AND test = ? AND effective = ? AND preliminary = 1 AND standing = 1
      AND NOT (writer = ? AND seq = ?)`,
  // The time is given twice, as with withdraw.
  isSettled: `
    SELECT 1 AS found FROM observation
    WHERE patient = ? AND vital = ? AND device = ? AND standing = 1 AND test = ? AND effective = ? AND sortTime = ? AND preliminary = 0
      AND NOT (writer = ? AND seq = ?)
    LIMIT 1`,
  isSettledAside: `
    SELECT 1 AS found FROM observation INDEXED BY observationSetAside
    WHERE patient = ? AND vital = ? AND device = ? AND standing = 1 AND test = ? AND effective = ? AND effective <> sortTime
      AND preliminary = 0 AND NOT (writer = ? AND seq = ?)
    LIMIT 1`,
  dropWithdrawn: `
    DELETE FROM latest
    WHERE patient = ? AND vital = ? AND device = ?
      AND (SELECT standing <> 1 OR judged ${IS_DOUBTFUL} OR patient <> latest.patient FROM observation WHERE key = latest.observation)`,
  bestOf: `
    SELECT o.key, o.test, o.sortTime, o.freshAt, o.place, b.storedAt
    FROM observation o JOIN batch b ON b.key = o.batch
    WHERE o.patient = ? AND o.vital = ? AND o.device = ? AND o.standing = 1 AND o.judged NOT ${IS_DOUBTFUL}
    ORDER BY o.test, o.sortTime DESC, b.storedAt DESC, o.key DESC LIMIT 1`,
  countLatest: 'SELECT count(*) AS rows FROM latest WHERE patient = ?',
  oldestLatest: 'SELECT vital, device FROM latest WHERE patient = ? ORDER BY test DESC, sortTime, vital, device LIMIT ?',
  dropLatest: 'DELETE FROM latest WHERE patient = ? AND vital = ? AND device = ?',
  distrust: 'UPDATE latest SET freshAt = ? WHERE storedAt > ?',
  addQuarantine: `
    INSERT INTO quarantine (at, tenant, gateway, id, code, rule, hash, received) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  quarantineOf: 'SELECT count(*) AS rows, coalesce(sum(bytes), 0) AS bytes FROM quarantine WHERE tenant = ? AND gateway = ?',
  oldestQuarantine: 'SELECT key, bytes FROM quarantine WHERE tenant = ? AND gateway = ? ORDER BY key LIMIT 2000',
  dropQuarantine: 'DELETE FROM quarantine WHERE key = ?',
  addTotals: `
    INSERT INTO total (tenant, observations, duplicates, quarantined, events) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET observations = observations + excluded.observations, duplicates = duplicates + excluded.duplicates,
      quarantined = quarantined + excluded.quarantined, events = events + excluded.events`,

  addEvent: `
    INSERT INTO event (kind, tenant, gateway, patient, writer, seq, part, device, effective, offsetMin, receivedAt, sortTime, until,
      storedAt, test, received, bed, stated)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  lastEvent: 'SELECT coalesce(max(key), 0) AS key FROM event',
  events: `
    SELECT e.*, w.agent, w.epoch
    FROM event e JOIN writer w ON w.key = e.writer
    WHERE e.key >= ? AND e.key < ? AND e.tenant = ? AND e.storedAt >= ? AND (? IS NULL OR e.kind = ?)
      AND iif(? IS NULL, e.patient IS NULL OR ${SOMEBODY('e.patient')}, e.patient = ?)
    ORDER BY e.key`,
  countEvents: `
    SELECT count(*) AS rows FROM event
    WHERE tenant = ? AND storedAt >= ? AND (? IS NULL OR kind = ?)
      AND iif(? IS NULL, patient IS NULL OR ${SOMEBODY('patient')}, patient = ?)`,

  // In no order: to sort rows this wide takes as long as to find them. Its texts are half of what a row costs: who wrote it is nearly always the
  // same for all rows of a patient, and looked up beside them; so is the decision (`byHand`), of which there is seldom one: where there are none at all it is asked once.
  latest: `
    SELECT o.vital, o.device, o.value, o.unit, o.absent, o.components, o.flags, o.effective, o.offsetMin, o.receivedAt, o.sortTime,
      l.freshAt, o.place, o.test, o.writer, o.seq, o.part, l.storedAt, iif((SELECT max(observation) FROM amendedRow) IS NOT NULL, (
        SELECT max(r.amendment) FROM amendedRow r JOIN amendment a ON a.key = r.amendment
        WHERE r.observation = o.key AND a.kind IN ('reassign', 'confirm') AND a.undoneAt IS NULL), NULL) AS decision
    FROM patient p
    JOIN latest l ON l.patient = p.key
    JOIN observation o ON o.key = l.observation
    WHERE p.tenant = ? AND p.id = ?`,
  writer: 'SELECT agent, epoch FROM writer WHERE key = ?',
  patients: `
    SELECT p.id, p.lastStoredAt, l.vital
    FROM patient p LEFT JOIN latest l ON l.patient = p.key
    WHERE p.tenant = ? AND p.lastStoredAt IS NOT NULL AND ${SOMEBODY('p.id')}
    ORDER BY p.id, l.vital`,
  totals: `
    SELECT observations, events, duplicates, quarantined FROM total WHERE tenant = ?`,
  countPatients: `SELECT count(*) AS patients FROM patient WHERE tenant = ? AND lastStoredAt IS NOT NULL AND ${SOMEBODY('id')}`,
  countUnplaced: `
    SELECT count(*) AS unplaced FROM patient p JOIN observation o INDEXED BY observationBySeries ON o.patient = p.key
    WHERE p.tenant = ? AND ${NOBODY}`,

  lastObservation: 'SELECT coalesce(max(key), 0) AS key FROM observation',
  firstSince: 'SELECT coalesce(min(firstKey), 0) AS key FROM batch WHERE tenant = ? AND storedAt >= ?',
  countTenant: `
    SELECT coalesce(sum(rows), 0) - (
      SELECT count(*) FROM patient p JOIN observation o ON o.patient = p.key JOIN batch b ON b.key = o.batch
      WHERE p.tenant = ? AND ${NOBODY} AND b.storedAt >= ?) AS rows
    FROM batch WHERE tenant = ? AND storedAt >= ?`,
  countPatient: `
    SELECT count(*) AS rows
    FROM patient p JOIN observation o ON o.patient = p.key JOIN batch b ON b.key = o.batch
    WHERE p.tenant = ? AND p.id = ? AND b.storedAt >= ?`,
  observations: `
    SELECT ${READING}
    FROM observation o
    JOIN batch b ON b.key = o.batch
    JOIN patient p ON p.key = o.patient
    JOIN writer w ON w.key = o.writer
    WHERE o.key >= ? AND o.key < ? AND b.tenant = ? AND p.tenant = ? AND b.storedAt >= ? AND ${SOMEBODY('p.id')}
    ORDER BY o.key`,
  observationsOf: `
    SELECT ${READING}
    FROM observation o
    JOIN batch b ON b.key = o.batch
    JOIN patient p ON p.key = o.patient
    JOIN writer w ON w.key = o.writer
    WHERE o.key IN (SELECT value FROM json_each(?)) AND p.tenant = ? AND p.id = ? AND b.storedAt >= ?
    ORDER BY o.key`,
  nextSeries: firstBehind({
    from: 'patient p JOIN observation o ON o.patient = p.key',
    fixed: ['p.tenant = ?', 'p.id = ?'],
    columns: ['o.vital', 'o.device'],
  }),
  seriesKeys: `
    SELECT o.sortTime, o.key FROM patient p JOIN observation o ON o.patient = p.key
    WHERE p.tenant = ? AND p.id = ? AND o.vital = ? AND o.device = ? AND o.standing = ? AND o.test = ? AND (o.sortTime, o.key) < (?, ?)
    ORDER BY o.sortTime DESC, o.key DESC LIMIT 5000`,
  nextKept: 'SELECT min(key) AS key FROM observation WHERE key >= ?',
  nextKeptEvent: 'SELECT min(key) AS key FROM event WHERE key >= ?',
  received: 'SELECT received FROM batch WHERE key = ?',
  currencies: `
    SELECT p.tenant, p.id AS patient, l.vital, l.device, l.freshAt, l.storedAt, l.place
    FROM latest l JOIN patient p ON p.key = l.patient WHERE ${SOMEBODY('p.id')}`,
  tenants: 'SELECT tenant FROM total ORDER BY tenant',

  addUnknown: 'INSERT INTO unknownBinding (start, found, until) VALUES (?, ?, ?)',
  evidenceAt: "SELECT json_extract(entry, '$.at') AS at FROM audit WHERE seq = ?",
  isUnknownOpen: 'SELECT 1 AS found FROM unknownBinding WHERE until IS NULL LIMIT 1',
  endUnknown: 'UPDATE unknownBinding SET until = iif(start = 0, ?, ?), found = min(found, ?) WHERE until IS NULL',
  unknown: `SELECT start AS "from", found, coalesce(until, ${NO_END}) AS until FROM unknownBinding ORDER BY key`,
  bindings: 'SELECT gateway, kind, name, tenant, patient, since FROM binding',
  setBinding: `
    INSERT INTO binding (gateway, kind, name, tenant, patient, since) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET tenant = excluded.tenant, patient = excluded.patient, since = excluded.since`,
} as const;
