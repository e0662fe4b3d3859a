import type { Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { AuditEvent } from '../access/access.ts';
import { countDue, newestOf } from '../due.ts';
import type { Anchor, Removed } from './anchors.ts';
import { type ChainedEntry, genesisHash } from './chain.ts';
import { EVIDENCE_CLASSES, type EvidenceClass } from './classes.ts';
import { chainHash, withoutContent } from './link.ts';
import { subjectsOf } from './sealed.ts';

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
  /** Whether a known key signed it. */
  isSigned(anchor: Anchor): boolean;
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

/** Patients of whom nothing may be removed (legal hold): by their numbers, and by name for entries of before there were any. */
export interface Held {
  subjects: ReadonlySet<number>;
  isHeld(tenant: string, patient: string): boolean;
}

const NOBODY: Held = { subjects: new Set(), isHeld: () => false };

/** Those of whom a store says that they are held. */
export function heldOf(rows: readonly { tenant: string; patient: string; subject: number | null }[]): Held {
  const names = new Set(rows.map(({ tenant, patient }) => JSON.stringify([tenant, patient])));
  return {
    subjects: new Set(rows.flatMap(({ subject }) => subject ?? [])),
    isHeld: (tenant, patient) => names.has(JSON.stringify([tenant, patient])),
  };
}

/** One step, as it is to be carried out in one commit. */
export interface Plan {
  anchor: Omit<Anchor, 'note'>;
  /** Without their content from now on. */
  emptied: readonly { seq: number; entry: string }[];
  /** Whose patients are listed no longer: those that lose their content, or go whole. */
  unlisted: readonly ChainedEntry[];
  /** Due, and not emptied because of a legal hold: to be looked at again once that is over. */
  passedOver: readonly number[];
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
 * because an entry can go whole only with all before it. Nothing goes whole where a class is kept for ever. Throws AUDIT-NOT-REMOVED where an anchor is not
 * signed: whatever goes on from it would get a signature, and with that what was removed behind it.
 */
export function stretches(
  storeId: string,
  anchors: readonly Anchor[],
  { policy, isSigned }: Pick<EvidenceOrder, 'policy' | 'isSigned'>,
): Stretch[] {
  const forged = anchors.find((anchor) => !isSigned(anchor));
  if (forged !== undefined) throw new VitalmeshError('AUDIT-NOT-REMOVED', { detail: `anchor of ${forged.what}, entry ${forged.seq}` });
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
export function planOf(
  { what, after, keepMs }: Stretch,
  page: readonly ChainedEntry[],
  now: Instant,
  held: Held = NOBODY,
): Plan | undefined {
  const heads = page.map(readHead);
  const someTenant = heads.find(({ tenant }) => tenant !== undefined)?.tenant ?? '-';
  const stored = page.map(({ seq }, i) => ({ key: seq, storedAt: heads[i]?.at ?? UNDATED }));
  const old = page.slice(0, countDue(stored, { cutoff: now - keepMs, now, since: after.at }));
  // Whole entries go from the beginning on, so one that is held keeps all behind it.
  const stop = what === 'entries' ? old.findIndex((one, i) => isHeld(held, one, heads[i] ?? {})) : -1;
  const due = stop < 0 ? old : old.slice(0, stop);
  const last = due.at(-1);
  if (last === undefined) return undefined;
  checkLinks(after, due);
  const counts = new Map<string, number>();
  const emptied: { seq: number; entry: string }[] = [];
  const unlisted: ChainedEntry[] = [];
  const passedOver: number[] = [];
  for (const [i, one] of due.entries()) {
    const head = heads[i] ?? {};
    const { tenant = someTenant, class: name, gone } = head;
    // Behind the anchor of its class nothing is gone yet: an anchor that went past would sign for what somebody else removed.
    if (what !== 'entries' && name === what && gone !== undefined)
      throw new VitalmeshError('AUDIT-NOT-REMOVED', { detail: `entry ${one.seq}` });
    const whole = name === what && gone === undefined ? withoutContent(one.entry) : undefined;
    const left = whole !== undefined && !isHeld(held, one, head) ? whole : undefined;
    if (whole !== undefined && left === undefined) passedOver.push(one.seq);
    if (what !== 'entries' && left === undefined) continue;
    if (left !== undefined) emptied.push({ seq: one.seq, entry: left });
    if (gone === undefined) unlisted.push(one);
    counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
  }
  const at = newestOf(stored.slice(0, due.length), now, after.at);
  const { seq, hash } = last;
  return { anchor: { what, seq, hash, at }, emptied, unlisted, passedOver, removal: { what, upTo: seq, at, counts } };
}

/** Not believable beside any other: as old as what comes behind it. */
const UNDATED = Number.NaN;

/** What an entry says first, as far as it can be read. */
export interface Head {
  at?: Instant;
  tenant?: string;
  class?: string;
  patient?: string | null;
  gone?: string;
}

/** What is in the chain and cannot be read is of no class and no time, and goes with what is around it. */
export function readHead({ entry }: Pick<ChainedEntry, 'entry'>): Head {
  try {
    const { at, tenant, class: name, patient, gone } = (JSON.parse(entry) ?? {}) as Head;
    return {
      ...(Number.isSafeInteger(at) && { at: Number(at) }),
      ...(typeof tenant === 'string' && { tenant }),
      ...(name !== undefined && { class: name }),
      ...(typeof patient === 'string' && { patient }),
      ...(gone !== undefined && { gone }),
    };
  } catch {
    return {};
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

/** Whether an entry is of, or showed, somebody under legal hold. */
export function isHeld(held: Held, { entry }: Pick<ChainedEntry, 'entry'>, { tenant = '', patient }: Head): boolean {
  return subjectsOf(entry).some((subject) => held.subjects.has(subject)) || (patient != null && held.isHeld(tenant, patient));
}

/** How many entries a plan removes something of. */
export function countOf({ counts }: Removal): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
