import type { Instant } from '../../shared/clock.ts';
import type { AuditEvent } from '../access/access.ts';
import type { ChainedEntry, Noted } from './chain.ts';

/** What an entry of `store.restore` says, where it stands right behind the end of the backup that it names. */
export interface Restore {
  /** Number of the entry. */
  seq: number;
  at: Instant;
  /** Who did it. */
  by: string;
  /** Last entry of the backup, whose hash the entry names rightly. */
  position: number;
  /** When the backup was made; null where it is not said. */
  madeAt: Instant | null;
}

/** That an operator answered for what stood against the evidence. */
export interface Acknowledged {
  seq: number;
  at: Instant;
  by: string;
  alarm: string;
  /** The last entry that was beyond doubt, or of AUDIT-NOT-EXTENDED the last one that the hub had signed; null where it is not said. */
  since: number | null;
}

/** A gateway's clock may be so far from the hub's. */
const CLOCK_SLACK_MS = 600_000;

/** Goes along with a chain and keeps what it says of restores and of what was acknowledged. Nothing of it is more than a claim until it is signed. */
export class Claims {
  readonly restores: Restore[] = [];
  readonly acknowledged: Acknowledged[] = [];
  /** By the entry of each restore: the first entry from there on up to which the hub signed. */
  readonly #firstSigned = new Map<number, number>();
  #signed = 0;
  #last: Pick<ChainedEntry, 'seq' | 'hash'> = { seq: 0, hash: Buffer.alloc(0) };

  visit(entry: ChainedEntry): void {
    this.#read(entry);
    this.#last = entry;
  }

  /** The restore that accounts for a note which the chain does not agree with: the last one that went back behind it, unless the note was taken afterwards. */
  behind({ seq, at }: Pick<Noted, 'seq' | 'at'>): Restore | undefined {
    return this.restores.findLast((one) => one.position < seq && (at === undefined || at <= one.at + CLOCK_SLACK_MS));
  }

  /** The hub signed how far the chain had come: up to this entry, which may not have been visited yet. In order. */
  signed(seq: number): void {
    this.#signed = seq;
    for (const restore of this.restores) this.#note(restore);
  }

  /** The restores that an operator answered for, each with the last entry of before that the hub had signed: until the answer it signs nothing behind them. */
  get answered(): readonly { restore: Restore; upTo: number }[] {
    return this.acknowledged.flatMap(({ alarm, seq, since }) => {
      const restore = this.restores.findLast((one) => one.seq < seq);
      if (alarm !== 'AUDIT-NOT-EXTENDED' || restore === undefined || since === null || since <= restore.position) return [];
      return (this.#firstSigned.get(restore.seq) ?? seq) < seq ? [] : [{ restore, upTo: since }];
    });
  }

  #note({ seq }: Restore): void {
    if (this.#signed >= seq && !this.#firstSigned.has(seq)) this.#firstSigned.set(seq, this.#signed);
  }

  #read({ seq, entry }: ChainedEntry): void {
    // Nothing that a caller writes can hold a quotation mark, so this is a member and no text.
    const isRestore = entry.includes('"action":"store.restore"');
    if (!isRestore && !entry.includes('"action":"audit.acknowledge"')) return;
    let event: AuditEvent;
    try {
      event = JSON.parse(entry) as AuditEvent;
    } catch {
      return;
    }
    const { at, principal: by, outcome } = event;
    const { position, digest, madeAt, alarm, since } = event.detail?.args ?? {};
    if (outcome !== 'allowed') return;
    if (typeof alarm === 'string') this.acknowledged.push({ seq, at, by, alarm, since: typeof since === 'number' ? since : null });
    const isOfEnd = position === seq - 1 && this.#last.seq === position && digest === Buffer.from(this.#last.hash).toString('hex');
    if (!isRestore || !isOfEnd) return;
    const restore = { seq, at, by, position, madeAt: typeof madeAt === 'number' ? madeAt : null };
    this.restores.push(restore);
    this.#note(restore);
  }
}
