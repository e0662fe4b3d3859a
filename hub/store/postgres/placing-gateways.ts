import type { Instant } from '../../../shared/clock.ts';
import { type LookedAt, nextLook, SERIES_TESTS } from '../placing/gateways.ts';
import { PLACING_PG } from './placing-statements.ts';
import type { Transaction } from './transaction.ts';

/** `PlacingStore.gatewaysOf` of a store in PostgreSQL. */
export async function gatewaysOf(transaction: Transaction, tenant: string, device: string): Promise<readonly string[]> {
  const told = await transaction.query<{ gateway: string }>(PLACING_PG.gatewaysTold, [tenant, device]);
  const series = await transaction.query<{ patient: number; vital: string }>(PLACING_PG.seriesOfDevice, [tenant, device]);
  const writers = new Set<number>();
  for (const { patient, vital } of series) {
    for (const test of SERIES_TESTS) {
      let newest: Instant | undefined;
      for (let before: Instant | undefined = Number.MAX_SAFE_INTEGER; before !== undefined; ) {
        const page: LookedAt[] = await transaction.query<LookedAt>(PLACING_PG.writersPage, [patient, vital, device, test === 1, before]);
        for (const { writer } of page) writers.add(writer);
        newest ??= page[0]?.sortTime ?? 0;
        before = nextLook(newest, page);
      }
    }
  }
  const agents = await transaction.query<{ agent: string }>(PLACING_PG.agentsOf, [[...writers]]);
  return [...new Set([...agents.map(({ agent }) => agent), ...told.map(({ gateway }) => gateway)])].sort();
}
