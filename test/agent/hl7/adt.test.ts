import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { DecodeContext, Decoded } from '../../../agent/decoding.ts';
import { adt } from '../../../agent/hl7/dialects/adt.ts';
import { hl7Profile } from '../../../agent/hl7/read.ts';
import { resourcesOf } from '../../../agent/resources.ts';
import { MOVEMENTS, type Movement, type MovementEvent } from '../../../shared/movement.ts';
import { MOVEMENT_CHECK, readMovement } from '../../../shared/movement-resource.ts';
import { decodeRecord, encodeRecord } from '../../../shared/reading.ts';
import { checkRecord } from '../../../shared/reading-check.ts';
import { verifies } from '../../requirements.ts';
import { CONTEXT, RECEIVED_AT } from '../decode/decoding.ts';
import { message, reply } from './oru.ts';

const profile = hl7Profile(adt);
const KEY = { agent: 'gw-1', epoch: '0123456789abc', seq: 7 };

const PID1 = 'PID|1||P-0001^^^HOSP^MR';
const PID2 = 'PID|2||P-0002^^^HOSP^MR';
const PV1 = 'PV1|1|I|ICU^101^BED-01|||ICU^102^BED-02|||||||||||||V-500';
const MRG = 'MRG|P-0099^^^HOSP^MR||A-099||V-499';

/** What each event must carry, and nothing more. */
const LEAST: Record<MovementEvent, string[]> = {
  ...Object.fromEntries(['A01', 'A03', 'A04', 'A05', 'A06', 'A07', 'A08', 'A11', 'A13'].map((event) => [event, [PID1]])),
  ...Object.fromEntries(['A02', 'A12'].map((event) => [event, [PID1, PV1]])),
  A17: [PID1, PV1, PID2, 'PV1|2|I|ICU^102^BED-02'],
  ...Object.fromEntries(['A34', 'A35', 'A36', 'A40', 'A44', 'A45', 'A47'].map((event) => [event, [PID1, MRG]])),
  A37: [PID1, PID2],
} as Record<MovementEvent, string[]>;

function header(event: string, fields: { type?: string; time?: string; processing?: string } = {}): string {
  const { type = `ADT^${event}`, time = '20261121100000+0100', processing = 'P' } = fields;
  return `MSH|^~\\&|PAS|HOSP|||${time}||${type}|M1|${processing}|2.5`;
}

function read(segments: readonly string[], context: Partial<DecodeContext> = {}): Decoded {
  return profile.read(message(...segments), RECEIVED_AT, { ...CONTEXT, ...context });
}

function movement(event: string, ...segments: string[]): Movement | undefined {
  return read([header(event), `EVN||20261121095900+0100`, ...segments]).records[0]?.movement;
}

const ack = (decoded: Decoded): string | undefined => reply(decoded.reply?.stored).find(([name]) => name === 'MSA')?.[1];
const codes = (decoded: Decoded): string[] => decoded.rejected.map(({ code, part }) => `${code} ${part}`);

