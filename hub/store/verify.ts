import { hash } from 'node:crypto';
import { asVitalmeshError } from '../../shared/errors.ts';
import type { Database } from '../../shared/storage/database.ts';
import { formatObservationId } from '../../shared/uplink/key.ts';
import type { Findings } from './findings.ts';
import { positionOf } from './lineage.ts';
import { unpackReceived } from './observation-row.ts';
import { isInRange, lastSeenRow } from './seen-ranges.ts';
import { added, idOf, type Tally } from './tally.ts';
import type { StoreVerdict, VerifyProgress } from './verdict.ts';
import { verifyLatest } from './verify-latest.ts';
import { VERIFY_PAGE, VERIFY_SQL } from './verify-statements.ts';

type Reader = Pick<Database, 'prepare'>;

interface Keyed {
  key: number;
  writer: number;
  seq: number;
  part: number;
  agent: string | null;
  epoch: string | null;
  hash: Buffer | null;
}

interface BatchPageRow {
  key: number;
  tenant: string;
  firstKey: number;
  lastKey: number;
  rows: number;
  received: Buffer;
}

/**
 * Verifies all but the chain of evidence; gives way (`yield`) after each page. What is stored meanwhile is left out; nothing may be removed
 * meanwhile.
 */
export function* verifyStore(database: Reader, findings: Findings): Generator<VerifyProgress, StoreVerdict['counts']> {
  return yield* new Verification(database, findings).run();
}

class Verification {
  readonly #database: Reader;
  readonly #findings: Findings;
  /** What was there when it began. */
  readonly #upTo: { batch: number; observation: number; event: number; patient: number };
  readonly #observations = new Map<string, number>();
  readonly #events = new Map<string, number>();
  readonly #stored = new Map<number, Tally>();
  readonly #ranged = new Map<number, number>();
  readonly #counts = { batches: 0, observations: 0, events: 0, latest: 0, seen: 0, ranges: 0 };

  constructor(database: Reader, findings: Findings) {
    this.#database = database;
    this.#findings = findings;
    const none = { batch: 0, observation: 0, event: 0, patient: 0 };
    this.#upTo = database.prepare<[], typeof none>(VERIFY_SQL.lastKeys).get() ?? none;
  }

  *run(): Generator<VerifyProgress, StoreVerdict['counts']> {
    const totals = this.#totals();
    this.#lineage();
    yield* this.#batches();
    yield* this.#orphans();
    yield* this.#eventPages();
    yield* this.#placed();
    this.#compareTotals(totals);
    yield* this.#seen();
    yield* this.#ranges();
    yield* this.#latest();
    return { ...this.#counts };
  }

  /** As they are now; what is in quarantine is bounded, and compared at once. */
  #totals(): TotalRow[] {
    const totals = this.#database.prepare<[], TotalRow>(VERIFY_SQL.allTotals).all();
    const kept = this.#database.prepare<[], { tenant: string; rows: number }>(VERIFY_SQL.quarantined).all();
    const quarantined = new Map(kept.map(({ tenant, rows }) => [tenant, rows]));
    for (const { tenant, quarantined: told } of totals)
      if (told !== (quarantined.get(tenant) ?? 0)) this.#findings.add('VERIFY-TOTALS', `quarantine of tenant ${tenant}`);
    return totals;
  }

