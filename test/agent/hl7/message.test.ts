import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeText, unescapeText } from '../../../agent/hl7/escapes.ts';
import { Hl7Message, headerOf } from '../../../agent/hl7/message.ts';
import type { Separators } from '../../../agent/hl7/segment.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const HEADER = 'MSH|^~\\&|MON|ICU|||20261121100000||ORU^R01|M1|P|2.6';
const USUAL: Separators = { field: '|', component: '^', repetition: '~', escape: '\\', subcomponent: '&' };

test('fields, components and repetitions, in any order', () => {
  const message = new Hl7Message(latin1(`${HEADER}\rPID|||A^^^HOSP&1.2&ISO^MR~B||X\rOBX|1\r`));
  assert.equal(message.segments, 3);
  assert.deepEqual(
    ['MSH', 'PID', 'OBX'],
    [0, 1, 2].map((i) => message.name(i)),
  );
  const pid = message.open(1);
  assert.equal(pid.field(5), 'X');
  assert.equal(pid.field(3), 'A^^^HOSP&1.2&ISO^MR~B');
  assert.equal(pid.component(3, 4), 'HOSP&1.2&ISO');
  assert.equal(pid.component(3, 9), '');
  assert.deepEqual(pid.repetitions(3), ['A^^^HOSP&1.2&ISO^MR', 'B']);
  assert.equal(pid.field(1), '');
  assert.equal(pid.field(99), '');
  assert.equal(message.open(2).field(1), '1');
  assert.equal(message.open(2).field(2), '');
  assert.deepEqual(
    [1, 2, 3, 7, 12].map((n) => message.header.field(n)),
    ['|', '^~\\&', 'MON', '20261121100000', '2.6'],
  );
});

test('own separators, and an MSH-2 that leaves some out', () => {
  const message = new Hl7Message(latin1('MSH#*:!$#MON###20261121100000##ORU*R01#M1#P#2.6\rPID###A***H$1$ISO:B\r'));
  assert.equal(message.open(1).component(3, 4), 'H$1$ISO');
  assert.equal(message.open(1).repetitions(3)[1], 'B');
  const two = new Hl7Message(latin1('MSH|^~|MON\rPID|||A\\F\\B^C\r'));
  assert.deepEqual(two.separators, { field: '|', component: '^', repetition: '~', escape: '', subcomponent: '' });
  assert.equal(unescapeText(two.open(1).component(3, 1), two.separators), 'A\\F\\B');
  assert.equal(new Hl7Message(latin1('MSH|^~\\&#|MON\r')).separators.subcomponent, '&');
});

for (const end of ['\r', '\n', '\r\n', '\r\r\n']) {
  test(`segments end with ${JSON.stringify(end)}`, () => {
    const message = new Hl7Message(latin1([HEADER, 'PID|||A', 'OBX|1||x'].join(end)));
    assert.deepEqual([message.segments, message.name(2), message.open(1).field(3), message.open(2).field(3)], [3, 'OBX', 'A', 'x']);
  });
}

test('separators that equal each other, or stand in numbers and identifiers, are none', () => {
  verifies('NOTHING-INVENTED');
  for (const characters of [
    '^^^^',
    '^~\\~',
    '^2\\&',
    '^~1&',
    '8~\\&',
    '^-\\&',
    '^~\\.',
    '^+\\&',
    '^ \\&',
    '^~\\&&',
    '^\xe9\\&',
    '^~\\\0',
  ]) {
    assert.throws(
      () => new Hl7Message(latin1(HEADER.replace('^~\\&', characters))),
      (error) => error instanceof VitalmeshError && error.code === 'HL7-SEPARATORS',
      characters,
    );
  }
});

test('a line end that does not end MSH belongs to a text, whatever stands behind it, and what it may hide is named', () => {
  const made = (mark: string, other: string): Hl7Message =>
    new Hl7Message(latin1([HEADER, `NTE|1||a${other}OBX|9|NM`, `OBX|1${other}OBX|2${other}PID|||B`, 'OBX|3', ''].join(mark)));
  for (const message of [made('\r', '\n'), made('\n', '\r')]) {
    assert.equal(message.segments, 4);
    assert.deepEqual(
      [0, 1, 2, 3].map((i) => message.hidden(i)),
      [undefined, 'OBX', 'PID', undefined],
    );
  }
});

test('a line feed inside a text of a message with CRs belongs to the text', () => {
  const message = new Hl7Message(latin1(`${HEADER}\rNTE|1||first\nsecond line\rOBX|1\rOBX|2\r`));
  assert.equal(message.segments, 4);
  assert.equal(message.open(1).field(3), 'first\nsecond line');
  assert.equal(new Hl7Message(latin1(`${HEADER}\rNTE|1||HR: 70\nSAT: 90\r`)).hidden(1), undefined, 'no segment without its separator');
});

