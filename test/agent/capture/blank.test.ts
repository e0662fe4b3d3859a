import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { blankerFor } from '../../../agent/capture/blank.ts';
import { Hl7Blanker } from '../../../agent/capture/blank-hl7.ts';
import type { MqttProfile } from '../../../agent/decoding.ts';
import { DEVICES } from '../../../agent/devices/index.ts';
import { PROFILES, profile } from '../../../agent/profiles.ts';
import { verifies } from '../../requirements.ts';

const blanked = (text: string | Buffer): string =>
  Buffer.from(new Hl7Blanker().blank(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)).toString('latin1');

const MESSAGE = [
  '\u000bMSH|^~\\&|MON^00A037FFFE01^EUI-64|ST MARY|VM|WARD 3|20261121100000+0100|secret|ORU^R01^ORU_R01|M-17|P|2.6',
  'PID|1||P-0001^^^HOSP^MR||Doe^Jane^""||19500102|F',
  'PV1|1|I|ICU^^BED-1|||1234^Who^Doctor',
  'OBR|1|ORD7^X|F9|182777000^monitoring^SCT|||20261121100000',
  'OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1|97.5|262688^MDC_DIM_PERCENT^MDC|90-100|N|||R|||20261121100000||||MON123^^X',
  'OBX|2|ST|1^NOTE^L||Jane fell at 3||||||F',
  'OBX|3|CWE|68481^MDC_EVT^MDC||196616^MDC_EVT_ALARM^MDC^^^^^^Jane||||||F',
  'OBX|4|NM|1^X^L||Jane 7||||||F',
  'NTE|1||call Jane\\T\\Bob at 5',
  'ZPI|1|Doe',
  'Jane Doe|1|2',
  '\u001c\r',
].join('\r');

const EXPECTED = [
  '\u000bMSH|^~\\&|MON^99X999XXXX99^XXXX99|XXXXXXX|VM|XXXXX9|20261121100000+0100|XXXXXX|ORU^R01^ORU_R01|M-19|P|2.6',
  'PID|1||XX9999^^^XXXX^XX||XXX^XXXX^""||99999999|X',
  'PV1|1|I|XXX^^XXXX9|||9999^XXX^XXXXXX',
  'OBR|1|XXX9^X|X9|182777000^monitoring^SCT|||20261121100000',
  'OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1|97.5|262688^MDC_DIM_PERCENT^MDC|90-100|N|||R|||20261121100000||||XXX999^^X',
  'OBX|2|ST|1^NOTE^L||XXXXXXXXXXXXX9||||||F',
  'OBX|3|CWE|68481^MDC_EVT^MDC||196616^MDC_EVT_ALARM^MDC^^^^^^XXXX||||||F',
  'OBX|4|NM|1^X^L||XXXXX7||||||F',
  'NTE|1||XXXXXXXXXXXXXXXXXXX9',
  'ZPI|9|XXX',
  'XXXXXXXX|9|9',
  '\u001c\r',
].join('\r');

test('names, numbers, places, serial numbers and texts are blanked; codes, values, units and times stay', () => {
  verifies('CAPTURE-BLANKED');
  assert.equal(blanked(MESSAGE), EXPECTED);
});

test('however the stream is cut, the same is blanked', () => {
  verifies('CAPTURE-BLANKED');
  const bytes = Buffer.from(MESSAGE + MESSAGE, 'latin1');
  const whole = blanked(bytes);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const blanker = new Hl7Blanker();
    const parts = [blanker.blank(bytes.subarray(0, cut)), blanker.blank(bytes.subarray(cut))];
    assert.equal(Buffer.concat(parts).toString('latin1'), whole, `cut at ${cut}`);
  }
});

test('a capture that begins in the middle of a message blanks what it cannot place', () => {
  verifies('CAPTURE-BLANKED');
  for (let from = 1; from < MESSAGE.length; from += 1) {
    const result = blanked(MESSAGE.slice(from));
    assert.equal(result.length, MESSAGE.length - from);
    assert.doesNotMatch(result, /Jane|Doe|0001|19500102|BED|Doctor/, `from ${from}`);
  }
});

