import { type FeedPlace, NO_PLACE } from '../../audit/feed/place.ts';
import type { Commit } from './commits.ts';
import type { Transaction } from './transaction.ts';

/** As hub/audit/feed/place.ts has it for SQLite; and which of the hubs feeds, until when by the clock of the server. */
export const FEED_STEP = `
CREATE TABLE audit_feed (
  is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
  seq bigint NOT NULL,
  hash bytea NOT NULL,
  holder text NOT NULL,
  until timestamptz NOT NULL
);
`;

/** What the hub's role may do with it; `role` is an identifier, quoted. */
export function feedGrantsTo(role: string): string {
  return `\nGRANT SELECT, INSERT, UPDATE ON audit_feed TO ${role};`;
}

const FEED_PG = {
  isFree: 'SELECT NOT EXISTS (SELECT 1 FROM audit_feed WHERE holder <> $1 AND until > clock_timestamp()) AS free',
  take: `
    INSERT INTO audit_feed AS f (seq, hash, holder, until) VALUES (0, '', $1, clock_timestamp() + $2 * interval '1 millisecond')
    ON CONFLICT (is_one) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE f.holder = excluded.holder OR f.until <= clock_timestamp()
    RETURNING f.seq, f.hash`,
  keep: 'UPDATE audit_feed SET seq = $2, hash = $3 WHERE holder = $1 RETURNING seq',
  leave: 'UPDATE audit_feed SET until = clock_timestamp() WHERE holder = $1',
} as const;

/** False while another hub has the feed. Before `takeFeed`, so that hubs that wait write nothing. */
export async function isFeedFree(transaction: Transaction, holder: string): Promise<boolean> {
  return (await transaction.query<{ free: boolean }>(FEED_PG.isFree, [holder]))[0]?.free ?? false;
}

export async function takeFeed(commit: Commit, holder: string, forMs: number): Promise<FeedPlace | undefined> {
  const [place] = await commit.query<FeedPlace>(FEED_PG.take, [holder, forMs]);
  return place && (place.seq === 0 ? NO_PLACE : place);
}

export async function keepFeed(commit: Commit, holder: string, { seq, hash }: FeedPlace): Promise<boolean> {
  return (await commit.query(FEED_PG.keep, [holder, seq, hash])).length > 0;
}

export async function leaveFeed(commit: Commit, holder: string): Promise<void> {
  await commit.query(FEED_PG.leave, [holder]);
}
