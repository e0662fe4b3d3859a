import { after } from 'node:test';
import { storeErasingContract } from '../contract/store-erasing.ts';
import { PostgresServer, storePlaces } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

storeErasingContract('postgres', storePlaces(server));
