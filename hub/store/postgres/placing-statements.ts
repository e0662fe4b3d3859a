import { ROWS_A_LOOK } from '../placing/gateways.ts';
import { EVENTS_A_PAGE, READINGS_A_PAGE } from '../placing/statements.ts';

const MEASUREMENT = 'o.patient = $1 AND o.vital = $2 AND o.device = $3 AND o.test = $4 AND o.effective = $5';

/** One part for each standing: of a list of them the planner makes a filter, and walks the whole series for every measurement. */
const ofEachStanding = (part: (standing: number) => string): string => [-1, 0, 1].map(part).join('\n      UNION ALL');

/** Versions of measurements g: by the device's time, which is the sort time, or they were set aside. */
const sameAs = (patient: string, columns: string): string => `${ofEachStanding(
  (standing) => `
      SELECT ${columns} FROM observation o
      WHERE o.patient = ${patient} AND o.vital = $2 AND o.device = $3 AND o.standing = ${standing} AND o.test = g.test AND o.sort_time = g.effective
        AND o.effective = g.effective`,
)}
      UNION ALL
      SELECT ${columns} FROM observation o
      WHERE o.patient = ${patient} AND o.vital = $2 AND o.device = $3 AND o.effective = g.effective AND o.effective <> o.sort_time AND o.test = g.test`;

const VERSION = `
    SELECT o.key, o.sort_time AS "sortTime", o.writer, o.seq, o.part, o.standing, o.flags, o.amended, o.batch, o.stored_at AS "storedAt", b.first_key AS "firstKey"
    FROM observation o JOIN batch b ON b.key = o.batch
    WHERE ${MEASUREMENT}`;

