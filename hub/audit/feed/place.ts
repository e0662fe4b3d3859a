import type { Database } from '../../../shared/storage/database.ts';
import type { Migration } from '../../../shared/storage/migrations.ts';

/** How far the live feed has come: the last entry that its receiver has, as far as can be known. */
export interface FeedPlace {
  /** 0 before the first. */
  seq: number;
  /** Hash of that entry; empty before the first. */
  hash: Uint8Array;
}

/** In the store, so that it goes back with the evidence when a backup is put back, and hubs that share a store share it. */
export const FEED_STEP: Migration = `
CREATE TABLE auditFeed (only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
`;

const SQL = {
  place: 'SELECT seq, hash FROM auditFeed',
  setPlace: 'INSERT OR REPLACE INTO auditFeed (only, seq, hash) VALUES (1, ?, ?)',
} as const;

export const NO_PLACE: FeedPlace = { seq: 0, hash: new Uint8Array() };

export function feedPlaceOf(database: Pick<Database, 'prepare'>): FeedPlace {
  return database.prepare<[], FeedPlace>(SQL.place).get() ?? NO_PLACE;
}

/** Within the caller's transaction. */
export function setFeedPlace(database: Pick<Database, 'prepare'>, { seq, hash }: FeedPlace): void {
  database.prepare<[number, Uint8Array]>(SQL.setPlace).run(seq, hash);
}
