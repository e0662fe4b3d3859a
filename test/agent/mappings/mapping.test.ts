import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadMapping } from '../../../agent/mappings/mapping.ts';
import { mappingProfile } from '../../../agent/mappings/profile.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { CONTEXT, outcome, RECEIVED_AT, short } from '../decode/decoding.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-mapping-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

function load(yaml: string) {
  files += 1;
  const file = join(folder, `mapping-${files}.yaml`);
  writeFileSync(file, yaml);
  return loadMapping(file);
}

const BASE = `
name: mqtt-test
vendor: Test
models: [one]
protocol: JSON
source: this test
match: gw/{mac}/data
`;
const KINDS = `
kinds:
  - class: continuous
    metrics: [{ vital: spo2, path: $.spo2, unit: '%' }]
`;

/** Decodes a payload by BASE and these lines. */
function decode(yaml: string, payload: unknown, topic = 'gw/aa:bb/data') {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return outcome([mappingProfile(load(BASE + yaml)).decodePayload(topic, Buffer.from(text), RECEIVED_AT, CONTEXT)]);
}

const REFUSED: readonly (readonly [name: string, yaml: string, says: RegExp])[] = [
  ['a path that is no JSONPath', `${BASE}device: { path: '$.a[', type: serial }${KINDS}`, /:\d+: device.*JSONPath/],
  ['a vital sign that is not in the table', `${BASE}${KINDS.replace('spo2,', 'spo3,')}`, /kinds.*parameter table/],
  ['a waveform', `${BASE}${KINDS.replace('vital: spo2', 'vital: w_pleth')}`, /parameter table/],
  ['a unit that cannot be converted', `${BASE}${KINDS.replace("'%'", 'kg')}`, /unit.*converted to %/],
  ['a level that the topic does not have', `${BASE}device: { segment: serial, type: serial }${KINDS}`, /device/],
  ['a wildcard in the topic', `${BASE.replace('{mac}', '+')}${KINDS}`, /match/],
  ['an unknown key', `${BASE}script: rm${KINDS}`, /script/],
  ['a scale of 0', `${BASE}${KINDS.replace("unit: '%'", "unit: '%', scale: 0")}`, /scale/],
  ['a pattern without a day', `${BASE}time: { path: $.t, format: { pattern: 'HH:mm' } }${KINDS}`, /pattern/],
  ['an unknown zone', `${BASE}time: { path: $.t, format: iso, zone: Europe/Bonn }${KINDS}`, /zone/],
];

for (const [name, yaml, says] of REFUSED) {
  test(`a mapping is refused with the place of its error: ${name}`, () => {
    assert.throws(
      () => load(yaml),
      (error) => error instanceof VitalmeshError && error.code === 'MAPPING-INVALID' && says.test(error.message),
    );
  });
}

test('device out of the topic, items of a list, values scaled, time of the whole payload', () => {
  const yaml = `
each: $.list[*]
device: { segment: mac, type: mac }
time: { path: $.sent, of: payload, format: epoch_s }
kinds:
  - class: continuous
    metrics: [{ vital: pi, path: $.pi, scale: 0.1, unit: '%' }, { vital: temp, path: $.f, unit: '[degF]', scale: 0.1, offset: 90 }]
`;
  const { records, rejected } = decode(yaml, { sent: 1_795_251_600, list: [{ pi: 43 }, { pi: 'x', f: 86 }, { pi: 255.5 }] });
  assert.deepEqual(records[0], {
    source: 'line-1',
    profile: 'mqtt-test',
    device: { id: 'aa:bb', idType: 'mac' },
    receivedAt: RECEIVED_AT,
    subject: {},
    test: false,
    class: 'continuous',
    readings: [{ vital: 'pi', value: 4.3, effective: Date.UTC(2026, 10, 21, 9) }],
  });
  assert.deepEqual(short({ records, rejected }), ['pi=4.3', 'temp=37', 'pi=25.55']);
  assert.deepEqual(records[1]?.readings[0]?.original, { value: 98.6, unit: '[degF]' });
  assert.deepEqual(rejected, ['DECODE-FIELD metrics.pi 3+']);
});

