import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DecodeContext, MqttProfile } from '../../../agent/decoding.ts';
import { profile } from '../../../agent/profiles.ts';
import { verifies } from '../../requirements.ts';
import { CONTEXT, outcome, RECEIVED_AT, short } from '../decode/decoding.ts';

const homeHub = profile('mqtt-home-hub') as MqttProfile;
const TS = '2026-11-21T10:00:00.000+01:00';
const AT = Date.UTC(2026, 10, 21, 9);
const BP = { ts: TS, serial: 'BP-0001', type: 'bp', systolic: 128, diastolic: 82, mean: 97, pulse: 71, unit: 'mmHg' };

function decode(payload: unknown, context: Partial<DecodeContext> = {}) {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const topic = `home/hub-01/${/"serial":"([A-Z0-9-]+)"/.exec(text)?.[1] ?? 'BP-0001'}/measurement`;
  return outcome([homeHub.decodePayload(topic, Buffer.from(text), RECEIVED_AT, { ...CONTEXT, ...context })]);
}

test('blood pressure', () => {
  assert.deepEqual(decode(BP), {
    records: [
      {
        source: 'line-1',
        profile: 'mqtt-home-hub',
        device: { id: 'BP-0001', idType: 'serial' },
        receivedAt: RECEIVED_AT,
        subject: {},
        test: false,
        class: 'spot',
        readings: [
          { vital: 'nibp_s', value: 128, effective: AT, offsetMin: 60 },
          { vital: 'nibp_d', value: 82, effective: AT, offsetMin: 60 },
          { vital: 'nibp_m', value: 97, effective: AT, offsetMin: 60 },
          { vital: 'pr_nibp', value: 71, effective: AT, offsetMin: 60 },
        ],
      },
    ],
    rejected: [],
  });
});

test('every example of the mapping is read without a rejection', () => {
  const yaml = readFileSync(join(import.meta.dirname, '../../../agent/mappings/home-hub.yaml'), 'utf8');
  const examples = [...yaml.matchAll(/^#.*?(\{"ts".*\})$/gm)].map(([, json = '']) => json);
  assert.equal(examples.length, 5);
  for (const example of examples) {
    const { records, rejected } = decode(example);
    assert.deepEqual([records.length, rejected], [1, []], example);
  }
});

test('weight in pounds is kilograms, what was sent is kept; without a unit it is refused', () => {
  verifies('NOTHING-INVENTED');
  const weight = { ts: TS, serial: 'WS-0002', type: 'weight', weight: 179.5 };
  const [reading] = decode({ ...weight, unit: 'lb' }).records[0]?.readings ?? [];
  assert.deepEqual([reading?.value, reading?.original], [81.419830415, { value: 179.5, unit: '[lb_av]' }]);
  for (const unit of [undefined, null, '', 'stone', 'KG', 5]) {
    assert.deepEqual(decode({ ...weight, unit }), { records: [], rejected: ['DECODE-UNIT metrics.weight 5+'] });
  }
});

test('a pressure without a unit is taken as mmHg, and says so', () => {
  const { unit: _unit, ...bare } = BP;
  assert.deepEqual(short(decode(bare)).slice(0, 2), ['nibp_s=128 unit-assumed', 'nibp_d=82 unit-assumed']);
});

test('what the device says about itself', () => {
  const spo2 = (extra: object): string[] => short(decode({ ts: TS, serial: 'OX-0001', type: 'spo2', spo2: 97, pulse: 72, ...extra }));
  assert.deepEqual(spo2({ spo2: null, pulse: null, status: 'probe-off' }), [
    'spo2=!temp-unknown sensor-off',
    'pr_oxi=!temp-unknown sensor-off',
  ]);
  assert.deepEqual(spo2({ status: 'motion', memory: true, battery: 'low' }), [
    'spo2=97 motion memory low-battery',
    'pr_oxi=72 motion memory low-battery',
  ]);
  assert.deepEqual(spo2({ spo2: null }), ['spo2=!unknown', 'pr_oxi=72']);
  assert.equal(decode({ ...BP, demo: true }).records[0]?.test, true);
});

test('a word that the mapping does not know leaves the values in doubt', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP');
  const spo2 = { ts: TS, serial: 'OX-0001', type: 'spo2', spo2: 97 };
  for (const said of [
    { status: 'Probe-Off' },
    { status: 7 },
    { status: ['probe-off'] },
    { memory: 'true' },
    { memory: 1 },
    { battery: '' },
  ]) {
    const outcomes = decode({ ...spo2, ...said });
    assert.deepEqual(short(outcomes), ['spo2=97 questionable'], JSON.stringify(said));
    assert.match(outcomes.rejected.join(), /^DECODE-FIELD flags \d+\+$/);
  }
  for (const said of [{ status: null }, { status: 'ok' }, { memory: false }, { memory: null }, { battery: 'ok' }]) {
    assert.deepEqual([short(decode({ ...spo2, ...said })), decode({ ...spo2, ...said }).rejected], [['spo2=97'], []], JSON.stringify(said));
  }
});

test('data are of a patient only where the device does not say otherwise', () => {
  verifies('NOTHING-INVENTED');
  assert.deepEqual([decode({ ...BP, demo: true }).rejected, decode({ ...BP, demo: false }).records[0]?.test], [[], false]);
  for (const demo of ['true', 'false', 1, 0, null, '', {}]) {
    const { records, rejected } = decode({ ...BP, demo });
    assert.equal(records[0]?.test, true, JSON.stringify(demo));
    assert.match(rejected.join(), /^DECODE-FIELD test \d+\+$/);
  }
});

test('nobody speaks for another device than that of the topic', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP');
  const of = (topic: string) => outcome([homeHub.decodePayload(topic, Buffer.from(JSON.stringify(BP)), RECEIVED_AT, CONTEXT)]);
  assert.deepEqual(of('home/hub-01/BP-0002/measurement'), { records: [], rejected: [`DECODE-FIELD device ${JSON.stringify(BP).length}+`] });
  assert.equal(of('home/hub-01/BP-0001/measurement').records.length, 1);
  assert.equal(of('').records.length, 1, 'a payload without a topic speaks for itself');
});

