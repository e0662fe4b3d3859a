import { after } from 'node:test';
import { storeAmendContract } from '../contract/store-amend.ts';
import { PostgresServer, storePlaces } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

storeAmendContract('postgres', storePlaces(server));
