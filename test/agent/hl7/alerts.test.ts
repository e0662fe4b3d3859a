import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resourcesOf } from '../../../agent/resources.ts';
import type { DeviceAlert } from '../../../shared/alert.ts';
import { ALERT_CHECK } from '../../../shared/alert-observation.ts';
import { checkRecord } from '../../../shared/reading-check.ts';
import { verifies } from '../../requirements.ts';
import { outcome } from '../decode/decoding.ts';
import { message, PID, PV1, read, reply } from './oru.ts';

const MSH = 'MSH|^~\\&|MON^00A037FFFE000001^EUI-64|ICU|||20261121100010+0100||ORU^R40^ORU_R40|M1|P|2.6';
const OBR = 'OBR|1|A-7^MON|A-7^MON|196616^MDC_EVT_ALARM^MDC|||20261121100005+0100';
const LOW = '196674^MDC_EVT_LO_VAL_LT_LIM^MDC';
const KEY = { agent: 'gw-1', epoch: '0123456789abc', seq: 1 };

/** One facet: its number, OBX-3, OBX-5, and others by number. */
function facet(number: number, code: string, value: string, fields: Readonly<Record<number, string>> = {}): string {
  const all: Record<number, string> = { 1: `${number}`, 2: 'ST', 3: code, 4: `1.1.0.1.${number}`, 5: value, 11: 'R', ...fields };
  const last = Math.max(...Object.keys(all).map(Number));
  return `OBX|${Array.from({ length: last }, (_, i) => all[i + 1] ?? '').join('|')}`;
}

const EVENT = facet(1, LOW, 'SpO2 low', { 8: 'L~PH~SP', 14: '20261121100001.500+0100' });
const SOURCE = facet(2, '150456^MDC_PULS_OXIM_SAT_O2^MDC', '84', { 2: 'NM', 6: '262688^MDC_DIM_PERCENT^MDC', 7: '>90' });
const PHASE = facet(3, '68481^MDC_ATTR_EVENT_PHASE^MDC', 'start');
const STATE = facet(4, '68482^MDC_ATTR_ALARM_STATE^MDC', 'active');
const INACTIVATION = facet(5, '68483^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC', 'enabled');
const FACETS = [EVENT, SOURCE, PHASE, STATE, INACTIVATION];

const r40 = (...rows: string[]): Buffer => message(MSH, PID, PV1, OBR, ...rows);
const alertsIn = (bytes: Uint8Array): DeviceAlert[] => outcome([read(bytes)]).records.flatMap(({ alerts = [] }) => [...alerts]);
const only = (...rows: string[]): DeviceAlert => {
  const [alert, ...more] = alertsIn(r40(...rows));
  assert.ok(alert && more.length === 0);
  return alert;
};
const refused = (bytes: Uint8Array): [string, string, boolean][] =>
  read(bytes).rejected.map(({ code, part, raw }) => [code, part, raw !== undefined]);

test('an alert of PCD-04 becomes one record with everything it says', () => {
  verifies('ALERTS-RELAYED');
  const { records, rejected } = outcome([read(r40(...FACETS))]);
  assert.deepEqual(rejected, []);
  assert.equal(records.length, 1);
  const [record] = records;
  assert.deepEqual(record?.alerts, [
    {
      code: { system: 'MDC', code: '196674' },
      text: 'SpO2 low',
      phase: 'start',
      state: 'active',
      inactivation: 'enabled',
      priority: 'high',
      type: 'physiological',
      source: { vital: 'spo2', mdc: 150456 },
      instance: 'A-7',
      effective: Date.UTC(2026, 10, 21, 9, 0, 1, 500),
      offsetMin: 60,
    },
  ]);
  assert.deepEqual([record?.class, record?.readings, record?.test], ['alert', [], false]);
  assert.deepEqual(record?.device, { id: '00A037FFFE000001', idType: 'eui64' });
  assert.deepEqual(record?.subject, { patient: { value: 'P-0001', authority: 'HOSP' }, bed: 'ICU^101^BED-01' });
});

