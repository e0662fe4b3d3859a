import { after } from 'node:test';
import { openPostgresStore } from '../../hub/store/postgres/postgres.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { type StorePlace, storeContract } from '../contract/store.ts';
import { storeRetentionContract } from '../contract/store-retention.ts';
import { storeTrendContract } from '../contract/store-trend.ts';
import { PostgresServer } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

async function place(): Promise<StorePlace> {
  const { app, owner } = await server.database();
  return {
    open: () => openPostgresStore({ address: app, owner, metrics: new Metrics(), log: silentLogger }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

storeContract('postgres', place);
storeTrendContract('postgres', place);
storeRetentionContract('postgres', place);
