import type { AuditEvent } from '../../hub/access/access.ts';
import type { Store } from '../../hub/store/store.ts';
import { gathered } from './hub.ts';

/** Every entry of a store's evidence, opened, in order. */
export async function evidenceOf(store: Pick<Store, 'audit' | 'evidence'>): Promise<AuditEvent[]> {
  const chain = await gathered(store.audit());
  const tenants = new Set(chain.map(({ entry }) => (JSON.parse(entry) as AuditEvent).tenant));
  const records = (await Promise.all([...tenants].map((tenant) => gathered(store.evidence(tenant, {}))))).flat();
  return records.sort((a, b) => a.seq - b.seq).map(({ event }) => event);
}
