/** Rows of a page of small ones. */
export const VERIFY_PAGE = 2000;

/** Statements of `verify`; each reads a page of an index or table from where the last one ended. */
export const VERIFY_SQL = {
  lastKeys: `
    SELECT (SELECT coalesce(max(key), 0) FROM batch) AS batch, (SELECT coalesce(max(key), 0) FROM observation) AS observation,
      (SELECT coalesce(max(key), 0) FROM event) AS event, (SELECT coalesce(max(key), 0) FROM patient) AS patient`,
  allTotals: 'SELECT tenant, observations, events, quarantined FROM total ORDER BY tenant',
  quarantined: 'SELECT tenant, count(*) AS rows FROM quarantine GROUP BY tenant',
  batchPage: 'SELECT key, tenant, firstKey, lastKey, rows, received FROM batch WHERE key > ? AND key <= ? ORDER BY key LIMIT 50',
  batchRowsOf: `
    SELECT o.key, o.batch, o.writer, o.seq, o.part, w.agent, w.epoch, s.hash
    FROM observation o
    LEFT JOIN writer w ON w.key = o.writer
    LEFT JOIN seen s ON s.writer = o.writer AND s.seq = o.seq AND s.part = o.part
    WHERE o.key >= ? AND o.key <= ? ORDER BY o.key`,
  observationCount: 'SELECT count(*) AS rows FROM observation WHERE key > ? AND key <= ?',
  // By a bed or a person that is none of the tenant's, or nobody's without a bed.
  misplaced: `
    SELECT count(*) AS rows FROM observation o JOIN patient p ON p.key = o.patient
    WHERE o.key > ? AND o.key <= ? AND (
      (o.bed IS NOT NULL AND NOT EXISTS (SELECT 1 FROM placeBed b WHERE b.key = o.bed AND b.tenant = p.tenant))
      OR (o.stated IS NOT NULL AND (o.bed IS NULL OR NOT EXISTS (SELECT 1 FROM person s WHERE s.key = o.stated AND s.tenant = p.tenant)))
      OR (o.bed IS NULL AND p.id >= '@bed ' AND p.id < '@bed!'))`,
  misplacedEvents: `
    SELECT count(*) AS rows FROM event e
    WHERE e.key > ? AND e.key <= ? AND (
      (e.bed IS NOT NULL AND NOT EXISTS (SELECT 1 FROM placeBed b WHERE b.key = e.bed AND b.tenant = e.tenant))
      OR (e.stated IS NOT NULL AND (e.bed IS NULL OR NOT EXISTS (SELECT 1 FROM person s WHERE s.key = e.stated AND s.tenant = e.tenant)))
      OR (e.bed IS NULL AND e.patient >= '@bed ' AND e.patient < '@bed!'))`,
  eventPage: `
    SELECT e.key, e.tenant, e.writer, e.seq, e.part, e.received, w.agent, w.epoch, s.hash
    FROM event e
    LEFT JOIN writer w ON w.key = e.writer
    LEFT JOIN seen s ON s.writer = e.writer AND s.seq = e.seq AND s.part = e.part
    WHERE e.key > ? AND e.key <= ? ORDER BY e.key LIMIT 200`,
  writerOfObservation: 'SELECT DISTINCT writer FROM observation WHERE key > ?',
  writerOfEvent: 'SELECT DISTINCT writer FROM event WHERE key > ?',
  seenPage: `SELECT writer, seq, part FROM seen WHERE (writer, seq, part) > (?, ?, ?) ORDER BY writer, seq, part LIMIT ${VERIFY_PAGE}`,
  rangePage: `SELECT writer, first, last FROM seenRange WHERE (writer, first) > (?, ?) ORDER BY writer, first LIMIT ${VERIFY_PAGE}`,
  // Of whoever is being erased nothing is current any more.
  patientPage: `
    SELECT p.key FROM patient p
    WHERE p.key > ? AND p.key <= ? AND NOT EXISTS (SELECT 1 FROM erasure e INDEXED BY erasureUnderWay WHERE e.patient IS NOT NULL AND e.patient = p.id AND e.tenant = p.tenant)
    ORDER BY p.key LIMIT 20`,
  currentOf: `
    SELECT l.vital, l.device, l.test, l.sortTime, l.storedAt, l.observation, o.standing, o.sortTime AS ownSortTime, o.test AS ownTest, o.key
    FROM latest l
    LEFT JOIN observation o ON o.key = l.observation AND o.patient = l.patient AND o.vital = l.vital AND o.device = l.device
    WHERE l.patient = ?`,
  // Stored behind the one of the key when the hub's clock stood before it.
  steppedBack: `
    SELECT 1 AS found FROM observation o JOIN batch b ON b.key = o.batch
    WHERE o.patient = ? AND o.vital = ? AND o.device = ? AND o.standing = 1 AND o.key > ? AND (b.storedAt < ? OR b.storedAt < ?) LIMIT 1`,
  lineage: 'SELECT key, since FROM lineage ORDER BY key',
} as const;
