const CELL = 'n, least, greatest, sum, last, firstAt, lastAt, coveredMs, flags, absent, withdrawn, undated, doubtful, stretches';

/** Statements of the retention, and of what it leaves behind. None looks at more rows than it says at its end. */
export const RETENTION_SQL = {
  lastRange: 'SELECT last FROM seenRange WHERE writer = ? ORDER BY first DESC LIMIT 1',
  rangeAt: 'SELECT first, last, parts FROM seenRange WHERE writer = ? AND first <= ? ORDER BY first DESC LIMIT 1',
  putRange: 'INSERT OR REPLACE INTO seenRange (writer, first, last, parts) VALUES (?, ?, ?, ?)',
  dropRange: 'DELETE FROM seenRange WHERE writer = ? AND first = ?',
  removedUpTo: 'SELECT removedUpTo FROM writer WHERE key = ?',
  setRemovedUpTo: 'UPDATE writer SET removedUpTo = max(coalesce(removedUpTo, -9007199254740991), ?) WHERE key = ?',
  dropSeen: 'DELETE FROM seen WHERE writer = ? AND seq = ? AND part = ?',

  upTo: 'SELECT upTo FROM retained WHERE class = ?',
  setUpTo: 'INSERT OR REPLACE INTO retained (class, upTo) VALUES (?, ?)',
  // Never the newest: the keys of what comes next are counted from it, and none may be given twice.
  batches: `
    SELECT key, tenant, storedAt, firstKey, lastKey, rows FROM batch
    WHERE key > ? AND key < (SELECT max(key) FROM batch) ORDER BY key LIMIT 100`,
  lastBatch: 'SELECT max(key) AS key FROM batch',
  batch: 'SELECT key, tenant, storedAt, firstKey, lastKey, rows FROM batch WHERE key = ?',
  batchRows: `
    SELECT key, batch, patient, writer, seq, part, vital, device, value, components, flags, effective, receivedAt, sortTime,
      test, standing, preliminary
    FROM observation WHERE key >= ? AND key <= ? ORDER BY key`,
  isCurrent: 'SELECT 1 AS found FROM latest WHERE patient = ? AND vital = ? AND device = ? AND observation = ?',
  keepBack: 'INSERT OR IGNORE INTO keptBack (observation) VALUES (?)',
  keptBack: 'SELECT observation FROM keptBack WHERE observation > ? ORDER BY observation LIMIT 100',
  dropKeptBack: 'DELETE FROM keptBack WHERE observation = ?',
  dropObservation: 'DELETE FROM observation WHERE key = ?',
  packed: 'SELECT received FROM batch WHERE key = ?',
  repack: 'UPDATE batch SET rows = ?, received = ? WHERE key = ?',
  dropBatch: 'DELETE FROM batch WHERE key = ?',
  lessTotals: `
    UPDATE total SET observations = observations - ?, events = events - ?, quarantined = quarantined - ? WHERE tenant = ?`,

  rollup: `
    SELECT start, ${CELL} FROM rollup
    WHERE patient = ? AND vital = ? AND device = ? AND part = ? AND test = ? AND start = ? AND width = ?`,
  putRollup: `
    INSERT OR REPLACE INTO rollup (patient, vital, device, part, test, start, width, ${CELL})
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  noteRolledFrom: `
    INSERT OR IGNORE INTO rolledFrom (patient, vital, device, test, effective, preliminary, start) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  rolledFrom: `
    SELECT DISTINCT start FROM rolledFrom
    WHERE patient = ? AND vital = ? AND device = ? AND test = ? AND effective = ? AND preliminary >= ?`,
  dropRolledFrom: 'DELETE FROM rolledFrom WHERE patient = ? AND vital = ? AND device = ? AND test = ? AND start >= ? AND start < ?',
  oldRollups: `
    SELECT patient, vital, device, part, test, start, width, ${CELL} FROM rollup INDEXED BY rollupByAge
    WHERE width = ? AND start < ? ORDER BY start LIMIT 200`,
  dropRollup: `
    DELETE FROM rollup WHERE patient = ? AND vital = ? AND device = ? AND part = ? AND test = ? AND start = ? AND width = ?`,

  oldEvents: `
    SELECT key, tenant, gateway, device, storedAt, receivedAt, sortTime, writer, seq, part FROM event INDEXED BY eventByKind
    WHERE kind = ? AND key > ? AND key < (SELECT max(key) FROM event) ORDER BY key LIMIT 100`,
  newerDevice: `
    SELECT 1 AS found FROM event INDEXED BY eventByDevice
    WHERE kind = 'device' AND tenant = ? AND gateway = ? AND device = ? AND (sortTime, key) > (?, ?) LIMIT 1`,
  dropEvent: 'DELETE FROM event WHERE key = ?',
  oldQuarantine: 'SELECT key, tenant, at AS storedAt FROM quarantine WHERE key > ? ORDER BY key LIMIT 200',
  dropQuarantine: 'DELETE FROM quarantine WHERE key = ?',
} as const;