test('what names a patient or a device as a number, or in the id of a message, is blanked', () => {
  verifies('CAPTURE-BLANKED');
  assert.equal(
    blanked(
      'MSH|^~\\&|||||||ORU^R01|103|P|2.3.1\rOBX||NM|2301^Patient||12345678\rOBX||NM| 2308||77\rOBX||NM|52^Height||169\rOBX||CE|2301||A^B\r',
    ),
    'MSH|^~\\&|||||||ORU^R01|103|P|2.3.1\rOBX||NM|2301^Patient||99999999\rOBX||NM| 2308||99\rOBX||NM|52^Height||169\rOBX||CE|2301||X^X\r',
  );
  assert.equal(
    blanked('MSH|^~\\&|||||||ACK|080019FFFE0000A1|P\rMSA|AA|080019FFFE0000A1\r'),
    'MSH|^~\\&|||||||ACK|080999XXXX9999X9|P\rMSA|AA|080999XXXX9999X9\r',
  );
});

test('a text behind half a character that looks like a separator is a text', () => {
  verifies('CAPTURE-BLANKED');
  const row = (bytes: number[], charset = ''): string =>
    blanked(
      Buffer.concat([
        Buffer.from(`MSH|^~\\&|A|||||||M|P|2.6||||||${charset}\rOBX|1|ST|5^X||`),
        Buffer.of(...bytes),
        Buffer.from('Jane|Jane||||F\rOBX|2|NM|5^X||97\r'),
      ]),
    );
  for (const bytes of [
    [0x81, 0x7c],
    [0xc4, 0x7c],
    [0xc4, 0xe3, 0x81, 0x7c],
    [0xe4, 0xb8, 0x7c],
    [0x85, 0x5e],
  ]) {
    assert.doesNotMatch(row(bytes), /Jane/);
    assert.match(row(bytes), /\rOBX\|2\|NM\|5\^X\|\|97\r$/, 'the next row is one again');
  }
  // What is known not to be half a character costs nothing else.
  assert.match(row([0xc3, 0xa4, 0x7c]), /\|\|XX\|Jane\|Jane\|{4}F\r/);
  assert.match(
    blanked(Buffer.from('MSH|^~\\&|A|||||||M|P|2.6||||||8859/1\rOBX|1|NM|5^K\u00f6rper||37|\u00b0C|||||F\r', 'latin1')),
    /\|\|37\|XC\|\|\|\|\|F\r$/,
  );
  assert.match(blanked(Buffer.from('MSH|^~\\&|A|M\u00fcnchen|||||ORU^R01|M|P|2.6\r', 'latin1')), /\|ORU\^R01\|M\|P\|2\.6\r$/);
});

test('separators of another kind are followed, and impossible ones keep nothing', () => {
  verifies('CAPTURE-BLANKED');
  assert.equal(blanked('MSH#*~\\&#A*1#B\rPID#1##P-1*Doe\rOBX#1#NM#5*X##97\r'), 'MSH#*~\\&#A*9#X\rPID#1##XX9*XXX\rOBX#1#NM#5*X##97\r');
  // A segment whose separator is not the one in force.
  assert.equal(blanked('MSH|^~\\&|A\rOBX#1#NM#97\r'), 'MSH|^~\\&|A\rOBXX9XXXX99\r');
  assert.doesNotMatch(blanked('MSHJaneDoe|P-0001|x\rPID|Jane'), /Jane|Doe|0001/);
});

