import { CONFIRMED } from '../amend/amended.ts';
import { DOUBTFUL, IS_DOUBTFUL, JUDGED_A_PAGE, ODD, ODD_DOUBTFUL, OWN } from '../identity/judged.ts';

const SERIES = 'patient = $1 AND vital = $2 AND test = $3';

const ROW = `
      key, device, sort_time AS "sortTime", value, components, flags, judged, amended, EXISTS (
        SELECT FROM amended_row r JOIN amendment a ON a.key = r.amendment WHERE r.observation = o.key AND a.kind = 'reassign') AS given`;

const JUDGED = `FROM observation o WHERE ${SERIES} AND judged > 0 AND standing = 1`;

/** As `IDENTITY_SQL`. */
export const IDENTITY_PG = {
  setJudged: `
    UPDATE observation o SET judged = g.judged, flags = g.flags
    FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::text[]) AS g (key, sort_time, judged, flags)
    WHERE o.key = g.key AND o.sort_time = g.sort_time`,
  anchor: `SELECT max(sort_time) AS at ${JUDGED} AND judged = ${OWN} AND sort_time < $4`,
  // Of all kinds, for the index is by time.
  page: `SELECT ${ROW} ${JUDGED} AND (sort_time, key) > ($4, $5) ORDER BY sort_time, key LIMIT ${JUDGED_A_PAGE}`,
  lastOwn: `SELECT ${ROW} ${JUDGED} AND judged = ${OWN} AND sort_time < $4 ORDER BY sort_time DESC, key DESC LIMIT 2`,
  hasOther: `
    SELECT 1 AS found WHERE EXISTS (SELECT ${JUDGED} AND judged = ${DOUBTFUL} AND sort_time >= $4)
      OR EXISTS (SELECT ${JUDGED} AND judged IN (${ODD}, ${ODD_DOUBTFUL}) AND sort_time >= $5)`,
  ofKeys: `
    SELECT o.key, vital, device, test, o.sort_time AS "sortTime", effective
    FROM unnest($1::bigint[], $2::bigint[]) AS g (key, sort_time) JOIN observation o ON o.key = g.key AND o.sort_time = g.sort_time
    WHERE judged <> 0`,
  // Of each arrival given (its place in the list, and which measurement it is of) the versions that somebody confirmed, once for each decision.
  confirmed: `
    SELECT g.i, r.amendment, o.value, o.components, EXISTS (SELECT FROM amend_rule m WHERE m.amendment = r.amendment AND m.meant = o.key) AS "isMeant"
    FROM unnest($2::int[], $3::text[], $4::text[], $5::boolean[], $6::bigint[]) AS g (i, vital, device, test, effective)
    JOIN LATERAL (
      SELECT key, value, components FROM observation
      WHERE patient = $1 AND vital = g.vital AND device = g.device AND standing IN (-1, 0, 1) AND test = g.test AND effective = g.effective
        AND sort_time = g.effective AND (amended & ${CONFIRMED}) <> 0
      UNION ALL
      SELECT key, value, components FROM observation
      WHERE patient = $1 AND vital = g.vital AND device = g.device AND test = g.test AND effective = g.effective AND effective <> sort_time
        AND (amended & ${CONFIRMED}) <> 0
    ) o ON true
    JOIN amended_row r ON r.observation = o.key JOIN amendment a ON a.key = r.amendment WHERE a.kind = 'confirm'`,
  // Of patients, by their ids, those that were measured before a time: so many, with all of the time of the last; `total`: of how many.
  doubtfulBefore: `
    SELECT o.vital, o.device, o.value, o.unit, o.absent, o.components, o.flags, o.effective, o.offset_min AS "offsetMin",
      o.received_at AS "receivedAt", o.sort_time AS "sortTime", o.fresh_at AS "freshAt", o.place, o.test::int AS test, o.seq, o.part,
      o.tenant, o.stored_at AS "storedAt", w.agent, w.epoch, w.agent AS gateway, p.id AS "patientId", (count(*) OVER ())::int AS total
    FROM patient p JOIN observation o ON o.patient = p.key JOIN writer w ON w.key = o.writer
    WHERE p.tenant = $1 AND p.id = ANY ($2::text[]) AND o.vital = ANY ($3::text[]) AND o.test IN (false, true)
      AND o.judged ${IS_DOUBTFUL} AND o.judged > 0 AND o.standing = 1 AND o.sort_time < $4
    ORDER BY o.sort_time DESC FETCH FIRST $5 ROWS WITH TIES`,
} as const;
