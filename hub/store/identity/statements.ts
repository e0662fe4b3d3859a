import { CONFIRMED } from '../amend/amended.ts';
import { DOUBTFUL, JUDGED_A_PAGE, ODD, ODD_DOUBTFUL, OWN } from './judged.ts';

const SERIES = 'patient = ? AND vital = ? AND test = ?';

// Or somebody said whose it is, by giving it to this patient.
const ROW = `
      key, device, sortTime, value, components, flags, judged, amended, EXISTS (
        SELECT 1 FROM amendedRow r JOIN amendment a ON a.key = r.amendment WHERE r.observation = observation.key AND a.kind = 'reassign') AS given`;

/** Of one kind of rows; the index is of those alone that are looked at. */
const judgedIn = (judged: number | '?'): string =>
  `FROM observation INDEXED BY judgedReading WHERE ${SERIES} AND judged = ${judged} AND judged > 0 AND standing = 1`;

/** Statements on whose the readings of personal devices are. None looks at more rows than it says at its end, or than those that were set aside among them. */
export const IDENTITY_SQL = {
  setJudged: 'UPDATE observation SET judged = ?, flags = ? WHERE key = ?',
  anchor: `SELECT max(sortTime) AS at ${judgedIn(OWN)} AND sortTime < ?`,
  page: `SELECT ${ROW} ${judgedIn('?')} AND (sortTime, key) > (?, ?) ORDER BY sortTime, key LIMIT ${JUDGED_A_PAGE}`,
  // Those of one time are needed together.
  lastOwn: `SELECT ${ROW} ${judgedIn(OWN)} AND sortTime < ? ORDER BY sortTime DESC, key DESC LIMIT 2`,
  hasOther: `
    SELECT 1 AS found WHERE EXISTS (SELECT 1 ${judgedIn(DOUBTFUL)} AND sortTime >= ?)
      OR EXISTS (SELECT 1 ${judgedIn(ODD)} AND sortTime >= ?) OR EXISTS (SELECT 1 ${judgedIn(ODD_DOUBTFUL)} AND sortTime >= ?)`,
  ofKeys: `
    SELECT key, vital, device, test, sortTime, effective FROM observation
    WHERE key IN (SELECT value FROM json_each(?)) AND judged > 0`,
  // Versions of a measurement that somebody confirmed, once for each decision. The time is given twice, as with withdraw.
  confirmed: `
    SELECT r.amendment, o.value, o.components, EXISTS (SELECT 1 FROM amendRule g WHERE g.amendment = r.amendment AND g.meant = o.key) AS isMeant FROM (
      SELECT key, value, components FROM observation INDEXED BY observationBySeries
      WHERE patient = ? AND vital = ? AND device = ? AND standing IN (-1, 0, 1) AND test = ? AND effective = ? AND sortTime = ?
        AND (amended & ${CONFIRMED}) <> 0
      UNION ALL
      SELECT key, value, components FROM observation INDEXED BY observationSetAside
      WHERE patient = ? AND vital = ? AND device = ? AND test = ? AND effective = ? AND effective <> sortTime AND (amended & ${CONFIRMED}) <> 0) o
    JOIN amendedRow r ON r.observation = o.key JOIN amendment a ON a.key = r.amendment WHERE a.kind = 'confirm'`,
  // Of one kind those that were measured before a time: so many and one more, with all of its time.
  doubtfulBefore: `
    SELECT o.vital, o.device, o.value, o.unit, o.absent, o.components, o.flags, o.effective, o.offsetMin, o.receivedAt, o.sortTime,
      o.freshAt, o.place, o.test, o.seq, o.part, w.agent, w.epoch, b.storedAt
    FROM observation o INDEXED BY judgedReading JOIN batch b ON b.key = o.batch JOIN writer w ON w.key = o.writer
    WHERE o.patient = ? AND o.vital = ? AND o.test = ? AND o.judged = ? AND o.judged > 0 AND o.standing = 1 AND o.sortTime < ?
      AND o.sortTime >= coalesce((
        SELECT i.sortTime FROM observation i INDEXED BY judgedReading
        WHERE i.patient = ? AND i.vital = ? AND i.test = ? AND i.judged = ? AND i.judged > 0 AND i.standing = 1 AND i.sortTime < ?
        ORDER BY i.sortTime DESC LIMIT 1 OFFSET ?), ${Number.MIN_SAFE_INTEGER})
    ORDER BY o.sortTime DESC`,
  // Of one vital sign the newest, where it is newer than what is current; of odd ones only if there is no other.
  doubtful: `
    SELECT o.vital, o.device, o.value, o.unit, o.absent, o.components, o.flags, o.effective, o.offsetMin, o.receivedAt, o.sortTime,
      o.freshAt, o.place, o.test, o.writer, o.seq, o.part, b.storedAt
    FROM patient p JOIN observation o INDEXED BY judgedReading ON o.patient = p.key JOIN batch b ON b.key = o.batch
    WHERE p.tenant = ? AND p.id = ? AND o.vital = ? AND o.test = ? AND o.judged = ? AND o.judged > 0 AND o.sortTime > ? AND o.standing = 1
    ORDER BY o.sortTime DESC, o.key DESC LIMIT 1`,
} as const;
