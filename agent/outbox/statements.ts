// The SQL of the outbox, apart from its use, so that a test can ask SQLite how it goes about each statement.

/** Parameters: epoch, class, time of receipt, the run of the clock that this is of, the row. */
export const APPEND = 'INSERT INTO rows (epoch, class, received_at, clock_run, body) VALUES (?, ?, ?, ?, ?)';

/** Parameters: the id of the last rekey, twice, `after`, the limit. */
export const PENDING = `SELECT r.seq, e.epoch, r.received_at AS receivedAt, r.body
  FROM rows AS r INDEXED BY rows_pending
  CROSS JOIN epochs AS e ON e.id = CASE WHEN r.pinned >= ? THEN r.epoch ELSE max(r.epoch, ?) END
  WHERE r.delivered_at IS NULL AND r.seq > ? ORDER BY r.seq LIMIT ?`;

/**
 * Parameters: now, the epoch of the key, epoch and position of the hub's store, `seq`, and the epochs the row may have been written under, from and to. A row answered under
 * the key it had before a rekey is complete, too, and keeps the key that the hub knows it by.
 */
export const COMPLETE = `UPDATE rows SET delivered_at = ?, epoch = ?, store_epoch = ?, position = ?
  WHERE seq = ? AND epoch BETWEEN ? AND ? AND delivered_at IS NULL
  RETURNING class, length(body) AS bytes`;

const PRUNED = 'class, length(body) AS bytes, store_epoch AS storeEpoch, position, iif(position IS NULL, NULL, body) AS body';

export const PRUNE = `DELETE FROM rows WHERE seq IN
  (SELECT seq FROM rows INDEXED BY rows_delivered WHERE delivered_at < ? ORDER BY delivered_at LIMIT ?)
  RETURNING ${PRUNED}`;

export const PRUNE_EXCESS = `DELETE FROM rows WHERE seq IN
  (SELECT seq FROM rows INDEXED BY rows_delivered WHERE delivered_at IS NOT NULL ORDER BY delivered_at LIMIT ?)
  RETURNING ${PRUNED}`;

export const OLDEST_PENDING =
  'SELECT received_at AS at FROM rows INDEXED BY rows_pending WHERE delivered_at IS NULL AND seq > 0 ORDER BY seq LIMIT 1';

export const OLDEST_SEQ = 'SELECT seq FROM rows INDEXED BY rows_pending WHERE delivered_at IS NULL AND seq > 0 ORDER BY seq LIMIT 1';

// Making room. Rows that wait, without their content.
export const WAITING = `SELECT seq, class, received_at AS receivedAt, length(body) AS bytes
  FROM rows INDEXED BY rows_pending WHERE delivered_at IS NULL AND seq > ? ORDER BY seq LIMIT ?`;
export const WAITING_BODY = 'SELECT class, body, clock_run AS clockRun FROM rows WHERE seq = ? AND delivered_at IS NULL';
/** Of class `gap`, the newest first. */
export const WAITING_GAPS = `SELECT seq, body, clock_run AS clockRun FROM rows INDEXED BY rows_gaps
  WHERE class = 15 AND delivered_at IS NULL AND seq > 0 ORDER BY seq DESC LIMIT ?`;
export const REWRITE = 'UPDATE rows SET body = ? WHERE seq = ? AND delivered_at IS NULL';
export const GIVE_UP = 'DELETE FROM rows WHERE seq = ? AND delivered_at IS NULL';

// Runs of clocks that nobody had confirmed.
export const ADD_CLOCK_RUN = 'INSERT OR IGNORE INTO clock_runs (boot, origin, begun_at, held) VALUES (?, ?, ?, ?)';
export const CLOCK_RUN_ID = 'SELECT id FROM clock_runs WHERE boot = ? AND origin = ? AND held = ?';
export const CLOCK_RUNS = 'SELECT id, boot, origin, begun_at AS "from", held, shift, in_doubt AS inDoubt FROM clock_runs ORDER BY id';
/** Those of which it was decided that they were wrong as well, until their rows are put right. */
export const HELD_RUNS = 'SELECT id FROM clock_runs WHERE held = 1 OR shift <> 0 OR in_doubt > 0';
const OF_RUN = 'FROM rows INDEXED BY rows_clock_run WHERE clock_run = ? AND delivered_at IS NULL';
export const FIRST_OF_RUN = `SELECT min(seq) AS seq ${OF_RUN}`;
export const COUNT_OF_RUN = `SELECT count(*) AS rows ${OF_RUN}`;
export const LAST_OF_RUN = `SELECT received_at AS at ${OF_RUN} ORDER BY seq DESC LIMIT 1`;
export const ROWS_OF_RUN = `SELECT seq, class, received_at AS receivedAt, body ${OF_RUN} ORDER BY seq LIMIT ?`;
export const DECIDE_CLOCK_RUN = 'UPDATE clock_runs SET shift = ?, in_doubt = ? WHERE id = ?';
export const FORGET_CLOCK_RUN = 'DELETE FROM clock_runs WHERE id = ?';
export const RETIME = 'UPDATE rows SET received_at = ?, body = ?, clock_run = NULL WHERE seq = ? AND delivered_at IS NULL';
export const KEEP_TIME = 'UPDATE rows SET clock_run = NULL WHERE seq = ?';