test('it is acknowledged as ACK^R40', () => {
  verifies('ALERTS-RELAYED');
  const [msh, msa] = reply(read(r40(...FACETS)).reply?.stored);
  assert.deepEqual([msh?.[8], msa?.slice(0, 3)], ['ACK^R40^ACK', ['MSA', 'AA', 'M1']]);
});

test('facets under older codes and names are the same facets: name and number count', () => {
  verifies('ALERTS-RELAYED');
  const alert = only(
    facet(1, '0^MDCX_EVT_ALERT_ADVISORY^MDC', 'Recheck BP', { 8: 'A~PM~SA', 18: 'GW_1' }),
    facet(2, '68164^MDC_ATTR_ALERT_SOURCE^MDC', 'GW_1', { 8: 'A~PM~SA' }),
    facet(3, '68165^MDC_ATTR_EVENT_PHASE^MDC', 'update'),
    facet(4, '68166^MDC_ATTR_ALERT_STATE^MDC', 'latched'),
    facet(5, '68167^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC', 'alert-acknowledged'),
    facet(6, '68484^MDC_ATTR_ALARM_PRIORITY^MDC', 'PM'),
    facet(7, '68485^MDC_ATTR_ALERT_TYPE^MDC', 'SA'),
  );
  const { code, text, source, phase, state, inactivation, priority, type } = alert;
  // MDCX has no number yet: its name is its code, since 0 is said of every one of them.
  assert.deepEqual([code, text, source], [{ system: 'MDC-REFID', code: 'MDCX_EVT_ALERT_ADVISORY' }, 'Recheck BP', undefined]);
  assert.deepEqual([phase, state, inactivation, priority, type], ['update', 'latched', 'acknowledged', 'medium', 'advisory']);
  const old = only(EVENT, facet(3, 'EVENT_PHASE', 'end'), facet(4, 'ALARM_STATE^ALARM_STATE', 'inactive'));
  assert.deepEqual([old.phase, old.state], ['end', 'inactive']);
});

test('every value of every facet, and none that no table has', () => {
  verifies('ALERTS-RELAYED', 'NOTHING-INVENTED', 'NO-SILENT-DROP');
  const names = {
    3: ['MDC_ATTR_EVENT_PHASE', 'phase'],
    4: ['MDC_ATTR_ALARM_STATE', 'state'],
    5: ['MDC_ATTR_ALARM_INACTIVATION_STATE', 'inactivation'],
    6: ['MDC_ATTR_ALARM_PRIORITY', 'priority'],
    7: ['MDC_ATTR_ALERT_TYPE', 'type'],
  } as const;
  const expected: Readonly<Record<keyof typeof names, Readonly<Record<string, string>>>> = {
    3: {
      ...{ present: 'present', start: 'start', continue: 'continue', update: 'update', escalate: 'escalate', deescalate: 'deescalate' },
      ...{ 'de-escalate': 'deescalate', reset: 'reset', end: 'end', tpoint: 'tpoint', START: 'start' },
    },
    4: { active: 'active', latched: 'latched', inactive: 'inactive' },
    5: {
      ...{ enabled: 'enabled', 'audio-paused': 'audio-paused', 'audio-off': 'audio-off', 'alarm-paused': 'alarm-paused' },
      ...{ 'alarm-off': 'alarm-off', 'alert-acknowledged': 'acknowledged' },
    },
    6: { PN: 'none', PL: 'low', PM: 'medium', PH: 'high', PU: 'unknown' },
    7: { SP: 'physiological', ST: 'technical', SA: 'advisory' },
  };
  const event = facet(1, LOW, 'SpO2 low');
  for (const [key, [refid, name]] of Object.entries(names)) {
    const number = Number(key) as keyof typeof names;
    const row = (value: string): string => facet(number, `1^${refid}^MDC`, value);
    for (const [value, means] of Object.entries(expected[number])) assert.equal(only(event, row(value))[name], means, `${refid} ${value}`);
    const unsaid = name === 'inactivation' ? undefined : 'unknown';
    assert.equal(only(event, row(''))[name], unsaid);
    assert.deepEqual(refused(r40(event, row(''))), []);
    for (const bad of ['off', '20', 'start~end', 'x'.repeat(3000), '<b>']) {
      assert.equal(only(event, row(bad))[name], unsaid, bad);
      assert.deepEqual(refused(r40(event, row(bad))), [['DECODE-FIELD', 'OBX[2]', true]], bad);
    }
  }
});

