import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unescapeText } from '../../../agent/hl7/escapes.ts';
import { Hl7Message } from '../../../agent/hl7/message.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';
import { hl7Pcd01 } from '../../support/hl7.ts';
import { decoded, short } from '../decode/decoding.ts';
import { MSH, OBR, obx, PERCENT, PID, SPO2 } from './oru.ts';

const ESC = '1b';
/** Bytes from hexadecimal digits, which may have blanks between them. */
const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex');
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** A monitor's message with MSH-18, whose bed is these bytes. */
function stream(declared: string, bed: Buffer): Buffer {
  const before = latin1(`${MSH}||||||${declared}\r${PID}\rPV1||I|`);
  return Buffer.concat([before, bed, latin1(`\r${OBR}\r${obx(SPO2, '97', PERCENT)}\r`)]);
}

/** Each byte by the code chart of its set. */
const TEXTS: readonly (readonly [declared: string, bytes: Buffer, text: string])[] = [
  ['8859/1', hex('fc'), 'ü'],
  ['8859/2', hex('b3'), 'ł'],
  ['8859/3', hex('a1'), 'Ħ'],
  ['8859/4', hex('a2'), 'ĸ'],
  ['8859/5', hex('b6'), 'Ж'],
  ['8859/6', hex('c7'), '\u0627'],
  ['8859/7', hex('e1'), 'α'],
  ['8859/8', hex('e0'), '\u05d0'],
  ['8859/9', hex('fd'), 'ı'],
  ['8859/10', hex('e0'), 'ā'],
  ['8859/11', hex('a1'), 'ก'],
  ['8859/13', hex('e0'), 'ą'],
  ['8859/14', hex('a1'), 'Ḃ'],
  ['8859/15', hex('a4'), '€'],
  ['8859/16', hex('aa'), 'Ș'],
  ['ISO-8859-7', hex('e1'), 'α'],
  ['UNICODE UTF-8', hex('e6 97 a5'), '日'],
  ['UTF-8~UNICODE', hex('c3 bc'), 'ü'],
  ['', hex('c3 bc'), 'ü'],
  ['', hex('fc'), 'ü'],
  ['GB 18030-2000', hex('81 7c'), '\u4e85'],
  ['GB 18030-2000', hex('95 32 82 36'), '\u{20000}'],
  // The second byte of the second character is the escape character.
  ['ISO IR87', hex(`${ESC} 2442 467c 4b5c ${ESC} 2842`), '日本'],
  ['~ISO IR87', hex(`${ESC} 2442 467c 4b5c ${ESC} 2842 33`), '日本3'],
  ['ASCII~ISO IR14~ISO IR87', hex(`41 ${ESC} 2440 467c ${ESC} 284a 42`), 'A日B'],
  ['ISO IR6~ISO IR87', Buffer.concat([latin1('\\M2442\\'), hex('467c 4b5c'), latin1('\\C2842\\3')]), '日本3'],
  ['ASCII~ISO IR14', Buffer.concat([latin1('\\C2949\\'), hex('b1')]), '\uff71'],
  ['8859/1~8859/2', Buffer.concat([hex('b3'), latin1('\\C2D42\\'), hex('b3'), latin1('\\C2D41\\'), hex('b3')]), '³ł³'],
  ['8859/1~8859/5', Buffer.concat([hex(`${ESC} 2d4c b6`)]), 'Ж'],
  ['UNICODE UTF-8~ISO IR87', hex(`c3bc ${ESC} 2442 467c ${ESC} 2842 c3bc`), 'ü日ü'],
];

for (const [declared, bytes, text] of TEXTS) {
  test(`MSH-18 '${declared}': ${bytes.toString('hex')} is ${text}, however the stream is cut`, () => {
    verifies('DECODE-STABLE', 'CHARSETS-EACH');
    const { records, rejected } = decoded(hl7Pcd01, stream(declared, bytes));
    assert.deepEqual([records.map(({ subject }) => subject.bed), rejected], [[text], []]);
  });
}

