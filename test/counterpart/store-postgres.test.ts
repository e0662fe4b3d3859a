import { after } from 'node:test';
import { storeContract } from '../contract/store.ts';
import { PostgresServer, storePlaces } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

storeContract('postgres', storePlaces(server));
