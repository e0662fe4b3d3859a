import { SCHEMA } from './connections.ts';
import { WEEK_MS } from './week.ts';

/** The present week and so many before it keep their partitions, empty or not: what comes belongs there. */
const WEEKS_KEPT = 2;

/** What drops partitions. The hub's role owns nothing, so it is done for it. */
export const WEEKS_STEP = `
-- How many partitions were dropped, so that each hub learns with the head that what it knows of them is old.
ALTER TABLE head ADD COLUMN dropped_weeks bigint NOT NULL DEFAULT 0;

-- The oldest partition of a week below this one that holds nothing. Partitions have no policies of their own: the owner sees all of their rows.
CREATE FUNCTION empty_week(below bigint) RETURNS TABLE (parent text, week bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ${SCHEMA}, pg_temp AS $$
DECLARE
  is_filled boolean;
BEGIN
  FOR parent, week IN
    SELECT p.relname::text, substring(c.relname FROM '_(\\d+)$')::bigint
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
    WHERE i.inhparent IN ('observation'::regclass, 'packed'::regclass, 'event'::regclass) AND c.relname ~ '_\\d+$'
    ORDER BY 2, 1
  LOOP
    EXIT WHEN week >= least(below, floor(extract(epoch FROM now()) * 1000 / ${WEEK_MS})::bigint - ${WEEKS_KEPT});
    EXECUTE format('SELECT EXISTS (SELECT FROM %I)', format('%s_%s', parent, week)) INTO is_filled;
    IF NOT is_filled THEN
      RETURN NEXT;
      EXIT;
    END IF;
  END LOOP;
END $$;
-- Writers wait at the head. Readers hold a lock of the parent from before their snapshot on, so nobody is left who still sees what was removed.
CREATE FUNCTION drop_week(parent text, week bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ${SCHEMA}, pg_temp AS $$
DECLARE
  part text := format('%s_%s', parent, week);
  is_filled boolean;
BEGIN
  IF parent NOT IN ('observation', 'packed', 'event') OR week >= floor(extract(epoch FROM now()) * 1000 / ${WEEK_MS})::bigint - ${WEEKS_KEPT} THEN
    RETURN false;
  END IF;
  PERFORM FROM head FOR UPDATE;
  EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', parent);
  IF to_regclass(part) IS NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', part);
  EXECUTE format('SELECT EXISTS (SELECT FROM %I)', part) INTO is_filled;
  IF NOT is_filled THEN
    EXECUTE format('DROP TABLE %I', part);
    UPDATE head SET dropped_weeks = dropped_weeks + 1;
  END IF;
  RETURN NOT is_filled;
END $$;
REVOKE ALL ON FUNCTION empty_week(bigint), drop_week(text, bigint) FROM PUBLIC;
`;

/** What the hub's role may do; `role` is an identifier, quoted. */
export function weeksGrantsTo(role: string): string {
  return `
GRANT EXECUTE ON FUNCTION empty_week(bigint), drop_week(text, bigint) TO ${role};`;
}
