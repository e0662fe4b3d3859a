import { after } from 'node:test';
import { registryEvidenceContract } from '../contract/registry-evidence.ts';
import { PostgresServer, storePlaces } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

registryEvidenceContract('postgres', storePlaces(server));
