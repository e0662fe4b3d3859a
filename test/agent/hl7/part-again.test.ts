import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DecodeContext, Decoded, Rejected } from '../../../agent/decoding.ts';
import { codedVital } from '../../../agent/hl7/codes.ts';
import { Connection } from '../../../agent/hl7/connection.ts';
import { MDC_ROWS } from '../../../agent/hl7/dialect.ts';
import { mindrayEgateway } from '../../../agent/hl7/dialects/mindray-egateway.ts';
import { pcd01 } from '../../../agent/hl7/dialects/pcd01.ts';
import { hl7Profile } from '../../../agent/hl7/read.ts';
import { partOrigin } from '../../../agent/intake.ts';
import type { Origin } from '../../../agent/outbox/outbox.ts';
import { reread } from '../../../agent/outbox/reread.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';
import { verifies } from '../../requirements.ts';
import { hl7Pcd01 } from '../../support/hl7.ts';
import { CONTEXT, RECEIVED_AT } from '../decode/decoding.ts';
import { MSH, message, OBR, obx, PERCENT, PID, PV1, read, SPO2 } from './oru.ts';

const HR = '147842^MDC_ECG_CARD_BEAT_RATE^MDC';
const BPM = '264864^MDC_DIM_BEAT_PER_MIN^MDC';
const PLETH = '150452^MDC_PULS_OXIM_PLETH^MDC';
const OTHER = 'PID|||P-0002^^^HOSP^MR';
const device = (n: string, id: string): string =>
  obx('69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC', '', '', { 2: '', 4: `${n}.0.0.0`, 18: id });
const wave = (path: string, samples: string): string => obx(PLETH, samples, '262656^MDC_DIM_DIMLESS^MDC', { 2: 'NA', 4: path });
const rate = (path: string): string => obx('0^MDC_ATTR_SAMP_RATE^MDC', '50', '264608^MDC_DIM_PER_SEC^MDC', { 4: `${path}.1` });

/** Does not know the wave, as before it was mended. */
const lacking = hl7Profile({
  ...pcd01,
  obx: { ...MDC_ROWS, vital: (field, separators) => (field === PLETH ? { rows: [], mdc: undefined } : codedVital(field, separators)) },
});

const R40 = MSH.replace('ORU^R01^ORU_R01', 'ORU^R40^ORU_R40');
const NO_EVENT = '150456^MDC_PULS_OXIM_SAT_O2^MDC';
const LOW = '196674^MDC_EVT_LO_VAL_LT_LIM^MDC';
const group = (name: string, event: string, value = 'SpO2 low'): string[] => [
  `OBR|1|${name}^MON|${name}^MON|196616^MDC_EVT_ALARM^MDC|||20261121100005+0100`,
  obx(event, value, '', { 2: 'ST', 4: '1.1.0.1.1', 8: 'H~PH~SP', 14: '20261121100001+0100' }),
  obx('68481^MDC_ATTR_EVENT_PHASE^MDC', 'start', '', { 2: 'ST', 4: '1.1.0.1.3' }),
  obx('68482^MDC_ATTR_ALARM_STATE^MDC', 'active', '', { 2: 'ST', 4: '1.1.0.1.4' }),
];

/** What is kept, read as `outbox replay` reads it, once `mend` was done to what was wrong with it. */
function again(part: Rejected, mend: (text: string) => string = (text) => text, context: Partial<DecodeContext> = {}): Decoded {
  assert.ok(part.again, part.part);
  const { patient: _, bed: __, ...rest } = { ...CONTEXT, ...context };
  const { raw, subject, last } = part.again;
  const connection = new Connection();
  connection.say(subject);
  const bytes = Buffer.from(mend(Buffer.from(raw).toString('latin1')), 'latin1');
  return hl7Pcd01.read(bytes, RECEIVED_AT, { ...rest, ...subject }, connection, last ?? 1);
}

/** All that records hold, each with whose it is and from which device, in an order of its own. */
function contents(records: readonly ReadingRecord[]): string[] {
  return records
    .flatMap(({ readings, alerts = [], waves = [], receivedAt: _, ...record }) =>
      [...readings, ...alerts, ...waves].map((content) => JSON.stringify({ ...record, content })),
    )
    .sort();
}