/** Statements on rows that follow their patients; within a transaction of the tenant. */
export const PLACING_PG = {
  version: 'SELECT version FROM placing_version WHERE tenant = $1',
  raiseVersion: `
    INSERT INTO placing_version AS p (tenant, version) VALUES ($1, 1) ON CONFLICT (tenant) DO UPDATE SET version = p.version + 1`,
  findBeds: 'SELECT key, bed FROM place_bed WHERE tenant = $1 AND bed = ANY ($2::text[])',
  addBeds: 'INSERT INTO place_bed (tenant, bed) SELECT $1, bed FROM unnest($2::text[]) AS g (bed) RETURNING key, bed',
  beds: 'SELECT bed FROM place_bed WHERE tenant = $1',
  personOf: 'SELECT id FROM person WHERE tenant = $1 AND authority = $2 AND value = $3',
  addPerson: 'INSERT INTO person (tenant, authority, value, id) VALUES ($1, $2, $3, $4)',
  findPersons: 'SELECT key, id FROM person WHERE tenant = $1 AND id = ANY ($2::text[])',
  authoritiesOf: 'SELECT key, authority FROM person WHERE tenant = $1 AND key = ANY ($2::bigint[])',
  forgetPerson: 'UPDATE person SET authority = NULL, value = NULL, id = NULL WHERE tenant = $1 AND id = $2',
  persons: `
    SELECT key, tenant, authority, value, id AS patient FROM person WHERE tenant = $1 AND key > $2 AND id IS NOT NULL ORDER BY key LIMIT 1000`,
  addDeviceMove: 'INSERT INTO device_move (tenant, gateway, device, bed, at, id_type) VALUES ($1, $2, $3, $4, $5, $6)',
  deviceMoves:
    'SELECT key, tenant, gateway, device, bed, at, id_type AS "idType" FROM device_move WHERE tenant = $1 AND key > $2 ORDER BY key LIMIT 1000',
  gatewaysTold: "SELECT DISTINCT gateway FROM event WHERE kind = 'device' AND tenant = $1 AND device = $2",
  seriesOfDevice: 'SELECT patient, vital FROM latest WHERE tenant = $1 AND device = $2',
  writersPage: `
    SELECT sort_time AS "sortTime", writer FROM observation
    WHERE patient = $1 AND vital = $2 AND device = $3 AND standing = 1 AND test = $4 AND sort_time < $5
    ORDER BY sort_time DESC, key DESC LIMIT ${ROWS_A_LOOK}`,
  agentsOf: 'SELECT agent FROM writer WHERE key = ANY ($1::bigint[])',
  writersOf: 'SELECT key FROM writer WHERE agent = $1',

  addDue: 'INSERT INTO reassign_due (tenant, wanted, last_observation, last_event, progress) VALUES ($1, $2, $3, $4, $5)',
  oldestDue: `
    SELECT key, tenant, wanted, last_observation AS "lastObservation", last_event AS "lastEvent", progress
    FROM reassign_due WHERE tenant = $1 ORDER BY key LIMIT 1`,
  setProgress: 'UPDATE reassign_due SET progress = $2 WHERE key = $1',
  dropDue: 'DELETE FROM reassign_due WHERE key = $1',
  addReassigned: `
    INSERT INTO reassigned (tenant, position, hub, patient, at, vitals, gone) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
  reassigned: `
    SELECT r.patient AS key, p.id AS patient, r.at, r.vitals, r.gone FROM reassigned r JOIN patient p ON p.key = r.patient
    WHERE r.tenant = $1 AND r.position > $2 AND r.position <= $3 AND r.hub <> $4 ORDER BY r.key`,
  // Whoever has not heard of it for so long begins anew.
  dropReassigned: 'DELETE FROM reassigned WHERE tenant = $1 AND at < $2',

  nextSeries: `
    SELECT vital, device FROM observation WHERE patient = $1 AND (vital, device) > ($2, $3) ORDER BY vital, device LIMIT 1`,
  page: `
    SELECT o.* FROM (VALUES (-1, false), (-1, true), (0, false), (0, true), (1, false), (1, true)) AS s (standing, test)
    CROSS JOIN LATERAL (
      SELECT o.key, o.sort_time AS "sortTime", o.bed, o.stated, o.writer, o.effective, o.test, o.stored_at AS "storedAt", o.amended FROM observation o
      WHERE o.patient = $1 AND o.vital = $2 AND o.device = $3 AND o.standing = s.standing AND o.test = s.test
        AND o.sort_time >= $4 AND o.sort_time <= $5 AND (o.sort_time, o.key) < ($5, $6)
      ORDER BY o.sort_time DESC, o.key DESC LIMIT ${READINGS_A_PAGE}
    ) AS o
    ORDER BY o."sortTime" DESC, o.key DESC LIMIT ${READINGS_A_PAGE}`,
  // What takes others back or corrects them, and what is preliminary, is noted by patient beside the row itself.
  move: `
    WITH moved AS (
      UPDATE observation o SET patient = $2, bed = $3 FROM unnest($4::bigint[], $5::bigint[]) AS g (key, sort_time)
      WHERE o.key = g.key AND o.sort_time = g.sort_time
      RETURNING o.vital, o.device, o.test, o.effective, o.writer, o.seq, o.part
    ), revised AS (
      UPDATE revision r SET patient = $2 FROM moved m
      WHERE r.patient = $1 AND r.vital = m.vital AND r.device = m.device AND r.test = m.test AND r.effective = m.effective
        AND r.writer = m.writer AND r.seq = m.seq AND r.part = m.part
    )
    UPDATE preliminary r SET patient = $2 FROM moved m
    WHERE r.patient = $1 AND r.vital = m.vital AND r.device = m.device AND r.test = m.test AND r.effective = m.effective
      AND r.writer = m.writer AND r.seq = m.seq AND r.part = m.part`,
  // Of measurements of which some rows moved: those that have others, at either side, or whose moved ones take something back.
  parted: `
    SELECT g.test, g.effective FROM (SELECT DISTINCT test, effective FROM unnest($4::boolean[], $5::bigint[]) AS g (test, effective)) AS g
    WHERE EXISTS (${sameAs('$1', 'o.key')}) OR EXISTS (SELECT FROM (${sameAs('$6', 'o.key')}) AS c WHERE c.key <> ALL ($7::bigint[]))
      OR EXISTS (SELECT FROM revision r WHERE r.patient = $6 AND r.vital = $2 AND r.device = $3 AND r.test = g.test AND r.effective = g.effective)`,
  versionsOf: `${ofEachStanding((standing) => `${VERSION} AND o.standing = ${standing} AND o.sort_time = $5`)}
    UNION ALL ${VERSION} AND o.effective <> o.sort_time`,
  versionsOfSome: `
    SELECT v.*, g.test, g.effective, b.first_key AS "firstKey"
    FROM (SELECT DISTINCT test, effective FROM unnest($4::boolean[], $5::bigint[]) AS g (test, effective)) AS g
    CROSS JOIN LATERAL (${sameAs('$1', 'o.key, o.sort_time AS "sortTime", o.writer, o.seq, o.part, o.standing, o.flags, o.amended, o.batch, o.stored_at AS "storedAt"')}) AS v
    JOIN batch b ON b.key = v.batch`,
  dropPreliminaryOfSome: `
    DELETE FROM preliminary p USING unnest($4::boolean[], $5::bigint[]) AS g (test, effective)
    WHERE p.patient = $1 AND p.vital = $2 AND p.device = $3 AND p.test = g.test AND p.effective = g.effective`,
  setStandings: `
    UPDATE observation o SET standing = g.standing FROM unnest($1::bigint[], $2::bigint[], $3::int[]) AS g (key, sort_time, standing)
    WHERE o.key = g.key AND o.sort_time = g.sort_time`,
  dropPreliminary: 'DELETE FROM preliminary WHERE patient = $1 AND vital = $2 AND device = $3 AND test = $4 AND effective = $5',

  current: `
    SELECT observation AS key, test, sort_time AS "sortTime", stored_at AS "storedAt", fresh_at AS "freshAt", place FROM latest
    WHERE patient = $1 AND vital = $2 AND device = $3`,
  countLatest: 'SELECT count(*) AS rows FROM latest WHERE patient = $1',
  touch: 'UPDATE patient SET last_stored_at = greatest(coalesce(last_stored_at, 0), $2::bigint) WHERE key = $1',
  // When the newest of what is current was stored; null for somebody of whom nothing is kept.
  settleTouched: `
    UPDATE patient SET last_stored_at = coalesce(
      (SELECT max(l.stored_at) FROM latest l WHERE l.patient = $1),
      (SELECT o.stored_at FROM observation o WHERE o.patient = $1 LIMIT 1),
      (SELECT last_stored_at WHERE EXISTS (SELECT FROM rollup r WHERE r.patient = $1)))
    WHERE key = $1 AND last_stored_at <= $2`,

  nextRolled: `
    SELECT vital, device, part, test::int AS test FROM rollup
    WHERE patient = $1 AND (vital, device, part, test) > ($2, $3, $4, $5::boolean) ORDER BY vital, device, part, test LIMIT 1`,
  firstRolled: 'SELECT vital, device, part, test::int AS test FROM rollup WHERE patient = $1 ORDER BY vital, device, part, test LIMIT 1',
  rolledUp: `
    SELECT coalesce(sum(n + absent + withdrawn + undated + doubtful), 0)::bigint AS rows FROM rollup
    WHERE patient = $1 AND vital = $2 AND device = $3 AND part = $4 AND test = $5 AND start < $7 AND start + width > $6`,

  eventPage: `
    SELECT key, sort_time AS "sortTime", device, bed, stated, writer FROM event
    WHERE tenant = $1 AND patient = $2 AND kind = $3 AND sort_time >= $4 AND sort_time <= $5 AND (sort_time, key) < ($5, $6)
    ORDER BY sort_time DESC, key DESC LIMIT ${EVENTS_A_PAGE}`,
  moveEvents: `
    UPDATE event e SET patient = $1, bed = $2 FROM unnest($3::bigint[], $4::bigint[]) AS g (key, sort_time)
    WHERE e.key = g.key AND e.sort_time = g.sort_time`,
} as const;
