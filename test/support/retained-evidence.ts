import { generateKeyPairSync } from 'node:crypto';
import type { Action, AuditEvent } from '../../hub/access/access.ts';
import { signAnchor } from '../../hub/audit/anchors.ts';
import { EVIDENCE_CLASSES, type EvidenceClass } from '../../hub/audit/classes.ts';
import { type EvidenceVerdict, verifyEvidence } from '../../hub/audit/notes.ts';
import type { EvidenceOrder, EvidencePolicy, EvidenceStep } from '../../hub/audit/retention.ts';
import { removalEvents } from '../../hub/audit/retention-run.ts';
import type { Store } from '../../hub/store/store.ts';
import { originOf, signCheckpoint, verifierKey } from '../../shared/signed-note.ts';
import { event } from '../contract/store.ts';
import { TEST_NOW } from './hub.ts';

export const DAY_MS = 86_400_000;

/** The hub's key, and one that is not. */
export const OWN = generateKeyPairSync('ed25519');
export const OTHER = generateKeyPairSync('ed25519');

/** All classes for so many days, but for those that are told; null for ever. */
export function policyOf(days: number | null, other: Partial<Record<EvidenceClass, number | null>> = {}): EvidencePolicy {
  const ms = (one: number | null): number | null => (one === null ? null : one * DAY_MS);
  return Object.fromEntries(
    EVIDENCE_CLASSES.map((name) => {
      const told = other[name];
      return [name, ms(told === undefined ? days : told)];
    }),
  ) as EvidencePolicy;
}

export function orderOf(store: Pick<Store, 'storeId'>, policy: EvidencePolicy, now = TEST_NOW): EvidenceOrder {
  return {
    policy,
    now,
    sign: (anchor) => signAnchor(store.storeId, anchor, OWN.privateKey),
    told: (removal) => removalEvents(removal, policy, now),
  };
}

/** Removes all that is due; gives how many of what. */
export async function retainAll(store: Store, policy: EvidencePolicy, now = TEST_NOW): Promise<EvidenceStep['removed']> {
  const removed: Partial<Record<string, number>> = {};
  for (let more = true; more; ) {
    const step = await store.retainEvidence(orderOf(store, policy, now));
    for (const [what, count] of Object.entries(step.removed)) removed[what] = (removed[what] ?? 0) + count;
    more = step.more;
  }
  return removed;
}

/** Signs how far the chain has come, where there is any of it. */
export async function sign(store: Store): Promise<string> {
  const { seq, hash } = await store.auditHead();
  const note = signCheckpoint({ origin: originOf(store.storeId), size: seq, hash }, OWN.privateKey);
  if (seq > 0) await store.keepCheckpoint({ seq, note });
  return note;
}

export function keyOf(store: Pick<Store, 'storeId'>): string {
  return verifierKey(originOf(store.storeId), OWN.publicKey);
}

/** Verified as `audit verify` does, but for the index. */
export async function verdictOf(store: Store): Promise<EvidenceVerdict> {
  const { seq: upTo } = await store.auditHead();
  const anchors = await store.anchors();
  return await verifyEvidence(store.audit(), {
    storeId: store.storeId,
    upTo,
    checkpoints: store.checkpoints(),
    keys: [keyOf(store)],
    anchors,
  });
}

const DONE: Readonly<Record<EvidenceClass, Partial<AuditEvent>>> = {
  reads: { action: 'vitals.read' },
  writes: { action: 'observations.write' },
  refusals: { action: 'vitals.read', outcome: 'denied', reason: 'patient' },
  operation: { action: 'status.read' as Action },
  administration: { action: 'registry.change' },
};

/** An event of a class, so many days before `TEST_NOW`. */
export function aged(name: EvidenceClass, days: number, change: Partial<AuditEvent> = {}): AuditEvent {
  return event(days, { at: TEST_NOW - days * DAY_MS, ...DONE[name], ...change });
}