/** Of all readings, sorted. */
function values(records: readonly ReadingRecord[]): (number | undefined)[] {
  return records.flatMap(({ readings }) => readings.map(({ value }) => value)).sort();
}

test('a wave that was refused is kept with the rows that say how it was sampled, and gives itself alone', () => {
  verifies('PART-AGAIN');
  const bytes = message(
    ...[MSH, PID, PV1, OBR, device('1', 'MON-1'), obx(SPO2, '97', PERCENT), wave('1.1.1.7', '12^13^14'), rate('1.1.1.7')],
    ...[obx(HR, '60', BPM, { 4: '1.1.1.2' }), OTHER, OBR, wave('1.1.1.7', '1^2'), rate('1.1.1.7'), wave('1.1.1.8', '3^4')],
  );
  const context = { ...CONTEXT, waves: true };
  const before = lacking.read(bytes, RECEIVED_AT, context);
  const replayed = before.rejected.filter(({ code }) => code === 'DECODE-UNKNOWN-CODE').map((part) => again(part, undefined, context));
  assert.deepEqual(
    replayed.map(({ records, rejected }) => [records.length, rejected.map(({ code }) => code)]),
    [
      [1, []],
      [1, []],
      [0, ['HL7-WAVE']],
    ],
    'the last one says nowhere how it was sampled',
  );
  const all = [...before.records, ...replayed.flatMap(({ records }) => records)];
  assert.deepEqual(contents(all), contents(hl7Pcd01.read(bytes, RECEIVED_AT, context).records));
});

test('an alert that was refused is kept whole, with its name, and none of its neighbours comes with it', () => {
  verifies('PART-AGAIN', 'ALERTS-RELAYED');
  const groups = (event: string): Buffer =>
    message(
      R40,
      PID,
      PV1,
      ...group('A-1', LOW),
      device('1', 'MON-1'),
      ...group('A-2', event),
      ...group('A-3', LOW),
      OTHER,
      ...group('A-4', LOW),
    );
  const before = read(groups(NO_EVENT));
  const [part, ...more] = before.rejected.filter((one) => one.again);
  assert.ok(part && more.length === 0);
  assert.deepEqual([part.code, part.part], ['DECODE-UNKNOWN-CODE', 'OBX[5]']);
  const stays = again(part);
  assert.deepEqual([stays.records, stays.rejected[0]?.code], [[], 'DECODE-UNKNOWN-CODE'], 'as long as nothing was mended');
  const { records, rejected } = again(part, (text) => text.replace(NO_EVENT, LOW));
  assert.deepEqual(rejected, []);
  assert.deepEqual(
    records.map(({ alerts }) => alerts?.map(({ instance }) => instance)),
    [['A-2']],
  );
  assert.deepEqual(contents([...before.records, ...records]), contents(read(groups(LOW)).records));
});

test('an alert of which a part was refused and the rest was sent is not sent again; one that has no name of its own is not kept with another’s', () => {
  verifies('PART-AGAIN');
  const [obr = '', event = '', phase = '', state = ''] = group('A-1', LOW);
  const partly = read(message(R40, PID, PV1, obr, event, phase, state.replace('active', 'asleep')));
  assert.equal(partly.records.length, 1);
  assert.deepEqual(
    partly.rejected.map((part) => [part.code, part.again]),
    [['DECODE-FIELD', undefined]],
  );
  const second = event.replace('|R|', '|D|').replace('1.1.0.1.1', '1.1.0.2.1');
  const nameless = read(message(R40, PID, PV1, obr, event, phase, state, second, phase));
  assert.ok(nameless.rejected.length > 0);
  assert.ok(nameless.rejected.every((part) => part.again === undefined));
});