test('what does not begin as a segment has no name', () => {
  const message = new Hl7Message(latin1(`${HEADER}\robx|1\rOBXX|1\rOB\rOBX\r|x\r`));
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((i) => message.name(i)),
    ['', '', '', 'OBX', ''],
  );
});

test('bytes that do not begin with an MSH segment', () => {
  for (const text of ['', 'MSH', 'PID|1', 'MSHA^~', 'MSH ^~', 'xMSH|^~\\&|']) {
    assert.throws(
      () => new Hl7Message(latin1(text)),
      (error) => error instanceof VitalmeshError && error.code === 'HL7-NO-MSH',
      text,
    );
    assert.equal(headerOf(latin1(text)), undefined);
  }
});

test('escape sequences are resolved, unknown ones stay', () => {
  assert.equal(unescapeText('a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f', USUAL), 'a|b^c&d~e\\f');
  assert.equal(unescapeText('\\H\\bold\\N\\ \\X41\\\\.br\\x', USUAL), 'bold A x');
  assert.equal(unescapeText('\\C1234\\ \\Q\\ 5\\6', USUAL), '\\C1234\\ \\Q\\ 5\\6');
  assert.equal(unescapeText('open \\F', USUAL), 'open \\F');
});

test('escaping and resolving gives the text back', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.equal(unescapeText(escapeText(text, USUAL), USUAL), text);
    }),
    { numRuns: 200 },
  );
});

const CHARSETS: readonly (readonly [declared: string, bytes: Buffer, text: string])[] = [
  ['8859/1', latin1('M\u00fcller'), 'M\u00fcller'],
  ['8859/2', Buffer.from('b3', 'hex'), '\u0142'],
  ['8859/15', Buffer.from('a4', 'hex'), '\u20ac'],
  ['UNICODE UTF-8', Buffer.from('M\u00fcller'), 'M\u00fcller'],
  ['UTF-8~UNICODE', Buffer.from('\u00e9'), '\u00e9'],
  // The second byte of this character is 7C, the field separator.
  ['GB 18030-2000', Buffer.from('817c', 'hex'), '\u4e85'],
  ['ISO IR87', Buffer.concat([Buffer.from('1b2442', 'hex'), Buffer.from('467c', 'hex'), Buffer.from('1b2842', 'hex')]), '\u65e5'],
  ['', Buffer.from('M\u00fcller'), 'M\u00fcller'],
  ['', latin1('M\u00fcller'), 'M\u00fcller'],
  ['ASCII', latin1('M\u00fcller'), 'M\u00fcller'],
];

for (const [declared, content, text] of CHARSETS) {
  test(`MSH-18 '${declared}' with bytes ${content.toString('hex')}`, () => {
    const message = new Hl7Message(Buffer.concat([latin1(`${HEADER}||||||${declared}\rNTE|1||`), content, latin1('|behind\r')]));
    assert.deepEqual([message.open(1).field(3), message.open(1).field(4)], [text, 'behind']);
  });
}

test('a byte order mark is taken away', () => {
  const message = new Hl7Message(Buffer.from(`\ufeff${HEADER}\rNTE|1||\u00e9\r`));
  assert.deepEqual([message.segments, message.header.field(10), message.open(1).field(3)], [2, 'M1', '\u00e9']);
});

test('an unknown character set is an error only where it matters', () => {
  const unknown = `${HEADER}||||||KLINGON`;
  assert.equal(new Hl7Message(latin1(`${unknown}\rNTE|1||plain\r`)).open(1).field(3), 'plain');
  assert.throws(
    () => new Hl7Message(latin1(`${unknown}\rNTE|1||\xe9\r`)),
    (error) => error instanceof VitalmeshError && error.code === 'HL7-CHARSET',
  );
});

test('the bytes of a segment come back as they were', () => {
  const message = new Hl7Message(latin1(`${HEADER}||||||8859/1\rNTE|1||M\xfcller\rOBX|1\r`));
  assert.deepEqual(Buffer.from(message.bytes(1, 2)), latin1('NTE|1||M\xfcller'));
  assert.deepEqual(Buffer.from(message.bytes(1, 3)), latin1('NTE|1||M\xfcller\rOBX|1'));
});

test('fields are those that splitting gives, in whatever order segments are opened', () => {
  const segment = fc
    .tuple(fc.constantFrom('OBX', 'PID', 'Z'), fc.array(fc.constantFrom('', 'a', '|', 'bc^d'), { maxLength: 6 }))
    .map(([name, parts]) => name + parts.join(''));
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 8 }), fc.array(fc.nat(), { maxLength: 12 }), (segments, order) => {
      const message = new Hl7Message(latin1([HEADER, ...segments].join('\r')));
      for (const pick of order) {
        const index = pick % segments.length;
        const fields = (segments[index] ?? '').split('|');
        const opened = message.open(index + 1);
        assert.deepEqual(
          Array.from({ length: 8 }, (_, n) => opened.field(n)),
          Array.from({ length: 8 }, (_, n) => fields[n] ?? ''),
        );
      }
    }),
    { numRuns: 200 },
  );
});
