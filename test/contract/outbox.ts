import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { MessageKey } from '../../agent/decoding.ts';
import type { Origin, Outbox, OutboxStatus } from '../../agent/outbox/outbox.ts';
import { decodeRecord, type ReadingRecord, type RowClass } from '../../shared/reading.ts';
import type { RowKey } from '../../shared/uplink/key.ts';
import { verifies } from '../requirements.ts';

/** An outbox that a test can close and open again. */
export interface OutboxUnderTest {
  /** Opens it anew, closing it before if it is open. */
  open(): Promise<Outbox>;
  /** Closes it and removes what it left. */
  remove(): Promise<void>;
}

/** A record that can be told from others by its `mark`, a whole number. */
export function markedRecord(mark: number, rowClass: RowClass = 'spot'): ReadingRecord {
  return {
    source: 'bench',
    profile: 'nonin-df8',
    device: { id: '501234567', idType: 'serial' },
    receivedAt: 1_700_000_000_000 + mark,
    subject: { patient: { value: 'P-0001', authority: '' } },
    test: true,
    class: rowClass,
    readings: [{ vital: 'spo2', value: mark }],
  };
}

/** A message by the numbers of its name and its content. */
function messageKey(name: number, content: number): MessageKey {
  return { name: `\u00ff${name}`.padEnd(16, '\u0000'), content: `\u0080${content}`.padEnd(16, '\u0000') };
}

/** The mark of a record made by `markedRecord`. */
export function markOf(record: ReadingRecord): number {
  return record.readings[0]?.value ?? Number.NaN;
}

/** What becomes of a message that is on disk. */
const HELD = { keys: [], isNameUsed: false };

const ORIGIN: Origin = {
  profile: 'hl7-pcd01',
  kind: 'hl7',
  context: { source: 'monitor', zone: 'Europe/Berlin', test: true, bed: 'ICU-4', maxFrameBytes: 1024 },
  doubtful: false,
};

function at(keys: readonly RowKey[], index: number): RowKey {
  const key = keys[index];
  assert.ok(key);
  return key;
}

const marks = async (outbox: Outbox, after = 0, limit = 10_000): Promise<number[]> =>
  (await outbox.pending(after, limit)).map((row) => markOf(row.record));

