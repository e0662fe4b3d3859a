import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { goneReadings, sortTime } from '../../../agent/outbox/gaps.ts';
import { type RowToThin, thinned } from '../../../agent/outbox/thinning.ts';
import type { Reading, ReadingRecord } from '../../../shared/reading.ts';
import { panelOfPart } from '../../../shared/vitals.ts';
import { verifies } from '../../requirements.ts';

const START = Date.UTC(2026, 0, 1);

const reading: fc.Arbitrary<Reading> = fc
  .record({
    vital: fc.constantFrom('spo2', 'hr', 'abp_s', 'abp_d', 'abp_m'),
    value: fc.integer({ min: 1, max: 9 }),
    isAbsent: fc.integer({ min: 0, max: 9 }),
    offsetMs: fc.integer({ min: -100_000, max: 400_000 }),
    hasTime: fc.boolean(),
    isCorrected: fc.integer({ min: 0, max: 19 }),
    doubtful: fc.boolean(),
  })
  .map(({ vital, value, isAbsent, offsetMs, hasTime, isCorrected, doubtful }) => ({
    vital,
    ...(isAbsent === 0 ? { absent: 'error' as const } : { value }),
    ...(hasTime && { effective: START + offsetMs }),
    ...(isCorrected === 0 && { status: 'corrected' as const }),
    ...(doubtful && { flags: ['clock' as const] }),
  }));

const record: fc.Arbitrary<ReadingRecord> = fc
  .record({
    patient: fc.constantFrom('P-1', 'P-2'),
    device: fc.constantFrom('a', 'b'),
    atMs: fc.nat(180_000),
    test: fc.boolean(),
    readings: fc.array(reading, { minLength: 1, maxLength: 5 }),
  })
  .map(({ patient, device, atMs, test: isTest, readings }) => ({
    source: 'bench',
    profile: 'hl7-pcd01',
    device: { id: device, idType: 'config' as const },
    receivedAt: START + atMs,
    subject: { patient: { value: patient, authority: '' } },
    test: isTest,
    class: 'continuous' as const,
    readings,
  }));

const rows: fc.Arbitrary<RowToThin[]> = fc
  .array(record, { maxLength: 60 })
  .map((records) => records.map((one, i) => ({ seq: i + 1, record: one })));

interface One {
  record: ReadingRecord;
  reading: Reading;
}

const seriesOf = ({ record: whose, reading: one }: One): string =>
  [whose.subject.patient?.value, whose.device.id, whose.test, one.vital, Math.floor(sortTime(whose, one) / 60_000)].join();

const ones = (all: readonly RowToThin[]): One[] =>
  all.flatMap(({ record: whose }) => whose.readings.map((one) => ({ record: whose, reading: one })));

/** The rows after what `thinned` said was done. */
function after(before: readonly RowToThin[]): RowToThin[] {
  const changes = new Map(thinned(before).map((row) => [row.seq, row]));
  return before.flatMap((row) => {
    const change = changes.get(row.seq);
    if (!change) return [row];
    return change.keep.length > 0 ? [{ seq: row.seq, record: { ...row.record, readings: change.keep } }] : [];
  });
}

const values = (of: readonly One[]): number[] =>
  of.flatMap(({ reading: { value, status } }) => (value === undefined || status ? [] : [value]));

describe('thinning', () => {
  test('the least, the greatest and the last of each series and minute are kept exactly, and nothing is made up', () => {
    verifies('OUTBOX-THINNED');
    fc.assert(
      fc.property(rows, (before) => {
        const [was, is] = [Map.groupBy(ones(before), seriesOf), Map.groupBy(ones(after(before)), seriesOf)];
        assert.deepEqual(new Set(is.keys()), new Set(was.keys()));
        for (const [series, all] of was) {
          const kept = is.get(series) ?? [];
          assert.ok(
            kept.every(({ reading: one }) => all.some(({ reading: other }) => other === one)),
            'only what was measured',
          );
          if (values(all).length > 0) {
            assert.equal(Math.min(...values(kept)), Math.min(...values(all)));
            assert.equal(Math.max(...values(kept)), Math.max(...values(all)));
          }
          const last = all.reduce((late, one) => (timeOf(one) >= timeOf(late) ? one : late));
          assert.ok(
            kept.some(({ reading: one }) => one === last.reading),
            'the last one',
          );
          for (const { reading: one } of all) if (one.status) assert.ok(kept.some(({ reading: other }) => other === one));
        }
      }),
    );
  });

  test('of values alone at most three a minute are kept, and thinning again changes nothing', () => {
    verifies('OUTBOX-THINNED');
    fc.assert(
      fc.property(rows, (before) => {
        const left = after(before);
        assert.deepEqual(thinned(left), []);
        const single = ones(left).filter(({ reading: { vital, status, value } }) => !panelOfPart(vital) && !status && value !== undefined);
        for (const kept of Map.groupBy(single, seriesOf).values()) assert.ok(kept.length <= 3, `${kept.length}`);
      }),
    );
  });

  test('kept and gone are all there was; a gap covers exactly what is gone of its row; parts of a panel stay together', () => {
    verifies('OUTBOX-THINNED', 'OUTBOX-GAPS');
    fc.assert(
      fc.property(rows, (before) => {
        for (const { seq, record: whose, keep, gone } of thinned(before)) {
          assert.equal(whose, before[seq - 1]?.record);
          assert.ok(gone.length > 0);
          assert.deepEqual(new Set([...keep, ...gone]), new Set(whose.readings));
          assert.equal(keep.length + gone.length, whose.readings.length);
          const gap = goneReadings(whose, gone);
          const times = gone.map((one) => sortTime(whose, one));
          assert.deepEqual([gap.from, gap.to, gap.values], [Math.min(...times), Math.max(...times), gone.length]);
          assert.deepEqual(gap.vitals, [...new Set(gone.map(({ vital }) => vital))].sort());
          for (const one of gone) {
            if (!panelOfPart(one.vital)) continue;
            const parts = keep.filter(({ vital, effective }) => panelOfPart(vital) && effective === one.effective);
            assert.deepEqual(parts, [], 'a part alone would be another measurement');
          }
        }
      }),
    );
  });

  test('a minute of a second-by-second oximeter becomes three rows, each as it was', () => {
    verifies('OUTBOX-THINNED');
    const before = Array.from({ length: 60 }, (_, i): RowToThin => {
      const value = i === 20 ? 80 : i === 40 ? 99 : 95;
      const readings = [{ vital: 'spo2', value }];
      const whose = {
        source: 'ox',
        profile: 'nonin-df8',
        device: { id: '1', idType: 'serial' as const },
        subject: { bed: 'B1' },
        test: false,
      };
      return { seq: i + 1, record: { ...whose, receivedAt: START + 1000 * i, class: 'continuous', readings } };
    });
    assert.deepEqual(
      after(before).map(({ seq }) => seq),
      [21, 41, 60],
    );
  });
});

function timeOf({ record: whose, reading: one }: One): number {
  return sortTime(whose, one);
}
