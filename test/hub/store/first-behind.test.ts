import assert from 'node:assert/strict';
import { test } from 'node:test';
import SQLite from 'better-sqlite3-multiple-ciphers';
import fc from 'fast-check';
import { behind, firstBehind } from '../../../hub/store/first-behind.ts';
import { verifies } from '../../requirements.ts';
import { seedOf } from '../../support/seed.ts';

const COLUMNS = ['b', 'c', 'd'];
const row = fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2));

function filled(rows: readonly (readonly number[])[]): SQLite.Database {
  const database = new SQLite(':memory:');
  database.exec('CREATE TABLE t (a INTEGER, b INTEGER, c INTEGER, d INTEGER); CREATE INDEX byAll ON t (a, b, c, d)');
  const insert = database.prepare<number[]>('INSERT INTO t VALUES (?, ?, ?, ?)');
  for (const values of rows) insert.run(...values);
  return database;
}

test('the first row behind some values is the one that a comparison of row values finds', (context) => {
  const sql = firstBehind({ from: 't INDEXED BY byAll', fixed: ['a = ?'], columns: COLUMNS });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), row, (rows, [a, ...values]) => {
      const database = filled(rows);
      const expected = database.prepare('SELECT b, c, d FROM t WHERE a = ? AND (b, c, d) > (?, ?, ?) ORDER BY b, c, d LIMIT 1');
      assert.deepEqual(database.prepare(sql).get(...behind([a], values)), expected.get(a, ...values));
      database.close();
    }),
    { seed: seedOf(context) },
  );
});

test('it looks at one row for each column, however many are equal', () => {
  verifies('REASSIGN-SLICED');
  const database = filled([...Array.from({ length: 100 }, () => [1, 1, 1, 1]), [1, 2, 0, 0]]);
  let looks = 0;
  database.function('looked', { deterministic: false }, () => {
    looks += 1;
    return 1;
  });
  const of = { from: 't INDEXED BY byAll', fixed: ['a = ?', 'looked() = ?'], columns: COLUMNS };
  assert.deepEqual(database.prepare(firstBehind(of)).get(...behind([1, 1], [1, 1, 1])), { b: 2, c: 0, d: 0 });
  assert.ok(looks <= COLUMNS.length, `${looks} rows`);
  database.close();
});
