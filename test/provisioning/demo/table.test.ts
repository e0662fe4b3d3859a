import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Latencies } from '../../../provisioning/demo/latency.ts';
import { formatRow, formatTable, type TableRow, wrapped } from '../../../provisioning/demo/table.ts';

const row: TableRow = {
  patient: 'p-7f3k',
  where: 'BED-1',
  vital: 'Heart rate, ECG',
  value: '72 /min',
  at: 1000,
  stale: false,
  latencyMs: 3.4,
};

test('a row shows patient, place, vital, value, age and latency', () => {
  assert.equal(formatRow(row, 4000).replace(/ +/g, ' '), 'p-7f3k BED-1 Heart rate, ECG 72 /min 3 s 3 ms');
  assert.match(formatRow(row, 90_000_000).replace(/ +/g, ' '), / 24 h 3 ms$/);
  const stale = formatRow({ ...row, stale: true, at: Date.UTC(2026, 10, 21, 14, 3) }, 4000).replace(/ +/g, ' ');
  assert.equal(stale, 'p-7f3k BED-1 Heart rate, ECG — stale, last 72 /min at 14:03', 'in the place of a value, and no number there');
  assert.match(formatRow({ ...row, stale: true, value: '— no signal' }, 4000), /— stale, no signal at 00:00$/);
});

test('no line is wider than 80 columns, and pages show every row', () => {
  const rows = fc.array(
    fc.record({
      patient: fc.string(),
      where: fc.string(),
      vital: fc.string(),
      value: fc.string(),
      at: fc.nat(),
      stale: fc.boolean(),
      latencyMs: fc.nat(99_999),
    }),
  );
  fc.assert(
    fc.property(rows, fc.integer({ min: 6, max: 60 }), fc.nat(20), fc.array(fc.string({ maxLength: 300 })), (all, height, page, notes) => {
      const lines = formatTable(all, 1e9, { title: 'x'.repeat(200), height, page, notes });
      assert.ok(lines.length <= height);
      for (const line of lines) assert.ok(line.length <= 80);
    }),
  );
  const many = Array.from({ length: 30 }, (_, i) => ({ ...row, patient: `p-${i}` }));
  const shown = [0, 1, 2].flatMap((page) => formatTable(many, 0, { title: 't', height: 15, page }).slice(3, -1));
  assert.equal(new Set(shown.map((line) => line.split(' ')[0])).size, 30);
  for (const line of shown) assert.ok(line.length <= 80);
  const noted = formatTable([row], 0, { title: 't', height: 24, page: 0, notes: ['one', 'two words'] });
  assert.deepEqual(noted.slice(-2), ['one', 'two words']);
});

test('a note is wrapped at blanks, and all of it is there', () => {
  assert.deepEqual(wrapped(`>> ${'word '.repeat(20)}end`), [`>> ${'word '.repeat(15).trim()}`, `  ${'word '.repeat(5)}end`]);
  fc.assert(
    fc.property(fc.string({ maxLength: 400 }), (text) => {
      const lines = wrapped(text);
      for (const line of lines) assert.ok(line.length <= 80);
      assert.equal(lines.join('').replace(/\s/g, ''), text.replace(/\s/g, ''));
    }),
  );
});

test('percentiles are by nearest rank', () => {
  const latencies = new Latencies();
  assert.equal(latencies.percentile(0.5), null);
  for (let i = 100; i > 0; i -= 1) latencies.add(i);
  assert.deepEqual([latencies.percentile(0.5), latencies.percentile(0.99), latencies.count], [50, 99, 100]);
});