test('a facet under the number of another one, twice, out of order or before its event is refused; the alert goes on', () => {
  verifies('ALERTS-RELAYED', 'GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP');
  for (const [rows, part] of [
    [[EVENT, facet(4, '68481^MDC_ATTR_EVENT_PHASE^MDC', 'start')], 'OBX[2]'],
    [[EVENT, STATE, PHASE], 'OBX[3]'],
    [[PHASE, EVENT], 'OBX[1]'],
    [[EVENT, facet(3, '1^MDC_ATTR_EVENT_PHASE^MDC', 'x')], 'OBX[2]'],
    [[EVENT, facet(1, '150456^MDC_PULS_OXIM_SAT_O2^MDC', '97', { 2: 'NM' })], 'OBX[2]'],
  ] as const) {
    assert.deepEqual(
      alertsIn(r40(...rows)).map(({ phase, text }) => [phase, text]),
      [['unknown', 'SpO2 low']],
    );
    assert.deepEqual(
      refused(r40(...rows)).map(([, where, kept]) => [where, kept]),
      [[part, true]],
    );
  }
  // Said twice and not the same: the first holds, and the second is seen by somebody.
  assert.equal(only(EVENT, PHASE, facet(3, '1^MDC_ATTR_EVENT_PHASE^MDC', 'end')).phase, 'start');
});

test('priority and type that the sender contradicts are unknown', () => {
  verifies('ALERTS-RELAYED', 'NOTHING-INVENTED');
  const alert = only(EVENT, facet(6, '1^MDC_ATTR_ALARM_PRIORITY^MDC', 'PL'), facet(7, '1^MDC_ATTR_ALERT_TYPE^MDC', 'SP'));
  assert.deepEqual([alert.priority, alert.type], ['unknown', 'physiological']);
  assert.equal(only(facet(1, LOW, 'x', { 8: 'PH~PL' })).priority, 'unknown');
  assert.equal(only(facet(1, LOW, 'x', { 8: 'H' })).priority, 'unknown', 'H says that a value is high, not how bad it is');
});

test('what it is: an MDC event, one in OBX-5, the sender’s own code, or a text alone', () => {
  verifies('ALERTS-RELAYED', 'DEVICE-TEXT-IS-DATA');
  const some = '196616^MDC_EVT_ALARM^MDC';
  const what = (...rows: string[]): [unknown, string | undefined] => {
    const { code, text } = only(...rows);
    return [code && `${code.system} ${code.code}`, text];
  };
  assert.deepEqual(what(facet(1, some, '196670^MDC_EVT_LO^MDC', { 2: 'CWE' })), ['MDC 196670', undefined]);
  assert.deepEqual(what(facet(1, some, '196670^MDC_EVT_LO^MDC^^^^^^Low', { 2: 'CWE' })), ['MDC 196670', 'Low']);
  assert.deepEqual(what(facet(1, some, '196670^MDC_EVT_LO^MDC', { 2: 'CWE' }), facet(8, '68546^MDC_ATTR_ALERT_TEXT^MDC', 'Low')), [
    'MDC 196670',
    'Low',
  ]);
  assert.deepEqual(what(facet(1, some, 'Door open')), [undefined, 'Door open']);
  assert.deepEqual(what(facet(1, some, '')), ['MDC 196616', undefined]);
  assert.deepEqual(what(facet(1, '77^MNDRY_EVT_X^99MNDRY', 'Apnoea')), ['99MNDRY 77', 'Apnoea']);
  assert.deepEqual(what(facet(1, LOW, 'a\\T\\b \u007f c')), ['MDC 196674', 'a&b c']);
  assert.equal(what(facet(1, LOW, 'x'.repeat(1000)))[1]?.length, 128);
  // The form of before the supplement: no value, and OBX-11 X.
  assert.deepEqual(what(facet(1, '196940^MDC_EVT_FLUID_LINE_OCCL^MDC', '', { 2: '', 11: 'X' })), ['MDC 196940', undefined]);
  for (const code of ['150456^MDC_PULS_OXIM_SAT_O2^MDC', '196650', '', '99^x', '8867-4^Heart rate^LN\u0001']) {
    assert.deepEqual(refused(r40(facet(1, code, 'x'))), [['DECODE-UNKNOWN-CODE', 'OBX[1]', true]], code);
    assert.deepEqual(alertsIn(r40(facet(1, code, 'x'))), []);
  }
});

