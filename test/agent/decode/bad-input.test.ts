import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_MAX_FRAME_BYTES } from '../../../agent/framing/framing.ts';
import { mllpFrame } from '../../../agent/framing/mllp.ts';
import { verifies } from '../../requirements.ts';
import { MSH, message, OBR, obx, oru, PERCENT, PID, SPO2 } from '../hl7/oru.ts';
import { command } from './command.ts';

const value = (n: number): Buffer => oru(obx(SPO2, String(n), PERCENT));
const block = (n: number): Uint8Array => mllpFrame(value(n));
const text = (content: string): Buffer => Buffer.from(content, 'latin1');
const masimo = (n: string): string => `11/21/26 10:00:04 SN=0000056661 SPO2=${n}% BPM=070 PI=03.60% ALARM=0000 EXC=000800\r\n`;
const bp = (extra: object = {}): string =>
  `${JSON.stringify({ ts: '2026-11-21T10:00:00Z', serial: 'OX-1', type: 'spo2', spo2: 97, ...extra })}\n`;

interface Case {
  name: string;
  profile: string;
  input: readonly Uint8Array[];
  /** SpO2 values that survive. */
  survive: readonly number[];
  rejected: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: 'a truncated block between good ones',
    profile: 'hl7-pcd01',
    input: [block(97), block(50).subarray(0, 60), block(96), block(51).subarray(0, 40)],
    survive: [97, 96],
    rejected: ['DECODE-TRUNCATED frame', 'DECODE-TRUNCATED frame'],
  },
  {
    name: 'an oversized message between good ones',
    profile: 'hl7-pcd01',
    input: [block(97), mllpFrame(Buffer.concat([value(50), Buffer.alloc(DEFAULT_MAX_FRAME_BYTES, 0x41)])), block(96)],
    survive: [97, 96],
    rejected: ['DECODE-OVERSIZED frame'],
  },
  {
    name: 'garbage before and between blocks',
    profile: 'hl7-pcd01',
    input: [text('GET / HTTP/1.1\r\n\r\n'), block(97), text('\x00\xff\x1c'), block(96)],
    survive: [97, 96],
    rejected: ['DECODE-GARBAGE frame', 'DECODE-GARBAGE frame'],
  },
  {
    name: 'two messages interleaved in one block',
    profile: 'hl7-pcd01',
    input: [mllpFrame(Buffer.concat([value(97), message(MSH, PID.replace('P-0001', 'P-0002'), OBR, obx(SPO2, '50', PERCENT))])), block(96)],
    survive: [97, 96],
    rejected: ['HL7-SEGMENT MSH[2]'],
  },
  {
    name: 'a message without MSH between good ones',
    profile: 'hl7-pcd01',
    input: [block(97), mllpFrame(message(PID, OBR, obx(SPO2, '50', PERCENT))), block(96)],
    survive: [97, 96],
    rejected: ['HL7-NO-MSH message'],
  },
  {
    name: 'a message of a wrong version between good ones',
    profile: 'hl7-pcd01',
    input: [block(97), mllpFrame(message(MSH.replace('|2.6', '|9.9'), PID, obx(SPO2, '50', PERCENT))), block(96)],
    survive: [97, 96],
    rejected: ['HL7-VERSION message'],
  },
  {
    name: 'a bad OBX among good ones',
    profile: 'hl7-pcd01',
    input: [oru(obx(SPO2, '97', PERCENT), obx(SPO2, 'NaN', PERCENT), obx(SPO2, '50', 'parsec'), obx(SPO2, '96', PERCENT))],
    survive: [97, 96],
    rejected: ['DECODE-FIELD OBX[2]', 'DECODE-UNIT OBX[3]'],
  },
  {
    name: 'a file without any MSH',
    profile: 'hl7-pcd01',
    input: [message(PID, OBR)],
    survive: [],
    rejected: ['HL7-NO-MSH message'],
  },
  {
    name: 'frames cut short and noise on a binary line',
    profile: 'nonin-df8',
    input: [Buffer.from('1122 80486120 8048 80486020 80'.replaceAll(' ', ''), 'hex')],
    survive: [97, 96],
    rejected: ['DECODE-GARBAGE frame', 'DECODE-TRUNCATED frame', 'DECODE-TRUNCATED frame'],
  },
  {
    name: 'a line that never ends, a line cut short and noise on a text line',
    profile: 'masimo-ascii1',
    input: [
      text(masimo('097')),
      text(`${'x'.repeat(5000)}\r\n`),
      text('\x80\xff\r\n'),
      text(masimo('096')),
      text(masimo('050').slice(0, 50)),
    ],
    survive: [97, 96],
    rejected: ['DECODE-OVERSIZED frame', 'DECODE-GARBAGE line', 'DECODE-TRUNCATED frame'],
  },
  {
    name: 'a line that lost its end and ran into the next',
    profile: 'masimo-ascii1',
    input: [text(masimo('097')), text(masimo('050').slice(0, 40)), text(masimo('051')), text(masimo('096'))],
    survive: [97, 96],
    rejected: ['DECODE-FIELD line'],
  },
  {
    name: 'JSON that is not JSON, and a field that is none, among good payloads',
    profile: 'mqtt-home-hub',
    input: [text(bp()), text('{"type":"spo2","spo2":\n'), text('\xff\xfe\n'), text(bp({ pulse: [1] })), text(bp({ spo2: 'x' }))],
    survive: [97, 97],
    rejected: ['DECODE-JSON payload', 'DECODE-JSON payload', 'DECODE-FIELD metrics.pr_oxi', 'DECODE-FIELD metrics.spo2'],
  },
];

for (const { name, profile, input, survive, rejected } of CASES) {
  test(`${profile}: ${name}`, async () => {
    verifies('GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP');
    const result = await command(['--profile', profile], input);
    assert.equal(result.code, 0);
    assert.deepEqual(
      result.observations.filter(({ code }) => code.coding?.[0]?.code === '2708-6').map(({ valueQuantity }) => valueQuantity?.value),
      survive,
    );
    assert.deepEqual(
      result.rejected.map(({ code, part }) => `${code} ${part}`),
      rejected,
    );
  });
}
