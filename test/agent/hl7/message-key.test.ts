import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { headerOf } from '../../../agent/hl7/message.ts';
import { messageKey } from '../../../agent/hl7/message-key.ts';
import { verifies } from '../../requirements.ts';

const MESSAGE = 'MSH|^~\\&|MON^1|ICU|||20261121100000||ORU^R01|M-1|P|2.6\rOBX|1|NM|1||97\r';
const SENT = Date.UTC(2026, 10, 21, 10);
const key = (text: string, profile = 'hl7-pcd01', source = 'icu', receivedAt = SENT, zone = 'UTC') =>
  messageKey(Buffer.from(text, 'latin1'), { profile, source, zone, receivedAt });

test('a message is named by profile, source, sender and MSH-10, and told apart by all its bytes', () => {
  verifies('STORED-ONCE');
  const first = key(MESSAGE);
  assert.ok(first);
  assert.deepEqual(key(MESSAGE), first);
  assert.equal(first.content, createHash('sha256').update(MESSAGE).digest().subarray(0, 16).toString('latin1'));
  const expected: [string, ReturnType<typeof key>, 'same' | 'other', 'same' | 'other'][] = [
    ['a value', key(MESSAGE.replace('97', '98')), 'same', 'other'],
    ['the time', key(MESSAGE.replace('100000', '100001')), 'same', 'other'],
    ['MSH-10', key(MESSAGE.replace('M-1', 'M-2')), 'other', 'other'],
    ['MSH-3', key(MESSAGE.replace('MON^1', 'MON^2')), 'other', 'other'],
    ['MSH-4', key(MESSAGE.replace('|ICU|', '|ED|')), 'other', 'other'],
    ['the profile', key(MESSAGE, 'hl7-ge'), 'other', 'same'],
    ['the source', key(MESSAGE, 'hl7-pcd01', 'ed'), 'other', 'same'],
  ];
  for (const [what, found, name, content] of expected) {
    assert.equal(found?.name === first.name ? 'same' : 'other', name, what);
    assert.equal(found?.content === first.content ? 'same' : 'other', content, what);
  }
});

test('without an id, or without a time, nothing tells a repetition from the same measured again', () => {
  verifies('STORED-ONCE');
  assert.equal(key(MESSAGE.replace('M-1', ' ')), undefined);
  assert.equal(key(MESSAGE.replace('20261121100000', '')), undefined);
  for (const time of ['20261121', '2026112110', '20261321100000', '0', '""'])
    assert.equal(key(MESSAGE.replace('20261121100000', time)), undefined, time);
  assert.equal(key('no message'), undefined);
  assert.equal(key(''), undefined);
});

test('an id is the same wherever it stands in its segment: the stream has read the header whole, rereading reads it again', () => {
  verifies('STORED-ONCE');
  for (let length = 440; length < 560; length += 1) {
    const long = MESSAGE.replace('|ICU|', `|ICU|${'x'.repeat(length)}|`).replace('|||2026', '||2026');
    const bytes = Buffer.from(long, 'latin1');
    const receipt = { profile: 'hl7-pcd01', source: 'icu', zone: 'UTC', receivedAt: SENT };
    const header = headerOf(bytes);
    assert.equal(header?.field(10), 'M-1');
    assert.deepEqual(messageKey(bytes, receipt), messageKey(bytes, receipt, header), `${length}`);
    assert.ok(messageKey(bytes, receipt));
  }
});

test('an id is found behind a byte order mark and with other separators', () => {
  assert.deepEqual(key(`\u00ef\u00bb\u00bf${MESSAGE}`)?.name, key(MESSAGE)?.name);
  assert.ok(key(MESSAGE.replaceAll('|', '#')));
});

test('a monitor whose clock begins at the same date after every start repeats nothing: what it says is new', () => {
  verifies('STORED-ONCE', 'NO-SILENT-DROP');
  const week = 7 * 24 * 3_600_000;
  const reset = MESSAGE.replace('20261121100000', '20100101000007');
  assert.equal(key(reset), undefined);
  assert.equal(key(MESSAGE.replace('20261121100000', '20991231235959')), undefined);
  const of = (receivedAt: number, zone?: string) => key(MESSAGE, 'hl7-pcd01', 'icu', receivedAt, zone);
  assert.deepEqual(of(SENT + week), key(MESSAGE), 'a sender that waited for a week');
  assert.deepEqual(of(SENT - week), key(MESSAGE));
  assert.deepEqual([of(SENT + week + 1), of(SENT - week - 1)], [undefined, undefined]);
  assert.deepEqual(of(SENT - 9 * 3_600_000 + week + 1, 'Asia/Tokyo'), undefined);
  assert.deepEqual(of(SENT - 9 * 3_600_000 + week, 'Asia/Tokyo'), key(MESSAGE));
});
