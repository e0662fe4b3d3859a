import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { MIGRATIONS } from '../../../agent/outbox/schema.ts';
import { Sent } from '../../../agent/outbox/sent.ts';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { verifies } from '../../requirements.ts';

const root = mkdtempSync(join(tmpdir(), 'vitalmesh-sent-'));
after(() => rmSync(root, { recursive: true, force: true }));

const open = (path: string): Database => openDatabase({ path, key: Buffer.alloc(32), migrations: MIGRATIONS });
/** The oldest row that waits: what lies below it is forgotten. */
const OLDEST = 5;

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ first: fc.integer({ min: OLDEST, max: 500_000 }), length: fc.nat(300) }) },
    { weight: 1, arbitrary: fc.constant('restart' as const) },
  ),
  { maxLength: 120 },
);

test('a number that was handed out is known as such, in this process and after it; a process knows its own exactly', () => {
  verifies('EXACTLY-ONCE');
  let made = 0;
  fc.assert(
    fc.property(steps, fc.integer({ min: 500_400, max: 600_000 }), (all, never) => {
      made += 1;
      const path = join(root, `${made}.db`);
      let database = open(path);
      try {
        database.write(() => {
          database.prepare("INSERT INTO epochs (epoch, begun_at, rekeyed) VALUES ('e', 0, 0)").run();
          database.prepare<[number]>("INSERT INTO rows (seq, epoch, class, received_at, body) VALUES (?, 1, 30, 0, x'00')").run(OLDEST);
        });
        let sent = new Sent();
        database.write(() => sent.load(database));
        const handedOut: number[] = [];
        for (const step of all) {
          if (step === 'restart') {
            database.close();
            database = open(path);
            sent = new Sent();
            database.write(() => sent.load(database));
          } else {
            sent.handOut(database, { first: step.first, last: step.first + step.length });
            handedOut.push(step.first, step.first + step.length);
          }
          for (const seq of handedOut) assert.ok(sent.has(seq), `${seq}`);
        }
        const hasRestarted = all.includes('restart');
        if (!hasRestarted) assert.ok(!sent.has(never), 'what was not handed out may still be changed');
      } finally {
        database.close();
        rmSync(path);
      }
    }),
    { numRuns: 40 },
  );
});
