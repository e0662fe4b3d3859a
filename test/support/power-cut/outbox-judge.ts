import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { MessageKey } from '../../../agent/decoding.ts';
import { MIGRATIONS } from '../../../agent/outbox/schema.ts';
import { openOutbox } from '../../../agent/outbox/sqlite.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { decodeRecord } from '../../../shared/reading.ts';
import { openDatabase } from '../../../shared/storage/database.ts';
import { markedRecord, markOf } from '../../contract/outbox.ts';

export function messageOf(mark: number): MessageKey {
  return { name: `n${mark}`.padEnd(16, '.'), content: `c${mark}`.padEnd(16, '.') };
}

/** What was promised before a cut. */
interface Promised {
  /** By row: its mark and the epoch of its key now. */
  rows: Map<number, { mark: number; epoch: string }>;
  done: Map<number, string>;
  aside: Set<number>;
  parts: Set<string>;
  messages: number[];
  /** Every epoch that was spoken of. */
  epochs: Set<string>;
}

function promisesOf(said: readonly string[]): Promised {
  const promised: Promised = { rows: new Map(), done: new Map(), aside: new Set(), parts: new Set(), messages: [], epochs: new Set() };
  for (const line of said) {
    const [what, first = '', second = '', third = ''] = line.split(' ');
    if (what === 'ACK') promised.rows.set(Number(first), { epoch: second, mark: Number(third) });
    else if (what === 'DONE') promised.done.set(Number(first), second);
    else if (what === 'ASIDE') promised.aside.add(Number(first));
    else if (what === 'PART') promised.parts.add(first);
    else if (what === 'MESSAGE') promised.messages.push(Number(first));
    else promised.epochs.add(first);
    if (what === 'REKEYED') {
      for (const [seq, row] of promised.rows) if (!promised.done.has(seq)) promised.rows.set(seq, { ...row, epoch: first });
    }
  }
  return promised;
}

/** The numbers of rows that are delivered and may have been removed for their age: only the 50 newest of them are kept. */
const REMOVED_AFTER = 50;

/** Everything promised is there, nothing is there twice or damaged, no key is given again, and the outbox works. */
export async function judgeOutbox(folder: string, said: readonly string[]): Promise<void> {
  const promised = promisesOf(said);
  const [path, keyFile] = [join(folder, 'var/lib', 'outbox.db'), join(folder, 'etc', 'outbox.key')];
  // The reserve is not recorded; one of no length spares the writing of megabytes a judgement.
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.reserve`, '');
  const metrics = new Metrics();
  const outbox = await openOutbox({ path, keyFile, clock: systemClock, log: silentLogger, metrics });
  try {
    assert.equal(metrics.get('outbox_rows_lost', ''), 0, 'told of lost rows');
    for (const message of promised.messages)
      assert.equal(await outbox.find(messageOf(message)), 'message', `message ${message} is not known`);
    assert.ok(!promised.epochs.has(outbox.epoch), 'an epoch is used again');
    const pending = new Map((await outbox.pending(0, 100_000)).map((row) => [row.seq, row]));
    for (const [seq, { mark, epoch }] of promised.rows) {
      const row = pending.get(seq);
      if (promised.done.has(seq) || promised.aside.has(seq)) assert.ok(!row, `row ${seq} waits again`);
      else if (row) assert.deepEqual([markOf(row.record), keyOf(row.epoch, epoch, promised)], [mark, epoch]);
    }
    const [key] = await outbox.append([markedRecord(9_000_000)]);
    assert.ok(key && key.seq > Math.max(0, ...promised.rows.keys()), 'a number is given again');
  } finally {
    await outbox[Symbol.asyncDispose]();
  }
  judgeFile(path, keyFile, promised);
}

/** A new key that the cut came before the word of is right as well. */
function keyOf(found: string, expected: string, { epochs }: Promised): string {
  return epochs.has(found) ? found : expected;
}

function judgeFile(path: string, keyFile: string, promised: Promised): void {
  using database = openDatabase({ path, keyFile, migrations: MIGRATIONS });
  const all = <R>(sql: string): R[] => database.read(() => database.prepare<[], R>(sql).all());
  assert.deepEqual(all('PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
  assert.deepEqual(all('PRAGMA foreign_key_check'), []);
  const found = all<{ seq: number; epoch: string; delivered: number; body: Buffer }>(
    'SELECT seq, e.epoch, delivered_at IS NOT NULL AS delivered, body FROM rows JOIN epochs AS e ON e.id = rows.epoch',
  );
  const aside = all<{ seq: number | null; part: string; body: Buffer }>('SELECT seq, part, body FROM quarantine');
  const rows = new Map(found.map((row) => [row.seq, row]));
  const setAside = new Set(aside.map(({ seq }) => seq));
  const parts = new Set(aside.map(({ part }) => part));
  const kept = new Set([...promised.done.keys()].slice(-REMOVED_AFTER + 8));
  for (const [seq, { mark }] of promised.rows) {
    const row = rows.get(seq);
    if (promised.aside.has(seq)) assert.ok(setAside.has(seq) && !row, `row ${seq} was set aside and is not`);
    else if (row) assert.equal(markOf(decodeRecord(row.body)), mark);
    else assert.ok(setAside.has(seq) || (promised.done.has(seq) && !kept.has(seq)), `row ${seq} was acknowledged and is missing`);
  }
  for (const seq of kept) assert.deepEqual([rows.get(seq)?.delivered, rows.get(seq)?.epoch], [1, promised.done.get(seq)], `row ${seq}`);
  for (const part of promised.parts) assert.ok(parts.has(part), `${part} was kept and is missing`);
  const marks = [...found, ...aside.filter(({ seq }) => seq !== null)].map(({ body }) => markOf(decodeRecord(body)));
  assert.equal(new Set(marks).size, marks.length, 'a record is there twice');
}
