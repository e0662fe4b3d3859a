import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { DecodeContext, Decoded, Rejected } from '../../../agent/decoding.ts';
import { codedVital } from '../../../agent/hl7/codes.ts';
import { Connection } from '../../../agent/hl7/connection.ts';
import { type Dialect, MDC_ROWS } from '../../../agent/hl7/dialect.ts';
import { pcd01 } from '../../../agent/hl7/dialects/pcd01.ts';
import { hl7Profile } from '../../../agent/hl7/read.ts';
import type { Reading, ReadingRecord } from '../../../shared/reading.ts';
import { verifies } from '../../requirements.ts';
import { CONTEXT, RECEIVED_AT } from '../decode/decoding.ts';
import { MMHG, MSH, message, OBR, obx, PERCENT, PID, PV1, SPO2 } from './oru.ts';

/** Does not know saturations, as a site's dialect before it was mended; afterwards it does. */
const lacking = (deviceOnce: boolean): Dialect => ({
  ...pcd01,
  obx: {
    ...MDC_ROWS,
    ...(deviceOnce && { deviceOnce: true as const }),
    vital: (field, separators) => (field === SPO2 ? { rows: [], mdc: undefined } : codedVital(field, separators)),
  },
});
const mended = (deviceOnce: boolean): Dialect => ({ ...pcd01, obx: { ...MDC_ROWS, ...(deviceOnce && { deviceOnce: true as const }) } });

const HR = '147842^MDC_ECG_CARD_BEAT_RATE^MDC';
const SYS = '150021^MDC_PRESS_BLD_NONINV_SYS^MDC';
const BPM = '264864^MDC_DIM_BEAT_PER_MIN^MDC';
const MDS = (n: string, device: string, time = ''): string =>
  obx('69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC', '', '', { 2: '', 4: n, 14: time, 18: device });

/** The row by itself, by the dialect that knows it. */
function again({ again: row }: Rejected, dialect: Dialect, context: DecodeContext): Decoded {
  assert.ok(row);
  const { patient: _, bed: __, ...rest } = context;
  const connection = new Connection();
  connection.say(row.subject);
  return hl7Profile(dialect).read(row.raw, RECEIVED_AT, { ...rest, ...row.subject }, connection, row.last ?? 1);
}

/** Each reading with whose it is and from which device. */
function flat(records: readonly ReadingRecord[]): unknown[] {
  return records.flatMap(({ readings, receivedAt: _, ...record }) => readings.map((reading) => ({ ...record, reading })));
}

/** All saturations that the message has by the mended dialect, and those that come out of what the lacking one rejected. */
function both(bytes: Uint8Array, { deviceOnce = false, ...more }: Partial<DecodeContext> & { deviceOnce?: boolean } = {}) {
  const context = { ...CONTEXT, ...more };
  const isIt = (one: unknown): boolean => (one as { reading: Reading }).reading.vital === 'spo2';
  const whole = flat(hl7Profile(mended(deviceOnce)).read(bytes, RECEIVED_AT, context).records).filter(isIt);
  const { rejected } = hl7Profile(lacking(deviceOnce)).read(bytes, RECEIVED_AT, context);
  const unknown = rejected.filter(({ code }) => code === 'DECODE-UNKNOWN-CODE');
  const alone = unknown.filter((part) => part.again).map((part) => again(part, mended(deviceOnce), context));
  return { whole, unknown, alone, replayed: alone.flatMap(({ records }) => flat(records)) };
}

const saturation = (value: number, path = '1.1.1.1', fields: Record<number, string> = {}): string =>
  obx(SPO2, `${value}`, PERCENT, { 4: path, ...fields });

/** OBX-5 of the last segment. */
function lastValueOf(raw: Uint8Array = new Uint8Array()): number {
  const [row = ''] = Buffer.from(raw).toString('latin1').split('\r').slice(-2);
  return Number(row.split('|')[5]);
}

