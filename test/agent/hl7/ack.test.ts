import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hl7Pcd01 } from '../../support/hl7.ts';
import { RECEIVED_AT } from '../decode/decoding.ts';
import { MSH, message, obx, oru, PERCENT, PID, read, reply, SPO2 } from './oru.ts';

const good = obx(SPO2, '97', PERCENT);
const withHeader = (header: string): Buffer => message(header, PID, good);
const codes = (bytes: Uint8Array | undefined): (string | undefined)[] =>
  reply(bytes)
    .filter(([name]) => name === 'MSA')
    .map((msa) => msa[1]);

test('original mode: one AA when stored, one AE when not, in an MLLP block', () => {
  const answer = read(oru(good)).reply;
  assert.deepEqual(codes(answer?.stored), ['AA']);
  assert.deepEqual(codes(answer?.failed), ['AE']);
  const block = Buffer.from(answer?.stored ?? []);
  assert.equal(block[0], 0x0b);
  assert.deepEqual([...block.subarray(-3)], [0x0d, 0x1c, 0x0d]);
});

test('the header of an acknowledgement answers that of the message', () => {
  const [msh = [], msa] = reply(
    read(withHeader('MSH|^~\\&|MON^1^EUI-64|ICU|AGENT|HOSP|20261121100000||ORU^R01^ORU_R01|M-\xe4-1|T|2.6||||||8859/1')).reply?.stored,
  );
  assert.deepEqual(msh.slice(1, 7), ['^~\\&', 'AGENT', 'HOSP', 'MON^1^EUI-64', 'ICU', '20261121090005.000+0000']);
  assert.deepEqual([msh[8], msh[10], msh[11], msh[17]], ['ACK^R01^ACK', 'T', '2.6', '8859/1']);
  assert.deepEqual(msa, ['MSA', 'AA', 'M-\xe4-1']);
  assert.equal(reply(read(oru(good)).reply?.stored)[0]?.[2], 'VITALMESH');
  assert.equal(reply(read(withHeader(MSH.replace('|2.6', '|2.3').replace('^ORU_R01', ''))).reply?.stored)[0]?.[8], 'ACK^R01');
});

test('every acknowledgement has a control id of its own', () => {
  const ids = Array.from({ length: 50 }, () => reply(read(oru(good)).reply?.stored)[0]?.[9] ?? '');
  assert.equal(new Set(ids).size, 50);
  assert.ok(ids.every((id) => id.length >= 1 && id.length <= 20));
});

test('enhanced mode: commit and application acknowledgement, each when asked for', () => {
  const answer = (accept: string, application: string) => {
    const { stored, failed } = read(withHeader(`${MSH}|||${accept}|${application}`)).reply ?? {};
    return [codes(stored), codes(failed)];
  };
  assert.deepEqual(answer('NE', 'AL'), [['AA'], ['AE']]);
  assert.deepEqual(answer('AL', 'NE'), [['CA'], ['CE']]);
  assert.deepEqual(answer('AL', 'AL'), [
    ['CA', 'AA'],
    ['CE', 'AE'],
  ]);
  assert.deepEqual(answer('ER', 'SU'), [['AA'], ['CE']]);
  assert.deepEqual(answer('NE', 'NE'), [[], []]);
  assert.deepEqual(answer(' ', '""'), [['AA'], ['AE']], 'nothing said: original mode');
  assert.deepEqual(answer('ACCEPT', 'YES'), [['AA'], ['AE']], 'nothing that is of the table');
});

const REFUSED: readonly (readonly [name: string, bytes: Buffer, code: string, error: string])[] = [
  ['no MSH', message(PID, good), 'HL7-NO-MSH', ''],
  ['a version that is not 2.x', withHeader(MSH.replace('|2.6', '|3.0')), 'HL7-VERSION', '203'],
  ['separators that are equal', withHeader(MSH.replace('^~\\&', '^^^^')), 'HL7-SEPARATORS', '102'],
  ['no version', withHeader(MSH.replace('|2.6', '|')), 'HL7-VERSION', '203'],
  ['another message type', withHeader(MSH.replace('ORU^R01^ORU_R01', 'ADT^A01^ADT_A01')), 'HL7-TYPE', '200'],
  ['an ORU of another kind', withHeader(MSH.replace('ORU^R01^ORU_R01', 'ORU^R42^ORU_R42')), 'HL7-TYPE', '200'],
  ['an unknown character set', withHeader(`${MSH}||||||KLINGON\rNTE|1||\xe9`), 'HL7-CHARSET', '103'],
];

