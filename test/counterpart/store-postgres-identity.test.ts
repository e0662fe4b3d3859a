import { after } from 'node:test';
import { storeConfirmContract } from '../contract/store-confirm.ts';
import { storeIdentityContract } from '../contract/store-identity.ts';
import { PostgresServer, storePlaces } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

storeIdentityContract('postgres', storePlaces(server));
storeConfirmContract('postgres', storePlaces(server));