test('a key that is there twice, escaped or not, says nothing', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP');
  const twice = (extra: string) =>
    decode(JSON.stringify({ ts: TS, serial: 'OX-0001', type: 'spo2', spo2: 97 }).replace('}', `,${extra}}`)).rejected;
  for (const extra of [
    '"spo2":60',
    '"spo2" : 97',
    '"\\u0073po2":60',
    '"a":{"b":[{"c":1,"c":2}]}',
    '"":1,"":2',
    '"__proto__":1,"__proto__":2',
  ])
    assert.match(twice(extra).join(), /^DECODE-JSON payload \d+\+$/, extra);
  for (const extra of ['"pulse":72', '"a":{"spo2":1}', '"a":[{"b":1},{"b":2}]', '"a":"\\"spo2\\":60"', '"__proto__":{"spo2":60}'])
    assert.deepEqual(twice(extra), [], extra);
  const line = `{"topic":"home/hub-01/OX-0001/measurement","payload":{"serial":"OX-0001","type":"spo2","spo2":97,"spo2":60}}\n`;
  assert.match(outcome(homeHub.decoder(CONTEXT).push(Buffer.from(line), RECEIVED_AT)).rejected.join(), /^DECODE-JSON/);
});

test('a number that a double cannot hold is not rounded to another one', () => {
  verifies('NOTHING-INVENTED');
  const spo2 = (text: string) => decode(`{"ts":"${TS}","serial":"OX-0001","type":"spo2","spo2":${text},"pulse":72}`);
  for (const text of ['1e-400', '-1e-400', '0.00001E-330', '1e999', '-1e999']) {
    assert.deepEqual(short(spo2(text)), ['pr_oxi=72'], text);
    assert.match(spo2(text).rejected.join(), /^DECODE-FIELD metrics.spo2 \d+\+$/, text);
  }
  for (const text of ['0', '0.0', '0e5', '0e-400', '97', '9.7e1']) assert.deepEqual(spo2(text).rejected, [], text);
});

