import { CONFIRMED } from '../amend/amended.ts';
import { MOST_JUDGED } from './judged.ts';

// Or somebody said whose it is, by giving it to this patient.
const IS_CONFIRMED = `
  (amended & ${CONFIRMED}) <> 0 OR EXISTS (
    SELECT 1 FROM amendedRow r JOIN amendment a ON a.key = r.amendment WHERE r.observation = observation.key AND a.kind = 'reassign')`;

const SERIES = 'patient = ? AND vital = ? AND test = ?';

const ROWS = `
    SELECT key, device, sortTime, value, components, flags, judged,
      ${IS_CONFIRMED} AS confirmed
    FROM observation INDEXED BY judgedReading
    WHERE ${SERIES} AND judged = ? AND judged > 0`;

/** Statements on whose the readings of personal devices are. None looks at more rows than it says at its end, or than those that were set aside among them. */
export const IDENTITY_SQL = {
  addJudged: 'UPDATE observation SET judged = ? WHERE key IN (SELECT value FROM json_each(?))',
  setJudged: 'UPDATE observation SET judged = ?, flags = ? WHERE key = ?',
  anchor: `
    SELECT max(sortTime) AS at FROM observation INDEXED BY judgedReading
    WHERE ${SERIES} AND judged = 1 AND judged > 0 AND sortTime < ? AND standing = 1`,
  before: `${ROWS} AND sortTime >= ? AND sortTime < ? AND standing = 1 ORDER BY sortTime DESC LIMIT ${MOST_JUDGED}`,
  after: `${ROWS} AND sortTime >= ? AND standing = 1 ORDER BY sortTime LIMIT ${MOST_JUDGED}`,
  ofKeys: `
    SELECT key, vital, device, test, sortTime, effective FROM observation
    WHERE key IN (SELECT value FROM json_each(?)) AND judged > 0`,
  // Of one vital sign the newest, where it is newer than what is current.
  doubtful: `
    SELECT o.vital, o.device, o.value, o.unit, o.absent, o.components, o.flags, o.effective, o.offsetMin, o.receivedAt, o.sortTime,
      o.freshAt, o.place, o.test, o.writer, o.seq, o.part, b.storedAt
    FROM patient p JOIN observation o INDEXED BY judgedReading ON o.patient = p.key JOIN batch b ON b.key = o.batch
    WHERE p.tenant = ? AND p.id = ? AND o.vital = ? AND o.test = ? AND o.judged = 2 AND o.judged > 0 AND o.sortTime > ? AND o.standing = 1
    ORDER BY o.sortTime DESC, o.key DESC LIMIT 1`,
} as const;
