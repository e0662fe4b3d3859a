import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DecodeContext, Hl7Profile } from '../../../agent/decoding.ts';
import { pcd01 } from '../../../agent/hl7/dialects/pcd01.ts';
import { hl7Profile } from '../../../agent/hl7/read.ts';
import { verifies } from '../../requirements.ts';
import { HL7_FOLDERS, hl7CaptureProfile, hl7Captures, watchHeap } from '../../support/hl7-streams.ts';
import { CONTEXT, RECEIVED_AT } from '../decode/decoding.ts';
import { obx, oru, PERCENT, SPO2 } from './oru.ts';

/** The same dialect, which reads each row anew. */
function forgetful({ dialect }: Hl7Profile): Hl7Profile {
  return hl7Profile({ ...dialect, obx: { ...dialect.obx, ofRowAlone: false } });
}

/** All that comes of a stream, but for the replies, which have numbers of their own. */
function told(profile: Hl7Profile, bytes: Uint8Array, context: DecodeContext): unknown {
  const decoder = profile.decoder(context);
  return [...decoder.push(bytes, RECEIVED_AT), ...decoder.end(RECEIVED_AT)].map(({ records, rejected }) => ({ records, rejected }));
}

/** What a field of a row may become; the rest of the row stays one that is known. */
const FIELDS = [
  ...['', '""', '7', '072', '36.8', '36.', '.5', '-1', '+1', '-100', '1e3', '9007199254740993', '0.1234567890123456', '999999999999999'],
  ...[
    '20261121095958+0100',
    '20261121095958',
    '20261121',
    '2026-11',
    '20260329023000',
    'x',
    '7\n',
    '7\rPID|||P-2',
    '7PID',
    'PV1',
    '\\.br\\',
    '~',
  ],
  ...[
    'NM',
    'SN',
    'NA',
    'TX',
    'F',
    'X',
    'W',
    'C',
    'P',
    'OFF',
    'QUES',
    'TEST',
    'MSET',
    'AMEAS',
    'SETTING',
    '1.1',
    '1.1.1.1',
    '2.1.1.1',
    '50-120',
  ],
  ...[
    '266016^MDC_DIM_MMHG^MDC',
    '265987^MDC_DIM_KILO_PASCAL^MDC',
    '262688^MDC_DIM_PERCENT^MDC',
    'mg/dL',
    'mmol/L',
    '00A037FFFE000009^^^EUI-64',
  ],
];

const change = fc.record({ row: fc.nat(), field: fc.integer({ min: 1, max: 21 }), put: fc.constantFrom(...FIELDS) });

function changed(bytes: Uint8Array, changes: readonly { row: number; field: number; put: string }[]): Buffer {
  const lines = Buffer.from(bytes)
    .toString('latin1')
    .split(/([\r\n]+)/);
  const rows = lines.flatMap((line, i) => (line.startsWith('OBX|') ? [i] : []));
  for (const { row, field, put } of changes) {
    const at = rows[row % Math.max(1, rows.length)] ?? 0;
    const fields = (lines[at] ?? '').split('|');
    while (fields.length <= field) fields.push('');
    fields[field] = put;
    lines[at] = fields.join('|');
  }
  return Buffer.from(lines.join(''), 'latin1');
}

for (const folder of HL7_FOLDERS) {
  test(`${folder}: rows like some that came before are read as if each were the first`, () => {
    verifies('KNOWN-ROWS-SAME');
    const profile = hl7CaptureProfile(folder);
    const anew = forgetful(profile);
    const captures = hl7Captures(folder);
    fc.assert(
      fc.property(fc.nat(), fc.array(change, { maxLength: 6 }), fc.boolean(), (which, changes, containment) => {
        const capture = captures[which % captures.length] ?? Buffer.alloc(0);
        const bytes = changed(capture, changes);
        const context = (): DecodeContext => ({ ...CONTEXT, zone: 'Europe/Berlin', waves: true, containment });
        assert.deepEqual(told(profile, capture, context()), told(anew, capture, context()));
        assert.deepEqual(told(profile, bytes, context()), told(anew, bytes, context()));
      }),
      { numRuns: 150 },
    );
  });
}

test('a number of a known row is the one that its text is', () => {
  verifies('KNOWN-ROWS-SAME');
  const profile = hl7Profile({ ...pcd01, obx: { ...pcd01.obx } });
  const numberOf = (text: string): number | undefined =>
    profile.read(oru(obx(SPO2, text, PERCENT)), RECEIVED_AT, CONTEXT).records[0]?.readings[0]?.value;
  numberOf('97');
  const digits = fc.array(fc.constantFrom(...'0123456789'), { minLength: 1, maxLength: 17 }).map((all) => all.join(''));
  fc.assert(
    fc.property(digits, fc.option(digits, { nil: undefined }), (whole, part) => {
      const text = part === undefined ? whole : `${whole}.${part}`;
      assert.equal(numberOf(text), text.length <= 32 ? Number(text) : undefined);
    }),
    { numRuns: 2000 },
  );
});

test('what is doubtful about the time of a row is not kept with it', () => {
  verifies('KNOWN-ROWS-SAME');
  const profile = hl7Profile({ ...pcd01, obx: { ...pcd01.obx } });
  const flagsOf = (time: string): unknown =>
    profile.read(oru(obx(SPO2, '97', PERCENT, { 14: time, 15: '' })), RECEIVED_AT, { ...CONTEXT, zone: 'Europe/Berlin' }).records[0]
      ?.readings[0]?.flags;
  assert.deepEqual(flagsOf('20260329023000'), ['dst-gap']);
  assert.equal(flagsOf('20261121100000'), undefined);
  assert.deepEqual(flagsOf('99999999999999'), ['clock']);
  assert.equal(flagsOf(''), undefined);
});

test('a sender that writes something new into each row leaves nothing in memory', () => {
  verifies('KNOWN-ROWS-SAME');
  const profile = hl7Profile({ ...pcd01, obx: { ...pcd01.obx } });
  let number = 0;
  const send = (messages: number) => (): void => {
    for (let i = 0; i < messages; i += 1) {
      number += 1;
      const rows = Array.from({ length: 8 }, (_, row) => obx(SPO2, '97', PERCENT, { 21: `${number}-${row}-${'x'.repeat(100)}` }));
      assert.equal(profile.read(oru(...rows), RECEIVED_AT, CONTEXT).records[0]?.readings.length, 8);
    }
  };
  watchHeap(send(1000), send(8000));
});