test('what it is about: a measurement, a code in OBX-5, or nothing that is known', () => {
  verifies('ALERTS-RELAYED', 'NOTHING-INVENTED');
  const about = (code: string, value: string): unknown => only(EVENT, facet(2, code, value)).source;
  assert.deepEqual(about('147842^MDC_ECG_HEART_RATE^MDC', '150'), { vital: 'hr', mdc: 147842 });
  assert.deepEqual(about('68480^MDC_ATTR_ALERT_SOURCE^MDC', '69837^MDC_DEV_X^MDC'), { mdc: 69837 });
  assert.deepEqual(about('68480^MDC_ATTR_ALERT_SOURCE^MDC', '150456^MDC_PULS_OXIM_SAT_O2^MDC'), { vital: 'spo2', mdc: 150456 });
  assert.deepEqual(about('160184^MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD^MDC', '50'), { mdc: 160184 }, 'two rows: the unit would tell');
  for (const [code, value] of [
    ['68480^MDC_ATTR_ALERT_SOURCE^MDC', 'Bed 4'],
    ['12^own^99X', '5'],
    ['0^MDCX_X^MDC', '5'],
  ] as const)
    assert.equal(about(code, value), undefined);
});

test('one alert is named through its life: OBR-29, else OBR-3', () => {
  verifies('ALERTS-RELAYED');
  const named = (placer: string, filler: string, parent: string): string | undefined =>
    alertsIn(message(MSH, PID, `OBR|1|${placer}|${filler}|196616^MDC_EVT_ALARM^MDC|||${'|'.repeat(22)}${parent}`, EVENT))[0]?.instance;
  assert.equal(named('P-1', 'F-1^MON', ''), 'F-1');
  assert.equal(named('P-1', 'F-2', '^F-1&MON&00A037FFFE000001&EUI-64'), 'F-1');
  assert.equal(named('P-1', 'F-2', 'F-1'), 'F-1');
  assert.equal(named('P-1', '', ''), undefined);
  assert.equal(named('P-1', '""', ''), undefined);
  assert.equal(named('P-1', `F${'9'.repeat(200)}`, ''), undefined);
  const unnamed = message(MSH, PID, `OBR|1||F\u0001|196616^MDC_EVT_ALARM^MDC`, EVENT);
  assert.equal(alertsIn(unnamed).length, 1);
  assert.deepEqual(refused(unnamed), [['DECODE-FIELD', 'OBR[1]-3', true]]);
});

test('several alerts of one message: one a group, each with its own time, name and device', () => {
  verifies('ALERTS-RELAYED', 'GOOD-PARTS-SURVIVE');
  const second = OBR.replaceAll('A-7', 'A-8').replace('100005', '100006');
  const found = alertsIn(
    r40(...FACETS, second, facet(1, '196648^MDC_EVT_HI^MDC', 'HR high'), facet(3, '1^MDC_ATTR_EVENT_PHASE^MDC', 'end')),
  );
  assert.deepEqual(
    found.map(({ text, phase, instance, priority, effective = 0 }) => [text, phase, instance, priority, new Date(effective).toISOString()]),
    [
      ['SpO2 low', 'start', 'A-7', 'high', '2026-11-21T09:00:01.500Z'],
      ['HR high', 'end', 'A-8', 'unknown', '2026-11-21T09:00:06.000Z'],
    ],
  );
  // A sender that puts two below one OBR: the second begins with its event, and takes nothing from the first.
  assert.deepEqual(
    alertsIn(r40(EVENT, PHASE, facet(1, '196648^MDC_EVT_HI^MDC', 'HR high'), STATE)).map((alert) => [
      alert.text,
      alert.phase,
      alert.state,
      alert.instance,
    ]),
    [
      ['SpO2 low', 'start', 'unknown', 'A-7'],
      ['HR high', 'unknown', 'active', undefined],
    ],
  );
});

