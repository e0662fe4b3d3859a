import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { MessageKey } from '../../../agent/decoding.ts';
import { type NewRow, newRow } from '../../../agent/outbox/rows.ts';
import { openOutbox } from '../../../agent/outbox/sqlite.ts';
import type { SqliteOutbox } from '../../../agent/outbox/sqlite-outbox.ts';
import { systemClock } from '../../../shared/clock.ts';
import { asVitalmeshError } from '../../../shared/errors.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { markedRecord, markOf } from '../../contract/outbox.ts';
import { verifies } from '../../requirements.ts';

const root = mkdtempSync(join(tmpdir(), 'vitalmesh-appends-'));
after(() => rmSync(root, { recursive: true, force: true }));

const LIMIT = 1024 * 1024;

const newFolder = (): string => mkdtempSync(join(root, 'o-'));

async function setUp(folder = newFolder()): Promise<SqliteOutbox> {
  const parts = { clock: systemClock, log: silentLogger, metrics: new Metrics(), limits: { maxBytes: LIMIT } };
  return await openOutbox({ path: join(folder, 'outbox.db'), keyFile: join(folder, 'outbox.key'), ...parts });
}

const key = (name: number, content = 0): MessageKey => ({ name: `n${name}`.padEnd(16), content: `c${content}`.padEnd(16) });
const good = (mark: number): NewRow[] => [newRow(markedRecord(mark))];
/** What the file refuses, and nothing but it. */
const bad = (mark: number): NewRow[] => [{ ...newRow(markedRecord(mark)), receivedAt: 'never' as never }];

/** Brings rows, and keeps each answer: there must be one, and not before it returned. */
function bringing(outbox: SqliteOutbox) {
  const told: (string | undefined)[][] = [];
  return {
    told,
    bring(rows: readonly NewRow[], message?: MessageKey): Promise<void> {
      const answers: string[] = [];
      told.push(answers);
      return new Promise((done) => {
        const tell = (answer: string): void => {
          answers.push(answer);
          done();
        };
        outbox.bring(rows, message, undefined, {
          settle: (keys, isNameUsed) => tell(`${keys.length}${isNameUsed ? ' name' : ''}`),
          fail: (error) => tell(asVitalmeshError(error).code),
        });
        assert.deepEqual(answers, [], 'told before it returned');
      });
    },
  };
}

const marks = async (outbox: SqliteOutbox): Promise<number[]> => (await outbox.pending(0, 10_000)).map(({ record }) => markOf(record));