export const SENT = 'SELECT first, last FROM sent ORDER BY first';
export const NOTE_SENT = 'INSERT INTO sent (first, last) VALUES (?, ?)';
export const FORGET_SENT = 'DELETE FROM sent';

// Taking over what can be read of a damaged file.
export const TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'";
export const EPOCH_TEXT = 'SELECT epoch FROM epochs WHERE id = ?';
export const STORE_EPOCH_TEXT = 'SELECT epoch FROM store_epochs WHERE id = ?';
export const FORGET_PRUNED = 'DELETE FROM pruned WHERE store_epoch NOT IN (SELECT id FROM store_epochs)';
export const LAST_EPOCH = "SELECT seq FROM sqlite_sequence WHERE name = 'epochs'";
export const FORGET_LAST_EPOCH = "DELETE FROM sqlite_sequence WHERE name = 'epochs'";
export const SET_LAST_EPOCH = "INSERT INTO sqlite_sequence (name, seq) VALUES ('epochs', ?)";
export const ASIDE_NAMES = 'SELECT name FROM aside';
export const ADD_ASIDE = 'INSERT INTO aside (name, at, oldest_at, last_seq, cut_off, places) VALUES (?, ?, ?, ?, ?, ?)';
export const ASIDE_UNFINISHED = `SELECT id, name, at, oldest_at AS oldestAt, last_seq AS lastSeq, cut_off AS cutOff, next_seq AS nextSeq,
  next_quarantine AS nextQuarantine, lost_from AS lostFrom, lost_to AS lostTo, places FROM aside WHERE done_at IS NULL ORDER BY id LIMIT 1`;
export const ASIDE_PROGRESS = 'UPDATE aside SET next_seq = ?, next_quarantine = ?, lost_from = ?, lost_to = ? WHERE id = ?';
export const ASIDE_DONE = 'UPDATE aside SET done_at = ?, places = NULL WHERE id = ?';

/** Parameters: `after`, the limit. */
export const CENSUS = 'SELECT seq, class, delivered_at IS NOT NULL AS delivered FROM rows WHERE seq > ? ORDER BY seq LIMIT ?';

export const BEGIN_EPOCH = 'INSERT INTO epochs (epoch, begun_at, rekeyed) VALUES (?, ?, ?)';
export const EPOCH_ID = 'SELECT id, rekeyed FROM epochs WHERE epoch = ?';
export const LAST_REKEY = 'SELECT id FROM epochs WHERE rekeyed = 1 ORDER BY id DESC LIMIT 1';

export const QUARANTINE_FIND = 'SELECT class, body FROM rows WHERE seq = ? AND epoch BETWEEN ? AND ? AND delivered_at IS NULL';
export const QUARANTINE_REMOVE = 'DELETE FROM rows WHERE seq = ?';
export const QUARANTINE_ROW = `INSERT INTO quarantine (kind, at, code, source, part, bytes, seq, epoch, class, held, body)
  VALUES (?, ?, ?, ?, 'row', ?, ?, ?, ?, ?, ?)`;
export const QUARANTINE_PART = 'INSERT INTO quarantine (kind, at, code, source, part, bytes, origin, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)';
export const QUARANTINE_LIST = 'SELECT id, at, code, source, part, bytes, class FROM quarantine WHERE id < ? ORDER BY id DESC LIMIT ?';
export const QUARANTINE_CONTENT = 'SELECT id, at, code, source, part, bytes, class, held, origin, body FROM quarantine WHERE id = ?';
export const QUARANTINE_DROP =
  'DELETE FROM quarantine WHERE id = ? RETURNING id, at, code, source, part, bytes, class, origin, length(body) AS kept';
