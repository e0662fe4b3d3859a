import { type Instant, isShowable } from '../../../shared/clock.ts';
import type { ChainedEntry } from '../chain.ts';
import type { FeedEvent } from './contract.ts';
import { visible, withinBytes } from './visible.ts';

/** What is sent of an entry: where it stands there, and how many bytes of it at most (texts). Whatever is not named here stays in the store. */
const FIELDS: readonly (readonly [name: string, path: readonly string[], maxBytes: number])[] = [
  ['class', ['class'], 16],
  ['tenant', ['tenant'], 64],
  ['who', ['principal'], 300],
  ['role', ['role'], 64],
  ['action', ['action'], 32],
  ['outcome', ['outcome'], 16],
  ['reason', ['reason'], 64],
  ['count', ['count'], 16],
  ['channel', ['channel'], 32],
  ['policy', ['detail', 'policy'], 64],
  ['credential', ['detail', 'credential', 'kind'], 16],
  ['purpose', ['detail', 'purpose'], 16],
  ['mask', ['detail', 'mask'], 16],
  // In the place of most of these, where the retention removed them before they were sent.
  ['gone', ['gone'], 64],
];

/** Of an entry about one patient: the number that stands for the patient in the evidence, and for nobody once the patient is erased. */
const SUBJECT = ['subject', ['subject'], 16] as const;

/** Whose feed it is. */
export interface FeedOrigin {
  storeId: string;
  /** Whether the number of an entry's patient is sent. */
  subjects: boolean;
}

/** One entry for a SIEM; `prev` is the hash of the entry before it, undefined where that is gone. */
export function entryEvent({ seq, entry, hash }: ChainedEntry, prev: Uint8Array | undefined, { storeId, subjects }: FeedOrigin): FeedEvent {
  const written = parsed(entry);
  const cut: string[] = [];
  const fields: [string, string | number][] = [];
  for (const [name, path, maxBytes] of subjects ? [...FIELDS, SUBJECT] : FIELDS) {
    const value = path.reduce<unknown>(memberOf, written);
    if (typeof value === 'number' && Number.isFinite(value)) fields.push([name, value]);
    if (typeof value !== 'string') continue;
    const shown = visible(value);
    const kept = withinBytes(shown, maxBytes);
    if (kept !== shown) cut.push(name);
    fields.push([name, kept]);
  }
  const outcome = memberOf(written, 'outcome');
  return {
    type: 'entry',
    at: instantOf(memberOf(written, 'at')),
    level: outcome === 'allowed' ? 'info' : outcome === 'denied' ? 'warning' : 'notice',
    fields: [
      ['store', storeId],
      ['seq', seq],
      ...(prev === undefined ? [] : [['prev', hex(prev)] as const]),
      ['hash', hex(hash)],
      ...fields,
      ...(cut.length === 0 ? [] : [['cut', cut.join(',')] as const]),
    ],
  };
}

/** Tells that entries are no longer in the store, so that nobody waits for them. */
export function gapEvent(from: number, to: number, at: Instant, storeId: string): FeedEvent {
  const fields = [['store', storeId] as const, ['from', from] as const, ['to', to] as const];
  return { type: 'gap', at, level: 'warning', fields };
}

/** How far the evidence has come, and how far the feed: silence and a loss at its end show by it. */
export function heartbeatEvent(newest: Pick<ChainedEntry, 'seq' | 'hash'>, sent: number, at: Instant, storeId: string): FeedEvent {
  const fields = [
    ['store', storeId] as const,
    ['newest', newest.seq] as const,
    ['hash', hex(newest.hash)] as const,
    ['sent', sent] as const,
  ];
  return { type: 'heartbeat', at, level: 'info', fields };
}

function parsed(entry: string): unknown {
  try {
    return JSON.parse(entry);
  } catch {
    // Its number and hash are told all the same.
    return undefined;
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

function instantOf(value: unknown): Instant | null {
  return typeof value === 'number' && isShowable(value) ? value : null;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
