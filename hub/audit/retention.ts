import type { Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { AuditEvent } from '../access/access.ts';
import { countDue, newestOf } from '../store/due.ts';
import type { Anchor, Removed } from './anchors.ts';
import { type ChainedEntry, genesisHash } from './chain.ts';
import { EVIDENCE_CLASSES, type EvidenceClass } from './classes.ts';
import { chainHash, withoutContent } from './link.ts';

/** How long the evidence of each class is kept after it was written, in milliseconds; null for ever. */
export type EvidencePolicy = Readonly<Record<EvidenceClass, number | null>>;

/** What was removed in one step, for the entry that tells of it. */
export interface Removal {
  what: Removed;
  /** Number of the last entry that it may concern, and the newest believable time of those. */
  upTo: number;
  at: Instant;
  /** Of how many entries, by tenant. */
  counts: ReadonlyMap<string, number>;
}

/** What a step of the retention of evidence goes by. */
export interface EvidenceOrder {
  policy: EvidencePolicy;
  /** By which ages are reckoned; never ahead of the time that the network told. */
  now: Instant;
  sign(anchor: Pick<Anchor, 'what' | 'seq' | 'hash'>): string;
  /** The entries that tell of it: one at least. */
  told(removal: Removal): readonly AuditEvent[];
}

export interface EvidenceStep {
  /** Entries whose content went, by class; under `entries` those that went whole. */
  removed: Readonly<Partial<Record<Removed, number>>>;
  /** True while more may be due now. */
  more: boolean;
}

/** How much is looked at in one step: some 10 ms of the writer. */
export const RETAIN_PAGE = 250;

/** One step, as it is to be carried out in one commit. */
export interface Plan {
  anchor: Omit<Anchor, 'note'>;
  /** Without their content from now on. */
  emptied: readonly { seq: number; entry: string }[];
  /** Whose patients are listed no longer: those that lose their content, or go whole. */
  unlisted: readonly ChainedEntry[];
  removal: Removal;
}

/** What comes next of one kind: from behind which entry, and how old what is due must be. */
export interface Stretch {
  what: Removed;
  after: Pick<Anchor, 'seq' | 'hash' | 'at'>;
  keepMs: number;
}

/**
 * In the order of their turns: whole entries from the beginning on, as far as they are older than whatever is kept longest; and the content of each class that is kept for less,
 * because an entry can go whole only with all before it. Nothing goes whole where a class is kept for ever.
 */
export function stretches(storeId: string, anchors: readonly Anchor[], policy: EvidencePolicy): Stretch[] {
  const start = anchors.find(({ what }) => what === 'entries') ?? { seq: 0, hash: genesisHash(storeId), at: 0 };
  const longest = EVIDENCE_CLASSES.reduce((most, name) => Math.max(most, policy[name] ?? Number.POSITIVE_INFINITY), 0);
  const whole: Stretch[] = Number.isFinite(longest) ? [{ what: 'entries', after: start, keepMs: longest }] : [];
  const classes = EVIDENCE_CLASSES.flatMap((what): Stretch[] => {
    const keepMs = policy[what];
    const own = anchors.find((anchor) => anchor.what === what);
    return keepMs === null || keepMs === longest ? [] : [{ what, after: own && own.seq > start.seq ? own : start, keepMs }];
  });
  return [...whole, ...classes];
}

/**
 * What is to be done with the entries behind a stretch's beginning, `page` being the first of them; undefined where nothing is due. Throws AUDIT-NOT-REMOVED where they are
 * not as they were written: what was tampered with stays, so that it is found. Pure.
 */
export function planOf({ what, after, keepMs }: Stretch, page: readonly ChainedEntry[], now: Instant): Plan | undefined {
  const heads = page.map(readHead);
  const stored = page.map(({ seq }, i) => ({ key: seq, storedAt: heads[i]?.at ?? Number.NaN }));
  const due = page.slice(0, countDue(stored, { cutoff: now - keepMs, now, since: after.at }));
  const last = due.at(-1);
  if (last === undefined) return undefined;
  checkLinks(after, due);
  const counts = new Map<string, number>();
  const emptied: { seq: number; entry: string }[] = [];
  const unlisted: ChainedEntry[] = [];
  for (const [i, one] of due.entries()) {
    const { tenant = '', class: name, gone } = heads[i] ?? {};
    const left = name === what && gone === undefined ? withoutContent(one.entry) : undefined;
    if (what !== 'entries' && left === undefined) continue;
    if (left !== undefined) emptied.push({ seq: one.seq, entry: left });
    if (gone === undefined) unlisted.push(one);
    counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
  }
  const at = newestOf(stored.slice(0, due.length), now, after.at);
  const { seq, hash } = last;
  return { anchor: { what, seq, hash, at }, emptied, unlisted, removal: { what, upTo: seq, at, counts } };
}

interface Head {
  at: Instant;
  tenant: string;
  class?: string;
  gone?: string;
}

function readHead({ seq, entry }: ChainedEntry): Head {
  try {
    return JSON.parse(entry) as Head;
  } catch (cause) {
    throw new VitalmeshError('AUDIT-NOT-REMOVED', { detail: `entry ${seq}`, cause });
  }
}

function checkLinks(after: Pick<Anchor, 'seq' | 'hash'>, entries: readonly ChainedEntry[]): void {
  let { seq: last, hash: previous }: { seq: number; hash: Uint8Array } = after;
  for (const { seq, entry, hash } of entries) {
    const isNext = seq === last + 1 && chainHash(previous, entry).equals(hash);
    if (!isNext) throw new VitalmeshError('AUDIT-NOT-REMOVED', { detail: `entry ${last + 1}` });
    last = seq;
    previous = hash;
  }
}

/** How many entries a plan removes something of. */
export function countOf({ counts }: Removal): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
