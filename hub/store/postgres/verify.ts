import { hash } from 'node:crypto';
import { asVitalmeshError } from '../../../shared/errors.ts';
import { formatObservationId } from '../../../shared/uplink/key.ts';
import type { Findings } from '../findings.ts';
import { unpackReceived } from '../observation-row.ts';
import { added, idOf, type Tally } from '../tally.ts';
import type { StoreVerdict, VerifyProgress } from '../verdict.ts';
import { PG } from './statements.ts';
import type { Transaction } from './transaction.ts';
import { verifyLatest } from './verify-latest.ts';
import { VERIFY_PG } from './verify-statements.ts';

interface Keyed {
  key: number;
  writer: number;
  seq: number;
  part: number;
  agent: string | null;
  epoch: string | null;
  hash: Buffer | null;
  /** It is among the keys of what was removed as well. */
  ranged: boolean;
}

/** What was there when it began. */
interface UpTo {
  position: number;
  lastObservation: number;
  lastEvent: number;
}

interface BatchRow {
  key: number;
  firstKey: number;
  lastKey: number;
  rows: number;
  received: Buffer | null;
}

/** Verifies all but the chain of evidence, in a transaction that sees one state throughout. */
export function verifyStore(
  transaction: Transaction,
  findings: Findings,
  progress: (at: VerifyProgress) => void = () => undefined,
): Promise<StoreVerdict['counts']> {
  return new Verification(transaction, findings, progress).run();
}

class Verification {
  readonly #transaction: Transaction;
  readonly #findings: Findings;
  readonly #progress: (at: VerifyProgress) => void;
  readonly #stored = new Map<number, Tally>();
  readonly #counts = { batches: 0, observations: 0, events: 0, latest: 0, seen: 0, ranges: 0 };
  #upTo: UpTo = { position: 0, lastObservation: 0, lastEvent: 0 };

  constructor(transaction: Transaction, findings: Findings, progress: (at: VerifyProgress) => void) {
    this.#transaction = transaction;
    this.#findings = findings;
    this.#progress = progress;
  }

  async run(): Promise<StoreVerdict['counts']> {
    const [head] = await this.#transaction.query<UpTo>(PG.head);
    this.#upTo = head ?? this.#upTo;
    await this.#lineage();
    for (const { id } of await this.#transaction.query<{ id: string }>(PG.tenants)) {
      await this.#transaction.as(id);
      await this.#tenant(id);
    }
    await this.#seen();
    await this.#ranges();
    return { ...this.#counts };
  }

  async #lineage(): Promise<void> {
    const epochs = await this.#transaction.query<{ key: number; since: number }>(VERIFY_PG.lineage);
    let before = -1;
    for (const { key, since } of epochs) {
      if (since <= before || since > this.#upTo.position) this.#findings.add('VERIFY-LINEAGE', `epoch ${key}`);
      before = since;
    }
    if (epochs.length === 0) this.#findings.add('VERIFY-LINEAGE', 'no epoch');
  }

  async #tenant(tenant: string): Promise<void> {
    const observations = await this.#batches(tenant);
    const events = await this.#events();
    await this.#placed(tenant);
    const [quarantined] = await this.#transaction.query<{ rows: number }>(VERIFY_PG.quarantined, [tenant]);
    const [told] = await this.#transaction.query<{ observations: number; events: number; quarantined: number }>(VERIFY_PG.total, [tenant]);
    const wrong = (what: string): void => this.#findings.add('VERIFY-TOTALS', `${what} of tenant ${tenant}`);
    if ((told?.observations ?? 0) !== observations) wrong('observations');
    if ((told?.events ?? 0) !== events) wrong('events');
    if ((told?.quarantined ?? 0) !== quarantined?.rows) wrong('quarantine');
    for (let after = 0; ; ) {
      const patients = await this.#transaction.query<{ key: number }>(VERIFY_PG.patients, [tenant, after]);
      for (const { key } of patients) this.#counts.latest += await verifyLatest(this.#transaction, key, this.#findings);
      const last = patients.at(-1);
      if (last === undefined) return;
      after = last.key;
      this.#progress({ part: `latest of ${tenant}`, done: this.#counts.latest, of: this.#counts.latest });
    }
  }

