import { NO_END } from '../../registry/bindings.ts';
import { IS_DOUBTFUL } from '../identity/judged.ts';
import { MAX_LATEST } from '../statements.ts';

const READING = `
  o.key, o.batch, o.writer, o.seq, o.part, o.amended, o.vital, o.device, o.value, o.unit, o.absent, o.components, o.flags, o.effective,
  o.offset_min AS "offsetMin", o.received_at AS "receivedAt", o.sort_time AS "sortTime", o.place, o.test::int AS test, o.tenant,
  o.stored_at AS "storedAt", w.agent, w.epoch, p.id AS "patientId", b.gateway, b.first_key AS "firstKey"`;

const EVENT = `
  e.kind, e.tenant, e.gateway, e.patient, e.device, e.effective, e.offset_min AS "offsetMin", e.received_at AS "receivedAt",
  e.sort_time AS "sortTime", e.stored_at AS "storedAt", e.until, e.test::int AS test, e.seq, e.part, e.received, w.agent, w.epoch`;

/** Of a patient: what is nobody's for sure stands under its bed (`nobodyIn`). */
const NOBODY = "p.id >= '@bed ' AND p.id < '@bed!'";
export const SOMEBODY = (id: string): string => `(${id} < '@bed ' OR ${id} >= '@bed!')`;

/** Of an observation `o`. */
export const IS_PRELIMINARY = `EXISTS (
      SELECT FROM preliminary p
      WHERE p.patient = o.patient AND p.vital = o.vital AND p.device = o.device AND p.test = o.test AND p.effective = o.effective
        AND p.writer = o.writer AND p.seq = o.seq AND p.part = o.part)`;

/**
 * Every SQL statement of the store, in one place so that a test can look at the plan of each. Those on tables of a tenant have no
 * condition for it where row-level security alone is enough. Batches come as arrays, one a column.
 */
