import { after } from 'node:test';
import { storeEvidenceContract } from '../contract/store-evidence.ts';
import { storeUsageContract } from '../contract/store-usage.ts';
import { PostgresServer, storePlaces } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

storeEvidenceContract('postgres', storePlaces(server));
storeUsageContract('postgres', storePlaces(server));