/** What every outbox does, whatever keeps its rows. */
export function outboxContract(name: string, create: () => OutboxUnderTest): void {
  const outboxTest = (title: string, body: (under: OutboxUnderTest) => Promise<void>): void => {
    test(title, async () => {
      const under = create();
      try {
        await body(under);
      } finally {
        await under.remove();
      }
    });
  };

  describe(`outbox contract: ${name}`, () => {
    outboxTest('hands out what was appended, in order, with class, time and content', async (under) => {
      const outbox = await under.open();
      const [first] = await outbox.append([markedRecord(1)]);
      const rest = await outbox.append([markedRecord(2, 'continuous'), markedRecord(3)]);
      const rows = await outbox.pending(0, 10);
      assert.deepEqual(
        rows.map(({ epoch, seq }) => ({ epoch, seq })),
        [first, ...rest],
      );
      assert.deepEqual(
        rows.map((row) => row.record),
        [markedRecord(1), markedRecord(2, 'continuous'), markedRecord(3)],
      );
      assert.deepEqual(
        rows.map((row) => [row.class, row.receivedAt]),
        [
          ['spot', 1_700_000_000_001],
          ['continuous', 1_700_000_000_002],
          ['spot', 1_700_000_000_003],
        ],
      );
      assert.ok(rows.every((row, i) => i === 0 || row.seq > (rows[i - 1]?.seq ?? 0)));
      assert.ok(rows.every((row) => row.epoch === outbox.epoch));
    });

    outboxTest('pages by `after` and `limit`', async (under) => {
      const outbox = await under.open();
      const keys = await outbox.append([1, 2, 3, 4, 5].map((mark) => markedRecord(mark)));
      assert.deepEqual(await marks(outbox, 0, 2), [1, 2]);
      assert.deepEqual(await marks(outbox, keys[1]?.seq, 2), [3, 4]);
      assert.deepEqual(await marks(outbox, keys[4]?.seq, 2), []);
      assert.deepEqual(await marks(outbox, 0, 0), []);
    });

    outboxTest('appending nothing stores nothing and says so at once', async (under) => {
      const outbox = await under.open();
      assert.deepEqual(await outbox.append([]), []);
      await outbox.complete([]);
      await outbox.quarantine([], 'INGEST-INVALID');
      assert.equal((await outbox.status()).pending, 0);
    });

    outboxTest('completed rows are handed out no more, after a restart too', async (under) => {
      const outbox = await under.open();
      const keys = await outbox.append([1, 2, 3].map((mark) => markedRecord(mark)));
      await outbox.complete(keys.filter((_, i) => i !== 1));
      assert.deepEqual(await marks(outbox), [2]);
      await outbox.complete(keys.filter((_, i) => i === 0));
      assert.deepEqual([(await outbox.status()).pending, (await outbox.status()).delivered], [1, 2], 'completing twice changes nothing');
      assert.deepEqual(await marks(await under.open()), [2]);
    });

    outboxTest('completing needs the key of the row: its number alone is not enough', async (under) => {
      const outbox = await under.open();
      const [key] = await outbox.append([markedRecord(1)]);
      assert.ok(key);
      await outbox.complete([
        { ...key, epoch: '0000000000000' },
        { ...key, seq: key.seq + 1 },
      ]);
      await outbox.quarantine([{ ...key, epoch: '0000000000000' }], 'INGEST-INVALID');
      assert.deepEqual(await marks(outbox), [1]);
      const again = await under.open();
      await again.complete([{ seq: key.seq, epoch: again.epoch }]);
      assert.deepEqual(await marks(again), [1], 'the epoch of a later start is not the row’s');
    });

    outboxTest('an epoch a start; rows keep the one they were written under', async (under) => {
      verifies('EXACTLY-ONCE');
      const first = await under.open();
      const [old] = await first.append([markedRecord(1)]);
      const second = await under.open();
      assert.notEqual(second.epoch, old?.epoch);
      const [fresh] = await second.append([markedRecord(2)]);
      assert.equal(fresh?.epoch, second.epoch);
      assert.deepEqual(
        (await second.pending(0, 10)).map(({ epoch, seq }) => ({ epoch, seq })),
        [old, fresh],
      );
    });

    outboxTest('a number is never given twice', async (under) => {
      const seen: number[] = [];
      for (let start = 0; start < 3; start += 1) {
        const outbox = await under.open();
        const keys = await outbox.append([markedRecord(1), markedRecord(2)]);
        seen.push(...keys.map((key) => key.seq));
        await outbox.quarantine(keys, 'INGEST-NOT-BOUND');
      }
      assert.equal(new Set(seen).size, 6);
    });

    outboxTest('rekey gives everything pending new keys and leaves the rest', async (under) => {
      verifies('KEY-REUSED');
      const outbox = await under.open();
      const keys = await outbox.append([1, 2, 3, 4].map((mark) => markedRecord(mark)));
      await outbox.complete(keys.slice(0, 1));
      const epoch = await outbox.rekey();
      assert.equal(outbox.epoch, epoch);
      assert.ok(keys.every((key) => key.epoch !== epoch));
      assert.deepEqual(
        (await outbox.pending(0, 10)).map((row) => [row.seq, row.epoch, markOf(row.record)]),
        keys.slice(1).map((key, i) => [key.seq, epoch, i + 2]),
      );
      assert.ok((await outbox.append([markedRecord(5)])).every((key) => key.epoch === epoch));
      // An answer that was on its way when the keys changed still counts: the hub has the row.
      await outbox.complete(keys.slice(1, 2));
      await outbox.complete(await outbox.pending(0, 1));
      assert.deepEqual(await marks(outbox), [4, 5]);
      const again = await under.open();
      assert.ok((await again.pending(0, 10)).every((row) => row.epoch === epoch));
      const second = await again.rekey();
      assert.ok((await again.pending(0, 10)).every((row) => row.epoch === second));
    });

    outboxTest('quarantine takes rows out of the way and tells why', async (under) => {
      verifies('GOOD-PARTS-SURVIVE');
      const outbox = await under.open();
      const keys = await outbox.append([1, 2, 3].map((mark) => markedRecord(mark)));
      await outbox.quarantine(keys.slice(1, 2), 'INGEST-NOT-BOUND');
      assert.deepEqual(await marks(outbox), [1, 3]);
      await outbox.complete(keys);
      assert.equal((await outbox.status()).delivered, 2, 'a quarantined row cannot be completed');
      const entries = await (await under.open()).quarantined(10);
      assert.deepEqual(
        entries.map(({ code, source, part }) => ({ code, source, part })),
        [{ code: 'INGEST-NOT-BOUND', source: 'bench', part: 'row' }],
      );
      assert.ok((entries[0]?.bytes ?? 0) > 0);
    });

    outboxTest('a message that is appended again is not stored again, after a restart neither', async (under) => {
      verifies('STORED-ONCE');
      const message = messageKey(1, 1);
      const outbox = await under.open();
      assert.equal(await outbox.find(message), undefined);
      const first = await outbox.appendMessage([markedRecord(1), markedRecord(2)], message);
      assert.deepEqual([first.keys.length, first.isNameUsed], [2, false]);
      assert.equal(await outbox.find(message), 'message');
      assert.deepEqual(await outbox.appendMessage([markedRecord(1), markedRecord(2)], message), HELD);
      const again = await under.open();
      assert.equal(await again.find(message), 'message');
      assert.deepEqual(await again.appendMessage([markedRecord(1), markedRecord(2)], message), HELD);
      assert.deepEqual(await marks(again), [1, 2]);
      await again.complete(await again.pending(0, 10));
      assert.deepEqual(await again.appendMessage([markedRecord(1)], message), HELD, 'what the hub has is known as well');
      assert.equal((await again.status()).pending, 0);
    });

    outboxTest('a message that comes again before the first is on disk waits for it', async (under) => {
      verifies('STORED-ONCE');
      const outbox = await under.open();
      const message = messageKey(1, 1);
      const both = await Promise.all([outbox.appendMessage([markedRecord(1)], message), outbox.appendMessage([markedRecord(1)], message)]);
      assert.deepEqual(
        both.map(({ keys }) => keys.length),
        [1, 0],
      );
      assert.deepEqual(await marks(outbox), [1]);
    });

    outboxTest('two messages of one name are two messages', async (under) => {
      verifies('STORED-ONCE');
      const outbox = await under.open();
      await outbox.appendMessage([markedRecord(1)], messageKey(1, 1));
      assert.equal(await outbox.find(messageKey(1, 2)), 'name');
      const second = await outbox.appendMessage([markedRecord(2)], messageKey(1, 2));
      assert.deepEqual([second.keys.length, second.isNameUsed], [1, true]);
      const again = await under.open();
      assert.deepEqual(
        [await again.find(messageKey(1, 1)), await again.find(messageKey(1, 2)), await again.find(messageKey(1, 3))],
        ['message', 'message', 'name'],
      );
      assert.deepEqual(await marks(again), [1, 2]);
    });

    outboxTest('undecodable bytes are kept with their source, reason and size, newest first', async (under) => {
      const outbox = await under.open();
      const buffer = Buffer.alloc(100_000, 7);
      const kept = outbox.quarantineBytes('oximeter', 'DECODE-GARBAGE', 'frame', buffer);
      buffer.fill(0);
      await kept;
      await outbox.quarantineBytes('monitor', 'DECODE-UNIT', 'OBX[3]', new Uint8Array(12));
      const entries = await outbox.quarantined(10);
      assert.deepEqual(
        entries.map(({ code, source, part, bytes }) => ({ code, source, part, bytes })),
        [
          { code: 'DECODE-UNIT', source: 'monitor', part: 'OBX[3]', bytes: 12 },
          { code: 'DECODE-GARBAGE', source: 'oximeter', part: 'frame', bytes: 100_000 },
        ],
      );
      assert.equal((await outbox.quarantined(1)).length, 1);
      assert.equal((await outbox.status()).quarantined, 2);
    });

    outboxTest('quarantine is paged, and each entry has its content', async (under) => {
      const outbox = await under.open();
      const keys = await outbox.append([1, 2].map((mark) => markedRecord(mark)));
      await outbox.quarantine([{ ...at(keys, 0), held: 1 }], 'INGEST-NOT-BOUND');
      await outbox.quarantine([at(keys, 1)], 'INGEST-NOT-BOUND');
      await outbox.quarantineBytes('monitor', 'HL7-TYPE', 'message', Buffer.from('MSH|'), ORIGIN);
      const again = await under.open();
      const [newest, second, oldest] = await again.quarantined(10);
      assert.ok(newest && second && oldest);
      assert.deepEqual(
        [await again.quarantined(1), await again.quarantined(10, newest.id), await again.quarantined(10, oldest.id)],
        [[newest], [second, oldest], []],
      );
      assert.deepEqual(
        [newest, second, oldest].map((entry) => entry.class),
        [null, 'spot', 'spot'],
      );
      const { body, ...bytes } = (await again.content(newest.id)) ?? {};
      assert.deepEqual(bytes, { ...newest, origin: ORIGIN });
      assert.equal(Buffer.from(body ?? []).toString(), 'MSH|');
      assert.deepEqual([(await again.content(oldest.id))?.held, (await again.content(second.id))?.held], [1, undefined]);
      assert.deepEqual(decodeRecord((await again.content(second.id))?.body ?? new Uint8Array()), markedRecord(2));
      assert.equal(await again.content(newest.id + 1), undefined);
    });

    outboxTest('a released entry waits once under a new key, and what is not readable stays', async (under) => {
      verifies('QUARANTINE-REPLAYED-ONCE');
      const outbox = await under.open();
      const keys = await outbox.append([markedRecord(1)]);
      await outbox.quarantine(keys, 'INGEST-NOT-BOUND');
      await outbox.quarantineBytes('monitor', 'HL7-TYPE', 'message', Buffer.from('MSH|'), ORIGIN);
      const [bytes, row] = await outbox.quarantined(10);
      assert.ok(bytes && row);
      const [key] = await outbox.release(row.id, { records: [markedRecord(1)] });
      assert.ok(key && key.seq > at(keys, 0).seq);
      assert.deepEqual(await marks(outbox), [1]);
      await assert.rejects(outbox.release(row.id, { records: [markedRecord(1)] }), { code: 'OUTBOX-NO-ENTRY' });
      const rest = [{ code: 'DECODE-UNKNOWN-CODE' as const, part: 'OBX[2]', bytes: 3, raw: Buffer.from('OBX') }];
      await outbox.release(bytes.id, { records: [markedRecord(2), markedRecord(3)], message: messageKey(1, 1), rest });
      const again = await under.open();
      assert.deepEqual(await marks(again), [1, 2, 3]);
      assert.equal(await again.find(messageKey(1, 1)), 'message');
      const entries = await again.quarantined(10);
      assert.deepEqual(
        entries.map(({ code, source, part, at: when }) => [code, source, part, when]),
        [['DECODE-UNKNOWN-CODE', 'monitor', 'OBX[2]', bytes.at]],
      );
      assert.deepEqual((await again.content(entries[0]?.id ?? 0))?.origin, ORIGIN);
      assert.deepEqual([(await again.status()).pending, (await again.status()).quarantined], [3, 1]);
    });

    outboxTest('what is released while its message comes again is stored once', async (under) => {
      verifies('QUARANTINE-REPLAYED-ONCE', 'STORED-ONCE');
      const outbox = await under.open();
      const message = messageKey(1, 1);
      for (let i = 0; i < 3; i += 1) await outbox.quarantineBytes('monitor', 'HL7-TYPE', 'message', Buffer.from('MSH|'), ORIGIN);
      const ids = (await outbox.quarantined(10)).map(({ id }) => id);
      const found = { records: [markedRecord(1)], message };
      const both = await Promise.all([
        ...ids.slice(0, 2).map((id) => outbox.release(id, found)),
        outbox.appendMessage([markedRecord(1)], message).then(({ keys }) => keys),
      ]);
      assert.deepEqual(
        both.map((keys) => keys.length),
        [1, 0, 0],
      );
      assert.deepEqual(await outbox.release(ids[2] ?? 0, found), []);
      assert.deepEqual([await marks(outbox), await outbox.quarantined(10)], [[1], []]);
      // Whoever waits for an entry that is gone is not told that it is stored.
      const other = { records: [markedRecord(2)], message: messageKey(2, 2) };
      const answers = await Promise.allSettled([outbox.release(ids[0] ?? 0, other), outbox.appendMessage(other.records, other.message)]);
      assert.deepEqual(
        answers.map(({ status }) => status),
        ['rejected', 'rejected'],
      );
      assert.equal((await outbox.appendMessage(other.records, other.message)).keys.length, 1);
    });

    outboxTest('a dropped entry is gone; a row that waits cannot be dropped', async (under) => {
      const outbox = await under.open();
      const keys = await outbox.append([markedRecord(1), markedRecord(2)]);
      await outbox.quarantine(keys.slice(0, 1), 'INGEST-INVALID');
      const [entry] = await outbox.quarantined(10);
      assert.deepEqual(await outbox.drop(entry?.id ?? 0), entry);
      await assert.rejects(outbox.drop(entry?.id ?? 0), { code: 'OUTBOX-NO-ENTRY' });
      const again = await under.open();
      assert.deepEqual([(await again.status()).quarantined, await marks(again)], [0, [2]]);
    });

    outboxTest('rows are counted by class, page by page', async (under) => {
      const outbox = await under.open();
      const keys = await outbox.append([markedRecord(1), markedRecord(2, 'continuous'), markedRecord(3)]);
      await outbox.complete(keys.slice(0, 1));
      const first = await outbox.census(0, 2);
      assert.deepEqual(first, { last: keys[1]?.seq, pending: { continuous: 1 }, delivered: { spot: 1 } });
      assert.deepEqual(await outbox.census(first.last ?? 0, 2), { last: keys[2]?.seq, pending: { spot: 1 }, delivered: {} });
      assert.deepEqual(await outbox.census(keys[2]?.seq ?? 0, 2), { last: undefined, pending: {}, delivered: {} });
    });

    outboxTest('listeners hear of appends until disposed', async (under) => {
      const outbox = await under.open();
      let heard = 0;
      const listening = outbox.onAppend(() => {
        heard += 1;
      });
      const other = Promise.withResolvers<void>();
      outbox.onAppend(() => other.resolve());
      await outbox.append([markedRecord(1)]);
      await other.promise;
      assert.equal(heard, 1);
      listening[Symbol.dispose]();
      await outbox.append([markedRecord(2)]);
      assert.equal(heard, 1);
    });

    outboxTest('what was asked for before closing is stored, what comes after is refused', async (under) => {
      const outbox = await under.open();
      const last = outbox.append([markedRecord(1)]);
      await outbox[Symbol.asyncDispose]();
      await last;
      await assert.rejects(outbox.append([markedRecord(2)]), { code: 'STORAGE-CLOSED' });
      await assert.rejects(outbox.pending(0, 1), { code: 'STORAGE-CLOSED' });
      assert.deepEqual(await marks(await under.open()), [1]);
    });

    outboxTest('status tells how much there is and since when', async (under) => {
      const outbox = await under.open();
      assert.equal((await outbox.status()).oldestPendingAt, null);
      const keys = await outbox.append([1, 2, 3].map((mark) => markedRecord(mark)));
      await outbox.complete(keys.slice(0, 1));
      await outbox.quarantine(keys.slice(1, 2), 'INGEST-INVALID');
      const counts = { pending: 1, delivered: 1, quarantined: 1, oldestPendingAt: 1_700_000_000_003, code: null };
      const told = ({ pending, delivered, quarantined, oldestPendingAt, code, epoch }: OutboxStatus) => ({
        ...{ pending, delivered, quarantined, oldestPendingAt, code, epoch },
      });
      assert.deepEqual(told(await outbox.status()), { epoch: outbox.epoch, ...counts });
      const { fileBytes, usedBytes, limitBytes } = await outbox.status();
      assert.ok(fileBytes > 0 && usedBytes > 0 && limitBytes > usedBytes);
      const again = await under.open();
      assert.deepEqual(told(await again.status()), { epoch: again.epoch, ...counts });
    });

    outboxTest('rows are looked at as they are handed out', async (under) => {
      const outbox = await under.open();
      await outbox.append([1, 2, 3].map((mark) => markedRecord(mark)));
      assert.deepEqual(await outbox.waiting(0, 10), await outbox.pending(0, 10));
      assert.deepEqual(await outbox.waiting(1, 1), await outbox.pending(1, 1));
    });

    test('behaves like a small model of itself, whatever is done in whatever order', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          const under = create();
          try {
            await followModel(under, steps);
          } finally {
            await under.remove();
          }
        }),
        { numRuns: 40 },
      );
    });
  });
}