describe('a rejected row that is read again by itself', () => {
  test('is what it was in its message: patient, bed, device, times; and nothing of its neighbours', () => {
    verifies('ROW-AGAIN');
    const bytes = message(
      MSH,
      PID,
      PV1,
      'OBR|1|||1^A|||20261121090000+0100',
      MDS('1.0.0.0', 'AAAA^^0000000000000001^EUI-64'),
      OBR,
      obx('69854^MDC_DEV_METER_PHYSIO_MULTI_PARAM_CHAN^MDC', '', '', { 2: '', 4: '1.1.1.0', 14: '20261121095900+0100' }),
      obx(HR, '60', BPM, { 4: '1.1.1.1' }),
      saturation(97, '1.1.1.2'),
      obx(HR, '61', BPM, { 4: '1.1.1.3' }),
      'PID|||P-0002^^^HOSP^MR',
      saturation(96, '1.1.1.2'),
    );
    const { whole, replayed, alone } = both(bytes);
    assert.equal(whole.length, 2);
    assert.deepEqual(replayed, whole);
    assert.deepEqual(
      alone.map(({ rejected }) => rejected),
      [[], []],
    );
    const [first, second] = replayed as (ReadingRecord & { reading: Reading })[];
    assert.deepEqual(
      [first?.subject.patient?.value, first?.subject.bed, first?.device.id],
      ['P-0001', 'ICU^101^BED-01', '0000000000000001'],
    );
    assert.equal(first?.reading.effective, Date.UTC(2026, 10, 21, 8, 59));
    assert.deepEqual(second?.subject, { patient: { value: 'P-0002', authority: 'HOSP' } });
  });

  test('keeps what it needs and no more: neither values of others nor what is left aside', () => {
    verifies('ROW-AGAIN');
    const bytes = message(MSH, PID, 'NTE|1||A TEXT', PV1, OBR, obx(HR, '61', BPM), saturation(97), obx(HR, '62', BPM));
    const [part] = both(bytes).unknown;
    assert.equal(Buffer.from(part?.again?.raw ?? []).toString('latin1'), message(MSH, PID, PV1, OBR, saturation(97)).toString('latin1'));
    assert.equal(Buffer.from(part?.raw ?? []).toString('latin1'), saturation(97), 'what was rejected is the row');
  });

  test('patient and bed of the configuration are in force exactly where they were', () => {
    verifies('ROW-AGAIN', 'SUBJECT-BY-HUB');
    const configured = { patient: { value: 'P-CONFIG', authority: '' }, bed: 'BED-CONFIG' };
    const nameless = both(message(MSH, OBR, saturation(97)), configured);
    assert.equal(nameless.replayed.length, 1);
    assert.deepEqual(nameless.replayed, nameless.whole);
    // The one whose row it is names neither; another patient of the message does.
    const named = both(message(MSH, 'PID|||', OBR, saturation(97), PID, PV1, OBR, saturation(96)), configured);
    assert.equal(named.replayed.length, 2);
    assert.deepEqual(named.replayed, named.whole);
    assert.deepEqual((named.replayed[0] as ReadingRecord).subject, {});
  });

  test('the device that a row before it names, once, is its device, and the value of that row does not come again', () => {
    verifies('ROW-AGAIN');
    const bytes = message(
      MSH,
      PID,
      OBR,
      obx(HR, '60', BPM, { 4: '1.1.1.1', 18: 'MON-1' }),
      obx(SYS, '120', MMHG),
      saturation(97, '1.2.1.1'),
    );
    const { whole, replayed } = both(bytes, { deviceOnce: true });
    assert.equal((whole[0] as ReadingRecord | undefined)?.device.id, 'MON-1');
    assert.deepEqual(replayed, whole);
  });

  test('a number that some rows call an EUI-64 and others do not is of each row what that row says', () => {
    verifies('ROW-AGAIN');
    const named = (value: number, device: string): string => saturation(value, '1.1.1.1', { 18: device });
    for (const [first, second] of [
      ['D1', 'D1^^D1^EUI-64'],
      ['D1^^D1^EUI-64', 'D1'],
    ] as const) {
      const { whole, replayed } = both(message(MSH, PID, OBR, named(97, first), named(96, second), named(95, first)));
      const types = (whole as (ReadingRecord & { reading: Reading })[]).map(({ device }) => [device.id, device.idType]);
      assert.equal(new Set(types.map((type) => type.join())).size, 2);
      const byValue = (rows: readonly unknown[]): unknown[] =>
        [...rows].sort((a, b) => Number((a as { reading: Reading }).reading.value) - Number((b as { reading: Reading }).reading.value));
      assert.deepEqual(byValue(replayed), byValue(whole));
    }
    // The same of the device of a whole group, which its own row names.
    const { whole, replayed } = both(message(MSH, PID, OBR, MDS('1', 'D1'), saturation(97), MDS('1', 'D1^EUI-64'), saturation(96)));
    assert.equal(whole.length, 2);
    assert.deepEqual(replayed, whole);
  });

  test('where it cannot be said for certain what it is of, it is kept as it came', () => {
    verifies('ROW-AGAIN');
    const unsure: [string, Buffer][] = [
      ['a damaged segment before it', message(MSH, PID, OBR, 'IN1|1', saturation(97))],
      ['the other line end in its patient', message(MSH, `${PID}||A\nB`, OBR, saturation(97))],
      ['a row that is too large', message(MSH, PID, OBR, saturation(97, '1.1.1.1', { 16: 'x'.repeat(20_000) }))],
      ['characters in a set of one byte that is not named', message(MSH, 'PID|||P-\u00fc', OBR, saturation(97))],
    ];
    for (const [what, bytes] of unsure) {
      const { unknown } = both(bytes);
      assert.equal(unknown.length, 1, what);
      assert.equal(unknown[0]?.again, undefined, what);
      assert.ok(unknown[0]?.raw, what);
    }
  });

  test('of a message with thousands of bad rows some are, and it is read in good time', () => {
    verifies('ROW-AGAIN');
    const { unknown } = both(message(MSH, PID, OBR, ...Array.from({ length: 1500 }, (_, i) => saturation(i % 100))));
    assert.equal(unknown.length, 1500);
    assert.equal(unknown.filter((part) => part.again).length, 64);
  });

  test('whatever else is in the message, it is what it was in the whole of it', () => {
    verifies('ROW-AGAIN', 'NOTHING-INVENTED');
    const path = fc.constantFrom('1.1.1.1', '1.1.2.1', '2.1.1.1', '1', '');
    const time = fc.constantFrom('', '20261121095900+0100', '20261121095800+0100', 'soon', '""');
    const device = fc.constantFrom('', 'MON-1', 'MON-1^EUI-64', 'MON-2', 'X^^0000000000000002^EUI-64', '\u0007');
    const structure = fc.constantFrom('1.0.0.0', '1', '1.1.0.0', '1.1.1.0', '1.1.1', '2.0.0.0', '2.1.0');
    let number = 0;
    const next = (): number => {
      number += 1;
      return number;
    };
    const segment = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(path, time, device).map(
          ([p, t, d]) =>
            () =>
              saturation(next(), p, { 14: t, 18: d }),
        ),
      },
      {
        weight: 3,
        arbitrary: fc.tuple(path, device).map(
          ([p, d]) =>
            () =>
              obx(HR, '60', BPM, { 4: p, 18: d }),
        ),
      },
      {
        weight: 4,
        arbitrary: fc.tuple(structure, time, device).map(
          ([p, t, d]) =>
            () =>
              MDS(p, d, t),
        ),
      },
      { weight: 2, arbitrary: time.map((t) => () => `OBR|1|||1^A|||${t}`) },
      { weight: 2, arbitrary: fc.constantFrom(PID, 'PID|||P-0002^^^HOSP^MR', 'PID|||', 'PID|||P\u0001').map((s) => () => s) },
      { weight: 2, arbitrary: fc.constantFrom(PV1, 'PV1||I|', 'PV1||I|ICU^102', 'PV1||I|A\\S\\B').map((s) => () => s) },
      { weight: 1, arbitrary: fc.constantFrom('NTE|1||PID', 'IN1|1', 'P!D|', 'ZZZ|1', MSH).map((s) => () => s) },
    );
    let compared = 0;
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 14 }),
        fc.boolean(),
        fc.record({ bed: fc.constant('BED-CONFIG'), patient: fc.constant({ value: 'P-CONFIG', authority: '' }) }, { requiredKeys: [] }),
        (segments, deviceOnce, configured) => {
          number = 0;
          const { whole, unknown, replayed, alone } = both(message(MSH, ...segments.map((one) => one())), { deviceOnce, ...configured });
          const byValue = new Map(whole.map((one) => [(one as { reading: Reading }).reading.value, one]));
          const parts = unknown.filter((part) => part.again);
          for (const [i, { records }] of alone.entries()) {
            const expected = byValue.get(lastValueOf(parts[i]?.again?.raw));
            assert.deepEqual(flat(records), expected === undefined ? [] : [expected]);
          }
          compared += replayed.length;
        },
      ),
      { numRuns: 1500 },
    );
    assert.ok(compared > 500, `${compared}`);
  });
});
