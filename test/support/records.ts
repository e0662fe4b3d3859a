import fc from 'fast-check';
import { ABSENT_REASONS, FLAGS, type Flag, type Reading, type ReadingRecord, type SubjectHints } from '../../shared/reading.ts';
import { VITALS, type Vital } from '../../shared/vitals.ts';

/** Rows that a reading can be of. */
export const READABLE: readonly Vital[] = VITALS.filter((v) => !v.panel && v.class !== 'waveform');

const text = (maxLength: number) =>
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength })
    .filter((s) => s.length <= maxLength && s.trim() !== '' && s.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(s));
const instant = fc.integer({ min: Date.parse('2015-01-01T00:00:00Z'), max: Date.parse('2035-01-01T00:00:00Z') });
const number = fc.oneof(fc.integer({ min: -500, max: 5000 }), fc.double({ noNaN: true, noDefaultInfinity: true }));

/** Any reading that a decoder may hand on. */
export const anyReading: fc.Arbitrary<Reading> = fc
  .record(
    {
      row: fc.constantFrom(...READABLE),
      content: fc.oneof(
        number.map((value) => ({ value })),
        fc.constantFrom(...ABSENT_REASONS).map((absent) => ({ absent })),
      ),
      effective: instant,
      offsetMin: fc.constantFrom(-300, 0, 60, 345, 840),
      status: fc.constantFrom('final' as const, 'preliminary' as const, 'corrected' as const, 'cancelled' as const),
      flags: fc.uniqueArray(fc.constantFrom(...(Object.keys(FLAGS) as Flag[])), { maxLength: 4 }),
      limits: text(20),
      measurement: fc.integer({ min: 1, max: 3 }),
      original: fc.record({ value: number, unit: fc.constantFrom('[degF]', '[lb_av]', 'kPa') }),
      deviceMdc: fc.boolean(),
    },
    { requiredKeys: ['row', 'content'], noNullPrototype: true },
  )
  .map(({ row, content, deviceMdc, ...rest }) => {
    const [other] = row.inputMdc ?? [];
    return { vital: row.key, ...content, ...rest, ...(deviceMdc && other !== undefined ? { mdc: other } : {}) };
  });

const anyHints: fc.Arbitrary<SubjectHints> = fc.record(
  {
    patient: fc.record({
      value: text(20),
      authority: fc.oneof(fc.constant(''), fc.constant('1.2.3'), fc.constant('https://example.org/mrn'), text(20)),
    }),
    visit: text(20),
    bed: text(20),
  },
  { requiredKeys: [], noNullPrototype: true },
);

/** Any record that a decoder may hand on. */
export const anyRecord: fc.Arbitrary<ReadingRecord> = fc.record({
  source: text(10),
  profile: fc.constantFrom('hl7', 'nonin-df8'),
  device: fc.record(
    {
      id: text(20),
      idType: fc.constantFrom('serial' as const, 'eui64' as const, 'mac' as const, 'config' as const),
      vendor: text(10),
      model: text(10),
    },
    { requiredKeys: ['id', 'idType'], noNullPrototype: true },
  ),
  receivedAt: instant,
  subject: anyHints,
  test: fc.boolean(),
  class: fc.constantFrom('spot' as const, 'continuous' as const),
  readings: fc.array(anyReading, { minLength: 1, maxLength: 8 }),
});
