import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DecodeContext } from '../../../../agent/decoding.ts';
import { mllpFrame } from '../../../../agent/framing/mllp.ts';
import { mindrayPds } from '../../../../agent/hl7/dialects/mindray-pds.ts';
import { hl7Profile } from '../../../../agent/hl7/read.ts';
import { resilientDecoder } from '../../../../agent/sources/delivery.ts';
import { hl7Stream } from '../../../../agent/sources/hl7-stream.ts';
import { checkRecord } from '../../../../shared/reading-check.ts';
import { verifies } from '../../../requirements.ts';
import { CONTEXT, RECEIVED_AT } from '../../decode/decoding.ts';
import { bytesOf, said } from './dialect.ts';

const PROFILE = hl7Profile(mindrayPds);
const msh = (control: string): string => `MSH|^~\\&|||||||ORU^R01|${control}|P|2.3.1|`;
const text = (code: string, value: string): string => `OBX||ST|${code}^||${value}||||||F`;
const PID = 'PID|||14140f00-0000-0000-1112000000000001||DOE^JANE||19600101|F|';
const PV1 = 'PV1||I|^^ICU&6&3232237756&4601&&1|||||||||||||||A|||';
const OBR = 'OBR||||Mindray Monitor|||0|';

const admit = (patient: string, bed = 'BED-006'): string[] => [
  ...[msh('103'), PID, PV1, OBR, 'OBX||NM|52^||170.0||||||F'],
  ...[text('2301', patient), 'OBX||CE|2302^Blood||0^N||||||F', `OBX||ST|2308^BedNoStr||${bed}||||||F`],
];
const hr = (value: number): string[] => [msh('204'), `OBX||NM|101^HR|2101|${value}||||||F`];
const alarm = (): string[] => [msh('54'), 'OBX||CE|2|1|10002^**HR Too Low||||||F'];
const HEARTBEAT = [msh('106')];

/** A connection: give it messages (or bytes as they are), and see who each reading or alert is of. */
function connection(context: Partial<DecodeContext> = {}) {
  const stream = hl7Stream(PROFILE, { ...CONTEXT, ...context });
  return (...messages: readonly (readonly string[] | Uint8Array)[]): string[] =>
    messages.flatMap((message) =>
      stream.push(message instanceof Uint8Array ? message : mllpFrame(bytesOf(message)), RECEIVED_AT).flatMap(({ records, rejected }) => [
        ...records.flatMap(({ subject, readings, alerts = [] }) => {
          const whose = `${subject.patient ? `${subject.patient.value}|${subject.patient.authority}` : '-'} ${subject.bed ?? '-'}`;
          return [...readings.map(({ value }) => `${value} of ${whose}`), ...alerts.map(() => `alarm of ${whose}`)];
        }),
        ...rejected.map(({ code, part, raw }) => `${code} ${part}${raw ? '+' : ''}`),
      ]),
    );
}

const LOST = 'HL7-PATIENT-LOST message+';

test('the patient of a message 103 holds for what follows, up to the next one', () => {
  verifies('PATIENT-OF-CONNECTION');
  const send = connection();
  assert.deepEqual(send(admit('P-1'), hr(71), alarm(), HEARTBEAT, hr(72)), [
    '71 of P-1| ICU^^BED-006',
    'alarm of P-1| ICU^^BED-006',
    '72 of P-1| ICU^^BED-006',
  ]);
  assert.deepEqual(send(admit('P-2', 'BED-007'), hr(73)), ['73 of P-2| ICU^^BED-007']);
  assert.deepEqual(send(admit('', ''), hr(74)), ['74 of - ICU^^6'], 'discharged: nobody, not the one before');
});

test('without a message 103 nobody is named, and the patient of the configuration is not taken for it', () => {
  verifies('PATIENT-OF-CONNECTION');
  const send = connection({ patient: { value: 'P-9', authority: '' }, bed: 'BED-9' });
  assert.deepEqual(send(hr(70), alarm()), ['70 of - BED-9', 'alarm of - BED-9']);
  assert.deepEqual(send(admit(''), hr(71)), ['71 of - ICU^^BED-006']);
  assert.deepEqual(send([msh('103'), PID, text('2301', 'P-1')], hr(72)), ['72 of P-1| BED-9']);
});

test('connections know nothing of each other, nor of the one before', () => {
  verifies('PATIENT-OF-CONNECTION');
  const [one, other] = [connection(), connection()];
  one(admit('P-1'));
  assert.deepEqual(other(hr(80)), ['80 of - -']);
  other(admit('P-2', 'BED-007'));
  assert.deepEqual([one(hr(71)), other(hr(81))], [['71 of P-1| ICU^^BED-006'], ['81 of P-2| ICU^^BED-007']]);
  other(admit('P-3', '').slice(0, 1));
  assert.deepEqual([one(hr(72)), other(hr(82))], [['72 of P-1| ICU^^BED-006'], [LOST]]);
  assert.deepEqual(connection()(hr(73)), ['73 of - -'], 'the next connection begins with nobody');
});