test('a byte order mark says UTF-8, whatever MSH-18 says', () => {
  const { records } = decoded(hl7Pcd01, Buffer.concat([hex('efbbbf'), stream('8859/1', hex('c3bc'))]));
  assert.equal(records[0]?.subject.bed, 'ü');
});

test('half a character costs its field and no segment behind it', () => {
  verifies('GOOD-PARTS-SURVIVE', 'NOTHING-INVENTED', 'CHARSETS-EACH');
  const halves: readonly (readonly [declared: string, bytes: Buffer])[] = [
    ['ISO IR87', hex(`${ESC} 2442 467c 46`)],
    ['ISO IR87', hex(`${ESC} 2442 46`)],
    // Never switched back: the rest of the line is lost, and the next one begins in ASCII.
    ['~ISO IR87', Buffer.concat([hex(`${ESC} 2442 467c`), latin1('|x')])],
    ['GB 18030-2000', hex('81')],
    ['GB 18030-2000', hex('95 32 82')],
    ['UNICODE UTF-8', hex('e6 97')],
  ];
  for (const [declared, bytes] of halves) {
    const outcome = decoded(hl7Pcd01, stream(declared, bytes));
    assert.deepEqual(short(outcome), ['spo2=97'], bytes.toString('hex'));
    assert.ok(outcome.records.every(({ subject }) => subject.bed === undefined || !subject.bed.includes('\ufffd')));
  }
});

test('an escape sequence of a set that is not known is none of the text: the message is refused and kept', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP');
  const unknown = [hex(`${ESC} 242844 3021 ${ESC} 2842`), latin1('\\M242844\\0!\\C2842\\'), hex(`${ESC} 2f41`), hex(ESC)];
  for (const bytes of unknown) {
    assert.throws(
      () => new Hl7Message(stream('ASCII~ISO IR87', bytes)),
      (error) => error instanceof VitalmeshError && error.code === 'HL7-CHARSET',
    );
    const { records, rejected } = decoded(hl7Pcd01, stream('ASCII~ISO IR87', bytes));
    assert.deepEqual([records, rejected.map((line) => line.split(' ')[0])], [[], ['HL7-CHARSET']]);
  }
});

test('without a set to switch to, escape sequences are text', () => {
  assert.equal(decoded(hl7Pcd01, stream('ASCII', latin1('a\\C2842\\b'))).records[0]?.subject.bed, 'a\\C2842\\b');
});

test('hexadecimal data is in the character set of the message', () => {
  const escaped: readonly (readonly [declared: string, sequence: string, text: string])[] = [
    ['', '\\X4142\\', 'AB'],
    ['', '\\XFC\\', 'ü'],
    ['', '\\XC3BC\\', 'ü'],
    ['8859/1', '\\XC3BC\\', 'Ã¼'],
    ['8859/2', '\\XB3\\', 'ł'],
    ['UNICODE UTF-8', '\\Xe697a5\\', '日'],
    ['GB 18030-2000', '\\X95328236\\', '\u{20000}'],
    ['ISO IR87', '\\X1B2442467C1B2842\\', '日'],
    ['KLINGON', '\\XB3\\', '\\XB3\\'],
    ['', '\\XB\\', '\\XB\\'],
  ];
  for (const [declared, sequence, text] of escaped) {
    const message = new Hl7Message(stream(declared, latin1(sequence)));
    const pv1 = message.open(2);
    assert.equal(unescapeText(pv1.field(3), pv1.separators), text, declared);
  }
});

test('the escape character is that of the message', () => {
  const bytes = Buffer.from(
    stream('ASCII~ISO IR87', Buffer.concat([latin1('\\M2442\\'), hex('467c'), latin1('\\C2842\\')]))
      .toString('latin1')
      .replaceAll('\\', '!'),
    'latin1',
  );
  assert.equal(decoded(hl7Pcd01, bytes).records[0]?.subject.bed, '日');
});

test('a long text of two-byte characters is read at once', () => {
  const many = Buffer.concat([hex(`${ESC} 2442`), Buffer.alloc(400_000, '467c', 'hex'), hex(`${ESC} 2842`)]);
  const message = new Hl7Message(stream('ISO IR87', many));
  assert.equal(message.open(2).field(3).length, 200_000);
});
