import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DecodeContext } from '../../../agent/decoding.ts';
import { resourcesOf } from '../../../agent/resources.ts';
import { DEVICE_CHECK, readPart } from '../../../shared/device-resource.ts';
import type { DeviceTree } from '../../../shared/device-tree.ts';
import { decodeRecord, encodeRecord, type ReadingRecord } from '../../../shared/reading.ts';
import { checkRecord } from '../../../shared/reading-check.ts';
import { verifies } from '../../requirements.ts';
import { hl7Pcd01 } from '../../support/hl7.ts';
import { CONTEXT, RECEIVED_AT } from '../decode/decoding.ts';
import { MSH, message, OBR, obx, oru, PERCENT, PID, read, SPO2 } from './oru.ts';

const KEY = { agent: 'gw-1', epoch: '0123456789abc', seq: 1 };
const MDS = 'OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||MON-9';
const VMD = 'OBX|2||69642^MDC_DEV_ANALY_SAT_O2_VMD^MDC|1.22.0.0|||||||X';
const CHANNEL = 'OBX|3||69643^MDC_DEV_ANALY_SAT_O2_CHAN^MDC|1.22.1.0|||||||X';
const METRIC = obx(SPO2, '97', PERCENT, { 4: '1.22.1.2' });
const SETTING = obx('16929196^MDC_VENT_VOL_TIDAL_SETTING^MDC', '450', '263762^MDC_DIM_MILLI_L^MDC', { 4: '1.30.1.1' });

/** The context of a source: what was told is remembered as long as it is. */
const source = (): DecodeContext => ({ ...CONTEXT, containment: true });
const trees = (bytes: Uint8Array, context = source(), at = RECEIVED_AT): ReadingRecord[] =>
  hl7Pcd01.read(bytes, at, context).records.filter(({ class: name }) => name === 'device');

test('what a device is made of becomes a record of its own, of no patient, beside the readings', () => {
  verifies('DEVICES-DESCRIBED');
  const bytes = oru(MDS, VMD, CHANNEL, METRIC, SETTING);
  const [record] = trees(bytes);
  assert.ok(record);
  assert.deepEqual(record.tree, {
    mdc: 69965,
    parts: [
      { path: '1.22', level: 'vmd', mdc: 69642 },
      { path: '1.22.1', level: 'channel', mdc: 69643 },
      { path: '1.22.1.2', level: 'metric', vital: 'spo2', mdc: 150456 },
      { path: '1.30.1.1', level: 'setting', vital: 'vt_set', mdc: 16929196 },
    ],
  });
  assert.deepEqual([record.subject, record.readings, record.device], [{}, [], { id: 'MON-9', idType: 'serial' }]);
  assert.equal(checkRecord(record), undefined);
  assert.deepEqual(decodeRecord(encodeRecord(record)), record);
  assert.deepEqual(
    read(bytes).records.map(({ class: name }) => name),
    ['continuous'],
    'only where it is asked for',
  );
});

test('once, and again where it changed, where another device came, or after an hour', () => {
  verifies('DEVICES-DESCRIBED');
  const context = source();
  const bytes = oru(MDS, VMD, METRIC);
  const told = (message: Uint8Array, at = RECEIVED_AT): number => trees(message, context, at).length;
  assert.deepEqual([told(bytes), told(bytes), told(bytes)], [1, 0, 0]);
  assert.deepEqual([told(oru(MDS, VMD, CHANNEL, METRIC)), told(bytes)], [1, 0]);
  const [grown] = trees(oru(MDS, SETTING), context);
  assert.deepEqual(
    grown?.tree?.parts.map(({ path }) => path),
    ['1.22', '1.22.1.2', '1.22.1', '1.30.1.1'],
    'what one message does not name is still there',
  );
  const alert = 'MSH|^~\\&|MON||||20261121100000+0100||ORU^R40|A1|P|2.6';
  assert.equal(told(message(alert, PID, OBR, MDS, 'OBX|1|ST|196674^MDC_EVT_LO^MDC|1.1.0.1.1|low')), 0);
  assert.equal(told(oru(MDS.replace('MON-9', 'MON-8'), VMD, METRIC)), 1);
  assert.deepEqual([told(oru(MDS, VMD.replace('69642', '69643'), METRIC)), told(bytes)], [1, 1], 'it became another, and back');
  assert.deepEqual([told(bytes, RECEIVED_AT + 3_599_999), told(bytes, RECEIVED_AT + 3_600_000)], [0, 1]);
  assert.equal(trees(bytes).length, 1, 'of another source');
});