  #compareTotals(totals: readonly TotalRow[]): void {
    const tenants = new Set([...totals.map(({ tenant }) => tenant), ...this.#observations.keys(), ...this.#events.keys()]);
    const told = new Map(totals.map((row) => [row.tenant, row]));
    for (const tenant of tenants) {
      const { observations = 0, events = 0 } = told.get(tenant) ?? {};
      if (observations !== (this.#observations.get(tenant) ?? 0)) this.#findings.add('VERIFY-TOTALS', `observations of tenant ${tenant}`);
      if (events !== (this.#events.get(tenant) ?? 0)) this.#findings.add('VERIFY-TOTALS', `events of tenant ${tenant}`);
    }
  }

  #lineage(): void {
    const position = positionOf(this.#database);
    let before = -1;
    const epochs = this.#database.prepare<[], { key: number; since: number }>(VERIFY_SQL.lineage).all();
    for (const { key, since } of epochs) {
      if (since <= before || since > position) this.#findings.add('VERIFY-LINEAGE', `epoch ${key}`);
      before = since;
    }
    if (epochs.length === 0) this.#findings.add('VERIFY-LINEAGE', 'no epoch');
  }

  *#batches(): Generator<VerifyProgress, void> {
    const page = this.#database.prepare<[number, number], BatchPageRow>(VERIFY_SQL.batchPage);
    let lastKey = 0;
    for (let after = 0; ; ) {
      const batches = page.all(after, this.#upTo.batch);
      for (const batch of batches) {
        if (batch.firstKey <= lastKey) this.#findings.add('VERIFY-BATCH', `batch ${batch.key} overlaps the one before it`);
        lastKey = batch.lastKey;
        this.#batch(batch);
      }
      const last = batches.at(-1);
      if (last === undefined) return;
      after = last.key;
      yield { part: 'batches', done: after, of: this.#upTo.batch };
    }
  }

  #batch({ key, tenant, firstKey, lastKey, rows, received }: BatchPageRow): void {
    this.#counts.batches += 1;
    this.#observations.set(tenant, (this.#observations.get(tenant) ?? 0) + rows);
    const found = this.#database.prepare<[number, number], Keyed & { batch: number }>(VERIFY_SQL.batchRowsOf).all(firstKey, lastKey);
    this.#counts.observations += found.length;
    if (found.length !== rows || found.some(({ batch }) => batch !== key)) this.#findings.add('VERIFY-BATCH', `batch ${key}`);
    const lines = this.#unpacked(received, `batch ${key}`);
    if (lines && lines.length !== lastKey - firstKey + 1) this.#findings.add('VERIFY-RESOURCE', `batch ${key}`);
    for (const row of found) this.#keyed(row, lines?.[row.key - firstKey], `observation ${row.key}`);
  }

  /** Observations of no batch are in no key range of one. */
  *#orphans(): Generator<VerifyProgress, void> {
    let rows = 0;
    for (let after = 0; after < this.#upTo.observation; after += 20_000) {
      const until = Math.min(after + 20_000, this.#upTo.observation);
      rows += this.#database.prepare<[number, number], { rows: number }>(VERIFY_SQL.observationCount).get(after, until)?.rows ?? 0;
      yield { part: 'observations', done: until, of: this.#upTo.observation };
    }
    if (rows !== this.#counts.observations)
      this.#findings.add('VERIFY-BATCH', `${rows - this.#counts.observations} observations of no batch`);
  }

  /** Each row that follows movements does so by a bed and a person of its own tenant. */
  *#placed(): Generator<VerifyProgress, void> {
    for (const [sql, last] of [
      [VERIFY_SQL.misplaced, this.#upTo.observation],
      [VERIFY_SQL.misplacedEvents, this.#upTo.event],
    ] as const) {
      for (let after = 0; after < last; after += 5000) {
        const until = Math.min(after + 5000, last);
        const rows = this.#database.prepare<[number, number], { rows: number }>(sql).get(after, until)?.rows ?? 0;
        if (rows > 0) this.#findings.add('VERIFY-PLACING', `${rows} rows up to ${until}`);
        yield { part: 'placed', done: until, of: last };
      }
    }
  }

  *#eventPages(): Generator<VerifyProgress, void> {
    const page = this.#database.prepare<[number, number], Keyed & { tenant: string; received: Buffer }>(VERIFY_SQL.eventPage);
    for (let after = 0; ; ) {
      const events = page.all(after, this.#upTo.event);
      for (const event of events) {
        this.#counts.events += 1;
        this.#events.set(event.tenant, (this.#events.get(event.tenant) ?? 0) + 1);
        this.#keyed(event, this.#unpacked(event.received, `event ${event.key}`)?.join('\n'), `event ${event.key}`);
      }
      const last = events.at(-1);
      if (last === undefined) return;
      after = last.key;
      yield { part: 'events', done: after, of: this.#upTo.event };
    }
  }

  #unpacked(received: Buffer, where: string): string[] | undefined {
    try {
      return unpackReceived(received);
    } catch (error) {
      if (asVitalmeshError(error, 'INTERNAL').code !== 'STORAGE-DAMAGED') throw error;
      this.#findings.add('VERIFY-RESOURCE', where);
      return undefined;
    }
  }

  /** A row of observations or events: its key was seen once, with what came under it, which is its resource. */
  #keyed({ writer, seq, part, agent, epoch, hash: seen }: Keyed, text: string | undefined, where: string): void {
    const tally = this.#stored.get(writer) ?? { rows: 0, sum: 0 };
    this.#stored.set(writer, added(tally, seq, part));
    if (seen === null || agent === null || epoch === null || this.#isInRange(writer, seq, part)) this.#findings.add('VERIFY-SEEN', where);
    if (text === undefined) return;
    const isOwn = agent !== null && epoch !== null && idOf(text) === formatObservationId({ agent, epoch, seq, index: part });
    if (!isOwn || (seen !== null && !hash('sha256', text, 'buffer').equals(seen))) this.#findings.add('VERIFY-RESOURCE', where);
  }

  #isInRange(writer: number, seq: number, part: number): boolean {
    let last = this.#ranged.get(writer);
    if (last === undefined) {
      last = lastSeenRow(this.#database, writer) ?? 0;
      this.#ranged.set(writer, last);
    }
    return seq <= last && isInRange(this.#database, writer, seq, part);
  }

  /** No key is seen of which nothing is stored. A writer that has written meanwhile is left out: its keys were counted at another time. */
  *#seen(): Generator<VerifyProgress, void> {
    const seen = new Map<number, Tally>();
    const page = this.#database.prepare<[number, number, number], Pick<Keyed, 'writer' | 'seq' | 'part'>>(VERIFY_SQL.seenPage);
    for (let after = { writer: 0, seq: 0, part: -1 }; ; ) {
      const rows = page.all(after.writer, after.seq, after.part);
      for (const { writer, seq, part } of rows) seen.set(writer, added(seen.get(writer) ?? { rows: 0, sum: 0 }, seq, part));
      this.#counts.seen += rows.length;
      yield { part: 'seen', done: this.#counts.seen, of: this.#counts.observations + this.#counts.events };
      // A page that is not full is the end: what is added meanwhile could be followed for ever.
      const last = rows.at(-1);
      if (last === undefined || rows.length < VERIFY_PAGE) break;
      after = last;
    }
    const busy = new Set([...this.#writersSince('writerOfObservation', 'observation'), ...this.#writersSince('writerOfEvent', 'event')]);
    for (const writer of new Set([...seen.keys(), ...this.#stored.keys()])) {
      const [a, b] = [seen.get(writer), this.#stored.get(writer)];
      if (!busy.has(writer) && (a?.rows !== b?.rows || a?.sum !== b?.sum)) this.#findings.add('VERIFY-SEEN', `writer ${writer}`);
    }
  }

  #writersSince(name: 'writerOfObservation' | 'writerOfEvent', table: 'observation' | 'event'): number[] {
    const rows = this.#database.prepare<[number], { writer: number }>(VERIFY_SQL[name]).all(this.#upTo[table]);
    return rows.map(({ writer }) => writer);
  }

  *#ranges(): Generator<VerifyProgress, void> {
    const page = this.#database.prepare<[number, number], { writer: number; first: number; last: number }>(VERIFY_SQL.rangePage);
    for (let before = { writer: 0, first: 0, last: -1 }; ; ) {
      const ranges = page.all(before.writer, before.first);
      for (const range of ranges) {
        const overlaps = range.writer === before.writer && range.first <= before.last;
        if (overlaps || range.last < range.first) this.#findings.add('VERIFY-SEEN', `range of writer ${range.writer} from ${range.first}`);
        before = range;
      }
      this.#counts.ranges += ranges.length;
      if (ranges.length < VERIFY_PAGE) return;
      yield { part: 'ranges', done: this.#counts.ranges, of: this.#counts.ranges };
    }
  }

  *#latest(): Generator<VerifyProgress, void> {
    const page = this.#database.prepare<[number, number], { key: number }>(VERIFY_SQL.patientPage);
    for (let after = 0; ; ) {
      const patients = page.all(after, this.#upTo.patient);
      for (const { key } of patients) this.#counts.latest += verifyLatest(this.#database, key, this.#findings);
      const last = patients.at(-1);
      if (last === undefined) return;
      after = last.key;
      yield { part: 'latest', done: after, of: this.#upTo.patient };
    }
  }
}

interface TotalRow {
  tenant: string;
  observations: number;
  events: number;
  quarantined: number;
}
