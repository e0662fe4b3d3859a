import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { verifies } from '../../requirements.ts';
import { HL7_FOLDERS, hl7CaptureProfile, hl7Captures, readWhole, watchHeap } from '../../support/hl7-streams.ts';

const RUNS = 1000;
/** Separators, escapes, line ends, blocks, switches between character sets, names of segments, and what numbers and times are made of. */
const PIECES = [
  ...['|', '^', '~', '\\', '&', '""', '\r', '\n', '\r\n', '\x0b', '\x1c\r', '\x1b$B', '\x1b(B', '\\M2442\\', '\\C2842\\', '\\X0D\\', '\\X'],
  ...[
    'MSH|',
    'MSH|^~\\&|',
    'PID|',
    'PV1|',
    'OBR|',
    'OBX|',
    'OBX|1|NA|',
    'ISO IR87',
    'GB18030',
    '\xff',
    '\x81',
    '\xef\xbb\xbf',
    '-',
    '.',
    '9',
  ],
  ...['20261121', '99999999999999', '+1400', 'X', 'W', 'C', 'T', 'AL', 'NE', '1.1.1.7', '\u0000'],
];

const edit = fc.record({
  at: fc.nat(),
  drop: fc.nat({ max: 12 }),
  put: fc.oneof(fc.uint8Array({ maxLength: 6 }), fc.constantFrom(...PIECES.map((piece) => Buffer.from(piece, 'latin1')))),
});

function edited(bytes: Uint8Array, edits: readonly { at: number; drop: number; put: Uint8Array }[]): Buffer {
  let result = Buffer.from(bytes);
  for (const { at, drop, put } of edits) {
    const from = at % (result.length + 1);
    result = Buffer.concat([result.subarray(0, from), put, result.subarray(from + drop)]);
  }
  return result;
}

for (const folder of HL7_FOLDERS) {
  test(`${folder}: changed anywhere and cut anywhere, a stream is read without a crash, what comes out is whole, and nothing stays in memory`, () => {
    verifies('GOOD-PARTS-SURVIVE', 'NOTHING-INVENTED');
    const profile = hl7CaptureProfile(folder);
    const captures = hl7Captures(folder);
    const edits = fc.array(edit, { minLength: 1, maxLength: 8 });
    const check = (numRuns: number) => (): void =>
      fc.assert(
        fc.property(fc.nat(), edits, fc.nat(), (which, changes, cut) => {
          const bytes = edited(captures[which % captures.length] ?? Buffer.alloc(0), changes);
          readWhole(profile, bytes, cut % (bytes.length + 1));
        }),
        { numRuns },
      );
    watchHeap(check(RUNS / 10), check(RUNS));
    assert.ok(captures.length > 0);
  });
}
