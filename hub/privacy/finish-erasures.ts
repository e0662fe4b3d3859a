import { setTimeout as pause } from 'node:timers/promises';
import type { Instant } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, type VitalmeshError } from '../../shared/errors.ts';
import type { AuditEvent } from '../access/access.ts';
import type { ErasingStore, ErasureEnd } from '../store/erasing/erasing.ts';
import { heldTombstone, type Tombstone } from '../store/erasing/tombstone.ts';
import type { Store } from '../store/store.ts';
import { takesFromHeld } from './held-tombstones.ts';
import { readTombstones, united, writeTombstones } from './tombstone-file.ts';

/** How long a step that could do nothing, for a copy or a long read is under way, is waited for. */
const AGAIN_MS = 20;

/** Evidence of an erasure, legible for good: who had whom erased by its mark, why, and how many rows went. */
export function erasureEvidence(
  { tenant, principal, reason, mark }: Tombstone,
  of: Pick<AuditEvent, 'at' | 'patient' | 'reason'> & Partial<Pick<AuditEvent, 'count' | 'detail'>>,
): AuditEvent {
  const erasure = { reason, mark: Buffer.from(mark).toString('hex') };
  const { detail, ...rest } = of;
  const whole = { credential: { kind: 'local' }, ...detail, erasure } as const;
  return {
    tenant,
    principal,
    role: 'operator',
    action: 'patient.erase',
    outcome: 'allowed',
    count: 0,
    channel: 'operator',
    ...rest,
    detail: whole,
  };
}

/** Carries every erasure that is under way to its end; gives what was finished. Throws STORAGE-*: then it goes on at the next call. */
export async function finishErasures(store: ErasingStore, now: () => Instant): Promise<ErasureEnd[]> {
  const ended: ErasureEnd[] = [];
  const evidence = (end: ErasureEnd): AuditEvent => {
    const count = Object.values(end.removed).reduce((sum, rows) => sum + rows, 0);
    return erasureEvidence(end.tombstone, { at: now(), patient: end.patient, reason: 'closed', count });
  };
  for (;;) {
    const step = await store.eraseSome(evidence);
    if (step.ended) ended.push(step.ended);
    if (!step.more) return ended;
    // Gateways and callers have their turn.
    await pause(step.ended ? 0 : AGAIN_MS);
  }
}

/** What came of it when a store was opened. */
export interface Settled {
  /** How many erasures were finished. */
  ended: number;
  /** Why the list beside the store was not followed. */
  fault?: VitalmeshError;
}

/**
 * To be called when a store is opened, before anything of it is shown or taken: erases again whom a store that was put back to a state of before does not know to be
 * erased, goes on with what was cut off, and brings the list up to date. A list that cannot be followed changes nothing and stops nothing: what is current of everybody else is needed
 * more than that of few is hidden; whoever opens the store has to say so. Throws STORAGE-*.
 */
export async function settleErasures(
  store: Pick<Store, 'amend' | 'erasing' | 'evidence' | 'placing'>,
  path: string,
  now: () => Instant,
): Promise<Settled> {
  const fault = await followed(store, path, now);
  const ended = (await finishErasures(store.erasing, now)).length;
  if (fault !== undefined) return { ended, fault };
  await keepTombstones(store.erasing, path);
  return { ended };
}

async function followed(
  store: Parameters<typeof settleErasures>[0],
  path: string,
  now: () => Instant,
): Promise<VitalmeshError | undefined> {
  try {
    const kept = readTombstones(path);
    if (kept.length === 0) return undefined;
    if (await takesFromHeld(store, kept)) throw heldTombstone();
    const evidence = (tombstone: Tombstone, patient: string) => erasureEvidence(tombstone, { at: now(), patient, reason: 'again' });
    await store.erasing.adoptTombstones(kept, evidence);
    return undefined;
  } catch (thrown) {
    const error = asVitalmeshError(thrown);
    if (error.code.startsWith('PATIENT-TOMBSTONES')) return error;
    throw error;
  }
}

/** Writes the list anew where the store says more than it. Throws PATIENT-TOMBSTONES, PATIENT-TOMBSTONES-ALTERED, STORAGE-*. */
export async function keepTombstones(store: ErasingStore, path: string): Promise<void> {
  const kept = readTombstones(path);
  const all = united(kept, await store.tombstones());
  if (sizeOf(all) > sizeOf(kept)) writeTombstones(path, all);
}

/** Why the list cannot be followed, or was not: the store lacks something that it says. Undefined where all is as it must be. */
export async function listFault(store: ErasingStore, path: string): Promise<ErrorCode | undefined> {
  const own = await store.tombstones();
  try {
    return sizeOf(united(own, readTombstones(path))) === sizeOf(own) ? undefined : 'PATIENT-TOMBSTONES';
  } catch (thrown) {
    return asVitalmeshError(thrown).code;
  }
}

function sizeOf(tombstones: readonly Tombstone[]): number {
  return tombstones.reduce((sum, { others }) => sum + 1 + others.length, 0);
}
