import { CONFIRMED } from '../amend/amended.ts';
import { MOST_JUDGED } from '../identity/judged.ts';

const IS_CONFIRMED = `
  ((amended & ${CONFIRMED}) <> 0 OR EXISTS (
    SELECT FROM amended_row r JOIN amendment a ON a.key = r.amendment WHERE r.observation = o.key AND a.kind = 'reassign'))`;

const SERIES = 'patient = $1 AND vital = $2 AND test = $3';

const ROWS = `
    SELECT key, device, sort_time AS "sortTime", value, components, flags, judged,
      ${IS_CONFIRMED} AS confirmed
    FROM observation o
    WHERE ${SERIES} AND judged = $4 AND judged > 0`;

/** As `IDENTITY_SQL`. */
export const IDENTITY_PG = {
  addJudged: `
    UPDATE observation o SET judged = 1 FROM unnest($1::bigint[], $2::bigint[]) AS g (key, sort_time)
    WHERE o.key = g.key AND o.sort_time = g.sort_time`,
  setJudged: `
    UPDATE observation o SET judged = g.judged, flags = g.flags
    FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::text[]) AS g (key, sort_time, judged, flags)
    WHERE o.key = g.key AND o.sort_time = g.sort_time`,
  anchor: `
    SELECT max(sort_time) AS at FROM observation WHERE ${SERIES} AND judged = 1 AND judged > 0 AND sort_time < $4 AND standing = 1`,
  before: `${ROWS} AND sort_time >= $5 AND sort_time < $6 AND standing = 1 ORDER BY sort_time DESC, key DESC LIMIT ${MOST_JUDGED}`,
  after: `${ROWS} AND sort_time >= $5 AND standing = 1 ORDER BY sort_time, key LIMIT ${MOST_JUDGED}`,
  ofKeys: `
    SELECT o.key, vital, device, test, o.sort_time AS "sortTime", effective
    FROM unnest($1::bigint[], $2::bigint[]) AS g (key, sort_time) JOIN observation o ON o.key = g.key AND o.sort_time = g.sort_time
    WHERE judged > 0`,
} as const;
