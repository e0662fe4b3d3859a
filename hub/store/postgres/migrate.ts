import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { VitalmeshError } from '../../../shared/errors.ts';
import { newEpoch } from '../../../shared/uplink/key.ts';
import { genesisHash } from '../../audit/chain.ts';
import type { DatabaseAddress } from './address.ts';
import { clientConfig, refusePooler, SCHEMA } from './connections.ts';
import { databaseError } from './errors.ts';
import { grantsTo, POSTGRES_MIGRATIONS } from './schema.ts';

/** Steps of a schema may rewrite tables. */
const PATIENT_LIMITS = { statementMs: 0, lockMs: 60_000, idleInTransactionMs: 60_000 };

/**
 * Brings the schema to the newest step as its owner, all missing steps in one transaction, and gives the hub's role its rights; hubs
 * that start at the same time do it one after the other. Throws STORAGE-SCHEMA when more steps were taken than are known here,
 * STORAGE-REMOTE and the like when the server does not let it.
 */
export async function migrateAs(owner: DatabaseAddress, role: string): Promise<void> {
  const client = new pg.Client(clientConfig(owner, PATIENT_LIMITS));
  client.on('error', () => undefined);
  try {
    await client.connect();
    await refusePooler(client);
    await client.query("BEGIN; SELECT pg_advisory_xact_lock(hashtext('vitalmesh.migrate'))");
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`);
    const taken = await stepsTaken(client);
    refuseNewer(taken);
    for (const step of POSTGRES_MIGRATIONS.slice(taken)) await client.query(step);
    if (taken === 0) {
      const storeId = randomBytes(16).toString('hex');
      const first = [storeId, newEpoch(), genesisHash(storeId)];
      await client.query("INSERT INTO head VALUES (true, $1, 0, $2, '', 0, $3, 0, 0, 0)", first);
      await client.query('INSERT INTO lineage (epoch, since) SELECT epoch, 0 FROM head');
    }
    if (taken < POSTGRES_MIGRATIONS.length) await client.query('UPDATE head SET version = $1', [POSTGRES_MIGRATIONS.length]);
    await client.query(grantsTo(pg.escapeIdentifier(role)));
    await client.query('COMMIT');
  } catch (thrown) {
    throw databaseError(thrown);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Throws STORAGE-SCHEMA unless the schema is of this version. */
export async function checkSchema(client: pg.ClientBase): Promise<void> {
  const taken = await stepsTaken(client);
  refuseNewer(taken);
  if (taken === POSTGRES_MIGRATIONS.length) return;
  const wanted = `schema ${taken} where ${POSTGRES_MIGRATIONS.length} is wanted: start a hub with store.ownerUrlFile once`;
  throw new VitalmeshError('STORAGE-REMOTE-UNSAFE', { detail: wanted });
}

function refuseNewer(taken: number): void {
  if (taken <= POSTGRES_MIGRATIONS.length) return;
  throw new VitalmeshError('STORAGE-SCHEMA', { detail: `schema ${taken}, this version knows ${POSTGRES_MIGRATIONS.length}` });
}

async function stepsTaken(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ there: boolean }>(`SELECT to_regclass('${SCHEMA}.head') IS NOT NULL AS there`);
  if (!rows[0]?.there) return 0;
  const head = await client.query<{ version: number }>(`SELECT version FROM ${SCHEMA}.head`);
  return head.rows[0]?.version ?? 0;
}