test('the patient number of row 2301 goes before PID-3; the bed by its name, its number, or as it stands', () => {
  const whose = (...segments: string[]): string[] => connection()([msh('103'), ...segments], hr(70));
  assert.deepEqual(whose('PID|||P-1^^^HOSP^MR'), ['70 of P-1|HOSP -']);
  assert.deepEqual(whose('PID|||X-1', text('2301', 'P-1')), ['70 of P-1| -']);
  assert.deepEqual(whose('PID|||X-1', text('2301', '')), ['70 of - -']);
  assert.deepEqual(whose('PID|||X-1', text('2301', '""')), ['70 of - -']);
  assert.deepEqual(whose('PID|||'), ['70 of - -']);
  assert.deepEqual(whose('PID|||P-1', PV1), ['70 of P-1| ICU^^6']);
  assert.deepEqual(whose('PID|||P-1', 'PV1||I|^^&&2852002658&4601&&1'), ['70 of P-1| -']);
  assert.deepEqual(whose('PID|||P-1', 'PV1||I|^^&&2852002658&4601&&1', text('2308', 'BED-1')), ['70 of P-1| BED-1']);
  assert.deepEqual(whose('PID|||P-1', 'PV1||I|ICU^101^A'), ['70 of P-1| ICU^101^A']);
});

test('a message 103 that cannot be read ends the patient before it, and nothing is taken up to one that can be', () => {
  verifies('PATIENT-OF-CONNECTION', 'NO-SILENT-DROP');
  const damaged: readonly (readonly string[])[] = [
    [msh('103')],
    [msh('103'), PV1, text('2301', 'P-2')],
    [msh('103'), PID.replace('PID', 'PXD'), text('2301', 'P-2')],
    [msh('103'), 'PID|||bad\\X00\\id'],
    [msh('103'), PID, text('2301', 'bad\\X00\\id')],
    [msh('103'), PID, text('2301', 'x'.repeat(129))],
    [msh('103'), PID, text('2301', 'P-2'), text('2301', 'P-3')],
    [msh('103'), PID, text('2301', 'P-2'), text('2301', 'P-2')],
    [msh('103'), PID, PID],
    [msh('103'), PID, PV1, PV1],
    [msh('103'), PID, text('2308', 'bad\\X00\\bed')],
    [msh('103'), PID, PV1, text('2308', 'a^b')].map((segment) => segment.replace('a^b', 'a\\S\\b')),
    [msh('103'), PID, 'OBX||ST|^||P-2||||||F'],
    [msh('103'), PID, 'ZZZ|x'],
    [msh('103'), PID, msh('204'), 'OBX||NM|101^HR|2101|60||||||F'],
    [msh('103'), PID, `${text('2301', 'P-2')}\n${PID}`],
  ];
  for (const message of damaged) {
    const send = connection();
    assert.deepEqual(send(admit('P-1'), hr(71)), ['71 of P-1| ICU^^BED-006']);
    assert.deepEqual(send(message, hr(72), alarm(), HEARTBEAT), [LOST, LOST, LOST], message.join(' / '));
    assert.deepEqual(send(hr(73), admit('P-2'), hr(74)), [LOST, '74 of P-2| ICU^^BED-006']);
  }
});

test('what may have been a message 103 ends the patient, too: bytes between, a header that is damaged, a name where none belongs', () => {
  verifies('PATIENT-OF-CONNECTION');
  const block = Buffer.from(mllpFrame(bytesOf(admit('P-2'))));
  const damaged = (from: string, to: string): Buffer => Buffer.from(block.toString('latin1').replace(from, to), 'latin1');
  const inputs: readonly (readonly string[] | Uint8Array)[] = [
    damaged('MSH|', 'MXH|'),
    damaged('|103|', '|1o3|'),
    damaged('|103|', '|106|'),
    damaged('|103|', '|205|'),
    damaged('|103|', '|204|'),
    damaged('|103|', '||'),
    damaged('|2.3.1|', '|9.9|'),
    damaged('ORU^R01', 'ACK^R01'),
    damaged('ORU^R01', 'ADT^A08'),
    damaged('^~\\&', '^^^^'),
    block.subarray(1),
    Buffer.concat([Buffer.from([0x0b]), Buffer.alloc(CONTEXT.maxFrameBytes + 1, 0x41), Buffer.from([0x1c, 0x0d])]),
    Buffer.from('noise'),
    block.subarray(0, 60),
    [msh('106'), PID],
    [...hr(60), PID],
    // What is left of a 103 that lost its segments, or their line ends.
    [msh('204'), text('2301', 'P-2')],
    [msh('7'), OBR, text('2308', 'BED-007')],
    [`${msh('204')}${PID}`, ...hr(60).slice(1)],
    [msh('204'), `OBX||NM|101^HR|2101|60||||||F${PID}`],
    [msh('204'), 'O8X||NM|101^HR|2101|60||||||F'],
    [msh('204'), `OBX||NM|101^HR|2101|60||||||F\n${PID}`],
  ];
  for (const [index, input] of inputs.entries()) {
    const send = connection();
    send(admit('P-1'), input);
    assert.deepEqual(
      send(hr(72)).filter((line) => line.includes(' of ')),
      [],
      `input ${index}`,
    );
    assert.deepEqual(send(admit('P-3'), hr(73)).at(-1), '73 of P-3| ICU^^BED-006', `input ${index}`);
  }
});

