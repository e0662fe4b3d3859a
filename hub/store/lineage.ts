import type { Database } from '../../shared/storage/database.ts';
import { newEpoch } from '../../shared/uplink/key.ts';
import type { Lineage, StoreEpoch } from '../../shared/uplink/lineage.ts';
import { SQL } from './statements.ts';

/** How many epochs a gateway is told of. One that is older than its delivered rows names nothing; if it names some, they are sent again and found held. */
const TOLD = 256;

/**
 * Begins a new epoch within the transaction of the caller. To be called whenever the data may have gone back to an earlier state: by
 * whoever restores a backup, and at each opening, because a file that was copied back by hand says nothing of it.
 */
export function beginStoreEpoch(database: Pick<Database, 'prepare'>): StoreEpoch {
  const from = positionOf(database);
  const epoch = newEpoch();
  // Nothing was committed under an epoch that began here. Without its line, what another copy of this file committed under it is not taken for held.
  database.prepare<[number]>(SQL.dropEpochs).run(from);
  database.prepare<[string, number]>(SQL.addEpoch).run(epoch, from);
  return { epoch, from };
}

/** Number of the last entry of evidence: each commit of a batch adds at least one, and none is ever removed. */
export function positionOf(database: Pick<Database, 'prepare'>): number {
  return database.prepare<[], { position: number }>(SQL.position).get()?.position ?? 0;
}

/** The newest epochs, as many as a gateway is told of unless said otherwise. */
export function lineageOf(database: Pick<Database, 'prepare'>, most = TOLD): Lineage {
  const newest = database.prepare<[number], StoreEpoch>(SQL.epochs).all(most);
  return { epochs: newest.reverse(), position: positionOf(database) };
}
