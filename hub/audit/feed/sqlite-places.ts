import type { Database } from '../../../shared/storage/database.ts';
import type { GroupCommit } from '../../../shared/storage/group-commit.ts';
import type { Migration } from '../../../shared/storage/migrations.ts';
import { headOf } from '../audit-log.ts';
import { type FeedPlace, type FeedPlaces, type KnownReceiver, NO_PLACE, UNNAMED } from './place.ts';
import type { FeedReceiver } from './receiver.ts';

/** One place, whoever was fed. */
export const FEED_STEP: Migration = `
CREATE TABLE auditFeed (only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
`;

/** A place for each receiver. */
export const RECEIVERS_STEP: Migration = `
CREATE TABLE auditReceiver (
  receiver TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  shown TEXT NOT NULL,
  began INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL
) STRICT;
INSERT INTO auditReceiver (receiver, kind, shown, began, seq, hash) SELECT '', '', '', 0, seq, hash FROM auditFeed;
DROP TABLE auditFeed;
`;

const SQL = {
  place: 'SELECT seq, hash FROM auditReceiver WHERE receiver = ?',
  name: 'UPDATE auditReceiver SET receiver = ?, kind = ?, shown = ? WHERE receiver = ?',
  add: 'INSERT INTO auditReceiver (receiver, kind, shown, began, seq, hash) VALUES (?, ?, ?, ?, ?, ?)',
  // Behind an earlier entry it has what is before: it was sent once, or an operator wants it sent.
  keep: 'UPDATE auditReceiver SET seq = ?, hash = ?, began = min(began, ?) WHERE receiver = ?',
  all: 'SELECT receiver AS id, kind, shown AS "to", began, seq AS confirmed FROM auditReceiver ORDER BY receiver',
} as const;

/** The places of receivers in a file that is one hub's alone. */
export class SqliteFeedPlaces implements FeedPlaces {
  readonly #database: Database;
  readonly #commits: GroupCommit;
  readonly #storeId: string;

  constructor({ database, commits, storeId }: { database: Database; commits: GroupCommit; storeId: string }) {
    this.#database = database;
    this.#commits = commits;
    this.#storeId = storeId;
  }

  async take(receiver: FeedReceiver): Promise<FeedPlace> {
    const known = this.#database.read(() => placeOf(this.#database, receiver.id));
    return known ?? (await this.#commits.run((database) => begun(database, receiver, this.#storeId)));
  }

  async keep(receiver: string, { seq, hash }: FeedPlace): Promise<boolean> {
    await this.#commits.run((database) => database.prepare<[number, Uint8Array, number, string]>(SQL.keep).run(seq, hash, seq, receiver));
    return true;
  }

  async leave(): Promise<void> {
    // The file is this hub's alone.
  }

  async receivers(): Promise<readonly KnownReceiver[]> {
    return this.#database.read(() => this.#database.prepare<[], KnownReceiver>(SQL.all).all());
  }
}

type Reader = Pick<Database, 'prepare'>;

function placeOf(database: Reader, receiver: string): FeedPlace | undefined {
  return database.prepare<[string], FeedPlace>(SQL.place).get(receiver);
}

/** Where a receiver begins that has no place yet. Within the caller's transaction. */
function begun(database: Reader, { id, kind, to, begin }: FeedReceiver, storeId: string): FeedPlace {
  database.prepare<[string, string, string, string]>(SQL.name).run(id, kind, to, UNNAMED);
  const known = placeOf(database, id);
  if (known) return known;
  const head = begin === 'now' ? headOf(database, storeId) : NO_PLACE;
  const place = head.seq === 0 ? NO_PLACE : { seq: head.seq, hash: head.hash };
  database.prepare<[string, string, string, number, number, Uint8Array]>(SQL.add).run(id, kind, to, place.seq, place.seq, place.hash);
  return place;
}