test('a decoder that takes the place of one that failed knows nobody, and takes nothing before the next message 103', () => {
  verifies('PATIENT-OF-CONNECTION');
  let isDefect = false;
  const decoder = resilientDecoder(() => {
    const stream = hl7Stream(PROFILE, CONTEXT);
    return {
      ...stream,
      push: (chunk, receivedAt) => (isDefect ? assert.fail('defect') : stream.push(chunk, receivedAt)),
    };
  });
  const send = (message: readonly string[]): string[] => said(decoder.push(mllpFrame(bytesOf(message)), RECEIVED_AT)).rejected;
  assert.deepEqual([send(admit('P-1')), send(hr(71))], [[], []]);
  isDefect = true;
  assert.deepEqual(send(admit('P-2')), ['INTERNAL chunk+']);
  isDefect = false;
  assert.deepEqual([send(hr(72)), send(admit('P-2')), send(hr(73))], [[LOST], [], []]);
});

test('what names nobody and cannot have been a message 103 leaves the patient as it is', () => {
  verifies('GOOD-PARTS-SURVIVE');
  const send = connection();
  send(admit('P-1'));
  send(
    [msh('53'), 'OBX||CE|2009^|170|2^||||||F'],
    [msh('205'), 'OBX||CE|2037^|101|3^||||||F'],
    ['MSH|^~\\&|||||||ACK|1|P|2.3.1', 'MSA|AA|1'],
  );
  send([msh('204'), 'OBX||NM|101^HR|2101|abc||||||F']);
  assert.deepEqual(send(hr(72)), ['72 of P-1| ICU^^BED-006']);
});

test('a message by itself is of nobody; one in a file is of whom the file named', () => {
  verifies('PATIENT-OF-CONNECTION');
  const alone = PROFILE.read(bytesOf(hr(70)), RECEIVED_AT, { ...CONTEXT, patient: { value: 'P-9', authority: '' } });
  assert.deepEqual(alone.records[0]?.subject, {});
  const decoder = PROFILE.decoder(CONTEXT);
  const bytes = Buffer.concat([bytesOf(admit('P-1')), bytesOf(hr(71)), bytesOf([msh('103')]), bytesOf(hr(72))]);
  const parts = [...decoder.push(bytes, RECEIVED_AT), ...decoder.end(RECEIVED_AT)];
  assert.deepEqual(
    parts.flatMap(({ records }) => records.map(({ subject }) => subject.patient?.value)),
    ['P-1'],
  );
  assert.deepEqual(
    parts.flatMap(({ rejected }) => rejected.map(({ code }) => code)),
    ['HL7-PATIENT-LOST', 'HL7-PATIENT-LOST'],
  );
});

test('whatever comes, nothing is of another patient than the last one that was named whole, and every record is sound', () => {
  verifies('PATIENT-OF-CONNECTION');
  const whole = fc.constantFrom('P-1', 'P-2', '').map((patient) => ({ patient, bytes: mllpFrame(bytesOf(admit(patient))) }));
  const values = fc.constantFrom(hr(71), alarm(), HEARTBEAT, [msh('53')]).map((message) => ({ bytes: mllpFrame(bytesOf(message)) }));
  // One byte of a message 103 is another one: it is read as what it now says, or ends the patient.
  const block = mllpFrame(bytesOf([msh('103'), PID, text('2301', 'P-3')]));
  const broken = fc.tuple(fc.nat(block.length - 1), fc.constantFrom(...'|^\r\n\x0b\x1cXO0')).map(([at, char]) => {
    const bytes = Uint8Array.from(block);
    bytes[at] = char.charCodeAt(0);
    return { broken: true, bytes };
  });
  const noise = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => ({ broken: true, bytes }));
  fc.assert(
    fc.property(fc.array(fc.oneof(whole, values, broken, noise), { maxLength: 12 }), (pieces) => {
      const stream = hl7Stream(PROFILE, CONTEXT);
      let last: string | undefined;
      let isBroken = false;
      for (const piece of pieces) {
        if ('patient' in piece) {
          last = piece.patient;
          isBroken = false;
        }
        if ('broken' in piece) isBroken = true;
        for (const { records } of stream.push(piece.bytes, RECEIVED_AT)) {
          for (const record of records) {
            assert.equal(checkRecord(record), undefined);
            const named = record.subject.patient?.value;
            // After a damaged one nothing of the patient before it may come any more.
            if (isBroken) assert.ok(named === undefined || !['P-1', 'P-2'].includes(named), named);
            else assert.equal(named ?? '', last ?? '');
          }
        }
      }
    }),
    { numRuns: 200 },
  );
});
