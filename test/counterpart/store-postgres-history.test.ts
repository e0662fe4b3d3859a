import { after } from 'node:test';
import { storeRetentionContract } from '../contract/store-retention.ts';
import { storeTrendContract } from '../contract/store-trend.ts';
import { PostgresServer, storePlaces } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

storeTrendContract('postgres', storePlaces(server));
storeRetentionContract('postgres', storePlaces(server));
