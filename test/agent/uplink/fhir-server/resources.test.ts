import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { createEntryText, identifiedResources, RESOURCE_SYSTEM } from '../../../../agent/uplink/fhir-server/resources.ts';
import type { Identifier, Resource } from '../../../../shared/fhir.ts';
import { decodeRecord, encodeRecord, type ReadingRecord } from '../../../../shared/reading.ts';
import { bundleText } from '../../../../shared/uplink/kinds.ts';
import { verifies } from '../../../requirements.ts';
import { anyRecord } from '../../../support/records.ts';

const receivedAt = Date.UTC(2026, 10, 21, 9);
const KEY = { agent: 'home-7', epoch: '0123456789abc' };
const common: Omit<ReadingRecord, 'class' | 'readings'> = {
  source: 'monitors',
  profile: 'hl7-pcd01',
  device: { id: 'MON-0001', idType: 'serial', vendor: 'SIM' },
  receivedAt,
  subject: { patient: { value: 'P-0001', authority: 'HOSP' }, bed: 'ICU^^BED-1' },
  test: true,
};
/** One of each class. */
const RECORDS: readonly ReadingRecord[] = [
  {
    ...common,
    class: 'spot',
    readings: [
      { vital: 'spo2', value: 97, effective: receivedAt - 1000 },
      { vital: 'nibp_s', value: 120 },
      { vital: 'nibp_d', absent: 'temp-unknown' },
    ],
  },
  {
    ...common,
    class: 'alert',
    readings: [],
    alerts: [{ text: 'SpO2 low', phase: 'start', state: 'active', priority: 'high', type: 'physiological', source: { vital: 'spo2' } }],
  },
  {
    ...common,
    class: 'movement',
    readings: [],
    movement: { event: 'A01', parties: [{ patient: { value: 'P-0001', authority: 'HOSP' }, bed: 'ICU^^BED-1' }] },
  },
  { ...common, class: 'waveform', readings: [], waves: [{ vital: 'w_ecg2', samples: [1, null, 3], periodMs: 4 }] },
  {
    ...common,
    class: 'device',
    readings: [],
    tree: { mdc: 69965, parts: [{ path: '1.5.1.1', level: 'metric', mdc: 147842, vital: 'hr' }] },
  },
  {
    ...common,
    class: 'gap',
    readings: [],
    gap: { reason: 'space', lost: 'waveform', from: receivedAt - 60_000, to: receivedAt, rows: 3, values: 900, vitals: ['w_ecg2'] },
  },
];

type Identified = Resource & { identifier?: Identifier[] };
const keysOf = (resource: Identified): string[] =>
  (resource.identifier ?? []).filter(({ system }) => system === RESOURCE_SYSTEM).map(({ value }) => value);

test('one record of each class as it is sent stands in the golden batch', () => {
  const texts = RECORDS.flatMap((record, i) => identifiedResources(record, { ...KEY, seq: 71 + i })).map(createEntryText);
  const golden = readFileSync(new URL('../../../golden/uplink/fhir-server.json', import.meta.url), 'utf8');
  assert.deepEqual(JSON.parse(bundleText(texts, Date.UTC(2026, 10, 21, 9, 0, 1))), JSON.parse(golden));
});

test('an entry creates its resource, without an id, unless its identifier is there', () => {
  verifies('FHIR-SERVER-ONCE');
  for (const [i, record] of RECORDS.entries()) {
    for (const resource of identifiedResources(record, { ...KEY, seq: 71 + i })) {
      const [key, ...more] = keysOf(resource);
      assert.deepEqual(more, []);
      const { resource: sent, request } = JSON.parse(createEntryText(resource));
      assert.deepEqual(request, { method: 'POST', url: resource.resourceType, ifNoneExist: `identifier=${RESOURCE_SYSTEM}|${key}` });
      assert.equal(sent.id, undefined);
      assert.deepEqual(keysOf(sent), [key]);
      assert.ok(key?.startsWith(`${resource.id}.`));
    }
  }
});

test('a row that an older version wrote has the identifiers that the older version gave it', () => {
  verifies('FHIR-SERVER-ONCE');
  const one: ReadingRecord = { ...common, class: 'continuous', readings: [{ vital: 'hr', value: 71, effective: receivedAt - 500 }] };
  // As version 1 wrote it: all fields of a reading, and times that count from 1970.
  const compact = { s: 'monitors', p: 'hl7-pcd01', d: ['MON-0001', 'serial', 'SIM', null], t: receivedAt, u: common.subject, x: 1 };
  const reading = ['hr', 71, receivedAt - 500, null, null, null, null, null, null];
  const row = Buffer.concat([Buffer.of(1), Buffer.from(JSON.stringify({ ...compact, r: [reading] }))]);
  const ids = (record: ReadingRecord): string[] => identifiedResources(record, { ...KEY, seq: 9 }).flatMap(keysOf);
  assert.deepEqual(ids(decodeRecord(row)), ids(decodeRecord(encodeRecord(one))));
  assert.deepEqual(ids(decodeRecord(row)), ['home-7.0123456789abc.9.0.jXSIGv61sN21N44TK86K8I']);
});

test('what is no identified resource is not sent', () => {
  const [resource] = identifiedResources({ ...common, class: 'spot', readings: [{ vital: 'hr', value: 71 }] }, { ...KEY, seq: 1 });
  assert.ok(resource);
  const { identifier: _, ...bare } = resource as Identified;
  assert.throws(() => createEntryText(bare as Resource), { code: 'INTERNAL' });
});

test('the same row has the same identifiers whenever it is read; the same key with other content has others', () => {
  verifies('FHIR-SERVER-ONCE');
  fc.assert(
    fc.property(anyRecord, anyRecord, (one, other) => {
      const key = { ...KEY, seq: 5 };
      const ids = (record: ReadingRecord): string[] => identifiedResources(record, key).flatMap(keysOf);
      const again = ids(decodeRecord(encodeRecord(one)));
      assert.deepEqual(again, ids(decodeRecord(encodeRecord(one))));
      assert.equal(new Set(again).size, again.length);
      for (const id of again) assert.match(id, /^[\w.-]+$/, 'as it stands it may be part of a search');
      if (encodeRecord(one).equals(encodeRecord(other))) return;
      assert.deepEqual(
        ids(decodeRecord(encodeRecord(other))).filter((id) => again.includes(id)),
        [],
      );
    }),
    { numRuns: 200 },
  );
});