test('what was refused up to the next patient is kept with what says whose it is, and with nothing that was stored', () => {
  verifies('PART-AGAIN', 'SUBJECT-BY-HUB');
  const configured = { patient: { value: 'P-CONFIG', authority: '' }, bed: 'BED-CONFIG' };
  const damaged = 'OBY|1';
  const of = (bad: string, ...named: string[]): Buffer =>
    message(MSH, ...named, OBR, device('1', 'MON-1'), obx(SPO2, '97', PERCENT), bad, obx(HR, '60', BPM), OTHER, obx(HR, '70', BPM));
  for (const named of [[PID, PV1], ['PID|||'], [PID]]) {
    const before = read(of(damaged, ...named), configured);
    const [part] = before.rejected.filter((one) => one.again);
    assert.ok(part, named.join());
    assert.deepEqual(again(part, undefined, configured).records, [], 'as long as nothing was mended');
    const { records } = again(part, (text) => text.replace(damaged, 'NTE|1'), configured);
    const whole = read(of('NTE|1', ...named), configured).records;
    assert.deepEqual(values([...before.records, ...records]), values(whole), named.join());
    assert.deepEqual(
      contents(records),
      contents(whole).filter((one) => one.includes('"value":60')),
      named.join(),
    );
  }
  const unreadable = 'PID|||P\u0001';
  const patients = (pid: string): Buffer =>
    message(MSH, PID, PV1, OBR, device('1', 'MON-1'), obx(HR, '60', BPM), pid, PV1, obx(HR, '70', BPM));
  const before = read(patients(unreadable), configured);
  const [part] = before.rejected.filter((one) => one.again);
  assert.ok(part);
  assert.deepEqual(again(part).records, []);
  const { records } = again(part, (text) => text.replace(unreadable, OTHER));
  assert.deepEqual(contents([...before.records, ...records]), contents(read(patients(OTHER), configured).records));
  assert.doesNotMatch(Buffer.from(part.again?.raw ?? []).toString('latin1'), /P-0001|MON-1/, 'nothing of the patient before');
});

test('two messages that ran into each other, what has the other line end in it, and what stands before the patient are kept as they came', () => {
  verifies('PART-AGAIN');
  for (const bytes of [
    message(MSH, PID, OBR, obx(HR, '60', BPM), MSH, OTHER, OBR, obx(HR, '70', BPM)),
    message(MSH, PID, OBR, 'OBY|1', obx(HR, '60', BPM, { 16: 'A\nB' })),
    message(MSH, OBR, obx(HR, '60', BPM), PID),
    message(MSH, 'OBY|1', obx(HR, '60', BPM), PID, PV1),
    message(MSH, PID, `PV1||I|${'x'.repeat(70_000)}`, 'OBY|1', obx(HR, '60', BPM)),
  ]) {
    const { rejected } = read(bytes);
    assert.ok(rejected.length > 0);
    assert.ok(rejected.at(-1)?.again === undefined, Buffer.from(bytes.subarray(0, 300)).toString('latin1'));
  }
});

test('wherever a message was damaged, what was stored of it and what its parts give once they are mended is the whole of it, each once', () => {
  verifies('PART-AGAIN', 'NOTHING-INVENTED', 'GOOD-PARTS-SURVIVE');
  const damaged = 'OBY|1';
  let number = 0;
  const row = fc.tuple(fc.constantFrom('1.1.1.1', '1.1.2.1', '2.1.1.1'), fc.constantFrom('', 'MON-9')).map(([path, own]) => () => {
    number += 1;
    return obx(HR, `${number}`, BPM, { 4: path, 18: own });
  });
  const fixed = fc.constantFrom(
    PID,
    OTHER,
    'PID|||',
    PV1,
    'PV1||I|ICU^102',
    OBR,
    device('1', 'MON-1'),
    device('1', 'MON-2'),
    device('2', 'MON-3'),
  );
  const segment = fc.oneof({ weight: 3, arbitrary: row }, { weight: 2, arbitrary: fixed.map((text) => () => text) });
  let compared = 0;
  fc.assert(
    fc.property(
      fc.array(segment, { minLength: 1, maxLength: 12 }),
      fc.nat(11),
      fc.record({ bed: fc.constant('BED-CONFIG'), patient: fc.constant({ value: 'P-CONFIG', authority: '' }) }, { requiredKeys: [] }),
      (made, at, context) => {
        number = 0;
        const segments = made.map((one) => one());
        const of = (text: string): Buffer => message(MSH, ...segments.toSpliced(at, 0, text));
        const before = read(of(damaged), context);
        const parts = before.rejected.filter((one) => one.again);
        const replayed = parts.flatMap((part) => again(part, (text) => text.replace(damaged, 'NTE|1'), context).records);
        const whole = read(of('NTE|1'), context).records;
        const there = contents(whole);
        assert.deepEqual(
          contents(replayed).filter((one) => !there.includes(one)),
          [],
        );
        const both = values([...before.records, ...replayed]);
        assert.equal(new Set(both).size, both.length, 'none twice');
        if (parts.length === before.rejected.length) assert.deepEqual(both, values(whole), 'none missing');
        compared += replayed.length;
      },
    ),
    { numRuns: 1500 },
  );
  assert.ok(compared > 500, `${compared}`);
});

