import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import type { After } from '../../../../hub/store/placing/due.ts';
import { type SlicedRow, Slices } from '../../../../hub/store/placing/slices-sqlite.ts';
import { READINGS_A_SLICE } from '../../../../hub/store/placing/statements.ts';
import { STORE_MIGRATIONS } from '../../../../hub/store/schema.ts';
import { type Database, openDatabase } from '../../../../shared/storage/database.ts';
import { verifies } from '../../../requirements.ts';
import { TEST_NOW } from '../../../support/hub.ts';
import { seedOf } from '../../../support/seed.ts';

const MINUTE = 60_000;
const [WAS, IS] = [1, 2];

interface Reading {
  vital: string;
  device: string;
  standing: number;
  test: number;
  sortTime: number;
}

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-slices-'));
let database: Database;
before(() => {
  database = openDatabase({ path: join(folder, 'hub.db'), key: randomBytes(32), migrations: STORE_MIGRATIONS });
});
after(() => {
  database.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => stored([]));

/** Rows of one patient, and no other; keys in order. */
function stored(readings: readonly Reading[]): void {
  database.write(() => {
    database.prepare('DELETE FROM observation').run();
    const add = database.prepare<(string | number)[]>(`
      INSERT INTO observation (batch, patient, writer, seq, part, vital, device, value, unit, effective, offsetMin, receivedAt, sortTime, test, standing)
      VALUES (1, ${WAS}, 1, 1, 0, ?, ?, 1, 'x', ?, 0, 0, ?, ?, ?)`);
    for (const { vital, device, sortTime, test: isTest, standing } of readings)
      add.run(vital, device, sortTime, sortTime, isTest, standing);
  });
}

interface Walk {
  from?: number;
  to?: number | null;
  device?: string;
  /** What becomes of a slice before the next one. */
  behind?(rows: readonly SlicedRow[]): void;
}

/** What a walk gives, slice by slice; of each slice another walk, as behind a commit. */
function walked({ from = 0, to = null, device, behind }: Walk): SlicedRow[][] {
  const slices: SlicedRow[][] = [];
  for (let at: After = []; ; ) {
    const slice = database.read(() => new Slices(database, { patient: WAS, from, to, device }).next(at));
    if (slice === undefined) return slices;
    assert.ok(slice.rows.length <= READINGS_A_SLICE);
    slices.push([...slice.rows]);
    behind?.(slice.rows);
    at = slice.behind;
  }
}

function give(rows: readonly SlicedRow[]): void {
  const set = database.prepare<[number, number]>('UPDATE observation SET patient = ? WHERE key = ?');
  database.write(() => {
    for (const { key } of rows) set.run(IS, key);
  });
}

const reading = fc.record({
  vital: fc.constantFrom('hr', 'spo2'),
  device: fc.constantFrom('d', 'pump'),
  standing: fc.constantFrom(-1, 0, 1),
  test: fc.constantFrom(0, 1),
  // Crowds, what lies where slices end, and long stretches without any.
  sortTime: fc
    .tuple(fc.constantFrom(0, 1, 15, 45, 60 * 24, 60 * 24 * 90), fc.nat(3))
    .map(([minutes, ms]) => TEST_NOW - minutes * MINUTE - ms),
});

test('whatever lies where, each row of the stretch comes once, the newest first, and no other', (context) => {
  verifies('REASSIGN-SLICED', 'REASSIGN-RESUMED');
  const bounds = fc.record({
    from: fc.constantFrom(0, TEST_NOW - 60 * 24 * MINUTE, TEST_NOW - 2),
    to: fc.constantFrom(null, TEST_NOW, TEST_NOW - 1, TEST_NOW - 60 * 24 * MINUTE),
    device: fc.constantFrom(undefined, 'd', 'none'),
  });
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 30 }), bounds, fc.boolean(), (readings, { from, to, device }, gives) => {
      stored(readings);
      const isOf = (row: Reading): boolean =>
        row.sortTime >= from && (to === null || row.sortTime < to) && (device === undefined || row.device === device);
      const expected = readings.flatMap((row, i) => (isOf(row) ? [i] : []));
      const first = database.prepare<[], { key: number }>('SELECT min(key) AS key FROM observation').get()?.key ?? 0;
      const slices = walked({ from, to, ...(device !== undefined && { device }), ...(gives && { behind: give }) });
      const found = slices.flat().map(({ key }) => key - first);
      assert.deepEqual(
        found.toSorted((a, b) => a - b),
        expected,
      );
      const newest = slices.map((rows) => Math.max(...rows.map(({ sortTime }) => sortTime)));
      assert.deepEqual(
        newest,
        newest.toSorted((a, b) => b - a),
      );
    }),
    { seed: seedOf(context), numRuns: 60 },
  );
});

test('more rows of one moment than a slice takes are parted by their keys', () => {
  verifies('REASSIGN-SLICED');
  const rows = Array.from({ length: 2 * READINGS_A_SLICE + 7 }, (_, i) => {
    const sortTime = TEST_NOW - (i === 0 ? MINUTE : 0);
    return { vital: 'hr', device: `d${i % 3}`, standing: 1, test: 0, sortTime };
  });
  stored(rows);
  for (const behind of [undefined, give]) {
    const slices = walked({ ...(behind && { behind }) });
    assert.equal(new Set(slices.flat().map(({ key }) => key)).size, rows.length);
    assert.equal(slices.flat().length, rows.length);
  }
});

test('a day of ten devices comes in few slices, and rows that lie far apart cost no slice for the time between them', () => {
  verifies('REASSIGN-SLICED');
  const day = Array.from({ length: 1440 * 10 }, (_, i) => {
    return { vital: 'hr', device: `d${i % 10}`, standing: 1, test: 0, sortTime: TEST_NOW - Math.floor(i / 10) * MINUTE };
  });
  stored(day);
  const slices = walked({ behind: give });
  assert.equal(slices.flat().length, day.length);
  assert.ok(slices.length <= 3 * (day.length / READINGS_A_SLICE), `${slices.length} slices`);
  stored(
    [0, 1, 2, 3].map((years) => ({ vital: 'hr', device: 'd', standing: 1, test: 0, sortTime: TEST_NOW - years * 365 * 1440 * MINUTE })),
  );
  assert.equal(walked({}).length, 4);
});

test('an order that was begun series by series goes on from the start', () => {
  verifies('REASSIGN-RESUMED');
  stored([{ vital: 'hr', device: 'd', standing: 1, test: 0, sortTime: TEST_NOW }]);
  const slices = new Slices(database, { patient: WAS, from: 0, to: null, device: undefined });
  assert.equal(slices.next(['hr', 'd', TEST_NOW - MINUTE, 1])?.rows.length, 1);
  assert.equal(slices.next(['spo2', ''])?.rows.length, 1);
});