export const QUARANTINE_TRIM = `DELETE FROM quarantine WHERE id IN
  (SELECT id FROM quarantine WHERE kind = ? ORDER BY id LIMIT ?) RETURNING class, length(body) AS kept`;
/** Parameters: the class, the limit. */
export const QUARANTINE_GIVE_UP = `DELETE FROM quarantine WHERE id IN
  (SELECT id FROM quarantine INDEXED BY quarantine_class WHERE class IS ? ORDER BY id LIMIT ?) RETURNING class, body`;

// SQLite's own table of the numbers given so far (sqlite.org/autoinc.html); it has no line before the first row.
export const LAST_SEQ = "SELECT seq FROM sqlite_sequence WHERE name = 'rows'";
export const FORGET_SEQ = "DELETE FROM sqlite_sequence WHERE name = 'rows'";
export const SET_SEQ = "INSERT INTO sqlite_sequence (name, seq) VALUES ('rows', ?)";

// Counted once an opening; kept up to date in memory from then on.
export const COUNT_ROWS = `SELECT class, delivered_at IS NOT NULL AS delivered, count(*) AS rows, sum(length(body)) AS bytes
  FROM rows GROUP BY class, delivered_at IS NOT NULL`;
export const COUNT_QUARANTINED = 'SELECT class, count(*) AS rows, sum(length(body)) AS bytes FROM quarantine GROUP BY class';
export const COUNT_QUARANTINED_KIND = 'SELECT count(*) AS n FROM quarantine WHERE kind = ?';

export const LAST_MESSAGE = 'SELECT coalesce(max(id), 0) AS id FROM messages';
export const ADD_MESSAGES = 'INSERT INTO messages (id, message) VALUES (?, ?)';
export const MESSAGES = 'SELECT message FROM messages ORDER BY id DESC LIMIT ?';
export const TRIM_MESSAGES = 'DELETE FROM messages WHERE id <= ?';

export const STORE_ID = 'SELECT id FROM store WHERE only = 1';
export const SET_STORE_ID = 'INSERT INTO store (only, id) VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET id = excluded.id';
export const STORE_EPOCH = 'SELECT id FROM store_epochs WHERE epoch = ?';
export const STORE_EPOCHS = 'SELECT id, epoch FROM store_epochs ORDER BY id';
export const ADD_STORE_EPOCH = 'INSERT INTO store_epochs (epoch) VALUES (?)';
/** Once an opening: up to where the store told of commits. */
export const TOLD = `SELECT storeEpoch, max(position) AS position FROM (
    SELECT store_epoch AS storeEpoch, position FROM rows INDEXED BY rows_delivered WHERE delivered_at IS NOT NULL AND position IS NOT NULL
    UNION ALL SELECT store_epoch, last_position FROM pruned)
  GROUP BY storeEpoch`;
/** Rows that the hub does not hold any more, the newest first. Parameters: epoch and position, a time of delivery, the limit. */
export const DELIVERED_BEHIND = `SELECT seq, delivered_at AS at FROM rows INDEXED BY rows_delivered
  WHERE store_epoch = ? AND position > ? AND delivered_at <= ? ORDER BY delivered_at DESC LIMIT ?`;
export const DELIVERED_UNTOLD = `SELECT seq, delivered_at AS at FROM rows INDEXED BY rows_delivered
  WHERE position IS NULL AND delivered_at <= ? ORDER BY delivered_at DESC LIMIT ?`;
export const RETURN = `UPDATE rows SET delivered_at = NULL, store_epoch = NULL, position = NULL, pinned = ?
  WHERE seq = ? AND delivered_at IS NOT NULL RETURNING class, length(body) AS bytes`;
export const LAST_PRUNED = 'SELECT id, gap FROM pruned WHERE store_epoch = ? AND place = ? ORDER BY id DESC LIMIT 1';
export const ADD_PRUNED = 'INSERT INTO pruned (store_epoch, place, last_position, gap) VALUES (?, ?, ?, ?)';
export const GROW_PRUNED = 'UPDATE pruned SET gap = ?, last_position = max(last_position, ?) WHERE id = ?';
export const TRIM_PRUNED = 'DELETE FROM pruned WHERE id <= (SELECT max(id) FROM pruned) - ?';
export const TAKE_PRUNED = 'DELETE FROM pruned WHERE store_epoch = ? AND last_position > ? RETURNING gap';
