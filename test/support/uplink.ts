import type {
  Appended,
  Census,
  DeliveredRow,
  Outbox,
  OutboxRow,
  OutboxStatus,
  QuarantineEntry,
  Redelivered,
} from '../../agent/outbox/outbox.ts';
import type { Answered, Ingest } from '../../hub/ingest/ingest.ts';
import { type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { BatchBundle } from '../../shared/fhir.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import { newEpoch, type RowKey } from '../../shared/uplink/key.ts';
import type { StoreEpoch, StorePosition } from '../../shared/uplink/lineage.ts';
import { type EntryOutcome, UPLINK_LIMITS } from '../../shared/uplink/protocol.ts';

export { until } from './until.ts';

/** A record of spot measurements of one device, a value a reading. */
export function recordOf(...values: number[]): ReadingRecord {
  return {
    source: 'oximeter-1',
    profile: 'nonin-df8',
    device: { id: 'NONIN-0001', idType: 'serial' },
    receivedAt: Date.UTC(2026, 10, 21, 10),
    subject: { patient: { value: 'P-0001', authority: '' } },
    test: true,
    class: 'spot',
    readings: values.map((value) => ({ vital: 'hr', value })),
  };
}

/** An outbox without a file, for tests of what stands in front of it. Set `failing` to make its commits fail. */
export class MemoryOutbox implements Outbox {
  epoch = newEpoch();
  storeId: string | null = null;
  failing: Error | undefined;
  readonly completed: RowKey[] = [];
  readonly refused: { seq: number; code: ErrorCode }[] = [];
  /** Of rows that were refused: how many of their resources the hub has, where that was said. */
  readonly heldOfRefused = new Map<number, number>();
  readonly evidence: { code: ErrorCode; part: string }[] = [];
  /** How many rows were read at most at a time. */
  readMost = 0;
  readonly #rows = new Map<number, OutboxRow>();
  readonly #listeners = new Set<() => void>();
  readonly #watchers = new Set<() => void>();
  #seq = 0;

  get lastSeq(): number {
    return this.#seq;
  }

  async append(records: readonly ReadingRecord[]): Promise<RowKey[]> {
    const keys = records.map((record) => this.#add(record));
    await this.#commit();
    for (const listener of this.#listeners) listener();
    return keys;
  }

  async appendMessage(records: readonly ReadingRecord[]): Promise<Appended> {
    return { keys: await this.append(records), isNameUsed: false };
  }

  async timeKnown(): Promise<void> {
    // It has no rows of a clock that nobody confirmed.
  }

  async find(): Promise<undefined> {
    return undefined;
  }

  /** Rows that wait. */
  get size(): number {
    return this.#rows.size;
  }

  async pending(after: number, limit: number): Promise<OutboxRow[]> {
    const rows = [...this.#rows.values()].filter(({ seq }) => seq > after).slice(0, limit);
    this.readMost = Math.max(this.readMost, rows.length);
    return rows;
  }

  waiting(after: number, limit: number): Promise<OutboxRow[]> {
    return this.pending(after, limit);
  }

  async setStoreId(storeId: string): Promise<number> {
    this.storeId = storeId;
    return 0;
  }

  async toldOf(): Promise<readonly StorePosition[]> {
    return [];
  }

  async redeliver(): Promise<Redelivered> {
    return { rows: 0, gaps: 0 };
  }

  async complete(rows: readonly DeliveredRow[]): Promise<void> {
    await this.#commit();
    for (const { seq, epoch } of rows) if (this.#rows.delete(seq)) this.completed.push({ seq, epoch });
    this.#changed();
  }

  async quarantine(rows: readonly (RowKey & { held?: number })[], code: ErrorCode): Promise<void> {
    await this.#commit();
    for (const { seq, held } of rows) {
      if (!this.#rows.delete(seq)) continue;
      this.refused.push({ seq, code });
      if (held !== undefined) this.heldOfRefused.set(seq, held);
    }
    this.#changed();
  }

  async quarantineBytes(_source: string, code: ErrorCode, part: string): Promise<void> {
    await this.#commit();
    this.evidence.push({ code, part });
  }

  async rekey(): Promise<string> {
    await this.#commit();
    this.epoch = newEpoch();
    for (const row of this.#rows.values()) this.#rows.set(row.seq, { ...row, epoch: this.epoch });
    this.#changed();
    return this.epoch;
  }

  async quarantined(): Promise<QuarantineEntry[]> {
    return [];
  }

  async content(): Promise<undefined> {
    return undefined;
  }

  async release(): Promise<RowKey[]> {
    throw new VitalmeshError('OUTBOX-NO-ENTRY');
  }

  async drop(): Promise<QuarantineEntry> {
    throw new VitalmeshError('OUTBOX-NO-ENTRY');
  }

  async census(): Promise<Census> {
    return { last: undefined, pending: {}, delivered: {} };
  }

  async status(): Promise<OutboxStatus> {
    const { epoch, storeId } = this;
    return {
      epoch,
      storeId,
      pending: this.#rows.size,
      oldestPendingAt: null,
      untimed: 0,
      delivered: this.completed.length,
      quarantined: this.refused.length,
      fileBytes: 0,
      usedBytes: 0,
      limitBytes: 0,
      writtenBytes: { today: 0, yesterday: 0 },
      setAside: [],
      code: null,
    };
  }

  onReturn(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  onAppend(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
  }

  /** Resolves once `condition` holds after a change of what is pending. */
  until(condition: (outbox: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition(this)) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Resolves once nothing is pending. */
  empty(): Promise<void> {
    return this.until(() => this.#rows.size === 0);
  }

  #add(record: ReadingRecord): RowKey {
    this.#seq += 1;
    const key = { epoch: this.epoch, seq: this.#seq };
    this.#rows.set(key.seq, { ...key, class: record.class, receivedAt: record.receivedAt, record });
    return key;
  }

  #changed(): void {
    for (const look of [...this.#watchers]) look();
  }

  async #commit(): Promise<void> {
    await new Promise(setImmediate);
    if (this.failing) throw this.failing;
  }
}

/** A hub's ingest without a store: remembers what it holds, and can be told to answer otherwise. */
export class MemoryIngest implements Ingest {
  /** Content by id. */
  readonly held = new Map<string, string>();
  /** What each batch asked for, as ids, in the order of arrival. */
  readonly batches: string[][] = [];
  /** Gateways that may speak. */
  readonly gateways = new Set(['gw-1']);
  limits: { batchEntries: number; batchBytes: number } = { ...UPLINK_LIMITS };
  storeId = 'store-1';
  /** Where its store stands; a hub of before says nothing of it. */
  lineage: { lineage: StoreEpoch[]; position: number } | undefined;
  /** Runs before anything of a batch is stored: throw to refuse it. */
  before: (ids: string[]) => Promise<void> | void = () => undefined;
  /** Runs after the commit and before the answer. */
  after: (outcomes: EntryOutcome[]) => Promise<void> | void = () => undefined;
  /** The code with which one entry is refused. */
  refuse: (id: string, content: string) => { status: 409 | 422 | 503; code: ErrorCode } | undefined = () => undefined;

  gateway(identity: string): ReturnType<Ingest['gateway']> {
    return this.gateways.has(identity) ? { identity, tenant: 'clinic', beds: {}, devices: {} } : undefined;
  }

  async hello(): ReturnType<Ingest['hello']> {
    return { limits: this.limits, now: Date.now(), storeId: this.storeId, configRevision: '0123456789ab', ...this.lineage };
  }

  async batch(_identity: string, bundle: unknown): Promise<Answered> {
    const { entry } = bundle as BatchBundle;
    const ids = entry.map(({ resource }) => resource.id);
    this.batches.push(ids);
    await this.before(ids);
    const outcomes = entry.map(({ resource }) => this.#take(resource.id, JSON.stringify(resource)));
    if (this.lineage) this.lineage.position += 1;
    const { position = 0, lineage } = this.lineage ?? {};
    const epoch = lineage?.at(-1)?.epoch;
    await this.after(outcomes);
    return epoch === undefined ? { outcomes } : { outcomes, committed: { epoch, position } };
  }

  /** Takes nothing from foreign clients. */
  async foreign(): Promise<never> {
    throw new VitalmeshError('UPLINK-BUNDLE');
  }

  #take(id: string, content: string): EntryOutcome {
    const refusal = this.refuse(id, content);
    if (refusal) return { id, ...refusal };
    const held = this.held.get(id);
    if (held === content) return { id, status: 200 };
    if (held !== undefined) return { id, status: 409, code: 'UPLINK-KEY-REUSED' };
    this.held.set(id, content);
    return { id, status: 201 };
  }
}
