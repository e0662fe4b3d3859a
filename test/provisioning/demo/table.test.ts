import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Latencies } from '../../../provisioning/demo/latency.ts';
import { formatRow, formatTable, type TableRow } from '../../../provisioning/demo/table.ts';

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
  assert.match(formatRow({ ...row, stale: true }, 4000), /old: 72/);
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
    fc.property(rows, fc.integer({ min: 6, max: 60 }), fc.nat(20), (all, height, page) => {
      const lines = formatTable(all, 1e12, 'x'.repeat(200), height, page);
      assert.ok(lines.length <= height);
      for (const line of lines.slice(0, 3)) assert.ok(line.length <= 80);
    }),
  );
  const many = Array.from({ length: 30 }, (_, i) => ({ ...row, patient: `p-${i}` }));
  const shown = [0, 1, 2].flatMap((page) => formatTable(many, 0, 't', 15, page).slice(3, -1));
  assert.equal(new Set(shown.map((line) => line.split(' ')[0])).size, 30);
  for (const line of shown) assert.ok(line.length <= 80);
});

test('percentiles are by nearest rank', () => {
  const latencies = new Latencies();
  assert.equal(latencies.percentile(0.5), null);
  for (let i = 100; i > 0; i -= 1) latencies.add(i);
  assert.deepEqual([latencies.percentile(0.5), latencies.percentile(0.99), latencies.count], [50, 99, 100]);
});
