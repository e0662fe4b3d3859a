import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { IDENTITY_SQL } from '../../../../hub/store/identity/statements.ts';
import { STORE_MIGRATIONS } from '../../../../hub/store/schema.ts';
import type { Arrival } from '../../../../hub/store/store.ts';
import { writeBatch } from '../../../../hub/store/write-batch.ts';
import { type Database, openDatabase } from '../../../../shared/storage/database.ts';
import { batchOf } from '../../../contract/store.ts';
import { weighed } from '../../../contract/store-identity.ts';
import { verifies } from '../../../requirements.ts';

const NAMES = new Map(Object.entries(IDENTITY_SQL).map(([name, sql]): [string, string] => [sql, name]));

/** Writes a batch; gives which statements on whose a reading is it took, each as often as it was asked for. */
function written(database: Database, ...arrivals: Arrival[]): string[] {
  const asked: string[] = [];
  const watched: Pick<Database, 'prepare'> = {
    prepare: (sql) => {
      const name = NAMES.get(sql);
      if (name !== undefined) asked.push(name);
      return database.prepare(sql);
    },
  };
  database.write(() => writeBatch(watched, batchOf(arrivals, { gateway: 'gw-home' })));
  return asked;
}

test('what is of no personal device costs nothing to judge, and a usual reading the same few statements after a thousand', () => {
  verifies('DOUBT-COST');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-judging-'));
  try {
    using database = openDatabase({ path: join(folder, 'hub.db'), key: randomBytes(32), migrations: STORE_MIGRATIONS });
    const { judged: _, ...hospital } = weighed(1, 64, 9, { patientId: 'pat-icu-01' });
    assert.deepEqual(written(database, hospital, { ...hospital, id: weighed(2, 0, 0).id, vital: 'hr' }), []);
    const many = Array.from({ length: 1200 }, (_one, i) => weighed(10 + i, 82 + (i % 3) / 10, 8, { minutes: i * 4 }));
    written(database, ...many);
    const usual = ['confirmed', 'setJudged', 'lastOwn', 'hasOther', 'page'];
    assert.deepEqual(written(database, weighed(5001, 82.1, 2)), usual);
    assert.deepEqual(written(database, weighed(5002, 82.3, 1.9), weighed(5003, 82.2, 1.8)), ['confirmed', 'setJudged', ...usual]);
    assert.ok(written(database, weighed(5004, 64, 1.7)).includes('anchor'), 'what jumps is held against all of the weeks before it');
    assert.deepEqual(
      written(database, weighed(5005, 8200, 1, { flags: ['out-of-range'] })),
      ['confirmed', 'setJudged'],
      'nothing follows of it',
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
