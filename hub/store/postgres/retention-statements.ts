import { HOUR_MS } from '../roll.ts';
import { IS_PRELIMINARY } from './statements.ts';

const CELL = `
  n, least, greatest, sum, last, first_at AS "firstAt", last_at AS "lastAt", covered_ms AS "coveredMs", flags, absent, withdrawn,
  undated, doubtful, stretches`;

const ROLLUP_KEY = '$1::bigint[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::bigint[], $7::bigint[]';

/** Of versions that stand in a table of their own, by what was measured and who wrote it. */
function dropVersions(table: 'revision' | 'preliminary'): string {
  return `
    DELETE FROM ${table} r
    USING unnest($1::bigint[], $2::text[], $3::text[], $4::boolean[], $5::bigint[], $6::bigint[], $7::bigint[], $8::int[])
      AS g (patient, vital, device, test, effective, writer, seq, part)
    WHERE r.patient = g.patient AND r.vital = g.vital AND r.device = g.device AND r.test = g.test AND r.effective = g.effective
      AND r.writer = g.writer AND r.seq = g.seq AND r.part = g.part`;
}

/** Statements of the retention, and of what it leaves behind; for one tenant each. None looks at more rows than it says at its end. */
export const RETENTION_PG = {
  upTo: 'SELECT up_to AS "upTo" FROM retained WHERE tenant = $1 AND class = $2',
  setUpTo: `
    INSERT INTO retained (tenant, class, up_to) VALUES ($1, $2, $3) ON CONFLICT (tenant, class) DO UPDATE SET up_to = excluded.up_to`,
  // Never the newest batch or event of the store, as with the other engine.
  batches: `
    SELECT key, stored_at AS "storedAt", first_key AS "firstKey", last_key AS "lastKey", rows
    FROM batch WHERE tenant = $1 AND key > $2 AND key < (SELECT last_batch FROM head) ORDER BY key LIMIT 100`,
  batchesOf: `
    SELECT key, stored_at AS "storedAt", first_key AS "firstKey", last_key AS "lastKey", rows
    FROM batch WHERE key = ANY ($1::bigint[]) ORDER BY key`,
  readings: `
    SELECT key, batch, patient, writer, seq, part, vital, device, value, components, flags, effective,
      received_at AS "receivedAt", sort_time AS "sortTime",
      test::int AS test, standing, ${IS_PRELIMINARY}::int AS preliminary,
      EXISTS (
        SELECT FROM latest l WHERE l.patient = o.patient AND l.vital = o.vital AND l.device = o.device AND l.observation = o.key
      ) AS current
    FROM observation o WHERE key >= $1 AND key <= $2 AND batch = ANY ($3::bigint[]) ORDER BY key`,
  keepBack: `
    INSERT INTO kept_back (tenant, observation, sort_time, batch) SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[])
    ON CONFLICT (observation) DO NOTHING`,
  // Those that are no longer the current ones.
  replaced: `
    SELECT k.observation, k.batch, o.stored_at AS "storedAt", o.vital
    FROM kept_back k JOIN observation o ON o.key = k.observation AND o.sort_time = k.sort_time
    WHERE k.tenant = $1 AND k.observation > $2 AND k.batch < (SELECT last_batch FROM head)
      AND NOT EXISTS (
        SELECT FROM latest l
        WHERE l.patient = o.patient AND l.vital = o.vital AND l.device = o.device AND l.observation = o.key)
    ORDER BY k.observation LIMIT 100`,
  dropKeptBack: 'DELETE FROM kept_back WHERE observation = ANY ($1::bigint[])',
  dropObservations: 'DELETE FROM observation WHERE key = ANY ($1::bigint[]) AND sort_time = ANY ($2::bigint[])',
  dropRevisions: dropVersions('revision'),
  dropPreliminary: dropVersions('preliminary'),
  noteRolledFrom: `
    INSERT INTO rolled_from (tenant, patient, vital, device, test, effective, preliminary, start)
    SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::boolean[], $6::bigint[], $7::boolean[], $8::bigint[])
    ON CONFLICT DO NOTHING`,
  rolledFrom: `
    SELECT DISTINCT start FROM rolled_from
    WHERE patient = $1 AND vital = $2 AND device = $3 AND test = $4 AND effective = $5 AND (preliminary OR NOT $6::boolean)`,
  dropRolledFrom: `
    DELETE FROM rolled_from r USING unnest($1::bigint[], $2::text[], $3::text[], $4::boolean[], $5::bigint[])
      AS g (patient, vital, device, test, start)
    WHERE r.patient = g.patient AND r.vital = g.vital AND r.device = g.device AND r.test = g.test AND r.start >= g.start
      AND r.start < g.start + ${HOUR_MS}`,
  dropSeen: `
    DELETE FROM seen s USING unnest($1::bigint[], $2::bigint[], $3::int[]) AS g (writer, seq, part)
    WHERE s.writer = g.writer AND s.seq = g.seq AND s.part = g.part`,
  repack: 'UPDATE packed SET received = $3 WHERE batch = $1 AND stored_at = $2',
  setRows: 'UPDATE batch SET rows = $2 WHERE key = $1',
  dropPacked: 'DELETE FROM packed WHERE batch = ANY ($1::bigint[]) AND stored_at = ANY ($2::bigint[])',
  dropBatches: 'DELETE FROM batch WHERE key = ANY ($1::bigint[])',
  lessTotals: `
    UPDATE total SET observations = observations - $2, events = events - $3, quarantined = quarantined - $4 WHERE tenant = $1`,

  ranges: `
    SELECT first, last, parts::text AS parts FROM seen_range
    WHERE writer = $1 AND first <= $3 AND last >= $2
      AND first >= coalesce((SELECT max(first) FROM seen_range WHERE writer = $1 AND first <= $2), 0)
    ORDER BY first`,
  dropRanges: 'DELETE FROM seen_range WHERE writer = $1 AND first = ANY ($2::bigint[])',
  setRemovedUpTo: 'UPDATE writer SET removed_up_to = greatest(removed_up_to, $2) WHERE key = $1',
  putRanges: `
    INSERT INTO seen_range (writer, first, last, parts) SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::int4multirange[])`,

  rollups: `
    SELECT ${CELL}, g.i::int AS i
    FROM unnest(${ROLLUP_KEY}) WITH ORDINALITY AS g (patient, vital, device, part, test, start, width, i)
    CROSS JOIN LATERAL (
      SELECT * FROM rollup r
      WHERE r.patient = g.patient AND r.vital = g.vital AND r.device = g.device AND r.part = g.part AND r.test = g.test
        AND r.start = g.start AND r.width = g.width
      OFFSET 0
    ) r`,
  putRollups: `
    INSERT INTO rollup (tenant, patient, vital, device, part, test, start, width, n, least, greatest, sum, last, first_at, last_at,
      covered_ms, flags, absent, withdrawn, undated, doubtful, stretches)
    SELECT $22, * FROM unnest(${ROLLUP_KEY}, $8::bigint[], $9::float8[], $10::float8[], $11::float8[], $12::float8[], $13::bigint[],
      $14::bigint[], $15::bigint[], $16::text[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::text[])
    ON CONFLICT (patient, vital, device, part, test, start, width) DO UPDATE SET n = excluded.n, least = excluded.least,
      greatest = excluded.greatest, sum = excluded.sum, last = excluded.last, first_at = excluded.first_at, last_at = excluded.last_at,
      covered_ms = excluded.covered_ms, flags = excluded.flags, absent = excluded.absent, withdrawn = excluded.withdrawn,
      undated = excluded.undated, doubtful = excluded.doubtful, stretches = excluded.stretches`,
  oldRollups: `
    SELECT patient, vital, device, part, test::int AS test, start, width, ${CELL} FROM rollup
    WHERE tenant = $1 AND width = $2 AND start < $3 ORDER BY start LIMIT 200`,
  dropRollups: `
    DELETE FROM rollup r USING unnest(${ROLLUP_KEY}) AS g (patient, vital, device, part, test, start, width)
    WHERE r.patient = g.patient AND r.vital = g.vital AND r.device = g.device AND r.part = g.part AND r.test = g.test
      AND r.start = g.start AND r.width = g.width`,

  events: `
    SELECT e.key, e.stored_at AS "storedAt", e.received_at AS "receivedAt", e.sort_time AS "sortTime", e.writer, e.seq, e.part,
      EXISTS (
        SELECT FROM event n
        WHERE n.kind = 'device' AND n.tenant = e.tenant AND n.gateway = e.gateway AND n.device = e.device
          AND (n.sort_time, n.key) > (e.sort_time, e.key)
      ) AS replaced
    FROM event e WHERE e.tenant = $1 AND e.kind = $2 AND e.key > $3 AND e.key < (SELECT last_event FROM head)
    ORDER BY e.key LIMIT 100`,
  dropEvents: 'DELETE FROM event WHERE key = ANY ($1::bigint[]) AND sort_time = ANY ($2::bigint[])',
  quarantine: 'SELECT key, at AS "storedAt" FROM quarantine WHERE tenant = $1 ORDER BY key LIMIT 200',
  dropQuarantine: 'DELETE FROM quarantine WHERE key = ANY ($1::bigint[])',
} as const;