test('an alert before one that is replayed comes with nothing of its own: neither its rows nor its name', () => {
  verifies('PART-AGAIN', 'ALERTS-RELAYED');
  const [obr = '', event = '', phase = '', state = ''] = group('A-1', LOW);
  const ended = [obr, event.replace(/$/, '||||MON-1'), phase.replace('start', 'end'), state.replace('active', 'inactive')];
  const names = (decoded: Decoded): unknown[] => decoded.records.flatMap(({ alerts = [] }) => alerts.map(({ instance }) => instance));
  for (const dialect of [mindrayEgateway, pcd01]) {
    const first = hl7Profile(dialect).read(message(R40, PID, PV1, ...ended, ...group('A-2', NO_EVENT)), RECEIVED_AT, CONTEXT);
    assert.deepEqual(names(first), ['A-1'], dialect.name);
    const [part] = first.rejected.filter((one) => one.again);
    assert.ok(part);
    assert.doesNotMatch(Buffer.from(part.again?.raw ?? []).toString('latin1'), /MON-1|inactive/, dialect.name);
    const mend = (text: string): string => text.replace(NO_EVENT, LOW);
    assert.deepEqual(names(again(part, mend)), ['A-2'], dialect.name);
    // As it was kept before, with a row of the one that had ended.
    const kept = Buffer.from(part.again?.raw ?? [])
      .toString('latin1')
      .replace(/\r(?=OBR\|1\|A-2)/, `\r${ended[1]}\r`);
    const old: Rejected = { ...part, again: { ...part.again, raw: Buffer.from(kept, 'latin1'), subject: {} } };
    assert.deepEqual(names(again(old, mend)), ['A-2'], dialect.name);
  }
  const second = event.replace('1.1.0.1.1', '1.1.0.2.1');
  const torn = read(message(R40, PID, PV1, obr, event, phase, state, 'OBY|1', second, phase, ...group('A-3', LOW)));
  const [rest] = torn.rejected.filter((one) => one.again);
  assert.ok(rest);
  assert.deepEqual(names(again(rest, (text) => text.replace('OBY|1', 'NTE|1'))), ['A-3'], 'the second below A-1 is not A-1');
});

test('a refused wave with measurements beneath it is kept as it came; one kept with them before gives itself alone', () => {
  verifies('PART-AGAIN', 'NOTHING-INVENTED');
  const context = { ...CONTEXT, waves: true };
  const rows = [wave('1.1.1', '12^13'), rate('1.1.1'), obx(HR, '72', BPM, { 4: '1.1.1.2' }), obx(SPO2, '98', PERCENT, { 4: '1.1.1.3' })];
  const first = lacking.read(message(MSH, PID, OBR, ...rows), RECEIVED_AT, context);
  assert.deepEqual(values(first.records), [72, 98]);
  const [part] = first.rejected.filter(({ code }) => code === 'DECODE-UNKNOWN-CODE');
  assert.ok(part?.raw);
  assert.equal(part.again, undefined);
  const old: Rejected = { ...part, again: { raw: message(MSH, PID, OBR, ...rows), subject: {}, last: 4 } };
  assert.deepEqual(again(old, undefined, context).records, []);
});

