import type pg from 'pg';
import { newEpoch } from '../../../shared/uplink/key.ts';
import type { Lineage, StoreEpoch } from '../../../shared/uplink/lineage.ts';
import type { Commit, Head } from './commits.ts';
import { PG } from './statements.ts';
import { inTransaction, Transaction } from './transaction.ts';

/** How many epochs a gateway is told of; see ../lineage.ts. */
const TOLD = 256;

/**
 * Which life of the data this is: cluster, timeline, database, table, and start of the server. Each of them changes by some way in
 * which data can go back: a dump that was restored, a recovery to a point in time, a standby that took over, a copied folder.
 */
const MARK = `
  SELECT concat_ws('.', (SELECT system_identifier FROM pg_control_system()), left(pg_walfile_name(pg_current_wal_lsn()), 8),
    (SELECT oid FROM pg_database WHERE datname = current_database()), 'head'::regclass::oid,
    extract(epoch FROM pg_postmaster_start_time())) AS mark, (SELECT lineage_mark FROM head) AS known`;

/** Begins a new epoch in a session that finds the data in another life than the one that was known; for each new session. */
export async function followMark(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ mark: string; known: string }>(MARK);
  const [found] = rows;
  if (found === undefined || found.mark === found.known) return;
  await inTransaction(client, `BEGIN; ${PG.takeHead}`, async ([, taken]) => {
    const [head] = (taken?.rows ?? []) as Head[];
    // Another hub may have been first.
    const { rows: now } = await client.query<{ known: string }>('SELECT lineage_mark AS known FROM head');
    if (head === undefined || now[0]?.known === found.mark) return;
    const epoch = newEpoch();
    const transaction = new Transaction(client);
    await addEpoch(transaction, epoch, head.position);
    // A new database has known no life before this one.
    if (found.known !== '' && lifeOf(found.mark) !== lifeOf(found.known)) await addUnknown(transaction, head.position);
    await client.query('UPDATE head SET epoch = $1, lineage_mark = $2', [epoch, found.mark]);
  });
}

/** A mark without the start of the server: one that was started again, and nothing else, has the data that it had. */
function lifeOf(mark: string): string {
  return mark.split('.').slice(0, 4).join('.');
}

/** From the last entry of evidence on nobody knows who was bound: what changed behind it may be gone. */
async function addUnknown(transaction: Transaction, position: number): Promise<void> {
  await transaction.query(PG.allEvidence);
  await transaction.query(PG.addUnknown, [position]);
}

/** Begins a new epoch within a commit. */
export async function beginEpoch(commit: Commit): Promise<StoreEpoch> {
  const { position: from } = commit.position;
  const epoch = newEpoch();
  await addEpoch(commit, epoch, from);
  commit.beginEpoch(epoch);
  return { epoch, from };
}

async function addEpoch(transaction: Transaction, epoch: string, from: number): Promise<void> {
  // Nothing was committed under an epoch that began here; see ../lineage.ts.
  await transaction.query(PG.dropEpochs, [from]);
  await transaction.query(PG.addEpoch, [epoch, from]);
}

export async function readLineage(transaction: Transaction): Promise<Lineage> {
  const newest = await transaction.query<StoreEpoch>(PG.epochs, [TOLD]);
  const [head] = await transaction.query<{ position: number }>(PG.head);
  return { epochs: newest.reverse(), position: head?.position ?? 0 };
}
