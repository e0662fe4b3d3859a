import { type FeedPlace, type FeedPlaces, type KnownReceiver, NO_PLACE, UNNAMED } from '../../audit/feed/place.ts';
import type { FeedReceiver } from '../../audit/feed/receiver.ts';
import { AUDIT_PG } from './audit-statements.ts';
import type { Commit } from './commits.ts';
import type { Transaction } from './transaction.ts';

/** As hub/audit/feed/sqlite-places.ts has it; and which of the hubs feeds, until when by the clock of the server. */
export const FEED_STEP = `
CREATE TABLE audit_feed (
  is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
  seq bigint NOT NULL,
  hash bytea NOT NULL,
  holder text NOT NULL,
  until timestamptz NOT NULL
);
`;

/** A place, and a hub that feeds, for each receiver. */
export const RECEIVERS_STEP = `
ALTER TABLE audit_feed DROP COLUMN is_one;
ALTER TABLE audit_feed
  ADD COLUMN receiver text NOT NULL DEFAULT '' PRIMARY KEY,
  ADD COLUMN kind text NOT NULL DEFAULT '',
  ADD COLUMN shown text NOT NULL DEFAULT '',
  ADD COLUMN began bigint NOT NULL DEFAULT 0;
`;

/** What the hub's role may do with it; `role` is an identifier, quoted. */
export function feedGrantsTo(role: string): string {
  return `\nGRANT SELECT, INSERT, UPDATE ON audit_feed TO ${role};`;
}

const FEED_PG = {
  isFree: 'SELECT NOT EXISTS (SELECT 1 FROM audit_feed WHERE receiver = $1 AND holder <> $2 AND until > clock_timestamp()) AS free',
  name: `
    UPDATE audit_feed SET receiver = $1, kind = $2, shown = $3
    WHERE receiver = $4 AND NOT EXISTS (SELECT 1 FROM audit_feed WHERE receiver = $1)`,
  add: `
    INSERT INTO audit_feed (receiver, kind, shown, began, seq, hash, holder, until)
    VALUES ($1, $2, $3, $4, $4, $5, $6, clock_timestamp()) ON CONFLICT (receiver) DO NOTHING`,
  take: `
    UPDATE audit_feed SET holder = $2, until = clock_timestamp() + $3 * interval '1 millisecond'
    WHERE receiver = $1 AND (holder = $2 OR until <= clock_timestamp())
    RETURNING seq, hash`,
  // Behind an earlier entry it has what is before: it was sent once, or an operator wants it sent.
  keep: 'UPDATE audit_feed SET seq = $3, hash = $4, began = least(began, $3) WHERE receiver = $1 AND holder = $2 RETURNING seq',
  leave: 'UPDATE audit_feed SET until = clock_timestamp() WHERE receiver = $1 AND holder = $2',
  all: 'SELECT receiver AS id, kind, shown AS "to", began, seq AS confirmed FROM audit_feed ORDER BY receiver',
} as const;

/** What lends transactions to the feed. */
export interface FeedTransactions {
  /** Names the process among the hubs of the database. */
  readonly hub: string;
  read<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  commit<T>(work: (commit: Commit) => Promise<T>): Promise<T>;
}

/** The places of receivers in a database that hubs share: of those that feed the same receiver one does at a time. */
export class PostgresFeedPlaces implements FeedPlaces {
  readonly #lent: FeedTransactions;

  constructor(lent: FeedTransactions) {
    this.#lent = lent;
  }

  async take(receiver: FeedReceiver, forMs: number): Promise<FeedPlace | undefined> {
    const { hub } = this.#lent;
    // First, so that hubs that wait write nothing.
    const [free] = await this.#lent.read((transaction) => transaction.query<{ free: boolean }>(FEED_PG.isFree, [receiver.id, hub]));
    if (!free?.free) return undefined;
    return await this.#lent.commit(async (commit) => {
      const { id, kind, to, begin } = receiver;
      await commit.query(FEED_PG.name, [id, kind, to, UNNAMED]);
      const [head] = begin === 'now' ? await commit.query<FeedPlace>(AUDIT_PG.auditHead) : [];
      const { seq, hash } = head ?? NO_PLACE;
      await commit.query(FEED_PG.add, [id, kind, to, seq, hash, hub]);
      const [place] = await commit.query<FeedPlace>(FEED_PG.take, [id, hub, forMs]);
      return place && (place.seq === 0 ? NO_PLACE : place);
    });
  }

  keep(receiver: string, { seq, hash }: FeedPlace): Promise<boolean> {
    return this.#lent.commit(async (commit) => (await commit.query(FEED_PG.keep, [receiver, this.#lent.hub, seq, hash])).length > 0);
  }

  leave(receiver: string): Promise<void> {
    return this.#lent.commit(async (commit) => void (await commit.query(FEED_PG.leave, [receiver, this.#lent.hub])));
  }

  receivers(): Promise<readonly KnownReceiver[]> {
    return this.#lent.read((transaction) => transaction.query<KnownReceiver>(FEED_PG.all));
  }
}