test('a heartbeat is answered, and nothing more', () => {
  verifies('ALERTS-RELAYED');
  for (const beat of ['196614^MDC_EVT_ACTIVE^MDC', '258047^MDC_EVT_ACTIVE^MDC', '196614^^MDC']) {
    const bytes = message(MSH, OBR, facet(1, beat, ''), PHASE, STATE, facet(8, '67860^MDC_ATTR_CONFIRM_TIMEOUT^MDC', '5', { 2: 'NM' }));
    const { records, rejected, reply: answer } = read(bytes);
    assert.deepEqual([records, rejected, reply(answer?.stored)[1]?.[1]], [[], [], 'AA'], beat);
  }
  assert.deepEqual(
    alertsIn(r40(facet(1, '196614^MDC_EVT_ACTIVE^MDC', ''), EVENT)).map(({ text }) => text),
    ['SpO2 low'],
    'an alert behind a heartbeat is none',
  );
});

test('an attribute that is no facet is counted; a group without an event is kept', () => {
  verifies('ALERTS-RELAYED', 'NO-SILENT-DROP');
  const serial = facet(9, '67972^MDC_ATTR_SYS_ID^MDC', 'X-1', { 4: '1.1.0.9' });
  assert.deepEqual(refused(r40(EVENT, serial)), [['HL7-ASIDE', 'OBX[2]', false]]);
  assert.deepEqual(refused(r40()), [['HL7-SEGMENT', 'OBR[1]', true]]);
  assert.deepEqual(refused(r40(serial, OBR, EVENT)), [
    ['HL7-ASIDE', 'OBX[1]', false],
    ['HL7-SEGMENT', 'OBR[1]', true],
  ]);
});

test('an alert that was taken back is none', () => {
  verifies('ALERTS-RELAYED', 'NO-SILENT-DROP');
  for (const status of ['D', 'W']) {
    const { records, rejected } = read(r40(facet(1, LOW, 'SpO2 low', { 11: status })));
    assert.deepEqual([records.length, rejected.map(({ code }) => code)], [0, ['DECODE-FIELD']]);
  }
});

test('whose it is: by the rules of readings; behind a damaged PID nothing is taken', () => {
  verifies('ALERTS-RELAYED', 'SUBJECT-BY-HUB');
  const subjects = (bytes: Uint8Array, context = {}): unknown[] => outcome([read(bytes, context)]).records.map(({ subject }) => subject);
  const context = { patient: { value: 'P-CONF', authority: '' }, bed: 'B-CONF' };
  assert.deepEqual(subjects(message(MSH, OBR, EVENT), context), [context]);
  assert.deepEqual(subjects(message(MSH, OBR, EVENT)), [{}]);
  assert.deepEqual(subjects(message(MSH, PV1, OBR, EVENT), context), [{ patient: context.patient, bed: 'ICU^101^BED-01' }]);
  const next = 'PID|||P-0002^^^HOSP^MR';
  assert.deepEqual(subjects(message(MSH, PID, OBR, EVENT, next, OBR, EVENT)), [
    { patient: { value: 'P-0001', authority: 'HOSP' } },
    { patient: { value: 'P-0002', authority: 'HOSP' } },
  ]);
  for (const damaged of ['PID|||\u0001\u0001^^^HOSP', 'P\u0001D|||P-0002', 'MSH|^~\\&|X']) {
    const bytes = message(MSH, PID, OBR, ...FACETS, damaged, OBR, EVENT);
    assert.deepEqual(subjects(bytes), [{ patient: { value: 'P-0001', authority: 'HOSP' } }], damaged);
    assert.equal(read(bytes).rejected.length, 1);
  }
  // The place may stand behind OBR; what came of an alert before it is of the place before.
  const moved = message(MSH, PID, OBR, PV1, EVENT, PV1.replace('BED-01', 'BED-02'), PHASE);
  const [record] = outcome([read(moved)]).records;
  assert.deepEqual([record?.subject.bed, record?.alerts?.[0]?.instance, record?.alerts?.[0]?.phase], ['ICU^101^BED-01', 'A-7', 'unknown']);
  assert.deepEqual(refused(moved), [['DECODE-FIELD', 'OBX[2]', true]]);
  // The rows of one alert on both sides of a new patient belong to nobody's alert.
  const cut = message(MSH, PID, OBR, EVENT, next, PHASE);
  assert.deepEqual([subjects(cut).length, refused(cut)], [1, [['DECODE-FIELD', 'OBX[2]', true]]]);
});

