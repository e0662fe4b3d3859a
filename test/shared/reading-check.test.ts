import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Reading, ReadingRecord } from '../../shared/reading.ts';
import { checkReading, checkRecord } from '../../shared/reading-check.ts';
import { verifies } from '../requirements.ts';

// biome-ignore lint/suspicious/noExplicitAny: a decoder with a defect hands on what the types forbid
const broken = (reading: any): Reading => reading;

const RECORD: ReadingRecord = {
  source: 's',
  profile: 'hl7',
  device: { id: 'SN-1', idType: 'serial' },
  receivedAt: Date.parse('2026-11-21T09:00:00Z'),
  subject: {},
  test: false,
  class: 'continuous',
  readings: [{ vital: 'hr', value: 70 }],
};

describe('checkReading', () => {
  it('passes what can be normalised', () => {
    assert.equal(checkReading({ vital: 'hr', value: 0 }), undefined);
    assert.equal(checkReading({ vital: 'hr', absent: 'unknown' }), undefined);
    assert.equal(
      checkReading({ vital: 'cdyn', value: 50, mdc: 151692, offsetMin: -840, effective: 0, flags: ['motion'], limits: '1-2' }),
      undefined,
    );
  });

  it('refuses everything that could be refused later', () => {
    verifies('NOTHING-INVENTED');
    const cases: [unknown, string][] = [
      [{ vital: 'mood', value: 1 }, 'DECODE-UNKNOWN-CODE'],
      [{ vital: 'toString', value: 1 }, 'DECODE-UNKNOWN-CODE'],
      [{ vital: 'hr', value: 1, mdc: 150456 }, 'DECODE-UNKNOWN-CODE'],
      [{ vital: 'nibp', value: 1 }, 'DECODE-FIELD'],
      [{ vital: 'w_ecg1', value: 1 }, 'DECODE-FIELD'],
      [{ vital: 'hr' }, 'DECODE-FIELD'],
      [{ vital: 'abp_s', value: 1, measurement: -1 }, 'DECODE-FIELD'],
      [{ vital: 'abp_s', value: 1, measurement: 0.5 }, 'DECODE-FIELD'],
      [{ vital: 'hr', value: 1, absent: 'unknown' }, 'DECODE-FIELD'],
      [{ vital: 'hr', value: Number.NaN }, 'DECODE-FIELD'],
      [{ vital: 'hr', value: Number.POSITIVE_INFINITY }, 'DECODE-FIELD'],
      [{ vital: 'hr', value: '70' }, 'DECODE-FIELD'],
      [{ vital: 'hr', absent: 'tired' }, 'DECODE-FIELD'],
      [{ vital: 'hr', value: 1, effective: Number.NaN }, 'DECODE-TIME'],
      [{ vital: 'hr', value: 1, effective: 1.5 }, 'DECODE-TIME'],
      [{ vital: 'hr', value: 1, effective: 8.64e15 }, 'DECODE-TIME'],
      [{ vital: 'hr', value: 1, effective: -8.64e15 }, 'DECODE-TIME'],
      [{ vital: 'hr', value: 1, offsetMin: 841 }, 'DECODE-TIME'],
      [{ vital: 'hr', value: 1, original: { value: Number.NaN, unit: 'g' } }, 'DECODE-FIELD'],
      [{ vital: 'hr', value: 1, original: { value: 1, unit: '' } }, 'DECODE-UNIT'],
      [{ vital: 'hr', value: 1, flags: ['well'] }, 'DECODE-FIELD'],
      [{ vital: 'hr', value: 1, flags: ['motion', 'motion'] }, 'DECODE-FIELD'],
      [{ vital: 'hr', value: 1, limits: 'a\u0000b' }, 'DECODE-FIELD'],
      [{ vital: 'hr', value: 1, limits: 'x'.repeat(65) }, 'DECODE-FIELD'],
    ];
    for (const [reading, code] of cases) assert.equal(checkReading(broken(reading)), code, JSON.stringify(reading));
  });
});

describe('checkRecord', () => {
  it('takes a record, and empty hints as none', () => {
    assert.equal(checkRecord(RECORD), undefined);
    assert.equal(checkRecord({ ...RECORD, subject: { patient: { value: '', authority: '' }, visit: '', bed: '' } }), undefined);
  });

  it('refuses identifiers that would have to be cut, unclean text, impossible times and bad readings', () => {
    verifies('DEVICE-TEXT-IS-DATA');
    const long = 'x'.repeat(129);
    const cases: [Partial<ReadingRecord>, string][] = [
      [{ receivedAt: Number.NaN }, 'DECODE-TIME'],
      [{ readings: [] }, 'DECODE-FIELD'],
      [{ readings: Array.from({ length: 1001 }, () => ({ vital: 'hr', value: 1 })) }, 'DECODE-FIELD'],
      [
        {
          readings: [
            { vital: 'hr', value: 1 },
            { vital: 'mood', value: 1 },
          ],
        },
        'DECODE-UNKNOWN-CODE',
      ],
      [{ device: { id: '', idType: 'serial' } }, 'DECODE-FIELD'],
      [{ device: { id: long, idType: 'serial' } }, 'DECODE-FIELD'],
      [{ device: { id: 'x', idType: 'serial', model: 'a\nb' } }, 'DECODE-FIELD'],
      [{ profile: '' }, 'DECODE-FIELD'],
      [{ subject: { patient: { value: long, authority: '' } } }, 'DECODE-FIELD'],
      [{ subject: { patient: { value: 'P', authority: 'ü'.repeat(500) } } }, 'DECODE-FIELD'],
      [{ subject: { bed: 'a\u001bb' } }, 'DECODE-FIELD'],
      [{ subject: { visit: '\udc00' } }, 'DECODE-FIELD'],
    ];
    for (const [change, code] of cases) assert.equal(checkRecord({ ...RECORD, ...change }), code, JSON.stringify(change).slice(0, 80));
  });
});
