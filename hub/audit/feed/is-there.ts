import type { Store } from '../../store/store.ts';
import type { FeedPlace } from './place.ts';

/** Whether the evidence goes on from a place. True too where the retention removed it: then it is older than what there is. */
export async function isThere(store: Pick<Store, 'auditHash' | 'auditHead'>, { seq, hash }: FeedPlace): Promise<boolean> {
  if (seq === 0) return true;
  const found = await store.auditHash(seq);
  if (found === undefined) return (await store.auditHead()).seq > seq;
  return Buffer.from(found).equals(hash);
}