test('what is kept of a bad field tells whose it was, and when', () => {
  const { rejected } = homeHub.decodePayload('', Buffer.from(JSON.stringify({ ...BP, systolic: '128 mmHg' })), RECEIVED_AT, CONTEXT);
  assert.deepEqual(JSON.parse(Buffer.from(rejected[0]?.raw ?? []).toString()), { ...BP, systolic: '128 mmHg' });
});

test('a wrong field costs itself only', () => {
  verifies('GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP');
  const outcomes = decode({ ...BP, diastolic: 'eighty', mean: [97], pulse: { rate: 71 } });
  assert.deepEqual(short(outcomes), ['nibp_s=128']);
  assert.deepEqual(outcomes.rejected, [
    'DECODE-FIELD metrics.nibp_d 8+',
    'DECODE-FIELD metrics.nibp_m 4+',
    'DECODE-FIELD metrics.pr_nibp 11+',
  ]);
  const { systolic: _systolic, ...oneSided } = BP;
  assert.deepEqual(decode(oneSided).rejected, ['DECODE-FIELD metrics.nibp_s 0+']);
  const timeless = decode({ ...BP, ts: 'now' });
  assert.deepEqual([short(timeless)[0], timeless.rejected], ['nibp_s=128 clock', ['DECODE-TIME time 5+']]);
});

test('payloads that hold no reading are refused as a whole, and kept', () => {
  verifies('NO-SILENT-DROP');
  const refused = (payload: unknown, context = {}): string[] => {
    const { records, rejected } = decode(payload, context);
    assert.deepEqual(records, []);
    return rejected;
  };
  for (const text of ['{"type":"bp"', '', 'bp 128/82', '{"a":NaN}', `${'['.repeat(5000)}`])
    assert.match(refused(text)[0] ?? '', /^DECODE-JSON payload/);
  assert.deepEqual(
    refused({ ...BP, type: 'glucose' })[0]
      ?.split(' ')
      .slice(0, 2),
    ['DECODE-UNKNOWN-CODE', 'kind'],
  );
  for (const odd of ['42', 'null', '[]', '"bp"']) assert.match(refused(odd)[0] ?? '', /^DECODE-UNKNOWN-CODE kind/);
  for (const serial of [undefined, null, '', 'BP\u0007', 'x'.repeat(65), {}])
    assert.match(refused({ ...BP, serial })[0] ?? '', /^DECODE-FIELD device/);
  assert.match(refused(BP, { devices: ['BP-0002'] })[0] ?? '', /^DECODE-DEVICE-UNKNOWN item \d+\+$/);
  assert.deepEqual(refused(BP, { maxFrameBytes: 50 })[0]?.split(' ')[0], 'DECODE-OVERSIZED');
});

test('bytes that are not UTF-8 are no JSON', () => {
  const decoded = homeHub.decodePayload('', Buffer.from('{"type":"\xff"}', 'latin1'), RECEIVED_AT, CONTEXT);
  assert.deepEqual(
    decoded.rejected.map(({ code }) => code),
    ['DECODE-JSON'],
  );
});

test('as a stream: a payload a line, bare or captured with its topic', () => {
  const captured = { topic: 'home/hub-01/BP-0001/measurement', payload: BP };
  const asText = { topic: 'home/hub-01/BP-0001/measurement', payload: JSON.stringify(BP) };
  const foreign = { topic: 'other', payload: BP };
  const decoder = homeHub.decoder(CONTEXT);
  const lines = [BP, captured, asText, foreign].map((line) => `${JSON.stringify(line)}\n`).join('');
  const { records, rejected } = outcome([...decoder.push(Buffer.from(lines), RECEIVED_AT), ...decoder.end(RECEIVED_AT)]);
  assert.equal(records.length, 3);
  assert.deepEqual(rejected, [`DECODE-FIELD topic ${JSON.stringify(BP).length}+`]);
});