type Step =
  | { do: 'append'; sizes: number[] }
  | { do: 'message'; name: number; content: number }
  | { do: 'complete' | 'quarantine'; picks: number[]; oldKeys: boolean }
  | { do: 'replay' | 'drop'; pick: number }
  | { do: 'quarantineBytes' | 'rekey' | 'reopen' };

const picks = fc.array(fc.nat(20), { maxLength: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('append' as const), sizes: fc.array(fc.nat(4), { maxLength: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('message' as const), name: fc.nat(2), content: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('complete' as const), picks, oldKeys: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('quarantine' as const), picks, oldKeys: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('replay' as const, 'drop' as const), pick: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('quarantineBytes' as const, 'rekey' as const, 'reopen' as const) }) },
);

interface ModelRow {
  seq: number;
  /** The key it goes by, and the one it was written under. */
  epoch: string;
  written: string;
  mark: number;
  state: 'pending' | 'delivered' | 'quarantined' | 'dropped';
}

/** Does the steps to an outbox and to a list of rows, comparing the two after each. */
async function followModel(under: OutboxUnderTest, steps: readonly Step[]): Promise<void> {
  const model: ModelRow[] = [];
  const pendingRows = (): ModelRow[] => model.filter((row) => row.state === 'pending');
  let outbox = await under.open();
  let parts = 0;
  let mark = 0;

  const next = (): ReadingRecord => {
    mark += 1;
    return markedRecord(mark);
  };
  const append = async (sizes: readonly number[]): Promise<void> => {
    const groups = sizes.map((size) => Array.from({ length: size }, next));
    const keys = await Promise.all(groups.map((group) => outbox.append(group)));
    for (const [i, group] of groups.entries()) {
      for (const [k, record] of group.entries()) {
        const { seq, epoch } = keys[i]?.[k] ?? { seq: Number.NaN, epoch: '' };
        assert.ok(model.every((row) => row.seq !== seq));
        model.push({ seq, epoch, written: epoch, mark: markOf(record), state: 'pending' });
      }
    }
  };

  const take = async (chosen: readonly number[], oldKeys: boolean, state: 'delivered' | 'quarantined'): Promise<void> => {
    const waiting = pendingRows();
    const rows = [...new Set(chosen)].map((i) => waiting[i]).filter((row) => row !== undefined);
    const keys: RowKey[] = rows.map((row) => ({ seq: row.seq, epoch: oldKeys ? row.written : row.epoch }));
    if (state === 'delivered') await outbox.complete(keys);
    else await outbox.quarantine(keys, 'INGEST-INVALID');
    for (const row of rows) row.state = state;
  };

  const messages = new Set<string>();
  const appendMessage = async (name: number, content: number): Promise<void> => {
    const message = messageKey(name, content);
    const record = next();
    const isKnown = messages.has(`${name} ${content}`);
    const isNameKnown = [...messages].some((each) => each.startsWith(`${name} `));
    assert.equal(await outbox.find(message), isKnown ? 'message' : isNameKnown ? 'name' : undefined);
    const { keys, isNameUsed } = await outbox.appendMessage([record], message);
    assert.equal(isNameUsed, isNameKnown && !isKnown);
    assert.equal(keys.length, isKnown ? 0 : 1);
    messages.add(`${name} ${content}`);
    for (const { seq, epoch } of keys) model.push({ seq, epoch, written: epoch, mark: markOf(record), state: 'pending' });
  };

  const leave = async (pick: number, how: 'replay' | 'drop'): Promise<void> => {
    const entry = (await outbox.quarantined(100)).filter((each) => each.class !== null)[pick];
    if (!entry) return;
    const record = decodeRecord((await outbox.content(entry.id))?.body ?? new Uint8Array());
    const row = model.find(({ mark: each, state }) => state === 'quarantined' && each === markOf(record));
    assert.ok(row);
    if (how === 'drop') {
      await outbox.drop(entry.id);
      row.state = 'dropped';
      return;
    }
    const key = at(await outbox.release(entry.id, { records: [record] }), 0);
    assert.ok(model.every(({ seq }) => seq !== key.seq));
    Object.assign(row, { seq: key.seq, epoch: key.epoch, written: key.epoch, state: 'pending' });
  };

  for (const todo of steps) {
    if (todo.do === 'append') await append(todo.sizes);
    else if (todo.do === 'message') await appendMessage(todo.name, todo.content);
    else if (todo.do === 'complete') await take(todo.picks, todo.oldKeys, 'delivered');
    else if (todo.do === 'quarantine') await take(todo.picks, todo.oldKeys, 'quarantined');
    else if (todo.do === 'replay' || todo.do === 'drop') await leave(todo.pick, todo.do);
    else if (todo.do === 'reopen') outbox = await under.open();
    else if (todo.do === 'rekey') {
      const epoch = await outbox.rekey();
      for (const row of pendingRows()) row.epoch = epoch;
    } else {
      await outbox.quarantineBytes('bench', 'DECODE-GARBAGE', 'frame', new Uint8Array(3));
      parts += 1;
    }
    assert.deepEqual(
      (await outbox.pending(0, 10_000)).map((row) => [row.seq, row.epoch, markOf(row.record)]),
      pendingRows()
        .sort((a, b) => a.seq - b.seq)
        .map((row) => [row.seq, row.epoch, row.mark]),
    );
    const { pending, delivered, quarantined } = await outbox.status();
    const inState = (state: ModelRow['state']): number => model.filter((row) => row.state === state).length;
    assert.deepEqual(
      { pending, delivered, quarantined },
      { pending: inState('pending'), delivered: inState('delivered'), quarantined: inState('quarantined') + parts },
    );
  }
}