describe('ADT', () => {
  for (const event of Object.keys(MOVEMENTS) as MovementEvent[]) {
    test(`${event} (${MOVEMENTS[event]}): is read, kept, sent and taken by the hub as the same movement`, () => {
      verifies('MOVEMENTS-READ');
      const decoded = read([header(event), `EVN|${event}|20261121095900+0100||||20261121095800+0100`, ...LEAST[event]]);
      assert.equal(ack(decoded), 'AA');
      const [record, ...more] = decoded.records;
      assert.ok(record?.movement && more.length === 0);
      assert.equal(checkRecord(record), undefined);
      assert.deepEqual(decodeRecord(encodeRecord(record)), record);
      assert.equal(record.movement.event, event);
      assert.equal(record.movement.effective, Date.UTC(2026, 10, 21, 8, 58));
      const [resource] = resourcesOf(record, KEY);
      const checked = MOVEMENT_CHECK.check(JSON.parse(JSON.stringify(resource)) as Record<string, unknown>);
      assert.ok(checked.ok);
      assert.deepEqual(readMovement(resource), record.movement);
      assert.equal(checked.facts.receivedAt, RECEIVED_AT);
    });

    test(`${event} without what makes it one is refused whole`, () => {
      verifies('MOVEMENTS-WHOLE');
      for (let left = LEAST[event].length - 1; left >= 0; left -= 1) {
        const decoded = read([header(event), 'EVN|', ...LEAST[event].toSpliced(left, 1)]);
        assert.equal(ack(decoded), 'AR', LEAST[event][left]);
        assert.deepEqual(decoded.records, []);
        assert.equal(decoded.rejected[0]?.part, 'message');
      }
    });
  }

  test('who, where from, where to, visit, account, other numbers and what ceases to be', () => {
    verifies('MOVEMENTS-READ');
    const pid = 'PID|1||V-77^^^&1.2.276.0.76.3.1&ISO^SS~P-0001^^^HOSP^MR||NAME^NOBODY||19000101|F||||||||||A-100';
    assert.deepEqual(movement('A02', pid, PV1)?.parties, [
      {
        patient: { value: 'P-0001', authority: 'HOSP' },
        otherIds: [{ value: 'V-77', authority: '1.2.276.0.76.3.1' }],
        account: 'A-100',
        patientClass: 'I',
        bed: 'ICU^101^BED-01',
        priorBed: 'ICU^102^BED-02',
        visit: 'V-500',
      },
    ]);
    const prior = { patient: { value: 'P-0099', authority: 'HOSP' }, account: 'A-099', visit: 'V-499' };
    assert.deepEqual(movement('A36', PID1, MRG)?.parties, [{ patient: { value: 'P-0001', authority: 'HOSP' }, prior }]);
    assert.doesNotMatch(JSON.stringify(movement('A02', pid, PV1)), /NOBODY|19000101/);
  });

  test('a place that is taken away is told from one that is not named', () => {
    verifies('MOVEMENTS-READ');
    assert.equal(movement('A03', PID1, 'PV1|1|I|""')?.parties[0]?.bed, '');
    assert.equal(Object.hasOwn(movement('A03', PID1, 'PV1|1|I|')?.parties[0] ?? {}, 'bed'), false);
  });

  test('several patients are merged, and several visits of one moved, in one message', () => {
    verifies('MOVEMENTS-READ');
    const merged = movement('A40', PID1, MRG, PID2, 'MRG|P-0098^^^HOSP^MR');
    assert.deepEqual(
      merged?.parties.map(({ patient, prior }) => [patient.value, prior?.patient?.value]),
      [
        ['P-0001', 'P-0099'],
        ['P-0002', 'P-0098'],
      ],
    );
    const moved = movement('A45', PID1, MRG, 'PV1|1|I|ICU^^A', 'MRG|P-0098^^^HOSP^MR||||V-1', 'PV1|2|I|ICU^^B');
    assert.deepEqual(
      moved?.parties.map(({ patient, prior, bed }) => [patient.value, prior?.patient?.value, bed]),
      [
        ['P-0001', 'P-0099', 'ICU^^A'],
        ['P-0001', 'P-0098', 'ICU^^B'],
      ],
    );
  });

  test('the time is that of the event, else of its record, else of the message, else of its receipt', () => {
    verifies('MOVEMENTS-READ');
    const timed = (evn: string, time = '20261121100000+0100'): Movement | undefined =>
      read([header('A01', { time }), evn, PID1]).records[0]?.movement;
    assert.equal(timed('EVN||20261121095900+0100||||20261121095800+0100')?.effective, Date.UTC(2026, 10, 21, 8, 58));
    assert.equal(timed('EVN||20261121095900+0100')?.effective, Date.UTC(2026, 10, 21, 8, 59));
    assert.equal(timed('EVN||')?.effective, Date.UTC(2026, 10, 21, 9));
    const none = timed('EVN||', '');
    assert.deepEqual([none?.effective, none?.flags], [undefined, ['clockless']]);
    assert.deepEqual(timed('EVN||20261121095900+0100||||soon')?.flags, ['clock']);
  });

  test('the event stands in MSH-9, or in EVN-1 where older senders put it alone', () => {
    verifies('MOVEMENTS-WHOLE');
    assert.equal(read([header('', { type: 'ADT' }), 'EVN|A01|', PID1]).records[0]?.movement?.event, 'A01');
    assert.deepEqual(codes(read([header('', { type: 'ADT' }), 'EVN|A77|', PID1])), ['HL7-TYPE message']);
  });

  for (const [named, stated] of [
    ['A04', 'A01'],
    ['A08', 'A31'],
    ['A01', 'A05'],
    ['A40', 'A34'],
    ['A40', 'A18'],
    ['A03', 'Z03'],
    ['A11', 'CANCEL'],
  ] as const)
    test(`${named} in MSH-9 counts where EVN-1 was left as ${stated}, which is counted`, () => {
      verifies('MOVEMENT-EVENT');
      const decoded = read([header(named), `EVN|${stated}|20261121095900+0100`, ...LEAST[named]]);
      assert.equal(ack(decoded), 'AA');
      assert.equal(decoded.records[0]?.movement?.event, named);
      assert.equal(decoded.records[0]?.movement?.effective, Date.UTC(2026, 10, 21, 8, 59));
      assert.deepEqual(codes(decoded), ['HL7-EVENT EVN-1']);
      assert.equal(decoded.rejected[0]?.raw, undefined, 'nothing of it is kept');
      assert.equal(reply(decoded.reply?.stored).filter(([name]) => name === 'ERR').length, 0);
    });

  test('of events that contradict each other neither is taken: whatever ends, undoes, swaps or merges, against anything else', () => {
    verifies('MOVEMENT-EVENT', 'MOVEMENTS-WHOLE');
    const all = Object.keys(MOVEMENTS) as MovementEvent[];
    const here = ['A01', 'A02', 'A04', 'A05', 'A06', 'A07', 'A08'];
    const merged = ['A34', 'A36', 'A40'];
    for (const named of all) {
      for (const stated of [...all, 'A23', 'A29', 'A38', 'P01']) {
        if (named === stated || [here, merged].some((alike) => alike.includes(named) && alike.includes(stated))) continue;
        const decoded = read([header(named), `EVN|${stated}|`, ...LEAST[named]]);
        assert.deepEqual([ack(decoded), codes(decoded), decoded.records], ['AR', ['HL7-EVENT message'], []], `${named} ${stated}`);
        assert.ok(decoded.rejected[0]?.raw, 'and it is kept');
      }
    }
  });

  test('other ADT events are answered and counted, other messages refused', () => {
    for (const event of ['A31', 'A28', 'A60']) {
      const decoded = read([header(event), 'EVN|', PID1]);
      assert.deepEqual([ack(decoded), codes(decoded)], ['AA', ['HL7-TYPE message']]);
    }
    assert.equal(ack(read([header('', { type: 'ORU^R01' }), PID1])), 'AR');
  });

  test('what cannot be read costs the whole message: damaged segments, two messages in one, numbers that are none', () => {
    verifies('MOVEMENTS-WHOLE');
    for (const bad of ['P!D|2||P-0002', 'MSH|^~\\&|X', `PID|1||${'9'.repeat(200)}^^^HOSP`, 'PID|1||P\u0001^^^HOSP', 'PV1|1|I|A\\S\\B^1'])
      assert.equal(ack(read([header('A01'), 'EVN|', PID1, bad])), 'AR', bad);
    assert.equal(ack(read([header('A01'), 'PV1|1|I|ICU', PID1])), 'AR');
    const many = Array.from({ length: 120 }, (_, i) => [`PID|1||P-${i}`, `MRG|Q-${i}`]).flat();
    assert.equal(ack(read([header('A40'), ...many])), 'AR');
  });

  test('a name that is one of those read but for one character may be another patient’s: nothing of the message is read', () => {
    verifies('MOVEMENTS-WHOLE', 'SUBJECT-BY-HUB');
    for (const damaged of ['PIX|2||P-0002^^^HOSP^MR', 'RID|2||P-0002^^^HOSP^MR', 'PVI|1|I|ICU^^B', 'MRX|P-0098'])
      assert.equal(ack(read([header('A40'), 'EVN|', PID1, MRG, damaged, 'MRG|P-0098^^^HOSP^MR'])), 'AR', damaged);
    for (const known of ['PV2||', 'PR1|1', 'DRG|1', 'PD1|', 'NK1|1', 'ZID|1', 'PDA|'])
      assert.equal(ack(read([header('A40'), 'EVN|', PID1, known, MRG])), 'AA', known);
  });

  test('what contradicts itself moves and merges nobody', () => {
    verifies('MOVEMENTS-WHOLE');
    const [mrg1, mrg2] = ['MRG|P-0001^^^HOSP^MR', 'MRG|P-0002^^^HOSP^MR'];
    for (const event of ['A34', 'A36', 'A40']) assert.equal(movement(event, PID1, mrg1), undefined, 'with itself');
    assert.equal(movement('A40', PID1, mrg2, PID2, mrg1), undefined, 'each into the other');
    assert.equal(movement('A40', PID1, mrg2, PID2, MRG), undefined, 'into one that is gone');
    assert.equal(movement('A40', PID1, MRG, PID2, mrg1)?.parties.length, 2, 'one after the other');
    assert.equal(movement('A40', PID1, 'MRG|P-0001^^^OTHER^MR')?.parties.length, 1, 'the same number of another authority');
    assert.equal(movement('A45', PID1, `${mrg1}||||V-1`, 'PV1|1|I|ICU^^A')?.parties.length, 1, 'visits of a patient may stay its own');
    const [a, b] = ['PV1|1|I|ICU^^A', 'PV1|1|I|ICU^^B'];
    for (const [event, ...segments] of [
      ['A17', PID1, a, PID2, a],
      ['A17', PID1, a, b, PID2, 'PV1|1|I|ICU^^C'],
      ['A02', PID1, a, b],
      ['A01', PID1, a, PID1, b],
    ] as const)
      assert.equal(movement(event, ...segments), undefined, segments.join(' '));
    assert.equal(movement('A01', PID1, a, a)?.parties.length, 2);
  });

  test('only listed senders are heard, and test messages stay test messages', () => {
    verifies('TEST-TAGGED');
    assert.deepEqual(codes(read([header('A01'), PID1], { devices: ['OTHER'] })), ['DECODE-DEVICE-UNKNOWN message']);
    assert.equal(read([header('A01'), PID1], { devices: ['PAS'] }).records.length, 1);
    const [record] = read([header('A01', { processing: 'T' }), PID1]).records;
    assert.equal(record?.test, true);
    const [resource] = record ? resourcesOf(record, KEY) : [];
    assert.equal(resource?.meta?.security?.[0]?.code, 'HTEST');
  });

  test('whatever the segments hold, it is read whole or refused, and what is read goes through', () => {
    verifies('MOVEMENTS-WHOLE');
    const field = fc.string({ unit: fc.constantFrom(...'P1^~&\\|"S.A ü\u0007'), maxLength: 12 });
    const segment = fc.tuple(fc.constantFrom('PID|1||', 'PV1|1|I|', 'MRG|', 'EVN|', 'ZZZ|', 'P'), field).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(MOVEMENTS)), fc.array(segment, { maxLength: 6 }), (event, segments) => {
        const { records, rejected } = read([header(event), ...segments]);
        assert.equal(records.length + rejected.filter(({ part }) => part === 'message').length, 1);
        for (const record of records) {
          assert.equal(checkRecord(record), undefined);
          const [resource] = resourcesOf(record, KEY);
          assert.ok(MOVEMENT_CHECK.check(JSON.parse(JSON.stringify(resource)) as Record<string, unknown>).ok);
          assert.deepEqual(readMovement(resource)?.parties, record.movement?.parties);
        }
      }),
      { numRuns: 300 },
    );
  });
});
