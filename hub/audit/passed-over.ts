import { VitalmeshError } from '../../shared/errors.ts';
import { type ChainedEntry, genesisHash } from './chain.ts';
import { EVIDENCE_CLASSES, type EvidenceClass } from './classes.ts';
import { chainHash, withoutContent } from './link.ts';
import { type EvidenceOrder, type Held, isHeld, type Plan, readHead } from './retention.ts';

/** An entry that was due and held, and of which a hold has ended since. */
export interface PassedOver extends ChainedEntry {
  /** Hash of the entry before it; null where that is not there. */
  before: Uint8Array | null;
}

/** The first entry of all goes on from what the store is named. */
export function behindGenesis(one: PassedOver, storeId: string): PassedOver {
  return one.seq === 1 ? { ...one, before: genesisHash(storeId) } : one;
}

/** What is to be done with some of them in one commit. */
export interface ReleasedPlan extends Pick<Plan, 'emptied' | 'unlisted'> {
  /** Undefined where nothing loses its content. */
  removal?: Plan['removal'];
  /** Held by another hold: to be left until that one ends. */
  held: readonly number[];
  /** Without content to lose: not to be looked at any more. With those that are emptied. */
  settled: readonly number[];
}

/**
 * Those whose hold is over lose their content behind the anchor that went past them, of one class in a step. Those that the policy keeps for longer by now stay as they are. Throws
 * AUDIT-NOT-REMOVED where one is not as it was written: what was tampered with stays, so that it is found. Pure.
 */
export function planOfReleased(
  page: readonly PassedOver[],
  { policy, now }: Pick<EvidenceOrder, 'policy' | 'now'>,
  held: Held,
): ReleasedPlan {
  const kept: number[] = [];
  const settled: number[] = [];
  const due: { one: PassedOver; left: string; what: EvidenceClass; tenant: string; at: number }[] = [];
  for (const one of page) {
    const head = readHead(one);
    const what = EVIDENCE_CLASSES.find((name) => name === head.class);
    const left = head.gone === undefined ? withoutContent(one.entry) : undefined;
    if (left === undefined || what === undefined) settled.push(one.seq);
    else if (isHeld(held, one, head)) kept.push(one.seq);
    else {
      const { at = Number.NaN, tenant = '-' } = head;
      const keepMs = policy[what];
      const isKept = keepMs === null || (at <= now && at >= now - keepMs);
      if (!isKept) due.push({ one, left, what, tenant, at });
    }
  }
  const what = due[0]?.what;
  const going = due.filter((one) => one.what === what);
  const counts = new Map<string, number>();
  for (const { one, tenant } of going) {
    if (one.before === null || !chainHash(one.before, one.entry).equals(one.hash))
      throw new VitalmeshError('AUDIT-NOT-REMOVED', { detail: `entry ${one.seq}` });
    counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
  }
  const last = going.at(-1);
  const believable = going.map(({ at }) => at).filter((at) => at <= now);
  return {
    emptied: going.map(({ one, left }) => ({ seq: one.seq, entry: left })),
    unlisted: going.map(({ one }) => one),
    held: kept,
    settled: [...settled, ...going.map(({ one }) => one.seq)],
    ...(what && last && { removal: { what, upTo: last.one.seq, at: Math.max(0, ...believable), counts } }),
  };
}
