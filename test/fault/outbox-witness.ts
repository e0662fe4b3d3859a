import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MIGRATIONS } from '../../agent/outbox/schema.ts';
import { decodeRecord } from '../../shared/reading.ts';
import { openDatabase } from '../../shared/storage/database.ts';
import { markOf } from '../contract/outbox.ts';

/** The program to be killed and starved. */
export const GATEWAY = join(import.meta.dirname, 'outbox-gateway.ts');

/** What a gateway said while it ran, over all its lives. */
export interface Said {
  /** By number of the row: its epoch and its mark. */
  acknowledged: Map<number, { epoch: string; mark: number }>;
  done: Set<number>;
  errors: Map<string, number>;
  /** What came after the first error, acknowledged. */
  afterError: number;
}

export const nothingSaid = (): Said => ({ acknowledged: new Map(), done: new Set(), errors: new Map(), afterError: 0 });

/** Runs a gateway and notes what it says; kills it after `killAfter` acknowledgements, where given. */
export async function runGateway(command: readonly string[], said: Said, killAfter = Number.POSITIVE_INFINITY): Promise<void> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let acknowledged = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, seq = '', epoch = '', mark = ''] = line.split(' ');
    if (what === 'ACK') {
      said.acknowledged.set(Number(seq), { epoch, mark: Number(mark) });
      acknowledged += 1;
      if (said.errors.size > 0) said.afterError += 1;
      if (acknowledged === killAfter) child.kill('SIGKILL');
    } else if (what === 'DONE') said.done.add(Number(seq));
    else if (what === 'ERR') said.errors.set(seq, (said.errors.get(seq) ?? 0) + 1);
  }
  const [code, signal] = await exit;
  if (killAfter === Number.POSITIVE_INFINITY) assert.deepEqual([code, signal], [0, null]);
  else assert.equal(signal, 'SIGKILL');
}

interface FoundRow {
  seq: number;
  epoch: string;
  delivered: number;
  body: Buffer;
}

/** Compares what a file holds with what was said of it. */
export function assertNothingLost(folder: string, said: Said): void {
  using database = openDatabase({ path: join(folder, 'outbox.db'), keyFile: join(folder, 'outbox.key'), migrations: MIGRATIONS });
  const found = database.read(() =>
    database
      .prepare<[], FoundRow>(
        `SELECT seq, e.epoch, delivered_at IS NOT NULL AS delivered, body FROM rows JOIN epochs AS e ON e.id = rows.epoch`,
      )
      .all(),
  );
  const rows = new Map(found.map((row) => [row.seq, row]));
  for (const [seq, { epoch, mark }] of said.acknowledged) {
    const row = rows.get(seq);
    assert.ok(row, `row ${seq} was acknowledged and is missing`);
    assert.deepEqual([row.epoch, markOf(decodeRecord(row.body))], [epoch, mark]);
  }
  for (const seq of said.done) assert.equal(rows.get(seq)?.delivered, 1, `row ${seq} was completed and waits again`);
  assert.equal(new Set(found.map((row) => markOf(decodeRecord(row.body)))).size, found.length, 'no record is there twice');
}
