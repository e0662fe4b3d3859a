import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { Action, AuditEvent } from '../../hub/access/access.ts';
import { isSigned, signAnchor } from '../../hub/audit/anchors.ts';
import { EVIDENCE_CLASSES, type EvidenceClass } from '../../hub/audit/classes.ts';
import { misfiledEntry } from '../../hub/audit/indexed.ts';
import { isGone } from '../../hub/audit/link.ts';
import { type EvidenceVerdict, verifyEvidence } from '../../hub/audit/notes.ts';
import type { EvidenceOrder, EvidencePolicy, EvidenceStep } from '../../hub/audit/retention.ts';
import { removalEvents } from '../../hub/audit/retention-run.ts';
import type { Store } from '../../hub/store/store.ts';
import { originOf, signCheckpoint, verifierKey } from '../../shared/signed-note.ts';
import { event } from '../contract/store.ts';
import { gathered, TEST_NOW } from './hub.ts';

export const DAY_MS = 86_400_000;

/** The hub's key, and one that is not. */
export const OWN = keyOfSeed(1);
export const OTHER = keyOfSeed(2);

/** The same in every process (RFC 8410: a seed of 32 bytes behind a constant). */
function keyOfSeed(seed: number): { privateKey: KeyObject; publicKey: KeyObject } {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, seed)]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

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
    isSigned: (anchor) => isSigned(store.storeId, anchor, [keyOf(store)]),
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

const KEPT_DAYS = 30;
const WRITES_DAYS = 10;
export const NUMBERED_POLICY = policyOf(KEPT_DAYS, { writes: WRITES_DAYS });

/** Two entries of one day; days count from `TEST_NOW`. */
export function numberedEvents(day: number): AuditEvent[] {
  return [aged('reads', -day, { count: day, patient: `pat-${day % 7}` }), aged('writes', -day, { count: day, patient: `pat-${day % 5}` })];
}

export function dayOf(day: number): number {
  return TEST_NOW + day * DAY_MS;
}

/**
 * Of days up to `days` that were answered for, everything is there that was not due yet; whatever is gone is told of and behind a signed anchor, index and keys agree. Gives how many
 * days were recorded and how many entries are gone.
 */
export async function judgeEvidence(store: Store, days: number): Promise<{ days: number; gone: number }> {
  const { fault, removedUpTo } = await verdictOf(store);
  assert.equal(fault, null);
  assert.equal(await misfiledEntry(store), null);
  const told = new Map<string, number>();
  const kept = { 'vitals.read': new Set<number>(), 'observations.write': new Set<number>() };
  let recorded = 0;
  for (const { event } of await gathered(store.evidence('clinic', {}))) {
    const { what, upTo } = event.detail?.args ?? {};
    if (event.action === 'audit.retain') told.set(String(what), Number(upTo));
    else kept[event.action as keyof typeof kept].add(event.count);
    if (event.action !== 'audit.retain') recorded = Math.max(recorded, event.count + 1);
  }
  assert.ok(recorded >= days, `day ${recorded} was answered for and is nowhere`);
  for (let day = Math.max(0, recorded - WRITES_DAYS); day < recorded; day += 1)
    assert.ok(kept['observations.write'].has(day), `write of day ${day}`);
  for (let day = Math.max(0, recorded - KEPT_DAYS); day < recorded; day += 1) assert.ok(kept['vitals.read'].has(day), `read of day ${day}`);
  const emptied = (await gathered(store.audit())).filter(({ entry }) => isGone(entry));
  assert.equal(told.get('entries') ?? 0, removedUpTo);
  assert.ok((told.get('writes') ?? 0) >= (emptied.at(-1)?.seq ?? 0), 'content that is gone is told of');
  return { days: recorded, gone: removedUpTo + emptied.length };
}
