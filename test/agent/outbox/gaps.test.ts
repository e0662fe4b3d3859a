import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { collected, type GapRecord, gapOf, goneOf, joined } from '../../../agent/outbox/gaps.ts';
import { MAX_GAP_COUNT } from '../../../shared/gap.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';
import { checkRecord } from '../../../shared/reading-check.ts';
import { verifies } from '../../requirements.ts';

const START = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;

const record = (atMs: number, patient = 'P-1', device = 'a'): ReadingRecord => ({
  source: 'bench',
  profile: 'nonin-df8',
  device: { id: device, idType: 'config' },
  receivedAt: START + atMs,
  subject: { patient: { value: patient, authority: '' } },
  test: false,
  class: 'continuous',
  readings: [{ vital: 'spo2', value: 97 }],
});

const gap = (atMs: number, patient?: string, device?: string): GapRecord => {
  const lost = record(atMs, patient, device);
  return gapOf(lost, 'space', goneOf(lost), START);
};

describe('gaps', () => {
  test('of a wave: from its first sample to its last', () => {
    verifies('OUTBOX-GAPS');
    const wave = { vital: 'ecg_ii', samples: [1, null, 3, 4], periodMs: 4, effective: START - 1000 };
    const { from, to, values, vitals } = goneOf({ ...record(0), class: 'waveform', readings: [], waves: [wave] });
    assert.deepEqual([from, to, values, vitals], [START - 1000, START - 988, 4, ['ecg_ii']]);
  });

  test('of a device whose clock cannot be right: when it was received', () => {
    verifies('OUTBOX-GAPS');
    const readings = [{ vital: 'spo2', value: 97, effective: START + 3_600_000 }];
    const { from, to } = goneOf({ ...record(0), readings });
    assert.deepEqual([from, to], [START, START]);
  });

  test('close ones are told as one, far ones apart', () => {
    verifies('OUTBOX-GAPS');
    const near = joined(gap(0), gap(14 * MINUTE_MS));
    assert.deepEqual([near?.gap.from, near?.gap.to, near?.gap.rows, near?.gap.values], [START, START + 14 * MINUTE_MS, 2, 2]);
    assert.equal(joined(gap(0), gap(16 * MINUTE_MS)), undefined);
    assert.equal(joined(gap(16 * MINUTE_MS), gap(0)), undefined);
    const many = gap(0);
    assert.equal(joined({ ...many, gap: { ...many.gap, values: MAX_GAP_COUNT } }, gap(1)), undefined);
  });

  test('nothing is lost in collecting, nothing is told of another subject, device or day, and all can be sent', () => {
    verifies('OUTBOX-GAPS');
    const lost = fc.tuple(fc.nat(5 * 3_600_000), fc.constantFrom('P-1', 'P-2'), fc.constantFrom('a', 'b'));
    fc.assert(
      fc.property(fc.array(lost, { maxLength: 80 }), (all) => {
        const found = collected(all.map((one) => gap(...one)));
        const total = (whose: (one: GapRecord) => boolean): number => found.filter(whose).reduce((sum, one) => sum + one.gap.rows, 0);
        for (const patient of ['P-1', 'P-2']) {
          for (const device of ['a', 'b']) {
            const isOf = (one: GapRecord): boolean => one.subject.patient?.value === patient && one.device.id === device;
            const gone = all.filter(([, whose, which]) => whose === patient && which === device).map(([atMs]) => START + atMs);
            assert.equal(total(isOf), gone.length);
            for (const one of found.filter(isOf)) {
              assert.equal(checkRecord(one), undefined);
              assert.ok(gone.includes(one.gap.from) && gone.includes(one.gap.to), 'it begins and ends with something that is gone');
            }
            for (const at of gone) assert.ok(found.some((one) => isOf(one) && one.gap.from <= at && at <= one.gap.to));
          }
        }
      }),
    );
  });
});
