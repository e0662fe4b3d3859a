import { parseRegistry } from '../../hub/registry/load-registry.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { Metrics } from '../../shared/metrics.ts';
import { ensureKeyFile } from '../../shared/storage/key-file.ts';

/** When the registry of such a store was first read, and when somebody confirmed it, for `confirmed` of its gateways. */
const READ = Date.UTC(2015, 5, 1);
export const CONFIRMED = '2015-06-02T00:00:00Z';

/**
 * Makes the store of a hub that has run for years with this registry (its text, whose gateways have `confirmed: CONFIRMED`): nothing of it is
 * too old for its bindings, whatever a clock does.
 */
export async function makeKnownStore({ path, keyFile }: { path: string; keyFile: string }, registry: string): Promise<void> {
  ensureKeyFile(keyFile, path);
  await using store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
  await store.rebind(parseRegistry(registry).bindings(), READ);
}
