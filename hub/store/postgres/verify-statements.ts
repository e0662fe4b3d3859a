/** Statements of `verify`; each reads a page of an index or table from where the last one ended, of one tenant where a table has any. */
export const VERIFY_PG = {
  total: 'SELECT observations, events, quarantined FROM total WHERE tenant = $1',
  quarantined: 'SELECT count(*) AS rows FROM quarantine WHERE tenant = $1',
  batches: `
    SELECT b.key, b.first_key AS "firstKey", b.last_key AS "lastKey", b.rows, k.received
    FROM batch b LEFT JOIN packed k ON k.batch = b.key AND k.stored_at = b.stored_at
    WHERE b.tenant = $1 AND b.key > $2 ORDER BY b.key LIMIT 50`,
  rows: `
    SELECT o.key, o.batch, o.writer, o.seq, o.part, w.agent, w.epoch, s.hash,
      EXISTS (SELECT FROM seen_range r WHERE r.writer = o.writer AND r.first <= o.seq AND r.last >= o.seq AND r.parts @> o.part) AS ranged
    FROM observation o
    LEFT JOIN writer w ON w.key = o.writer
    LEFT JOIN seen s ON s.writer = o.writer AND s.seq = o.seq AND s.part = o.part
    WHERE o.key >= $1 AND o.key <= $2 ORDER BY o.key`,
  // By a bed or a person that is none of the tenant's, or nobody's without a bed.
  misplaced: `
    SELECT count(*) AS rows FROM observation o JOIN patient p ON p.key = o.patient
    LEFT JOIN place_bed b ON b.key = o.bed LEFT JOIN person s ON s.key = o.stated
    WHERE o.key > $1 AND o.key <= $2 AND (
      (o.bed IS NOT NULL AND b.key IS NULL) OR (o.stated IS NOT NULL AND (o.bed IS NULL OR s.key IS NULL))
      OR (o.bed IS NULL AND p.id >= '@bed ' AND p.id < '@bed!'))`,
  misplacedEvents: `
    SELECT count(*) AS rows FROM event e LEFT JOIN place_bed b ON b.key = e.bed LEFT JOIN person s ON s.key = e.stated
    WHERE e.key > $1 AND e.key <= $2 AND (
      (e.bed IS NOT NULL AND b.key IS NULL) OR (e.stated IS NOT NULL AND (e.bed IS NULL OR s.key IS NULL))
      OR (e.bed IS NULL AND e.patient >= '@bed ' AND e.patient < '@bed!'))`,
  countRows: 'SELECT count(*) AS rows FROM observation WHERE key > $1 AND key <= $2',
  events: `
    SELECT e.key, e.writer, e.seq, e.part, e.received, w.agent, w.epoch, s.hash,
      EXISTS (SELECT FROM seen_range r WHERE r.writer = e.writer AND r.first <= e.seq AND r.last >= e.seq AND r.parts @> e.part) AS ranged
    FROM event e
    LEFT JOIN writer w ON w.key = e.writer
    LEFT JOIN seen s ON s.writer = e.writer AND s.seq = e.seq AND s.part = e.part
    WHERE e.key > $1 AND e.key <= $2 ORDER BY e.key`,
  seen: 'SELECT writer, seq, part FROM seen WHERE (writer, seq, part) > ($1, $2, $3) ORDER BY writer, seq, part LIMIT 2000',
  ranges: 'SELECT writer, first, last FROM seen_range WHERE (writer, first) > ($1, $2) ORDER BY writer, first LIMIT 2000',
  // Of whoever is being erased nothing is current any more.
  patients: `
    SELECT p.key FROM patient p
    WHERE p.tenant = $1 AND p.key > $2 AND NOT EXISTS (SELECT FROM erasure e WHERE e.tenant = p.tenant AND e.patient IS NOT NULL AND e.patient = p.id)
    ORDER BY p.key LIMIT 20`,
  current: `
    SELECT l.vital, l.device, l.test, l.sort_time AS "sortTime", l.observation, o.standing, o.test AS "ownTest"
    FROM latest l
    LEFT JOIN observation o ON o.key = l.observation AND o.sort_time = l.sort_time AND o.patient = l.patient AND o.vital = l.vital
      AND o.device = l.device
    WHERE l.patient = $1`,
  nextSeries: `
    SELECT vital, device FROM observation WHERE patient = $1 AND (vital, device) > ($2, $3) ORDER BY vital, device LIMIT 1`,
  // Stored behind the one of the key when the hub's clock stood before it.
  steppedBack: `
    SELECT 1 AS found FROM observation
    WHERE patient = $1 AND vital = $2 AND device = $3 AND standing = 1 AND key > $4 AND (stored_at < $5 OR stored_at < $6) LIMIT 1`,
  lineage: 'SELECT key, since FROM lineage ORDER BY key',
} as const;