test('test and demonstration stay what they are', () => {
  verifies('ALERTS-RELAYED', 'TEST-TAGGED');
  const isTest = (bytes: Uint8Array): boolean | undefined => outcome([read(bytes)]).records[0]?.test;
  assert.equal(isTest(r40(EVENT)), false);
  for (const id of ['D', 'T']) assert.equal(isTest(message(MSH.replace('|P|', `|${id}|`), PID, OBR, EVENT)), true);
  for (const mark of ['DEMO', 'TEST']) {
    assert.equal(isTest(r40(facet(1, LOW, 'x', { 8: `PH~${mark}` }))), true);
    assert.equal(isTest(r40(EVENT, facet(3, '1^MDC_ATTR_EVENT_PHASE^MDC', 'start', { 8: mark }))), true);
  }
});

test('the device: of its MDS, of any row of the alert, else the sender; one that cannot be read costs the alert', () => {
  verifies('ALERTS-RELAYED');
  const device = (...rows: string[]): string | undefined => outcome([read(r40(...rows))]).records[0]?.device.id;
  assert.equal(device('OBX|1||69965^MDC_DEV^MDC|1.0.0.0|||||||X|||||||MON-9', EVENT), 'MON-9');
  assert.equal(device(EVENT, facet(2, '147842^MDC_ECG_HEART_RATE^MDC', '99', { 18: 'MON-8' })), 'MON-8');
  assert.equal(device(EVENT), '00A037FFFE000001');
  const bad = r40(facet(1, LOW, 'x', { 18: 'M\u0001' }));
  assert.deepEqual(refused(bad), [['DECODE-FIELD', 'OBR[1]', true]]);
  assert.deepEqual(alertsIn(bad), []);
});

test('whatever the rows hold, alerts come out whole or not at all, and pass the check of the hub', () => {
  verifies('ALERTS-RELAYED', 'GOOD-PARTS-SURVIVE');
  const odd = fc.string({ unit: fc.constantFrom(...'aZ09.^~&\\|\r\n\u0001ä '), maxLength: 12 });
  const row = fc
    .record({
      number: fc.integer({ min: 0, max: 10 }),
      code: fc.oneof(fc.constantFrom(LOW, ...FACETS.map((text) => text.split('|')[3] ?? ''), '196614^MDC_EVT_ACTIVE^MDC'), odd),
      value: fc.oneof(fc.constantFrom('start', 'active', 'PH', '97'), odd),
      fields: fc.dictionary(
        fc.constantFrom('2', '4', '8', '11', '14', '18'),
        fc.oneof(fc.constantFrom('PM~SP', 'DEMO', 'X', '1.0.0.0'), odd),
      ),
    })
    .map(({ number, code, value, fields }) => facet(number, code, value, fields));
  const segment = fc.oneof({ weight: 8, arbitrary: row }, fc.constantFrom(OBR, PID, PV1, EVENT), odd);
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 12 }), (segments) => {
      for (const record of read(r40(...segments)).records) {
        assert.equal(checkRecord(record), undefined);
        for (const resource of resourcesOf(record, KEY)) {
          const sent = JSON.parse(JSON.stringify(resource)) as Record<string, unknown>;
          assert.ok(ALERT_CHECK.fits(sent) && ALERT_CHECK.check(sent).ok);
        }
      }
    }),
    { numRuns: 1000 },
  );
});