test('times: ISO with and without offset, milliseconds, a pattern', () => {
  const effective = (time: string, t: unknown): unknown[] => {
    const reading = decode(`time: { path: $.t, ${time} }${KINDS}`, { t, spo2: 97 }).records[0]?.readings[0];
    return [reading?.effective, reading?.flags];
  };
  const at = Date.UTC(2026, 10, 21, 9);
  assert.deepEqual(effective('format: iso', '2026-11-21T10:00:00+01:00'), [at, undefined]);
  assert.deepEqual(effective('format: iso', '2026-11-21T10:00:00'), [at, undefined], 'the zone of the source');
  assert.deepEqual(effective('format: iso, zone: UTC', '2026-11-21T09:00:00.000'), [at, undefined], 'or that of the mapping');
  assert.deepEqual(effective('format: epoch_ms', at), [at, undefined]);
  assert.deepEqual(effective("format: { pattern: 'DD/MM/YYYY HH:mm:ss' }", '21/11/2026 10:00:00'), [at, undefined]);
  assert.deepEqual(effective("format: { pattern: 'DD/MM/YYYY HH:mm:ss' }", '25/10/2026 02:30:00')[1], ['dst-overlap']);
  for (const bad of ['yesterday', null, 5, {}, '2026-02-30T10:00:00Z'])
    assert.deepEqual(effective('format: iso', bad), [undefined, ['clock']]);
  assert.deepEqual(effective('format: epoch_ms', 1e300), [undefined, ['clock']]);
});

test('without a time in the mapping, readings are clockless; without a device, they are of the source', () => {
  const { records } = decode(KINDS, { spo2: 97 });
  assert.deepEqual([records[0]?.device, records[0]?.readings[0]?.flags], [{ id: 'line-1', idType: 'config' }, ['clockless']]);
});

test('items that are no measurement are dropped, and counted', () => {
  const yaml = `drop: [{ path: $.mode, equals: object }, { path: $.ghost, exists: true }]${KINDS}`;
  assert.deepEqual(decode(yaml, { mode: 'object', spo2: 97 }).rejected, ['DECODE-DROPPED item 27']);
  assert.deepEqual(decode(yaml, { ghost: null, spo2: 97 }).rejected, ['DECODE-DROPPED item 24']);
  assert.equal(decode(yaml, { mode: 'person', spo2: 97 }).records.length, 1);
});

test('values that stand for none', () => {
  const yaml = KINDS.replace("unit: '%'", "unit: '%', missing: [127, '--']");
  for (const none of [null, 127, '--']) assert.deepEqual(short(decode(yaml, { spo2: none })), ['spo2=!unknown clockless']);
});

test('a patient in the payload, else that of the source; one that cannot be read is nobody', () => {
  const yaml = `patient: { path: $.who, authority: HOME }${KINDS}`;
  const of = (who: unknown) => {
    const mapping = mappingProfile(load(BASE + yaml));
    const payload = Buffer.from(JSON.stringify({ who, spo2: 97 }));
    return mapping.decodePayload('gw/a/data', payload, RECEIVED_AT, { ...CONTEXT, patient: { value: 'P-9', authority: '' } }).records[0]
      ?.subject.patient;
  };
  assert.deepEqual(of('P-1'), { value: 'P-1', authority: 'HOME' });
  assert.deepEqual(of(undefined), { value: 'P-9', authority: '' });
  assert.equal(of('P-\u0000001'), undefined);
  assert.equal(of('P-\ud800'), undefined);
  assert.equal(of({ id: 1 }), undefined);
});

test('a topic that is not the mapping’s, and a list that is not there', () => {
  assert.deepEqual(decode(KINDS, { spo2: 97 }, 'gw/aa/other').rejected, ['DECODE-FIELD topic 11+']);
  assert.deepEqual(decode(KINDS, { spo2: 97 }, 'gw/aa/bb/data').rejected, ['DECODE-FIELD topic 11+']);
  assert.deepEqual(decode(`each: $.list[*]${KINDS}`, { spo2: 97 }).rejected, ['DECODE-FIELD each 11+']);
  assert.deepEqual(decode(`each: $.list[*]${KINDS}`, { list: Array(1001).fill({}) }).rejected, [
    `DECODE-OVERSIZED each ${11 + 1001 * 3 - 1}+`,
  ]);
});
