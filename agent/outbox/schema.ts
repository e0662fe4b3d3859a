import { ROW_CLASSES, type RowClass } from '../../shared/reading.ts';
import type { Migration } from '../../shared/storage/migrations.ts';

/**
 * The outbox file. `rows` holds what waits for the hub (`delivered_at` is null) and, for a while, what the hub has; one partial index
 * for each half keeps both out of the other's way. AUTOINCREMENT: a number is never given twice, even after its row is gone
 * (sqlite.org/autoinc.html). `epochs` has one line a start of the agent, and one a `rekey`: pending rows written under an epoch older
 * than the newest `rekeyed` one go by that one, so that taking new keys costs one line however much is waiting.
 * `messages` lists the digests of the newest messages that rows came in, those of one commit in one row, which is numbered by the last of them
 * (see `Messages`).
 * `sent` lists the numbers of rows that may have been sent (see `Sent`); all there were when the table came. `rows_gaps` finds gaps that wait.
 * `store` names the hub's store, `store_epochs` its epochs (shared/uplink/lineage.ts). A delivered row has the epoch and position of the
 * commit that the hub answered with; null where it did not say. `pruned` remembers stretches of delivered rows that are gone, as the gaps
 * that they become should the hub lose them. `rows.pinned` is of a row that became pending again: the last rekey of then, which does not
 * concern it, because the hub may hold it under the key that it has.
 * `aside` lists damaged files that were set aside, how far each was taken over (see `Salvage`), and until then whose rows may have been in it
 * (see `Places`), as JSON.
 * `clock_runs` lists runs of clocks that nobody had confirmed (shared/time/clock-run.ts), `rows.clock_run` says by which a row was stamped. `held`: its
 * rows are not handed out. `shift` and `in_doubt` are what was decided of it, before the first of its rows is rewritten; then its line goes, and a
 * row whose run is not listed any more is as true as it will be.
 * `quarantine_class` finds what goes first when quarantine takes too much room. `quarantine.held` is how many resources of a row the hub had, `quarantine.origin` an `Origin` as JSON; null where nobody knows.
 */
export const MIGRATIONS: readonly Migration[] = [
  `CREATE TABLE epochs (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     epoch TEXT NOT NULL UNIQUE,
     begun_at INTEGER NOT NULL,
     rekeyed INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE rows (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     epoch INTEGER NOT NULL REFERENCES epochs (id),
     class INTEGER NOT NULL,
     received_at INTEGER NOT NULL,
     delivered_at INTEGER,
     body BLOB NOT NULL
   ) STRICT;
   CREATE INDEX rows_pending ON rows (seq) WHERE delivered_at IS NULL;
   CREATE INDEX rows_delivered ON rows (delivered_at) WHERE delivered_at IS NOT NULL;
   CREATE TABLE quarantine (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     kind INTEGER NOT NULL,
     at INTEGER NOT NULL,
     code TEXT NOT NULL,
     source TEXT NOT NULL,
     part TEXT NOT NULL,
     bytes INTEGER NOT NULL,
     seq INTEGER,
     epoch INTEGER REFERENCES epochs (id),
     class INTEGER,
     body BLOB NOT NULL
   ) STRICT;
   CREATE INDEX quarantine_kind ON quarantine (kind, id);`,
  `CREATE TABLE messages (
     id INTEGER PRIMARY KEY,
     message BLOB NOT NULL
   ) STRICT;`,
  `ALTER TABLE quarantine ADD COLUMN held INTEGER;
   ALTER TABLE quarantine ADD COLUMN origin TEXT;`,
  `CREATE TABLE sent (
     first INTEGER PRIMARY KEY,
     last INTEGER NOT NULL
   ) STRICT;
   INSERT INTO sent (first, last) SELECT 1, seq FROM sqlite_sequence WHERE name = 'rows' AND seq > 0;
   CREATE INDEX rows_gaps ON rows (seq) WHERE class = 15 AND delivered_at IS NULL;`,
  `CREATE TABLE store (only INTEGER PRIMARY KEY CHECK (only = 1), id TEXT NOT NULL) STRICT;
   CREATE TABLE store_epochs (id INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE) STRICT;
   CREATE TABLE pruned (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     store_epoch INTEGER NOT NULL,
     place BLOB NOT NULL,
     last_position INTEGER NOT NULL,
     gap BLOB NOT NULL
   ) STRICT;
   CREATE INDEX pruned_places ON pruned (store_epoch, place, id);
   ALTER TABLE rows ADD COLUMN store_epoch INTEGER;
   ALTER TABLE rows ADD COLUMN position INTEGER;
   ALTER TABLE rows ADD COLUMN pinned INTEGER;
   DROP INDEX rows_delivered;
   CREATE INDEX rows_delivered ON rows (delivered_at, store_epoch, position) WHERE delivered_at IS NOT NULL;`,
  `CREATE TABLE aside (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     name TEXT NOT NULL UNIQUE,
     at INTEGER NOT NULL,
     oldest_at INTEGER,
     last_seq INTEGER NOT NULL,
     cut_off INTEGER NOT NULL,
     next_seq INTEGER NOT NULL DEFAULT 0,
     next_quarantine INTEGER NOT NULL DEFAULT 0,
     lost_from INTEGER,
     lost_to INTEGER,
     done_at INTEGER
   ) STRICT;`,
  'CREATE INDEX quarantine_class ON quarantine (class, id);',
  'ALTER TABLE aside ADD COLUMN places TEXT;',
  `CREATE TABLE clock_runs (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     boot TEXT NOT NULL,
     origin INTEGER NOT NULL,
     begun_at INTEGER NOT NULL,
     held INTEGER NOT NULL,
     shift INTEGER,
     in_doubt INTEGER,
     UNIQUE (boot, origin, held)
   ) STRICT;
   ALTER TABLE rows ADD COLUMN clock_run INTEGER;
   CREATE INDEX rows_clock_run ON rows (clock_run, seq) WHERE clock_run IS NOT NULL AND delivered_at IS NULL;`,
];

/** Numbers in the `class` column, the best protected first; gaps are left for classes to come. */
export const CLASS_NUMBERS: Readonly<Record<RowClass, number>> = {
  alert: 10,
  gap: 15,
  movement: 20,
  device: 25,
  spot: 30,
  continuous: 40,
  waveform: 50,
};

/** Counts of quarantine have undecodable parts, which are of no class, under this number: they go before what is never given up. */
export const PART_NUMBER = 29;

/** The class of a number; undefined for one that this version does not know. */
export function classOfNumber(number: number): RowClass | undefined {
  return ROW_CLASSES.find((name) => CLASS_NUMBERS[name] === number);
}

/** Numbers in the `kind` column of `quarantine`. */
export const QUARANTINE_KIND = { bytes: 0, row: 1 } as const;
