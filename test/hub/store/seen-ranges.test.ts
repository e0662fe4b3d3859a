import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { STORE_MIGRATIONS } from '../../../hub/store/schema.ts';
import { addToRanges, formatParts, isInRange, lastSeenRow, partsOf } from '../../../hub/store/seen-ranges.ts';
import { openDatabase } from '../../../shared/storage/database.ts';
import { verifies } from '../../requirements.ts';

test('parts are written as runs, and read back', () => {
  assert.equal(formatParts([5, 0, 2, 1, 2]), '0-2,5');
  assert.deepEqual([...partsOf('0-2,5')], [0, 1, 2, 5]);
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: 40 }), { minLength: 1 }), (parts) => {
      assert.deepEqual(
        [...partsOf(formatParts(parts))],
        parts.toSorted((a, b) => a - b),
      );
    }),
  );
});

test('ranges hold exactly what was added, in any order, and rows of the same parts are one range', () => {
  verifies('RETENTION-KEYS');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-ranges-'));
  try {
    using database = openDatabase({ path: join(folder, 'hub.db'), key: randomBytes(32), migrations: STORE_MIGRATIONS });
    let writer = 0;
    const key = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.nat({ max: 4 }));
    fc.assert(
      fc.property(fc.array(key, { maxLength: 40 }), fc.integer({ min: 1, max: 12 }), (keys, together) => {
        writer += 1;
        database.write(() => {
          for (let i = 0; i < keys.length; i += together) {
            const rows = Map.groupBy(keys.slice(i, i + together), ([seq]) => seq);
            addToRanges(
              database,
              [...rows].map(([seq, those]) => ({ writer, seq, parts: those.map(([, part]) => part), receivedAt: seq })),
            );
          }
        });
        const added = new Set(keys.map(([seq, part]) => `${seq} ${part}`));
        for (let seq = 0; seq <= 13; seq += 1)
          for (let part = 0; part <= 5; part += 1)
            assert.equal(isInRange(database, writer, seq, part), added.has(`${seq} ${part}`), `${seq} ${part}`);
        assert.equal(lastSeenRow(database, writer) ?? 0, Math.max(0, ...keys.map(([seq]) => seq)));
        const ranges = database
          .prepare<[number], { last: number; first: number; parts: string }>('SELECT * FROM seenRange WHERE writer = ? ORDER BY first')
          .all(writer);
        for (const [i, range] of ranges.entries()) {
          const before = ranges[i - 1];
          assert.ok(before === undefined || before.last < range.first - 1 || before.parts !== range.parts, 'two ranges where one would do');
        }
      }),
      { numRuns: 150 },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