test('whatever was kept, read by the same profile it gives nothing that the first reading gave', () => {
  verifies('PART-AGAIN', 'NOTHING-INVENTED');
  let number = 0;
  const next = (): number => {
    number += 1;
    return number;
  };
  const path = fc.constantFrom('1.1.1', '1.1.1.1', '1.1.1.7', '1.1.1.7.1', '2.1.1.1', '');
  const own = fc.constantFrom('', 'MON-1', 'MON-2', '\u0007');
  const of = fc.oneof(
    fc.tuple(path, own).map(([p, d]) => () => [obx(HR, `${next()}`, BPM, { 4: p, 18: d })]),
    path.map((p) => () => [wave(p, `${next()}^1`)]),
    path.map((p) => () => [wave(p, `${next()}^1`).replace('150452', '999999')]),
    path.map((p) => () => [rate(p)]),
    fc.tuple(fc.constantFrom(LOW, NO_EVENT), own).map(([event, d]) => () => {
      const [obr = '', row = '', ...facets] = group(`A-${next()}`, event);
      return [obr, d === '' ? row : `${row}||||${d}`, ...facets];
    }),
    fc
      .constantFrom(PID, OTHER, 'PID|||P\u0001', PV1, OBR, device('1', 'MON-3'), device('2', '\u0007'), 'OBY|1', 'NTE|1')
      .map((s) => () => [s]),
  );
  const told = (records: readonly ReadingRecord[]): string[] =>
    records.flatMap(({ readings, alerts = [], waves = [] }) => [
      ...readings.map(({ value }) => `reading ${value}`),
      ...alerts.map(({ instance }) => `alert ${instance}`),
      ...waves.map(({ samples }) => `wave ${samples[0]}`),
    ]);
  let parts = 0;
  fc.assert(
    fc.property(
      fc.array(of, { minLength: 2, maxLength: 10 }),
      fc.constantFrom(MSH, R40),
      fc.constantFrom(pcd01, mindrayEgateway),
      (made, header, dialect) => {
        number = 0;
        const profile = hl7Profile(dialect);
        const context: DecodeContext = { ...CONTEXT, waves: true };
        const first = profile.read(message(header, ...made.flatMap((one) => one())), RECEIVED_AT, context);
        const before = new Set(told(first.records));
        for (const { again: kept } of first.rejected) {
          if (!kept) continue;
          parts += 1;
          const connection = new Connection();
          connection.say(kept.subject);
          const { records } = profile.read(kept.raw, RECEIVED_AT, { ...context, ...kept.subject }, connection, kept.last ?? 1);
          assert.deepEqual(
            told(records).filter((one) => before.has(one)),
            [],
          );
        }
      },
    ),
    { numRuns: 1500 },
  );
  assert.ok(parts > 500, `${parts}`);
});

test('a part is replayed out of quarantine as it was kept, with the patient and bed of then', () => {
  verifies('PART-AGAIN');
  const bytes = message(MSH, OBR, device('1', 'MON-1'), wave('1.1.1.7', '12^13^14'), rate('1.1.1.7'));
  const context: DecodeContext = { ...CONTEXT, waves: true, bed: 'BED-THEN' };
  const [part] = lacking.read(bytes, RECEIVED_AT, context).rejected.filter((one) => one.again);
  assert.ok(part?.again);
  const origin: Origin = partOrigin({ profile: pcd01.name, kind: 'hl7', context, doubtful: false }, part.again);
  const { raw } = part.again;
  const entry = {
    id: 'q1',
    at: RECEIVED_AT,
    code: part.code,
    source: CONTEXT.source,
    class: null,
    part: part.part,
    bytes: raw.length,
    body: raw,
  };
  const sources = new Map([[CONTEXT.source, { name: CONTEXT.source, profile: hl7Pcd01, context: { ...context, bed: 'BED-NOW' } }]]);
  const now = RECEIVED_AT + 1000;
  const kept = JSON.parse(JSON.stringify(origin)) as Origin;
  const found = reread({ ...entry, id: 1, seq: null, origin: kept } as unknown as Parameters<typeof reread>[0], sources, now);
  assert.ok('found' in found, JSON.stringify(found));
  const [record] = found.found.records;
  assert.deepEqual([record?.waves?.[0]?.samples, record?.subject, record?.device.id], [[12, 13, 14], { bed: 'BED-THEN' }, 'MON-1']);
  assert.deepEqual(found.found.rest, []);
});
