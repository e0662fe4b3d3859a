import type { AuditEvent } from '../../hub/access/access.ts';
import type { EvidenceRecord } from '../../hub/audit/evidence.ts';
import type { Store } from '../../hub/store/store.ts';
import { gathered, TEST_NOW } from './hub.ts';

/** Every entry of a store's evidence, opened, in order. */
export async function evidenceOf(store: Pick<Store, 'audit' | 'evidence'>): Promise<AuditEvent[]> {
  const chain = await gathered(store.audit());
  const tenants = new Set(chain.map(({ entry }) => (JSON.parse(entry) as AuditEvent).tenant));
  const records = (await Promise.all([...tenants].map((tenant) => gathered(store.evidence(tenant, {}))))).flat();
  return records.sort((a, b) => a.seq - b.seq).map(({ event }) => event);
}

/** An entry of a nurse's read of one vital sign, by identity and token; with what is given instead. */
export function evidenceRecord(event: Partial<AuditEvent>, record: Partial<EvidenceRecord> = {}): EvidenceRecord {
  return {
    ...{ seq: 7, hash: 'cd'.repeat(32), subject: 1, erased: false, ...record },
    event: {
      at: TEST_NOW,
      ...{ tenant: 'clinic', principal: 'oauth:clinic-idp:nurse 1', role: 'clinician', action: 'vitals.read', patient: 'pat-icu-01' },
      ...{ outcome: 'allowed', reason: 'granted', count: 1, channel: 'mcp-2026' },
      detail: {
        credential: { kind: 'both', overlay: 'ai 1', oauth: { issuer: 'clinic-idp', subject: 'nurse 1' } },
        claimed: { client: 'agent', version: '2.0', model: 'model-1' },
        ...{ purpose: 'ETREAT', policy: 'built-in-1', mask: 'none', latencyMs: 1.25, bytes: 400, response: 'ab'.repeat(32) },
        shown: [['gw.e.1.0', TEST_NOW - 3_600_000]],
      },
      ...event,
    },
  };
}
