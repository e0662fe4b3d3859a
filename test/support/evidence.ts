import type { AuditEvent } from '../../hub/access/access.ts';
import type { Store } from '../../hub/store/store.ts';
import { gathered } from './hub.ts';

/** Every entry of a store's evidence, in order. */
export async function evidenceOf(store: Pick<Store, 'audit'>): Promise<AuditEvent[]> {
  return (await gathered(store.audit())).map(({ entry }) => JSON.parse(entry) as AuditEvent);
}
