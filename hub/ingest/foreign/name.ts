import { hash } from 'node:crypto';
import { formatObservationId } from '../../../shared/uplink/key.ts';

/** What a foreign client calls an Observation by: its id, its identifier, or nothing but its content. */
export type ForeignName = { by: 'id' | 'identifier' | 'content'; text: string };

/** No agent draws an epoch that begins so: 64 bits begin with one of 0 to f (`newEpoch`). */
const EPOCH_PREFIX = 'z0000000000';
const EPOCHS = 1 << 10;
const SEQS = 2n ** 41n;
const INDEXES = 1 << 13;
const BASE32 = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * The id under which the hub keeps what a foreign client calls by any name: behind the client's own id, so that it can never be another
 * gateway's, and in the form of all ids. It is a digest of 64 bits: two names of a client that share one are met once in some hundred million
 * million pairs, and then the second is refused as a key used again, not taken for the first.
 */
export function foreignId(client: string, { by, text }: ForeignName): string {
  const digest = hash('sha256', `${by}\n${text}`, 'buffer');
  const epoch = digest.readUInt16BE(0) % EPOCHS;
  const seq = Number(digest.readBigUInt64BE(2) % SEQS) + 1;
  const index = digest.readUInt16BE(10) % INDEXES;
  return formatObservationId({
    agent: client,
    epoch: `${EPOCH_PREFIX}${BASE32.charAt(epoch >> 5)}${BASE32.charAt(epoch & 31)}`,
    seq,
    index,
  });
}
