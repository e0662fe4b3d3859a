import assert from 'node:assert/strict';
import type { MessageKey } from '../../../agent/decoding.ts';
import type { Outbox } from '../../../agent/outbox/outbox.ts';
import { decodeRecord, type ReadingRecord } from '../../../shared/reading.ts';
import { newEpoch, type RowKey } from '../../../shared/uplink/key.ts';
import type { StoreEpoch, StorePosition } from '../../../shared/uplink/lineage.ts';
import { markedRecord, markOf } from '../../contract/outbox.ts';

/** Of messages. */
export const NAMES = ['one', 'two'].map((name) => name.padEnd(16, '.'));
export const CONTENTS = ['a', 'b'].map((content) => content.padEnd(16, '.'));

export interface Row {
  mark: number;
  key: RowKey;
  /** A key that it had before, under which it may still be answered. */
  old: RowKey;
  state: 'pending' | 'delivered';
  /** Where the hub said that it committed it. */
  committed?: StorePosition;
}

/** The hub's store: what it holds, and what it says of its life. It can go back to what it was. */
class Hub {
  epochs: StoreEpoch[] = [{ epoch: newEpoch(), from: 0 }];
  position = 0;
  /** By mark: the position of the commit. */
  readonly #held = new Map<number, number>();

  /** One commit of these. */
  take(rows: readonly Row[]): StorePosition {
    this.position += 1;
    for (const { mark } of rows) if (!this.#held.has(mark)) this.#held.set(mark, this.position);
    return { epoch: this.epochs.at(-1)?.epoch ?? '', position: this.position };
  }

  /** Goes back to what it was at this position: by a restore that begins an epoch, or by a file that somebody copied back. */
  goBack(position: number, isRestore: boolean): void {
    for (const [mark, at] of this.#held) if (at > position) this.#held.delete(mark);
    this.epochs = this.epochs.filter(({ from }, i) => i === 0 || from <= position);
    if (isRestore) this.epochs.push({ epoch: newEpoch(), from: position });
    this.position = position;
  }

  holds({ mark }: Row): boolean {
    return this.#held.has(mark);
  }

  /** Whether a commit of which it told is still there. What came again was held before that commit, which nobody who was told can know. */
  has({ epoch, position }: StorePosition): boolean {
    const at = this.epochs.findIndex((one) => one.epoch === epoch);
    return at !== -1 && position <= (this.epochs[at + 1]?.from ?? this.position);
  }
}

/** What an outbox holds, as plain lists: what everything that its methods resolved for comes to. */
export class Model {
  rows: Row[] = [];
  /** Marks of rows and names of parts, oldest first. */
  aside: (number | string)[] = [];
  /** Contents by name. */
  readonly messages = new Map<string, Set<string>>();
  readonly epochs = new Set<string>();
  readonly hub = new Hub();
  lastSeq = 0;
  #marks = 0;

  newMarks(count: number): number[] {
    return Array.from({ length: count }, () => (this.#marks += 1));
  }

  get pending(): Row[] {
    return this.rows.filter(({ state }) => state === 'pending');
  }

  append(keys: readonly RowKey[], marks: readonly number[], message?: MessageKey): void {
    if (message) this.messages.set(message.name, (this.messages.get(message.name) ?? new Set()).add(message.content));
    for (const [i, key] of keys.entries()) {
      assert.ok(key.seq > this.lastSeq, 'a number is given again');
      this.lastSeq = key.seq;
      this.rows.push({ mark: marks[i] ?? Number.NaN, key, old: key, state: 'pending' });
    }
  }

  knows({ name, content }: MessageKey): 'message' | 'name' | undefined {
    const contents = this.messages.get(name);
    return contents && (contents.has(content) ? 'message' : 'name');
  }

  /** Under the key that they have, or had before; `committed` is what the hub said. */
  complete(rows: readonly Row[], old: boolean, committed?: StorePosition): void {
    for (const row of rows) {
      row.state = 'delivered';
      if (old) row.key = row.old;
      // Delivered under it, it is known by no other.
      row.old = row.key;
      if (committed) row.committed = committed;
      else delete row.committed;
    }
  }

  /** What the hub said that it committed and does not hold any more waits again, under its old key. How many. */
  redeliver(): number {
    const gone = this.rows.filter(({ state, committed }) => state === 'delivered' && committed && !this.hub.has(committed));
    const lost = this.rows.filter((row) => row.state === 'delivered' && row.committed && !this.hub.holds(row));
    assert.ok(
      lost.every((row) => gone.includes(row)),
      'lost, and told as if it were there',
    );
    for (const row of gone) row.state = 'pending';
    return gone.length;
  }

  setAside(rows: readonly Row[]): void {
    this.rows = this.rows.filter((row) => !rows.includes(row));
    this.aside.push(...rows.map(({ mark }) => mark));
  }

  takeOut(index: number): void {
    this.aside.splice(index, 1);
  }

  rekey(epoch: string): void {
    for (const row of this.pending) row.key = { ...row.key, epoch };
  }
}

/** What was asked for and not answered when the process died: it is there as a whole, or not at all. */
export interface Unanswered {
  appends: { marks: number[]; message: MessageKey | undefined }[];
  completing: Row[];
  rekeying: boolean;
}

/** Everything that can be seen of the real one is as the model says. */
export async function assertAgree(model: Model, outbox: Outbox): Promise<void> {
  const rows = (await outbox.pending(0, 100_000)).map(({ epoch, seq, record }) => [epoch, seq, markOf(record)]);
  assert.deepEqual(
    rows,
    model.pending.map(({ key, mark }) => [key.epoch, key.seq, mark]),
  );
  const aside: (string | number)[] = [];
  for (const { id, part } of await outbox.quarantined(100_000)) aside.push(part === 'row' ? markOf(await bodyOf(outbox, id)) : part);
  assert.deepEqual(aside.reverse(), model.aside);
  const { epoch, fileBytes: _, oldestPendingAt, pending, delivered, quarantined } = await outbox.status();
  assert.deepEqual(
    { pending, delivered, quarantined, oldestPendingAt },
    {
      pending: model.pending.length,
      delivered: model.rows.length - model.pending.length,
      quarantined: model.aside.length,
      oldestPendingAt: model.pending[0] ? markedRecord(model.pending[0].mark).receivedAt : null,
    },
  );
  assert.equal(epoch, outbox.epoch);
  for (const name of NAMES) {
    for (const content of CONTENTS) assert.equal(await outbox.find({ name, content }), model.knows({ name, content }));
  }
}

async function bodyOf(outbox: Outbox, id: number): Promise<ReadingRecord> {
  return decodeRecord((await outbox.content(id))?.body ?? Buffer.alloc(0));
}

/** Brings what was unanswered into the model, as it is found: each thing wholly done or not at all, and nothing else. */
export async function found(model: Model, outbox: Outbox, { appends, completing, rekeying }: Unanswered): Promise<number> {
  let done = 0;
  assert.ok(!model.epochs.has(outbox.epoch), 'an epoch is used again');
  model.epochs.add(outbox.epoch);
  const rows = await outbox.pending(0, 100_000);
  const there = new Map(rows.map(({ seq, epoch, record }) => [markOf(record), { seq, epoch }]));
  for (const { marks, message } of appends) {
    const keys = marks.flatMap((mark) => there.get(mark) ?? []);
    const isDone = keys.length === marks.length;
    assert.ok(isDone || keys.length === 0, 'an append is there in part');
    if (isDone) model.append(keys, marks, message);
    done += Number(isDone);
  }
  const isCompleted = completing.length > 0 && !there.has(completing[0]?.mark ?? 0);
  if (isCompleted) model.complete(completing, false);
  const [epoch] = rows.map((row) => row.epoch);
  if (rekeying && epoch !== undefined && !model.epochs.has(epoch)) model.rekey(epoch);
  if (rekeying && epoch !== undefined) model.epochs.add(epoch);
  return done;
}
