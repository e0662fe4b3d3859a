import type { Database } from '../../shared/storage/database.ts';
import type { Migration } from '../../shared/storage/migrations.ts';

/** Which tools the AI clients of each tenant were served last, by their fingerprint: what a start compares its own with. */
export const SERVED_STEP: Migration = `
CREATE TABLE servedTools (tenant TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

/** Statements on it. */
export const SERVED_SQL = {
  last: 'SELECT fingerprint FROM servedTools WHERE tenant = ?',
  keep: 'INSERT OR REPLACE INTO servedTools (tenant, fingerprint) VALUES (?, ?)',
};

/** Keeps it and gives what was kept before; null where nothing was. Within a transaction. */
export function keepServed(database: Pick<Database, 'prepare'>, tenant: string, fingerprint: string): string | null {
  const before = database.prepare<[string], { fingerprint: string }>(SERVED_SQL.last).get(tenant)?.fingerprint ?? null;
  if (before !== fingerprint) database.prepare<[string, string]>(SERVED_SQL.keep).run(tenant, fingerprint);
  return before;
}