test('texts in other character sets do not come through, whatever their bytes look like', () => {
  verifies('CAPTURE-BLANKED');
  const head = 'MSH|^~\\&|A|||||||M|P|2.6||||||GB 18030-2000\r';
  // The second byte of a GB 18030 character can be | and ^: the text goes on in what looks like the next field.
  const gb = Buffer.concat([Buffer.from(`${head}OBX|1|ST|5^X||`), Buffer.of(0x81, 0x7c, 0x82, 0x5e), Buffer.from('\r')]);
  assert.ok(![...blanked(gb)].some((character) => character.charCodeAt(0) >= 0x80));
  const jis = `${head}PID|1||P||\u001b$B;3ED|OB@O:\u001b(B\rOBX|1|NM|5^X||97\r`;
  assert.equal(blanked(jis).split('\r')[1], 'PID|1||X||XXXX9XX|XXXXXXXX');
  assert.equal(blanked(jis).split('\r')[2], 'OBX|1|NM|5^X||97');
});

test('whatever comes, lengths stay, and no letter or digit that was not placed comes through', () => {
  verifies('CAPTURE-BLANKED', 'FRAMING-PURE');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const out = new Hl7Blanker().blank(bytes);
      assert.equal(out.length, bytes.length);
      assert.ok(out.every((byte) => byte < 0x80 || byte === 0xef || byte === 0xbb || byte === 0xbf));
    }),
    { numRuns: 200 },
  );
  const name = fc.stringMatching(/^[A-Wa-z]{6,12}$/);
  const before = fc.constantFrom(
    'PID|1||',
    'PID|',
    'NK1|1|',
    'PV1|1|I|',
    'OBX|1|TX|5||',
    'OBX|1|FT|5||',
    'OBR|1|',
    'NTE|1||',
    'ZZZ|',
    'ORC|',
  );
  fc.assert(
    fc.property(name, before, (text, segment) => {
      assert.ok(!blanked(`MSH|^~\\&|A\r${segment}${text}^${text}~${text}&${text}\r`).includes(text));
    }),
    { numRuns: 200 },
  );
});

test('of every golden capture nothing that names a patient is left, and its messages are still messages', () => {
  verifies('CAPTURE-BLANKED');
  const folder = join(import.meta.dirname, '../../golden/captures');
  const files = globSync('hl7-*/*', { cwd: folder }).filter((file) => !/\.(?:ya?ml|ndjson|json|md)$/.test(file));
  assert.ok(files.length > 5);
  for (const file of files) {
    const bytes = readFileSync(join(folder, file));
    const [before, result] = [bytes.toString('latin1'), blanked(bytes)];
    assert.equal(result.length, before.length, file);
    // A name that no segment has is not kept.
    const expected = segmentsOf(before).map((name) => (name === 'PXD' ? 'PXX' : name));
    assert.deepEqual(segmentsOf(result), expected, file);
    for (const [, pid = ''] of before.matchAll(/[\r\n]PID\|(?:[^|\r\n]*\|){2}([^|^\r\n]{4,})/g)) assert.ok(!result.includes(pid), file);
  }
});

/** Names of segments, in order. */
function segmentsOf(text: string): string[] {
  return [...text.matchAll(/(?:^|[\r\n\u000b])([A-Z][A-Z0-9]{2})(?=\|)/g)].map(([, found]) => found ?? '');
}

test('serial numbers of devices on a line are blanked, however they are cut', () => {
  verifies('CAPTURE-BLANKED');
  const line = '03/22/26 17:08:36 SN=0000095558 SPO2=098% SSN=A1B2\r\n';
  for (let cut = 0; cut <= line.length; cut += 1) {
    const blanker = blankerFor(profile('masimo-ascii1'));
    const parts = [blanker.blank(Buffer.from(line.slice(0, cut))), blanker.blank(Buffer.from(line.slice(cut)))];
    assert.equal(Buffer.concat(parts).toString(), '03/22/26 17:08:36 SN=9999999999 SPO2=098% SSN=X9X9\r\n');
  }
});

test('each device on a line is in the table of serial numbers, and payloads without a fixed form are not blanked by guessing', () => {
  for (const device of DEVICES) assert.ok(blankerFor(device));
  const mqtt = PROFILES.find((each): each is MqttProfile => each.kind === 'mqtt');
  assert.ok(mqtt);
  assert.throws(() => blankerFor(mqtt), { code: 'CAPTURE-SOURCE' });
});