for (const [name, bytes, code, condition] of REFUSED) {
  test(`refused for good, whatever becomes of it here: ${name}`, () => {
    const { records, rejected, reply: answer } = read(bytes);
    assert.deepEqual(records, []);
    assert.deepEqual(
      rejected.map((part) => [part.code, part.part, part.bytes, Buffer.from(part.raw ?? []).equals(bytes)]),
      [[code, 'message', bytes.length, true]],
    );
    assert.deepEqual(codes(answer?.stored), ['AR']);
    assert.deepEqual(answer?.failed, answer?.stored);
    const err = reply(answer?.stored).find(([segment]) => segment === 'ERR');
    assert.equal(err?.[3]?.split('^')[0], condition === '' ? '100' : condition);
    assert.equal(err?.[5]?.split('^')[0], code);
  });
}

test('accepted with bad parts: AA, and an ERR segment for each that says where', () => {
  const stored = read(oru(good, obx(SPO2, 'abc', PERCENT), obx('1^x^99X', '1', ''))).reply?.stored;
  assert.deepEqual(codes(stored), ['AA']);
  const errors = reply(stored).filter(([segment]) => segment === 'ERR');
  assert.deepEqual(
    errors.map((err) => [err[2], err[3]?.split('^')[0], err[4]]),
    [
      ['OBX^2^5', '102', 'W'],
      ['OBX^3^3', '103', 'W'],
    ],
  );
});

test('before 2.5 an ERR segment has one field', () => {
  const bytes = message(MSH.replace('|2.6', '|2.4'), PID, obx(SPO2, 'abc', PERCENT));
  assert.deepEqual(
    reply(read(bytes).reply?.stored).find(([segment]) => segment === 'ERR'),
    ['ERR', 'OBX^1^5^102&Data type error&HL70357'],
  );
});

test('an acknowledgement stays short, however much is wrong', () => {
  const rows = Array.from({ length: 500 }, () => obx(SPO2, 'abc', PERCENT));
  assert.equal(reply(read(oru(...rows)).reply?.stored).filter(([segment]) => segment === 'ERR').length, 10);
  const long = read(withHeader(MSH.replace('|M1|', `|${'9'.repeat(5000)}|`))).reply?.stored;
  assert.ok((long?.length ?? 0) < 1000);
});

test('what cannot stand in a block is never echoed', () => {
  const answer = Buffer.from(read(withHeader(MSH.replace('|M1|', '|M\x0b\x1c1|'))).reply?.stored ?? []);
  assert.equal(answer.indexOf(0x0b, 1), -1);
  assert.equal(answer.indexOf(0x1c), answer.length - 2);
});

test('an acknowledgement is never acknowledged', () => {
  const { records, rejected, reply: answer } = read(message(MSH.replace('ORU^R01^ORU_R01', 'ACK^R01^ACK'), 'MSA|AA|M1'));
  assert.deepEqual([records, rejected.map(({ code }) => code), answer], [[], ['HL7-TYPE'], undefined]);
  // Nor one that cannot be read: whoever answers it in the same way would be answered for ever.
  for (const type of ['ACK ', ' ack^R01', 'MCF^Q02'])
    assert.equal(read(withHeader(MSH.replace('ORU^R01^ORU_R01', type))).reply, undefined, type);
  const unreadable = message(MSH.replace('ORU^R01^ORU_R01', 'ACK').replace('MON', 'M\xe9N').replace('|2.6', '|2.6||||||NONE'));
  assert.deepEqual([read(unreadable).rejected[0]?.code, read(unreadable).reply], ['HL7-CHARSET', undefined]);
  const run = { reason: 'oversized' as const, bytes: 9, head: unreadable };
  assert.equal(hl7Pcd01.refuseOversized(run, RECEIVED_AT).reply, undefined);
});

test('a message with only unlisted devices is rejected', () => {
  assert.deepEqual(codes(read(oru(good), { devices: ['OTHER'] }).reply?.stored), ['AR']);
});

test('an oversized message is refused by its first bytes', () => {
  const { rejected, reply: answer } = hl7Pcd01.refuseOversized(
    { reason: 'oversized', bytes: 2_000_000, head: oru(good).subarray(0, 200) },
    RECEIVED_AT,
  );
  assert.deepEqual(rejected, [{ code: 'DECODE-OVERSIZED', part: 'frame', bytes: 2_000_000 }]);
  assert.deepEqual(reply(answer?.stored)[1], ['MSA', 'AR', 'M1']);
  assert.equal(hl7Pcd01.refuseOversized({ reason: 'garbage', bytes: 5 }, RECEIVED_AT).reply, undefined);
});

test('nothing that ends a block stands inside an acknowledgement, wherever the sender put it', () => {
  for (const [from, to] of [
    ['M1', 'M\x1c1'],
    ['^R01', '^R\x1c1'],
    ['MON', 'M\x0bN'],
    ['|P|', '|P\x1c|'],
  ] as const) {
    const answer = Buffer.from(read(withHeader(MSH.replace(from, to))).reply?.stored ?? []).toString('latin1');
    assert.deepEqual([answer.split('\x1c').length, answer.split('\x0b').length], [2, 2], to);
  }
});