  /** Gives how many observations the batches of the tenant say they have. */
  async #batches(tenant: string): Promise<number> {
    let told = 0;
    let found = 0;
    let lastKey = 0;
    for (let after = 0; ; ) {
      const batches = await this.#transaction.query<BatchRow>(VERIFY_PG.batches, [tenant, after]);
      for (const batch of batches) {
        if (batch.firstKey <= lastKey) this.#findings.add('VERIFY-BATCH', `batch ${batch.key} overlaps the one before it`);
        lastKey = batch.lastKey;
        told += batch.rows;
        found += await this.#batch(batch);
      }
      const last = batches.at(-1);
      if (last === undefined) break;
      after = last.key;
      this.#progress({ part: `batches of ${tenant}`, done: lastKey, of: this.#upTo.lastObservation });
    }
    // Observations of no batch are in no key range of one.
    let rows = 0;
    for (let after = 0; after < this.#upTo.lastObservation; after += 20_000) {
      const [counted] = await this.#transaction.query<{ rows: number }>(VERIFY_PG.countRows, [after, after + 20_000]);
      rows += counted?.rows ?? 0;
    }
    if (rows !== found) this.#findings.add('VERIFY-BATCH', `${rows - found} observations of no batch`);
    return told;
  }

  async #batch({ key, firstKey, lastKey, rows, received }: BatchRow): Promise<number> {
    this.#counts.batches += 1;
    const found = await this.#transaction.query<Keyed & { batch: number }>(VERIFY_PG.rows, [firstKey, lastKey]);
    this.#counts.observations += found.length;
    if (found.length !== rows || found.some(({ batch }) => batch !== key)) this.#findings.add('VERIFY-BATCH', `batch ${key}`);
    const lines = this.#unpacked(received, `batch ${key}`);
    if (lines && lines.length !== lastKey - firstKey + 1) this.#findings.add('VERIFY-RESOURCE', `batch ${key}`);
    for (const row of found) this.#keyed(row, lines?.[row.key - firstKey], `observation ${row.key}`);
    return found.length;
  }

  /** Each row that follows movements does so by a bed and a person of its own tenant, for no other's are shown. */
  async #placed(tenant: string): Promise<void> {
    for (const [sql, last] of [
      [VERIFY_PG.misplaced, this.#upTo.lastObservation],
      [VERIFY_PG.misplacedEvents, this.#upTo.lastEvent],
    ] as const) {
      for (let after = 0; after < last; after += 20_000) {
        const [counted] = await this.#transaction.query<{ rows: number }>(sql, [after, after + 20_000]);
        if (counted && counted.rows > 0)
          this.#findings.add('VERIFY-PLACING', `${counted.rows} rows of tenant ${tenant} up to ${after + 20_000}`);
      }
    }
  }

  /** Gives how many the tenant has. */
  async #events(): Promise<number> {
    let found = 0;
    for (let after = 0; after < this.#upTo.lastEvent; after += 500) {
      const events = await this.#transaction.query<Keyed & { received: Buffer }>(VERIFY_PG.events, [after, after + 500]);
      for (const event of events)
        this.#keyed(event, this.#unpacked(event.received, `event ${event.key}`)?.join('\n'), `event ${event.key}`);
      found += events.length;
      this.#progress({ part: 'events', done: Math.min(after + 500, this.#upTo.lastEvent), of: this.#upTo.lastEvent });
    }
    this.#counts.events += found;
    return found;
  }

  #unpacked(received: Buffer | null, where: string): string[] | undefined {
    try {
      if (received !== null) return unpackReceived(received);
    } catch (error) {
      if (asVitalmeshError(error, 'INTERNAL').code !== 'STORAGE-DAMAGED') throw error;
    }
    this.#findings.add('VERIFY-RESOURCE', where);
    return undefined;
  }

  /** A row of observations or events: its key was seen once, with what came under it, which is its resource. */
  #keyed({ writer, seq, part, agent, epoch, hash: seen, ranged }: Keyed, text: string | undefined, where: string): void {
    this.#stored.set(writer, added(this.#stored.get(writer) ?? { rows: 0, sum: 0 }, seq, part));
    if (seen === null || agent === null || epoch === null || ranged) this.#findings.add('VERIFY-SEEN', where);
    if (text === undefined) return;
    const isOwn = agent !== null && epoch !== null && idOf(text) === formatObservationId({ agent, epoch, seq, index: part });
    if (!isOwn || (seen !== null && !hash('sha256', text, 'buffer').equals(seen))) this.#findings.add('VERIFY-RESOURCE', where);
  }

  /** No key is seen of which nothing is stored. */
  async #seen(): Promise<void> {
    const seen = new Map<number, Tally>();
    for (let after = { writer: 0, seq: 0, part: -1 }; ; ) {
      const rows = await this.#transaction.query<typeof after>(VERIFY_PG.seen, [after.writer, after.seq, after.part]);
      for (const { writer, seq, part } of rows) seen.set(writer, added(seen.get(writer) ?? { rows: 0, sum: 0 }, seq, part));
      this.#counts.seen += rows.length;
      const last = rows.at(-1);
      if (last === undefined) break;
      after = last;
      this.#progress({ part: 'seen', done: this.#counts.seen, of: this.#counts.observations + this.#counts.events });
    }
    for (const writer of new Set([...seen.keys(), ...this.#stored.keys()])) {
      const [a, b] = [seen.get(writer), this.#stored.get(writer)];
      if (a?.rows !== b?.rows || a?.sum !== b?.sum) this.#findings.add('VERIFY-SEEN', `writer ${writer}`);
    }
  }

  async #ranges(): Promise<void> {
    for (let before = { writer: 0, first: 0, last: -1 }; ; ) {
      const ranges = await this.#transaction.query<typeof before>(VERIFY_PG.ranges, [before.writer, before.first]);
      for (const range of ranges) {
        const overlaps = range.writer === before.writer && range.first <= before.last;
        if (overlaps || range.last < range.first) this.#findings.add('VERIFY-SEEN', `range of writer ${range.writer} from ${range.first}`);
        before = range;
      }
      this.#counts.ranges += ranges.length;
      if (ranges.length === 0) return;
    }
  }
}
