import type { Commit } from './commits.ts';
import { OWN_TENANT, secured } from './own-tenant.ts';

/** As hub/store/served-tools.ts has it for SQLite. */
export const SERVED_STEP = `
CREATE TABLE served_tools (tenant text COLLATE "C" PRIMARY KEY, fingerprint text NOT NULL);
${secured(['served_tools'], `CREATE POLICY own_tenant ON $ USING (${OWN_TENANT}) WITH CHECK (${OWN_TENANT});`)}
`;

/** What the hub's role may do with it; `role` is an identifier, quoted. */
export function servedGrantsTo(role: string): string {
  return `\nGRANT SELECT, INSERT, UPDATE ON served_tools TO ${role};`;
}

/** Statements on it. */
const SERVED_PG = {
  last: 'SELECT fingerprint FROM served_tools WHERE tenant = $1',
  keep: 'INSERT INTO served_tools (tenant, fingerprint) VALUES ($1, $2) ON CONFLICT (tenant) DO UPDATE SET fingerprint = excluded.fingerprint',
};

/** Keeps it and gives what was kept before; null where nothing was. Within a commit of the tenant. */
export async function keepServed(commit: Commit, tenant: string, fingerprint: string): Promise<string | null> {
  const [last] = await commit.query<{ fingerprint: string }>(SERVED_PG.last, [tenant]);
  if (last?.fingerprint !== fingerprint) await commit.query(SERVED_PG.keep, [tenant, fingerprint]);
  return last?.fingerprint ?? null;
}
