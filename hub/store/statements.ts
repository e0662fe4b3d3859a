const READING = 'o.*, w.agent, w.epoch, p.id AS patientId, b.tenant, b.gateway, b.storedAt, b.firstKey';

/** Every SQL statement of the store, in one place so that a test can look at the plan of each. Times are UTC ms; keys are integers. */
export const SQL = {
  storeId: "SELECT value FROM meta WHERE name = 'storeId'",

  findPatient: 'SELECT key FROM patient WHERE tenant = ? AND id = ?',
  addPatient: 'INSERT INTO patient (tenant, id) VALUES (?, ?)',
  touchPatient: 'UPDATE patient SET lastStoredAt = max(coalesce(lastStoredAt, 0), ?) WHERE key = ?',
  findWriter: 'SELECT key FROM writer WHERE agent = ? AND epoch = ?',
  addWriter: 'INSERT INTO writer (agent, epoch) VALUES (?, ?)',

  nextBatch: 'SELECT coalesce(max(key), 0) + 1 AS key FROM batch',
  nextObservation: 'SELECT coalesce(max(key), 0) + 1 AS key FROM observation',
  addBatch: 'INSERT INTO batch (key, tenant, gateway, storedAt, sentAt, firstKey, lastKey, received) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  addSeen: 'INSERT INTO seen (writer, seq, part, hash) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  seenHash: 'SELECT hash FROM seen WHERE writer = ? AND seq = ? AND part = ?',
  addObservation: `
    INSERT INTO observation (key, batch, patient, writer, seq, part, vital, device, value, unit, absent, components, flags, effective,
      offsetMin, receivedAt, sortTime, test)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  setLatest: `
    INSERT INTO latest (patient, vital, device, sortTime, storedAt, observation) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET sortTime = excluded.sortTime, storedAt = excluded.storedAt, observation = excluded.observation
    WHERE (excluded.sortTime, excluded.storedAt, excluded.observation) > (sortTime, storedAt, observation)`,
  addQuarantine: `
    INSERT INTO quarantine (at, tenant, gateway, id, code, rule, hash, received) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  addTotals: `
    INSERT INTO total (tenant, observations, duplicates, quarantined) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET observations = observations + excluded.observations, duplicates = duplicates + excluded.duplicates,
      quarantined = quarantined + excluded.quarantined`,

  latest: `
    SELECT ${READING}
    FROM patient p
    JOIN latest l ON l.patient = p.key
    JOIN observation o ON o.key = l.observation
    JOIN batch b ON b.key = o.batch
    JOIN writer w ON w.key = o.writer
    WHERE p.tenant = ? AND p.id = ?
    ORDER BY l.vital, l.device`,
  patients: `
    SELECT p.id, p.lastStoredAt, l.vital
    FROM patient p LEFT JOIN latest l ON l.patient = p.key
    WHERE p.tenant = ?
    ORDER BY p.id, l.vital`,
  totals: `
    SELECT observations, duplicates, quarantined FROM total WHERE tenant = ?`,
  countPatients: 'SELECT count(*) AS patients FROM patient WHERE tenant = ? AND lastStoredAt IS NOT NULL',

  lastObservation: 'SELECT coalesce(max(key), 0) AS key FROM observation',
  firstSince: 'SELECT coalesce(min(firstKey), 0) AS key FROM batch WHERE tenant = ? AND storedAt >= ?',
  countTenant: 'SELECT coalesce(sum(lastKey - firstKey + 1), 0) AS rows FROM batch WHERE tenant = ? AND storedAt >= ?',
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
    WHERE o.key >= ? AND o.key < ? AND b.tenant = ? AND p.tenant = ? AND b.storedAt >= ? AND (? IS NULL OR p.id = ?)
    ORDER BY o.key`,
  received: 'SELECT received FROM batch WHERE key = ?',
  currencies: `
    SELECT p.tenant, p.id AS patient, l.vital, l.device, l.sortTime, l.storedAt
    FROM latest l JOIN patient p ON p.key = l.patient`,
} as const;
