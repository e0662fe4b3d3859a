import { CONFIRMED } from '../amend/amended.ts';
import { DOUBTFUL, JUDGED_A_PAGE, ODD, ODD_DOUBTFUL, OWN } from '../identity/judged.ts';

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
    WHERE judged > 0`,
  // Of each arrival given (its place in the list, and which measurement it is of) the versions that somebody confirmed.
  confirmed: `
    SELECT g.i, o.key, o.value, o.components FROM unnest($2::int[], $3::text[], $4::text[], $5::boolean[], $6::bigint[]) AS g (i, vital, device, test, effective)
    JOIN LATERAL (
      SELECT key, value, components FROM observation
      WHERE patient = $1 AND vital = g.vital AND device = g.device AND standing IN (-1, 0, 1) AND test = g.test AND effective = g.effective
        AND sort_time = g.effective AND (amended & ${CONFIRMED}) <> 0
      UNION ALL
      SELECT key, value, components FROM observation
      WHERE patient = $1 AND vital = g.vital AND device = g.device AND test = g.test AND effective = g.effective AND effective <> sort_time
        AND (amended & ${CONFIRMED}) <> 0
    ) o ON true`,
  // Each as another version was: key and sort time of the new one, and the key of the other.
  confirmAs: `
    INSERT INTO amended_row (tenant, amendment, observation, sort_time)
    SELECT $1, r.amendment, g.key, g.sort_time FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS g (key, sort_time, other)
    JOIN amended_row r ON r.observation = g.other JOIN amendment a ON a.key = r.amendment WHERE a.kind = 'confirm'`,
} as const;
