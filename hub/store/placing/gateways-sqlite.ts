import type { Instant } from '../../../shared/clock.ts';
import type { Database } from '../../../shared/storage/database.ts';
import { turn } from '../walks.ts';
import { type LookedAt, nextLook, SERIES_TESTS } from './gateways.ts';
import { PLACING_SQL } from './statements.ts';

/** `PlacingStore.gatewaysOf` of an SQLite store, each series in turns of its own. */
export async function gatewaysOf(database: Database, tenant: string, device: string): Promise<readonly string[]> {
  const rows = database.prepare<(string | number)[], LookedAt>(PLACING_SQL.writersPage);
  const agent = database.prepare<[number], { agent: string }>(PLACING_SQL.agentOf);
  const told = database.read(() => database.prepare<string[], { gateway: string }>(PLACING_SQL.gatewaysTold).all(tenant, device));
  const series = database.read(() =>
    database.prepare<string[], { patient: number; vital: string }>(PLACING_SQL.seriesOfDevice).all(tenant, device),
  );
  const writers = new Set<number>();
  for (const { patient, vital } of series) {
    for (const test of SERIES_TESTS) {
      let newest: Instant | undefined;
      for (let before: Instant | undefined = Number.MAX_SAFE_INTEGER; before !== undefined; ) {
        const until: Instant = before;
        const page = database.read(() => rows.all(patient, vital, device, test, until));
        for (const { writer } of page) writers.add(writer);
        newest ??= page[0]?.sortTime ?? 0;
        before = nextLook(newest, page);
        await turn();
      }
    }
  }
  const agents = [...writers].flatMap((writer) => database.read(() => agent.get(writer))?.agent ?? []);
  return [...new Set([...agents, ...told.map(({ gateway }) => gateway)])].sort();
}