test('parts of one patient’s device are never those of the next one’s', () => {
  verifies('DEVICES-DESCRIBED');
  const bytes = message(MSH, PID, OBR, MDS, METRIC, 'PID|||P-0002^^^HOSP^MR', OBR, MDS.replace('MON-9', 'MON-8'), SETTING);
  assert.deepEqual(
    trees(bytes).map(({ device, tree }) => [device.id, tree?.parts.map(({ path }) => path)]),
    [
      ['MON-9', ['1.22.1.2']],
      ['MON-8', ['1.30.1.1']],
    ],
  );
});

test('as FHIR: the device, its parts and what they measure, each naming what it is in', () => {
  verifies('DEVICES-DESCRIBED');
  const [record] = trees(oru(MDS, VMD, CHANNEL, METRIC, SETTING));
  assert.ok(record);
  const resources = resourcesOf(record, KEY);
  const device = { system: 'urn:vitalmesh:device:serial', value: 'MON-9' };
  const part = (path: string) => ({ identifier: { system: 'urn:vitalmesh:device-part', value: `MON-9/${path}` } });
  assert.deepEqual(
    resources.map((one) => ('parent' in one ? [one.resourceType, one.parent] : [one.resourceType])),
    [
      ['Device'],
      ['Device', { identifier: device }],
      ['Device', part('1.22')],
      ['DeviceMetric', part('1.22.1')],
      ['DeviceMetric', { identifier: device }],
    ],
  );
  assert.deepEqual(
    resources.map(({ id }) => id),
    [0, 1, 2, 3, 4].map((index) => `gw-1.0123456789abc.1.${index}`),
  );
  const metrics = resources.flatMap((one) => (one.resourceType === 'DeviceMetric' ? [[one.category, one.type.text, one.source]] : []));
  assert.deepEqual(metrics, [
    ['measurement', 'Oxygen saturation (SpO2)', { identifier: device }],
    ['setting', 'Tidal volume, set', { identifier: device }],
  ]);
});

test('what no device has is refused, on the gateway and at the hub', () => {
  verifies('DEVICES-DESCRIBED');
  const [record] = trees(oru(MDS, VMD, METRIC));
  assert.ok(record?.tree);
  const { tree } = record;
  const [first] = tree.parts;
  assert.ok(first);
  const bad: DeviceTree[] = [
    { ...tree, mdc: -1 },
    { parts: [first, first] },
    { parts: [{ ...first, path: '1' }] },
    { parts: [{ ...first, path: '1.x' }] },
    { parts: [{ ...first, level: 'mds' as 'vmd' }] },
    { parts: [{ ...first, vital: 'mood' }] },
    { parts: Array.from({ length: 201 }, (_, i) => ({ ...first, path: `1.${i}` })) },
  ];
  for (const one of bad) assert.equal(checkRecord({ ...record, tree: one }), 'DECODE-FIELD');
  assert.equal(checkRecord({ ...record, readings: [{ vital: 'hr', value: 60 }] }), 'DECODE-FIELD', 'one kind a record');

  const sent = JSON.parse(JSON.stringify(resourcesOf(record, KEY))) as Record<string, unknown>[];
  for (const good of sent) {
    assert.ok(DEVICE_CHECK.fits(good) && DEVICE_CHECK.check(good).ok);
    const extensions = good.extension as unknown[];
    for (const change of [
      { patient: { display: 'NAME' } },
      { note: [{ text: 'NAME' }] },
      { identifier: [] },
      { extension: extensions.slice(1) },
      { extension: [...extensions, { url: 'https://elsewhere.example', valueString: 'NAME' }] },
      { type: { text: 'a\u0007' } },
    ])
      assert.equal(DEVICE_CHECK.check({ ...good, ...change }).ok, false, Object.keys(change)[0]);
  }
});

test('whatever rows hold: bounded, and all of it passes the checks and is read back', () => {
  verifies('DEVICES-DESCRIBED', 'GOOD-PARTS-SURVIVE');
  const path = fc.oneof(
    fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.')),
    fc.string({ unit: fc.constantFrom(...'0123.x'), maxLength: 12 }),
  );
  const row = fc.oneof(
    path.map((at) => `OBX|1||69642^MDC_X^MDC|${at}|||||||X`),
    path.map((at) => obx(SPO2, '97', PERCENT, { 4: at })),
  );
  fc.assert(
    fc.property(fc.array(row, { maxLength: 300 }), (rows) => {
      for (const record of trees(oru(...rows))) {
        assert.equal(checkRecord(record), undefined);
        const resources = resourcesOf(record, KEY).map((one) => JSON.parse(JSON.stringify(one)) as Record<string, unknown>);
        for (const resource of resources) assert.ok(DEVICE_CHECK.check(resource).ok);
        assert.deepEqual(
          resources.flatMap((one) => readPart(one) ?? []),
          record.tree?.parts.map(({ vital: _, ...part }) => part),
        );
      }
    }),
    { numRuns: 200 },
  );
});
