import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { MessageKey } from '../../../agent/decoding.ts';
import { Messages } from '../../../agent/outbox/messages.ts';
import { MIGRATIONS } from '../../../agent/outbox/schema.ts';
import { openOutbox } from '../../../agent/outbox/sqlite.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { encodeRecord } from '../../../shared/reading.ts';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { markedRecord } from '../../contract/outbox.ts';
import { verifies } from '../../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-messages-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const digest = (text: string): string => text.padEnd(16, '\u00ff');
const key = (name: number, content = 0): MessageKey => ({ name: digest(`n${name}`), content: digest(`c${content}`) });

let made = 0;
function file(): { path: string; keyFile: string } {
  made += 1;
  const keyFile = join(folder, `${made}.key`);
  writeFileSync(keyFile, 'ab'.repeat(32), { mode: 0o600 });
  return { path: join(folder, `${made}.db`), keyFile };
}

function count(database: Database): number {
  return database.read(() => database.prepare<[], { n: number }>('SELECT count(*) AS n FROM messages').get()?.n ?? 0);
}

test('the newest messages are known, the oldest forgotten, in memory and in the file', () => {
  verifies('STORED-ONCE');
  using database = openDatabase({ ...file(), migrations: MIGRATIONS });
  const messages = new Messages(100);
  for (let i = 0; i < 1000; i += 1) {
    database.write(() => {
      messages.load(database);
      messages.write(database, [key(i)]);
    });
    messages.add(key(i));
  }
  assert.deepEqual([messages.find(key(899)), messages.find(key(900)), messages.find(key(999))], [undefined, 'message', 'message']);
  assert.ok(count(database) < 100 + 256 + 1, `${count(database)} are in the file`);
  const anew = new Messages(100);
  database.write(() => anew.load(database));
  for (const i of [0, 899, 900, 950, 999]) assert.equal(anew.find(key(i)), messages.find(key(i)), `message ${i}`);
});

test('messages of one commit are one row, known again when the file is opened, and forgotten in their order', () => {
  verifies('STORED-ONCE');
  using database = openDatabase({ ...file(), migrations: MIGRATIONS });
  const messages = new Messages(100);
  for (let i = 0; i < 1000; i += 10) {
    const batch = Array.from({ length: 10 }, (_, j) => key(i + j));
    database.write(() => {
      messages.load(database);
      messages.write(database, batch);
    });
    for (const one of batch) messages.add(one);
  }
  assert.ok(count(database) <= (100 + 256) / 10 + 1, `${count(database)} rows are in the file`);
  const anew = new Messages(100);
  database.write(() => anew.load(database));
  for (const i of [0, 899, 900, 905, 999]) assert.equal(anew.find(key(i)), messages.find(key(i)), `message ${i}`);
  assert.equal(anew.find(key(999)), 'message');
});

test('whatever comes again meanwhile, those that came last are known', () => {
  verifies('STORED-ONCE');
  const sent = fc.array(fc.record({ name: fc.integer({ min: 0, max: 60 }), content: fc.integer({ min: 0, max: 1 }) }), { maxLength: 400 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), sent, (kept, all) => {
      const messages = new Messages(kept);
      // What is known already is no news, and does not become newer.
      let expected: { name: number; contents: number[] }[] = [];
      for (const { name, content } of all) {
        messages.add(key(name, content));
        const contents = expected.find((one) => one.name === name)?.contents ?? [];
        if (contents.includes(content)) continue;
        expected = [...expected.filter((one) => one.name !== name), { name, contents: [...contents, content] }].slice(-kept);
      }
      for (let name = 0; name <= 60; name += 1) {
        const contents = expected.find((one) => one.name === name)?.contents ?? [];
        for (const content of [0, 1]) {
          const found = contents.includes(content) ? 'message' : contents.length > 0 ? 'name' : undefined;
          assert.equal(messages.find(key(name, content)), found, `message ${name}/${content}`);
        }
      }
    }),
  );
});

test('a sender that gives every message one name does not fill the memory', () => {
  const messages = new Messages(100);
  for (let i = 0; i < 1000; i += 1) messages.add(key(1, i));
  assert.equal(messages.find(key(1, 999)), 'message');
  assert.equal(messages.find(key(1, 992)), 'message');
  assert.equal(messages.find(key(1, 991)), 'name');
});

test('a content is found where it begins, and not across two others', () => {
  const messages = new Messages();
  messages.add({ name: digest('n'), content: 'aaaaaaaabbbbbbbb' });
  messages.add({ name: digest('n'), content: 'ccccccccdddddddd' });
  assert.equal(messages.find({ name: digest('n'), content: 'bbbbbbbbcccccccc' }), 'name');
  assert.equal(messages.find({ name: digest('n'), content: 'ccccccccdddddddd' }), 'message');
});

test('what is damaged in the list of messages costs only itself', () => {
  using database = openDatabase({ ...file(), migrations: MIGRATIONS });
  const messages = new Messages();
  database.write(() => {
    messages.write(database, [key(1)]);
    database.prepare<[Buffer]>('INSERT INTO messages (message) VALUES (?)').run(Buffer.from('short'));
    messages.write(database, [key(2)]);
    messages.load(database);
  });
  assert.deepEqual([messages.find(key(1)), messages.find(key(2))], ['message', 'message']);
});

test('an outbox of the version before is opened with everything in it', async () => {
  const at = file();
  {
    using database = openDatabase({ ...at, migrations: MIGRATIONS.slice(0, 1) });
    database.write(() => {
      database.prepare("INSERT INTO epochs (epoch, begun_at, rekeyed) VALUES ('0000000000001', 0, 0)").run();
      database
        .prepare<[Buffer]>('INSERT INTO rows (epoch, class, received_at, body) VALUES (1, 30, 0, ?)')
        .run(Buffer.from(encodeRecord(markedRecord(7))));
    });
  }
  const parts = { clock: systemClock, log: silentLogger, metrics: new Metrics() };
  await using outbox = await openOutbox({ ...at, ...parts });
  assert.deepEqual(
    (await outbox.pending(0, 10)).map(({ record }) => record),
    [markedRecord(7)],
  );
  assert.equal((await outbox.appendMessage([markedRecord(8)], key(1))).keys.length, 1);
  assert.deepEqual((await outbox.appendMessage([markedRecord(8)], key(1))).keys, []);
});

test('of an append that fails nothing is known, and it may come again', async () => {
  verifies('STORED-ONCE', 'ACK-AFTER-COMMIT');
  const at = file();
  const parts = { clock: systemClock, log: silentLogger, metrics: new Metrics() };
  const outbox = await openOutbox({ ...at, ...parts });
  await outbox.appendMessage([markedRecord(1)], key(1));
  await outbox[Symbol.asyncDispose]();
  const both = [outbox.appendMessage([markedRecord(2)], key(2)), outbox.appendMessage([markedRecord(2)], key(2))];
  for (const each of both) await assert.rejects(each, { code: 'STORAGE-CLOSED' });
  assert.equal(await outbox.find(key(2)), undefined);
  await using again = await openOutbox({ ...at, ...parts });
  assert.deepEqual([await again.find(key(1)), await again.find(key(2))], ['message', undefined]);
  assert.equal((await again.appendMessage([markedRecord(2)], key(2))).keys.length, 1);
});
