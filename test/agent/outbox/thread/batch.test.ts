import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CLASS_NUMBERS } from '../../../../agent/outbox/schema.ts';
import { BatchReader, Gathering } from '../../../../agent/outbox/thread/batch.ts';
import { Origins } from '../../../../agent/outbox/thread/origins.ts';
import { decodeRecord, type ReadingRecord } from '../../../../shared/reading.ts';
import type { ClockRun } from '../../../../shared/time/clock-run.ts';
import { markedRecord } from '../../../contract/outbox.ts';
import { verifies } from '../../../requirements.ts';

const RUN: ClockRun = { boot: 'one', origin: 1, from: 2, held: true };

const anyRecord: fc.Arbitrary<ReadingRecord> = fc
  .record({
    mark: fc.nat(1000),
    rowClass: fc.constantFrom('spot', 'continuous', 'gap'),
    lost: fc.constantFrom('spot', 'continuous'),
    source: fc.constantFrom('one', 'two'),
    device: fc.nat(3),
    model: fc.constantFrom(undefined, 'M1', 'M2'),
    patient: fc.constantFrom(undefined, 'P-1', 'P-2'),
    bed: fc.constantFrom(undefined, 'ICU-1', 'Ü 2'),
    test: fc.boolean(),
  })
  .map(({ mark, rowClass, lost, source, device, model, patient, bed, test: isTest }) => {
    const record = markedRecord(mark, rowClass);
    const gap = { reason: 'space', lost, from: mark, to: mark, rows: 1, values: 1, vitals: [] } as const;
    return {
      ...record,
      source,
      test: isTest,
      device: { id: `${device}`, idType: 'serial', ...(model !== undefined && { model }) },
      subject: { ...(patient !== undefined && { patient: { value: patient, authority: '' } }), ...(bed !== undefined && { bed }) },
      ...(rowClass === 'gap' && { readings: [], gap }),
    };
  });

const anyAppend = fc.record({
  records: fc.array(anyRecord, { minLength: 1, maxLength: 4 }),
  message: fc.option(
    fc.constantFrom('\u00ff1', '2').map((name) => ({ name: name.padEnd(16), content: `\u0080${name}`.padEnd(16, '\u0000') })),
    {
      nil: undefined,
    },
  ),
  run: fc.option(fc.constant(RUN), { nil: undefined }),
});

/** What is left of an origin on its way. */
function originOf({ source, profile, device, subject, test: isTest, class: rowClass, gap }: ReadingRecord) {
  return { source, profile, device, subject, test: isTest, class: rowClass, ...(gap && { gap: { lost: gap.lost } }) };
}

test('what goes to the thread in batches comes out as it went in, whoever it is of and whatever came before', () => {
  verifies('OUTBOX-OWN-THREAD');
  fc.assert(
    fc.property(fc.array(fc.array(anyAppend, { minLength: 1, maxLength: 6 }), { maxLength: 6 }), (batches) => {
      const origins = new Origins();
      const reader = new BatchReader();
      let first = 7;
      for (const appends of batches) {
        const gathering = new Gathering(first, origins);
        for (const { records, message, run } of appends) gathering.add(records, message, run);
        const batch = gathering.take();
        const read = reader.read(structuredClone(batch, { transfer: [batch.bodies] }));
        assert.deepEqual(
          read.map(({ rows, ...append }) => ({
            ...append,
            rows: rows.map(({ body, ...row }) => ({ ...row, record: decodeRecord(body) })),
          })),
          appends.map(({ records, message, run }, i) => ({
            number: first + i,
            run,
            message,
            rows: records.map((record) => ({
              origin: originOf(record),
              class: CLASS_NUMBERS[record.class],
              receivedAt: record.receivedAt,
              record,
            })),
          })),
        );
        first += appends.length;
      }
    }),
  );
});

test('origins without end are held in bounded memory, and none is taken for another', () => {
  verifies('OUTBOX-OWN-THREAD');
  const origins = new Origins();
  const reader = new BatchReader();
  let told = 0;
  for (let i = 0; i < 10_000; i += 1) {
    const gathering = new Gathering(i, origins);
    const record = { ...markedRecord(i), subject: { bed: `bed ${i}` } };
    gathering.add([markedRecord(i), record], undefined, undefined);
    const batch = gathering.take();
    told += batch.isNewBeginning ? 1 : 0;
    const rows = reader.read(batch)[0]?.rows;
    assert.deepEqual(
      rows?.map(({ origin }) => origin.subject),
      [markedRecord(i).subject, record.subject],
    );
  }
  assert.equal(told, 2);
});
