/** Policy of a table of which each row is of one tenant: shown and taken only in a transaction that said which. */
export const OWN_TENANT = "tenant = current_setting('vitalmesh.tenant', true)";

/** Puts a policy ($: the name of the table) on tables. FORCE: it otherwise does not bind the owner. */
export function secured(tables: readonly string[], policy: string): string {
  return tables
    .map(
      (table) =>
        `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY; ALTER TABLE ${table} FORCE ROW LEVEL SECURITY; ${policy.replaceAll('$', table)}`,
    )
    .join('\n');
}