describe('messages on their way into the outbox', () => {
  test('one that comes several times meanwhile is stored once, and each sender is told once', async () => {
    verifies('STORED-ONCE', 'ACK-AFTER-COMMIT');
    await using outbox = await setUp();
    const { bring, told } = bringing(outbox);
    await Promise.all([
      bring(good(1), key(1)),
      bring(good(1), key(1)),
      bring(good(2), key(1, 2)),
      bring(good(1), key(1)),
      bring(good(3)),
      bring([], key(1, 3)),
      bring([]),
    ]);
    assert.deepEqual(told, [['1'], ['0'], ['1 name'], ['0'], ['1'], ['0 name'], ['0']]);
    assert.deepEqual(await marks(outbox), [1, 2, 3]);
    await bring(good(1), key(1));
    assert.deepEqual([told.at(-1), await marks(outbox)], [['0'], [1, 2, 3]]);
  });

  test('one that fails fails for each that brought it, costs nobody else anything, and may come again', async () => {
    verifies('STORED-ONCE', 'ACK-AFTER-COMMIT');
    await using outbox = await setUp();
    const { bring, told } = bringing(outbox);
    await Promise.all([
      bring(good(1), key(1)),
      bring(bad(2), key(2)),
      bring(good(2), key(2)),
      bring(good(3), key(2, 3)),
      bring(good(4)),
      bring(good(1), key(1)),
    ]);
    assert.deepEqual(told, [['1'], ['INTERNAL'], ['INTERNAL'], ['1 name'], ['1'], ['0']]);
    assert.deepEqual([await marks(outbox), await outbox.find(key(2)), await outbox.find(key(3))], [[1, 3, 4], 'name', undefined]);
    await bring(good(2), key(2));
    await bring(bad(5), key(5));
    assert.deepEqual(told.slice(-2), [['1 name'], ['INTERNAL']]);
    assert.deepEqual([await marks(outbox), await outbox.find(key(5))], [[1, 3, 4, 2], undefined]);
  });

  test('whoever is told and brings something in that moment loses nothing and doubles nothing', async () => {
    verifies('STORED-ONCE');
    await using outbox = await setUp();
    const answers: string[] = [];
    await new Promise<void>((done) => {
      const again = (rows: readonly NewRow[], message: MessageKey, then: () => void): void =>
        outbox.bring(rows, message, undefined, {
          settle: (keys) => {
            answers.push(`${keys.length}`);
            then();
          },
          fail: (error) => {
            answers.push(asVitalmeshError(error).code);
            then();
          },
        });
      again(good(1), key(1), () => again(good(1), key(1), () => undefined));
      again(bad(2), key(2), () => again(good(2), key(2), done));
    });
    assert.deepEqual(answers.sort(), ['0', '1', '1', 'INTERNAL']);
    assert.deepEqual(await marks(outbox), [1, 2]);
  });

  test('an answer that cannot be taken makes nothing come twice: what is on disk is not written again, nor called refused', async () => {
    verifies('STORED-ONCE', 'ACK-AFTER-COMMIT');
    await using outbox = await setUp();
    const { bring, told } = bringing(outbox);
    const failed: unknown[] = [];
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const defects: unknown[] = [];
    process.on('uncaughtException', (error) => defects.push(error));
    const first = bring(good(1));
    outbox.bring(good(2), undefined, undefined, {
      settle: () => {
        throw new Error('cannot be taken');
      },
      fail: (error) => failed.push(error),
    });
    await Promise.all([first, bring(good(3), key(3))]);
    await bring(good(4));
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
    assert.deepEqual([await marks(outbox), told, failed], [[1, 2, 3, 4], [['1'], ['1'], ['1']], []]);
    assert.deepEqual(
      defects.map((error) => (error as Error).message),
      ['cannot be taken'],
    );
  });

  test('those that come while room is awaited share what becomes of the first: stored once when there is some', async () => {
    verifies('STORED-ONCE', 'OUTBOX-LIMITS');
    await using outbox = await setUp();
    const { bring, told } = bringing(outbox);
    // Of which most goes.
    await outbox.append(Array.from({ length: 1400 }, (_, i) => wide(i)));
    await turn();
    assert.equal((await outbox.status()).code, 'OUTBOX-FULL');
    const both = [bring(good(-1), key(1)), bring(good(-1), key(1)), bring(good(-2), key(1, 2))];
    assert.equal(await outbox.find(key(1)), 'message');
    await Promise.all(both);
    assert.deepEqual(told, [['1'], ['0'], ['1 name']]);
    assert.deepEqual(
      (await marks(outbox)).filter((mark) => mark < 0),
      [-1, -2],
    );
  });

  test('those that wait for room when it is closed are told so, each once', async () => {
    verifies('ACK-AFTER-COMMIT', 'STORED-ONCE');
    const folder = newFolder();
    const outbox = await setUp(folder);
    const { bring, told } = bringing(outbox);
    await outbox.append(Array.from({ length: 1400 }, (_, i) => wide(i)));
    await turn();
    const waiting = [bring(good(-1), key(1)), bring(good(-1), key(1)), bring(good(-2))];
    await outbox[Symbol.asyncDispose]();
    await Promise.all(waiting);
    assert.deepEqual(told, [['STORAGE-CLOSED'], ['STORAGE-CLOSED'], ['STORAGE-CLOSED']]);
    await using again = await setUp(folder);
    assert.equal(await again.find(key(1)), undefined);
    assert.ok(!(await marks(again)).some((mark) => mark < 0));
  });

  test('they are all refused when there is none, and nothing of it is known', async () => {
    verifies('STORED-ONCE', 'OUTBOX-LIMITS', 'ACK-AFTER-COMMIT');
    await using outbox = await setUp();
    const { bring, told } = bringing(outbox);
    for (let i = 0; (await outbox.status()).code !== 'OUTBOX-FULL'; i += 1) await outbox.append([{ ...wide(i), class: 'alert' }]);
    await Promise.all([bring(good(-1), key(1)), bring(good(-1), key(1))]);
    assert.deepEqual(told, [['OUTBOX-FULL'], ['OUTBOX-FULL']]);
    assert.deepEqual([await outbox.find(key(1)), await outbox.find(key(1, 2))], [undefined, undefined]);
    await outbox.complete(await outbox.pending(0, 1000));
    await bring(good(-1), key(1));
    assert.deepEqual(told.at(-1), ['1']);
  });

  test('a message that is released and comes at the same time is stored once, whoever was first', async () => {
    verifies('STORED-ONCE');
    await using outbox = await setUp();
    const { bring, told } = bringing(outbox);
    for (let i = 0; i < 3; i += 1) await outbox.quarantineBytes('bench', 'HL7-TYPE', 'message', Buffer.from('x'));
    const [third, second, first] = (await outbox.quarantined(3)).map(({ id }) => id);
    assert.ok(first && second && third);
    const found = (mark: number, message: MessageKey) => ({ records: [markedRecord(mark)], message });
    const releasedFirst = outbox.release(first, found(1, key(1)));
    await bring(good(1), key(1));
    assert.deepEqual([(await releasedFirst).length, told.pop()], [1, ['0']]);
    const brought = bring(good(2), key(2));
    const released = outbox.release(second, found(2, key(2)));
    await brought;
    assert.deepEqual([told.pop(), await released], [['1'], []]);
    // The first one fails, and one of the other two takes its place.
    const failing = bring(bad(3), key(3));
    const instead = outbox.release(third, found(3, key(3)));
    await failing;
    const behind = bring(good(3), key(3));
    await behind;
    assert.deepEqual([told[0], Number(told[1]) + (await instead).length, await marks(outbox)], [['INTERNAL'], 1, [1, 2, 3]]);
    const gone = outbox.release(third, found(4, key(4)));
    const shares = bring(good(4), key(4));
    await assert.rejects(gone, { code: 'OUTBOX-NO-ENTRY' });
    await shares;
    assert.deepEqual([told.at(-1), await outbox.find(key(4))], [['OUTBOX-NO-ENTRY'], undefined]);
  });

  test('closing in the moment of an answer fails nobody, and nothing that comes behind the commit', async () => {
    verifies('STORED-ONCE', 'ACK-AFTER-COMMIT');
    const folder = newFolder();
    const first = await setUp(folder);
    const { bring, told } = bringing(first);
    const closed = new Promise<void>((done, fail) =>
      first.bring(good(1), key(1), undefined, {
        settle: () => void first[Symbol.asyncDispose]().then(done, fail),
        fail,
      }),
    );
    await Promise.all([closed, bring(good(2), key(2)), bring(good(1), key(1))]);
    for (let turns = 0; turns < 5; turns += 1) await turn();
    assert.deepEqual(told, [['1'], ['0']]);
    await using again = await setUp(folder);
    assert.deepEqual([await marks(again), await again.find(key(2))], [[1, 2], 'message']);
    assert.equal((await again.status()).code, null);
  });

  test('closing stores all that came before, however much, and refuses what comes after; each is told once', async () => {
    verifies('ACK-AFTER-COMMIT', 'STORED-ONCE');
    const outbox = await setUp();
    const { bring, told } = bringing(outbox);
    const before = Array.from({ length: 600 }, (_, i) => bring(good(i), key(i)));
    const again = bring(good(599), key(599));
    await outbox[Symbol.asyncDispose]();
    const late = [bring(good(1000), key(1000)), bring(good(1000), key(1000)), bring(good(0))];
    await Promise.all([...before, again, ...late]);
    assert.deepEqual(new Set(told.slice(0, 600).map(String)), new Set(['1']));
    assert.deepEqual(told.slice(600), [['0'], ['STORAGE-CLOSED'], ['STORAGE-CLOSED'], ['STORAGE-CLOSED']]);
  });
});

/** About a kilobyte on disk, each of a time of its own. */
function wide(mark: number): ReturnType<typeof markedRecord> {
  const record = markedRecord(1000 * mark);
  return { ...record, readings: record.readings.map((reading) => ({ ...reading, value: mark, limits: 'l'.repeat(1000) })) };
}