export const PG = {
  takeHead: `
    SELECT version, epoch, position, audit_hash AS hash, last_batch AS "lastBatch", last_observation AS "lastObservation",
      last_event AS "lastEvent", dropped_weeks AS "droppedWeeks", erasures, tableoid AS table
    FROM head FOR UPDATE`,
  setHead: `
    UPDATE head SET epoch = $1, position = $2, audit_hash = $3, last_batch = $4, last_observation = $5, last_event = $6`,
  notify: "SELECT pg_notify('vitalmesh', $1)",
  head: 'SELECT store_id AS "storeId", epoch, position, last_observation AS "lastObservation", last_event AS "lastEvent" FROM head',
  epochs: 'SELECT epoch, since AS "from" FROM lineage ORDER BY key DESC LIMIT $1',
  dropEpochs: 'DELETE FROM lineage WHERE since = $1',
  addEpoch: 'INSERT INTO lineage (epoch, since) VALUES ($1, $2)',
  makeWeek: 'SELECT make_week($1::bigint)',
  emptyWeek: 'SELECT parent, week FROM empty_week($1::bigint)',
  dropWeek: 'SELECT drop_week($1::text, $2::bigint) AS dropped',

  allEvidence: "SELECT set_config('vitalmesh.evidence', 'all', true)",
  ownEvidence: "SELECT set_config('vitalmesh.evidence', '', true)",

  findWriters: `
    SELECT w.key, g.agent, g.epoch FROM unnest($1::text[], $2::text[]) AS g (agent, epoch)
    JOIN writer w ON w.agent = g.agent AND w.epoch = g.epoch`,
  addWriters: `
    INSERT INTO writer (agent, epoch) SELECT * FROM unnest($1::text[], $2::text[]) RETURNING key, agent, epoch`,
  findPatients: 'SELECT key, id FROM patient WHERE tenant = $1 AND id = ANY ($2::text[])',
  addPatients: 'INSERT INTO patient (tenant, id) SELECT $1, id FROM unnest($2::text[]) AS g (id) RETURNING key, id',

  // What was there before the statement is seen by its last part, what it adds is not: no hash means that the key is new. ranged: it was
  // stored, and removed since.
  see: `
    WITH given AS MATERIALIZED (
      SELECT g.*, coalesce((
        SELECT r.last >= g.seq AND r.parts @> g.part FROM seen_range r WHERE r.writer = g.writer AND r.first <= g.seq
        ORDER BY r.first DESC LIMIT 1), false) AS ranged
      FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::bytea[]) WITH ORDINALITY AS g (writer, seq, part, hash, i)
    ), added AS (
      INSERT INTO seen (writer, seq, part, hash) SELECT writer, seq, part, hash FROM given WHERE NOT ranged ON CONFLICT DO NOTHING
    )
    SELECT g.ranged, CASE WHEN g.ranged THEN (SELECT w.removed_up_to FROM writer w WHERE w.key = g.writer) END AS "removedUpTo",
      (SELECT s.hash FROM seen s WHERE s.writer = g.writer AND s.seq = g.seq AND s.part = g.part) AS hash
    FROM given g ORDER BY g.i`,

  // As the number of each among those given.
  ranged: `
    SELECT g.i::int AS i FROM unnest($1::bigint[], $2::bigint[], $3::int[]) WITH ORDINALITY AS g (writer, seq, part, i)
    WHERE (
      SELECT r.last >= g.seq AND r.parts @> g.part FROM seen_range r WHERE r.writer = g.writer AND r.first <= g.seq ORDER BY r.first DESC LIMIT 1)`,

  // The current row of each, whether its sender had taken it back, or sent a better one, when it came, and whether a preliminary one of the same
  // measurement is kept, or was rolled up. What one row of a sender holds are different measurements, as of two pressure lines.
  standing: `
    SELECT l.observation AS key, l.test, l.sort_time AS "sortTime", l.stored_at AS "storedAt", l.fresh_at AS "freshAt", l.place,
      EXISTS (
        SELECT FROM revision t
        WHERE t.patient = g.patient AND t.vital = g.vital AND t.device = g.device AND t.test = g.test AND t.effective = g.effective
          AND t.writer = g.writer AND (t.seq, t.part) > (g.seq, g.part)
      ) AS revised,
      coalesce((
        SELECT true FROM preliminary t
        WHERE t.patient = g.patient AND t.vital = g.vital AND t.device = g.device AND t.test = g.test AND t.effective = g.effective
          AND NOT (t.writer = g.writer AND t.seq = g.seq)
        LIMIT 1
      ), (
        SELECT true FROM rolled_from t
        WHERE t.patient = g.patient AND t.vital = g.vital AND t.device = g.device AND t.test = g.test
          AND t.effective = g.effective - mod(g.effective, 60000) AND t.preliminary
        LIMIT 1
      ), false) AS "hasPreliminary"
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::boolean[], $5::bigint[], $6::bigint[], $7::bigint[], $8::int[])
      WITH ORDINALITY AS g (patient, vital, device, test, effective, writer, seq, part, i)
    LEFT JOIN LATERAL (
      SELECT * FROM latest l WHERE l.patient = g.patient AND l.vital = g.vital AND l.device = g.device OFFSET 0
    ) l ON true
    ORDER BY g.i`,
  addObservations: `
    INSERT INTO observation (tenant, stored_at, key, batch, patient, writer, seq, part, vital, device, value, unit, absent, components, flags,
      effective, offset_min, received_at, sort_time, test, fresh_at, place, standing, bed, stated, amended)
    SELECT $1, $2::bigint, * FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::int[], $9::text[],
      $10::text[], $11::float8[], $12::text[], $13::text[], $14::text[], $15::text[], $16::bigint[], $17::int[], $18::bigint[],
      $19::bigint[], $20::boolean[], $21::bigint[], $22::text[], $23::smallint[], $24::bigint[], $25::bigint[], $26::int[])`,
  setLatest: `
    INSERT INTO latest (tenant, patient, vital, device, test, sort_time, stored_at, observation, fresh_at, place)
    SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::boolean[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
      $10::text[])
    ON CONFLICT (patient, vital, device) DO UPDATE SET test = excluded.test, sort_time = excluded.sort_time,
      stored_at = excluded.stored_at, observation = excluded.observation, fresh_at = excluded.fresh_at, place = excluded.place`,
  addRevision: `
    INSERT INTO revision (tenant, patient, vital, device, test, effective, writer, seq, part) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
  // The time is given twice, because the index is by the sort time; where that is another, the next one finds it. The last four numbers
  // are the version that does it: itself stays, and so does what the same writer sent after it.
  withdraw: `
    UPDATE observation SET standing = 0
    WHERE patient = $1 AND vital = $2 AND device = $3 AND test = $4 AND sort_time = $5 AND effective = $5 AND standing = 1
      AND key <> $6 AND NOT (writer = $7 AND (seq, part) > ($8, $9))
    RETURNING key`,
  withdrawSetAside: `
    UPDATE observation SET standing = 0
    WHERE patient = $1 AND vital = $2 AND device = $3 AND test = $4 AND effective = $5 AND effective <> sort_time AND standing = 1
      AND key <> $6 AND NOT (writer = $7 AND (seq, part) > ($8, $9))
    RETURNING key`,
  addPreliminary: `
    INSERT INTO preliminary (tenant, patient, vital, device, test, effective, writer, seq, part, observation, sort_time)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
  settle: `
    WITH replaced AS (
      DELETE FROM preliminary
      WHERE patient = $1 AND vital = $2 AND device = $3 AND test = $4 AND effective = $5 AND NOT (writer = $6 AND seq = $7)
      RETURNING observation, sort_time
    )
    UPDATE observation o SET standing = 0 FROM replaced r
    WHERE o.key = r.observation AND o.sort_time = r.sort_time AND o.standing = 1
    RETURNING o.key`,
  // The time is given twice, as with withdraw.
  isSettled: `
    SELECT EXISTS (
      SELECT FROM observation o
      WHERE o.patient = $1 AND o.vital = $2 AND o.device = $3 AND o.test = $4 AND o.sort_time = $5 AND o.effective = $5 AND o.standing = 1
        AND NOT (o.writer = $6 AND o.seq = $7) AND NOT ${IS_PRELIMINARY}
    ) OR EXISTS (
      SELECT FROM observation o
      WHERE o.patient = $1 AND o.vital = $2 AND o.device = $3 AND o.test = $4 AND o.effective = $5 AND o.effective <> o.sort_time
        AND o.standing = 1 AND NOT (o.writer = $6 AND o.seq = $7) AND NOT ${IS_PRELIMINARY}
    ) AS settled`,
  dropWithdrawn: `
    DELETE FROM latest l
    WHERE patient = $1 AND vital = $2 AND device = $3
      AND (SELECT o.standing <> 1 OR o.judged ${IS_DOUBTFUL} OR o.patient <> l.patient FROM observation o WHERE o.key = l.observation AND o.sort_time = l.sort_time)
    RETURNING observation`,
  bestOf: `
    SELECT key, test, sort_time AS "sortTime", fresh_at AS "freshAt", place, stored_at AS "storedAt"
    FROM observation
    WHERE patient = $1 AND vital = $2 AND device = $3 AND standing = 1 AND judged NOT ${IS_DOUBTFUL}
    ORDER BY test, sort_time DESC, stored_at DESC, key DESC LIMIT 1`,
  overfull: `
    SELECT patient, count(*) AS rows FROM latest WHERE patient = ANY ($1::bigint[]) GROUP BY patient HAVING count(*) > ${MAX_LATEST}`,
  dropOldest: `
    DELETE FROM latest WHERE (patient, vital, device) IN (
      SELECT patient, vital, device FROM latest WHERE patient = $1 ORDER BY test DESC, sort_time, vital, device LIMIT $2
    ) RETURNING vital, device`,
  addBatches: `
    WITH given AS MATERIALIZED (
      SELECT * FROM unnest($7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bytea[], $12::text[], $13::text[])
        AS g (key, patient, first_key, last_key, received, vitals, gone)
    ), packs AS (
      INSERT INTO packed (tenant, stored_at, batch, received) SELECT $1, $3::bigint, key, received FROM given
    ), touched AS (
      UPDATE patient SET last_stored_at = greatest(coalesce(last_stored_at, 0), $3::bigint) WHERE key = ANY ($8::bigint[])
    )
    INSERT INTO batch (tenant, gateway, stored_at, sent_at, position, hub, key, patient, first_key, last_key, rows, vitals, gone)
    SELECT $1, $2, $3::bigint, $4::bigint, $5::bigint, $6, key, patient, first_key, last_key, last_key - first_key + 1, vitals, gone FROM given`,
  addEvents: `
    INSERT INTO event (tenant, gateway, stored_at, key, kind, patient, writer, seq, part, device, effective, offset_min, received_at,
      sort_time, until, test, received, bed, stated)
    SELECT $1, $2, $3::bigint, * FROM unnest($4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::int[], $10::text[],
      $11::bigint[], $12::int[], $13::bigint[], $14::bigint[], $15::bigint[], $16::boolean[], $17::bytea[], $18::bigint[], $19::bigint[])`,
  addQuarantine: `
    INSERT INTO quarantine (at, tenant, gateway, id, code, rule, hash, received)
    SELECT $1::bigint, $2, $3, * FROM unnest($4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[])
    ON CONFLICT (tenant, gateway, hash, code) DO NOTHING RETURNING key`,
  // Of each part, what it and all newer ones of the gateway come to.
  trimQuarantine: `
    DELETE FROM quarantine WHERE key IN (
      SELECT key FROM (
        SELECT key, count(*) OVER newer AS rows, sum(bytes) OVER newer AS bytes FROM quarantine WHERE tenant = $1 AND gateway = $2
        WINDOW newer AS (ORDER BY key DESC)
      ) AS held
      WHERE rows > $3 OR bytes > $4 ORDER BY key LIMIT 2000
    ) RETURNING key`,
  addTotals: `
    INSERT INTO total AS t (tenant, observations, duplicates, quarantined, events) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant) DO UPDATE SET observations = t.observations + excluded.observations, duplicates = t.duplicates + excluded.duplicates,
      quarantined = t.quarantined + excluded.quarantined, events = t.events + excluded.events`,
  addTenant: `
    INSERT INTO tenant AS t (id, stored) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET stored = true WHERE excluded.stored AND NOT t.stored`,
  tenants: 'SELECT id, stored FROM tenant ORDER BY id',

  latest: `
    SELECT ${READING}, l.fresh_at AS "freshAt", h.kind AS "decidedKind", h.at AS "decidedAt"
    FROM patient p
    JOIN latest l ON l.patient = p.key
    JOIN observation o ON o.key = l.observation AND o.sort_time = l.sort_time
    JOIN batch b ON b.key = o.batch
    JOIN writer w ON w.key = o.writer
    LEFT JOIN LATERAL (
      SELECT a.kind, a.at FROM amended_row r JOIN amendment a ON a.key = r.amendment
      WHERE r.observation = o.key AND a.kind IN ('reassign', 'confirm') AND a.undone_at IS NULL ORDER BY a.key DESC LIMIT 1
    ) h ON true
    WHERE p.tenant = $1 AND p.id = $2
    ORDER BY l.sort_time DESC, l.vital, l.device
    LIMIT ${MAX_LATEST}`,
  // Of each vital sign given (with whether test, and the time of what is current) the newest that is doubtful and newer; of odd ones only if there is no other.
  doubtful: `
    SELECT ${READING}, o.fresh_at AS "freshAt"
    FROM unnest($3::text[], $4::boolean[], $5::bigint[]) AS g (vital, test, sort_time)
    JOIN patient p ON p.tenant = $1 AND p.id = $2
    JOIN LATERAL (
      SELECT * FROM observation d
      WHERE d.patient = p.key AND d.vital = g.vital AND d.test = g.test AND d.judged ${IS_DOUBTFUL} AND d.judged > 0 AND d.sort_time > g.sort_time
        AND d.standing = 1
      ORDER BY d.judged, d.sort_time DESC, d.key DESC LIMIT 1
    ) o ON true
    JOIN batch b ON b.key = o.batch
    JOIN writer w ON w.key = o.writer`,
  patients: `
    SELECT p.id, p.last_stored_at AS "lastStoredAt", l.vital
    FROM patient p LEFT JOIN latest l ON l.patient = p.key
    WHERE p.tenant = $1 AND p.last_stored_at IS NOT NULL AND ${SOMEBODY('p.id')}
    ORDER BY p.id, l.vital`,
  totals: 'SELECT observations, events, duplicates, quarantined FROM total WHERE tenant = $1',
  countPatients: `SELECT count(*) AS patients FROM patient WHERE tenant = $1 AND last_stored_at IS NOT NULL AND ${SOMEBODY('id')}`,
  countUnplaced: `
    SELECT count(*) AS unplaced FROM patient p JOIN observation o ON o.patient = p.key WHERE p.tenant = $1 AND ${NOBODY}`,

  firstSince: 'SELECT coalesce(min(first_key), 0) AS key FROM batch WHERE tenant = $1 AND stored_at >= $2',
  countTenant: `
    SELECT coalesce(sum(rows), 0)::bigint - (
      SELECT count(*) FROM patient p JOIN observation o ON o.patient = p.key WHERE p.tenant = $1 AND ${NOBODY} AND o.stored_at >= $2) AS rows
    FROM batch WHERE tenant = $1 AND stored_at >= $2`,
  countPatient: `
    SELECT count(*) AS rows FROM patient p JOIN observation o ON o.patient = p.key
    WHERE p.tenant = $1 AND p.id = $2 AND o.stored_at >= $3`,
  observations: `
    SELECT ${READING}, o.fresh_at AS "freshAt"
    FROM observation o
    JOIN batch b ON b.key = o.batch
    JOIN patient p ON p.key = o.patient
    JOIN writer w ON w.key = o.writer
    WHERE o.key >= $1 AND o.key < $2 AND o.stored_at >= $3 AND ($4::text IS NULL AND ${SOMEBODY('p.id')} OR p.id = $4)
    ORDER BY o.key`,
  received: 'SELECT batch, received FROM packed WHERE batch = ANY ($1::bigint[]) AND stored_at = ANY ($2::bigint[])',
  events: `
    SELECT ${EVENT}
    FROM event e JOIN writer w ON w.key = e.writer
    WHERE e.key >= $1 AND e.key < $2 AND e.stored_at >= $3 AND ($4::text IS NULL OR e.kind = $4)
      AND ($5::text IS NULL AND (e.patient IS NULL OR ${SOMEBODY('e.patient')}) OR e.patient = $5)
    ORDER BY e.key`,
  countEvents: `
    SELECT count(*) AS rows FROM event
    WHERE tenant = $1 AND stored_at >= $2 AND ($3::text IS NULL OR kind = $3)
      AND ($4::text IS NULL AND (patient IS NULL OR ${SOMEBODY('patient')}) OR patient = $4)`,

  currencies: `
    SELECT p.tenant, p.id AS patient, l.vital, l.device, l.fresh_at AS "freshAt", l.stored_at AS "storedAt", l.place
    FROM latest l JOIN patient p ON p.key = l.patient
    WHERE l.tenant = $1 AND ${SOMEBODY('p.id')}`,
  distrust: 'UPDATE latest SET fresh_at = $1 WHERE tenant = $2 AND stored_at > $3',

  addUnknown: `
    INSERT INTO unknown_binding (start, found)
    VALUES (coalesce((SELECT (entry::json->>'at')::bigint FROM audit WHERE seq = $1), 0), (extract(epoch FROM clock_timestamp()) * 1000)::bigint)`,
  addUnknownStretch: 'INSERT INTO unknown_binding (start, found, until) VALUES ($1, $2, $3)',
  evidenceAt: "SELECT (entry::json->>'at')::bigint AS at FROM audit WHERE seq = $1",
  isUnknownOpen: 'SELECT 1 AS found FROM unknown_binding WHERE until IS NULL LIMIT 1',
  endUnknown: `
    UPDATE unknown_binding SET until = CASE start WHEN 0 THEN $1::bigint ELSE $2::bigint END, found = least(found, $2::bigint) WHERE until IS NULL`,
  unknown: `SELECT start AS "from", found, coalesce(until, ${NO_END}) AS until FROM unknown_binding ORDER BY key`,
  bindings: 'SELECT gateway, kind, name, tenant, patient, since FROM binding WHERE tenant = $1',
  dropBinding: 'DELETE FROM binding WHERE gateway = $1 AND kind = $2 AND name = $3',
  setBinding: `
    INSERT INTO binding (gateway, kind, name, tenant, patient, since) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (gateway, kind, name) DO UPDATE SET patient = excluded.patient, since = excluded.since`,

  changed: `
    SELECT b.position, b.patient AS key, p.id AS patient, b.stored_at AS at, b.vitals, b.gone
    FROM batch b JOIN patient p ON p.key = b.patient
    WHERE b.tenant = $1 AND b.position > $2 AND b.position <= $3 AND b.hub <> $4 AND ${SOMEBODY('p.id')}
    ORDER BY b.position FETCH FIRST 1000 ROWS WITH TIES`,
  current: `
    SELECT p.tenant, p.id AS patient, l.vital, l.device, l.fresh_at AS "freshAt", l.stored_at AS "storedAt", l.place
    FROM latest l JOIN patient p ON p.key = l.patient
    WHERE l.patient = ANY ($1::bigint[])`,
} as const;
