import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { operatorPrincipal } from '../../../../hub/access/principals.ts';
import { verifyAudit } from '../../../../hub/audit/chain.ts';
import { createIngest } from '../../../../hub/ingest/create-ingest.ts';
import { foreignId } from '../../../../hub/ingest/foreign/name.ts';
import type { ForeignAnswer } from '../../../../hub/ingest/ingest.ts';
import { Storing } from '../../../../hub/ingest/storing.ts';
import { bindingsFrom } from '../../../../hub/registry/bindings.ts';
import { parseRegistry } from '../../../../hub/registry/load-registry.ts';
import type { StoredObservation } from '../../../../hub/store/store.ts';
import { newEpoch, parseObservationId } from '../../../../shared/uplink/key.ts';
import { panelOfPart, vital } from '../../../../shared/vitals.ts';
import { verifies } from '../../../requirements.ts';
import { assertValidFhir } from '../../../support/fhir-valid.ts';
import { FOREIGN_REGISTRY } from '../../../support/foreign.ts';
import { gathered, sampleBundle, sampleObservation, TEST_NOW, TestClock, type TestHub, testHub } from '../../../support/hub.ts';
import { READABLE } from '../../../support/records.ts';

type Json = Record<string, unknown>;
type Entry = { resource: Json; request: Json };

const golden = (): { type: string; timestamp: string; entry: Entry[] } =>
  JSON.parse(readFileSync(new URL('../../../golden/foreign/home-monitoring.json', import.meta.url), 'utf8'));

const hub = (clock = new TestClock()): TestHub => testHub({ clock, registry: FOREIGN_REGISTRY });

async function stored({ door }: TestHub): Promise<StoredObservation[]> {
  return gathered(await door.export(operatorPrincipal(1000, 'clinic'), {}, { channel: 'operator' }));
}

const shown = (answer: ForeignAnswer): string[] =>
  ('outcomes' in answer ? answer.outcomes : answer.refused).map((outcome) =>
    outcome === null ? 'good' : `${outcome.status} ${outcome.code ?? ''} ${outcome.rule ?? ''}`.trim(),
  );

/** A heart rate as some client may write it. */
const RATE: Json = {
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: 'Patient/1' },
  effectiveDateTime: '2026-11-21T10:00:00+01:00',
  valueQuantity: { value: 72, unit: 'beats/min', system: 'http://unitsofmeasure.org', code: '{beats}/min' },
};
const entryOf = (change: Json = {}, request: Json = { method: 'POST', url: 'Observation' }): Entry => ({
  resource: { ...RATE, ...change },
  request,
});
const bundleOf = (entry: unknown[], type = 'batch'): Json => JSON.parse(JSON.stringify({ resourceType: 'Bundle', type, entry }));

test('a transaction as another vendor writes it is stored as ours, of the hub’s patient, and nothing of a name comes with it', async () => {
  verifies('FOREIGN-CLIENTS', 'SUBJECT-BY-HUB');
  await using h = hub();
  const bundle = golden();
  const answer = await h.ingest.foreign('gw-home', bundle);
  assert.deepEqual([answer.type, shown(answer)], ['transaction', ['201', '201', '201']]);
  const rows = await stored(h);
  assertValidFhir(rows.map(({ resource }) => resource));
  assert.doesNotMatch(JSON.stringify(rows), /SYNTHETIC|4f1c0b2e|MRN-00042|vendor/);
  assert.deepEqual(
    rows.map(({ patient, vital, value, unit, absent, components, device, effective, receivedAt }) => [
      ...[patient, vital, value, unit, absent, components.map((part) => [part.vital, part.value]), device],
      ...[new Date(effective).toISOString(), new Date(receivedAt).toISOString()],
    ]),
    [
      [
        ...['pat-home-01', 'nibp', null, 'mm[Hg]', null],
        [
          ['nibp_s', 128],
          ['nibp_d', 82],
        ],
        ...['bp-0001', '2026-11-21T08:58:30.000Z', '2026-11-21T08:59:00.250Z'],
      ],
      ['pat-home-01', 'temp', 37, 'Cel', null, [], '', '2026-11-21T08:57:00.000Z', '2026-11-21T10:00:00.000Z'],
      ['pat-home-01', 'spo2', null, '%', 'unknown', [], '', '2026-11-21T08:58:31.500Z', '2026-11-21T10:00:00.000Z'],
    ],
  );
  assert.deepEqual(shown(await h.ingest.foreign('gw-home', bundle)), ['200', '200', '200'], 'sent again it is held');
  const counted = ['bodySite', 'text', 'interpretation', 'note'].map((field) => h.metrics.get('ingest_left_out', field));
  assert.deepEqual(counted, [2, 2, 2, 2]);
});

test('the same name with the same content is held, with other content refused, and names of two clients never meet', async () => {
  verifies('FOREIGN-CLIENTS', 'EXACTLY-ONCE', 'KEY-REUSED');
  await using h = hub();
  const requests: Json[] = [
    { method: 'PUT', url: 'Observation/rate-1' },
    { method: 'PUT', url: 'Observation?identifier=urn:x|1' },
    { method: 'POST', url: 'Observation', ifNoneExist: 'identifier=urn:x|2' },
  ];
  const other = { valueQuantity: { value: 73, system: 'http://unitsofmeasure.org', code: '/min' } };
  for (const request of requests) {
    const send = async (change: Json = {}) => shown(await h.ingest.foreign('gw-home', bundleOf([entryOf(change, request)])));
    assert.deepEqual(await send(), ['201'], JSON.stringify(request));
    assert.deepEqual(await send(), ['200']);
    assert.deepEqual(await send(other), ['409 UPLINK-KEY-REUSED']);
  }
  const nameless = async (change: Json = {}) => shown(await h.ingest.foreign('gw-home', bundleOf([entryOf(change)])));
  assert.deepEqual([await nameless(), await nameless(), await nameless(other)], [['201'], ['200'], ['201']]);
  const [request] = requests;
  const elsewhere = await h.ingest.foreign('gw-other', bundleOf([entryOf(other, request)]));
  assert.deepEqual(shown(elsewhere), ['201']);
  assert.equal((await stored(h)).length, 5);
});

test('an id that names a row of an agent reaches none, whoever sends it', async () => {
  verifies('FOREIGN-CLIENTS', 'EXACTLY-ONCE');
  await using h = hub();
  const own = sampleObservation({ agent: 'gw-home', vital: 'hr' });
  for (const id of [own.id, sampleObservation({ agent: 'gw-icu' }).id]) {
    const answer = await h.ingest.foreign('gw-home', bundleOf([entryOf({ id }, { method: 'PUT', url: `Observation/${id}` })]));
    assert.deepEqual(shown(answer), ['201']);
    assert.notEqual('outcomes' in answer && answer.outcomes[0]?.id, id);
  }
  const { outcomes } = await h.ingest.batch('gw-home', sampleBundle([own]));
  assert.deepEqual(outcomes, [{ id: own.id, status: 201 }], 'the agent’s own key is free');
});

test('ids are behind the client’s own, of its own epochs, and as the store wants them', () => {
  verifies('FOREIGN-CLIENTS');
  const client = fc.string({ unit: fc.constantFrom(...'aZ9-.'), minLength: 1, maxLength: 36 });
  const by = fc.constantFrom('id' as const, 'identifier' as const, 'content' as const);
  fc.assert(
    fc.property(client, by, fc.string(), (agent, named, text) => {
      const id = foreignId(agent, { by: named, text });
      const key = parseObservationId(id);
      assert.equal(key?.agent, agent);
      assert.match(key?.epoch ?? '', /^z0{10}/);
      assert.equal(foreignId(agent, { by: named, text }), id);
      assert.doesNotMatch(newEpoch(), /^z/);
    }),
  );
  const ids = new Set(Array.from({ length: 20_000 }, (_, i) => foreignId('gw', { by: 'id', text: `${i}` })));
  assert.equal(ids.size, 20_000);
});

/** What is refused, and why. */
const REFUSED: readonly [what: string, entry: unknown, rule: RegExp][] = [
  [
    'no Observation',
    { resource: { resourceType: 'Patient', name: [{ family: 'X' }] }, request: { method: 'POST', url: 'Patient' } },
    /^resourceType/,
  ],
  ['not a resource', 17, /^resourceType/],
  ['a status that is none', entryOf({ status: 'registered' }), /^status/],
  ['a code nobody knows', entryOf({ code: { coding: [{ system: 'http://loinc.org', code: '11948-7' }] } }), /^code/],
  [
    'codes that disagree',
    entryOf({ code: { coding: ['8867-4', '8310-5'].map((code) => ({ system: 'http://loinc.org', code })) } }),
    /^code/,
  ],
  ['a local code alone', entryOf({ code: { coding: [{ system: 'https://vendor.example', code: 'HR' }], text: 'heart rate' } }), /^code/],
  ['no UCUM', entryOf({ valueQuantity: { value: 72, unit: 'bpm' } }), /UCUM/],
  ['a unit of something else', entryOf({ valueQuantity: { value: 72, system: 'http://unitsofmeasure.org', code: 'kg' } }), /converted/],
  [
    'more than a value',
    entryOf({ valueQuantity: { value: 72, comparator: '>', system: 'http://unitsofmeasure.org', code: '/min' } }),
    /comparator/,
  ],
  ['a value as text', entryOf({ valueQuantity: undefined, valueString: '72' }), /^value/],
  ['no value', entryOf({ valueQuantity: undefined }), /^value/],
  [
    'value and reason',
    entryOf({ dataAbsentReason: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason', code: 'error' }] } }),
    /beside/,
  ],
  ['nobody', entryOf({ subject: undefined }), /^subject/],
  ['a group', entryOf({ subject: { reference: 'Group/1' } }), /^subject/],
  ['a contained patient', entryOf({ subject: { reference: '#p' } }), /^subject/],
  ['a name alone', entryOf({ subject: { display: 'Erika Mustermann' } }), /^subject/],
  ['a location for a device', entryOf({ device: { reference: 'Location/1' } }), /^device/],
  ['a day', entryOf({ effectiveDateTime: '2026-11-21' }), /^effective/],
  ['a time without offset', entryOf({ effectiveDateTime: '2026-11-21T10:00:00' }), /^effective/],
  ['a stretch of time', entryOf({ effectivePeriod: { start: '2026-11-21T10:00:00Z' } }), /^effective/],
  ['a focus', entryOf({ focus: [{ reference: 'Patient/fetus' }] }), /^focus/],
  ['a modifier', entryOf({ modifierExtension: [{ url: 'https://x.example/not', valueBoolean: true }] }), /^modifierExtension/],
  ['contained resources', entryOf({ contained: [{ resourceType: 'Patient', id: 'p' }] }), /^contained/],
  ['an unknown field', entryOf({ colour: 'blue' }), /field/],
  [
    'a confidential label',
    entryOf({ meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'V' }] } }),
    /^meta\.security/,
  ],
  [
    'parts of no panel',
    entryOf({ valueQuantity: undefined, component: [{ code: RATE.code, valueQuantity: RATE.valueQuantity }] }),
    /^component/,
  ],
  ['a DELETE', entryOf({}, { method: 'DELETE', url: 'Observation/1' }), /^request/],
  ['a PATCH', entryOf({}, { method: 'PATCH', url: 'Observation/1' }), /^request/],
  ['an update of a version', entryOf({}, { method: 'PUT', url: 'Observation/1', ifMatch: 'W/"1"' }), /ifMatch/],
  ['a condition by something else', entryOf({}, { method: 'POST', url: 'Observation', ifNoneExist: 'code=8867-4' }), /ifNoneExist/],
  ['a condition by two', entryOf({}, { method: 'POST', url: 'Observation', ifNoneExist: 'identifier=a|1&identifier=a|2' }), /ifNoneExist/],
  ['no request', { resource: RATE }, /^request/],
  ['another id than the URL', entryOf({ id: 'b' }, { method: 'PUT', url: 'Observation/a' }), /^id/],
];

test('what cannot be stored as ours is refused with what is wrong, kept, and holds up nothing of a batch', async () => {
  verifies('FOREIGN-CLIENTS', 'GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP');
  await using h = hub();
  const good = (i: number): Entry => entryOf({}, { method: 'PUT', url: `Observation/good-${i}` });
  const answer = await h.ingest.foreign('gw-home', bundleOf(REFUSED.flatMap(([, entry], i) => [entry, good(i)])));
  const outcomes = shown(answer);
  for (const [i, [what, , rule]] of REFUSED.entries()) {
    assert.match(outcomes[2 * i] ?? '', /^422 INGEST-INVALID /, what);
    assert.match((outcomes[2 * i] ?? '').slice('422 INGEST-INVALID '.length), rule, what);
    assert.equal(outcomes[2 * i + 1], '201', what);
  }
  assert.equal((await stored(h)).length, REFUSED.length);
  const { quarantined } = await h.door.counts(operatorPrincipal(1000, 'clinic'), { channel: 'operator' });
  assert.equal(quarantined, REFUSED.length);
  assert.doesNotMatch(JSON.stringify(answer), /Mustermann|blue|vendor/);
});

test('a transaction is stored whole or not at all: for a bad entry, for one of nobody, and for a name that was used', async () => {
  verifies('FOREIGN-CLIENTS', 'SUBJECT-BY-HUB');
  await using h = hub();
  const storing = new Storing();
  const ingest = createIngest({ ...h, clock: new TestClock(), storing });
  const put = (name: string, change: Json = {}): Entry => entryOf(change, { method: 'PUT', url: `Observation/${name}` });
  await h.ingest.foreign('gw-home', bundleOf([put('used')]));
  const other = { status: 'corrected' };
  const cases: [Entry[], string[]][] = [
    [
      [put('a'), put('b', { status: 'unknown' })],
      ['good', '422 INGEST-INVALID status: not one that is taken'],
    ],
    [
      [put('a'), put('used', other)],
      ['good', '409 UPLINK-KEY-REUSED same key, other content'],
    ],
    [
      [put('a'), put('a', other)],
      ['good', '409 UPLINK-KEY-REUSED same key, other content'],
    ],
    [
      [put('a'), put('b', { subject: { identifier: { system: 'urn:vitalmesh:patient', value: 'pat-icu-01' } } })],
      ['good', '422 INGEST-NOT-BOUND the patient stated is another'],
    ],
  ];
  for (const [entries, expected] of cases) {
    const answer = await ingest.foreign('gw-home', bundleOf(entries, 'transaction'));
    assert.ok('refused' in answer);
    assert.deepEqual(shown(answer), expected);
    assert.equal((await stored(h)).length, 1, 'nothing of it');
    assert.equal(storing.refusal(), null, 'which is no fault of the store');
  }
  const whole = await h.ingest.foreign('gw-home', bundleOf([put('a'), put('used')], 'transaction'));
  assert.deepEqual(shown(whole), ['201', '200'], 'names of what was refused are free, and what is held may be in it');
  const evidence = await gathered(h.store.audit());
  assert.ok(await verifyAudit(h.store.audit(), h.store.storeId));
  assert.ok(evidence.length >= 6, 'each leaves its evidence');
});

test('every vital sign of the table is taken by LOINC, by MDC and by both, with a value in its unit and without one', async () => {
  verifies('FOREIGN-CLIENTS', 'VOCABULARY-TRUE');
  await using h = hub();
  const absent = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason', code: 'error' }] };
  const sent = READABLE.filter(({ key }) => !panelOfPart(key)).flatMap(({ key, loinc, mdc, ucum }) => {
    const byLoinc = loinc.map((code) => ({ system: 'http://loinc.org', code }));
    const byMdc = mdc ? [{ system: 'urn:iso:std:iso:11073:10101', code: `${mdc.code}` }] : [];
    const ways = [[...byLoinc, ...byMdc], byLoinc, byLoinc.slice(-1), byMdc].filter((coding) => coding.length > 0);
    return ways.flatMap((coding, i) => [
      { key, ucum, whole: i === 0, coding, value: { valueQuantity: { value: 30, system: 'http://unitsofmeasure.org', code: ucum } } },
      { key, ucum, whole: false, coding, value: { valueQuantity: undefined, dataAbsentReason: absent } },
    ]);
  });
  const ids: string[] = [];
  for (let from = 0; from < sent.length; from += 500) {
    const entries = sent
      .slice(from, from + 500)
      .map(({ coding, value }, i) => entryOf({ code: { coding }, ...value }, { method: 'PUT', url: `Observation/${from + i}` }));
    const answer = await h.ingest.foreign('gw-home', bundleOf(entries));
    assert.deepEqual(new Set(shown(answer)), new Set(['201']));
    ids.push(...('outcomes' in answer ? answer.outcomes.map(({ id }) => id) : []));
  }
  const rows = new Map((await stored(h)).map((row) => [row.id, row]));
  assert.ok(sent.length > 300 && rows.size === sent.length);
  for (const [i, { key, ucum, whole, value }] of sent.entries()) {
    const row = rows.get(ids[i] ?? '');
    assert.ok(row);
    assert.deepEqual([row.value, row.absent], value.valueQuantity ? [30, null] : [null, 'error'], key);
    // A LOINC code of several rows is that of the first; two rows of one quantity are told apart by the unit alone.
    if (whole) assert.deepEqual([row.vital, row.unit], [key, ucum]);
    else assert.ok(sharesCode(key, row.vital), `${key}: ${row.vital}`);
  }
});

function sharesCode(key: string, other: string): boolean {
  const [a, b] = [vital(key), vital(other)];
  return a !== undefined && b !== undefined && (a.mdc?.code === b.mdc?.code || a.loinc.some((code) => b.loinc.includes(code)));
}

test('any change of a good entry is answered, and never costs the others', async () => {
  verifies('FOREIGN-CLIENTS', 'GOOD-PARTS-SURVIVE');
  await using h = hub();
  const [first] = golden().entry;
  const junk = fc.oneof(
    fc.constant(null),
    fc.constant(undefined),
    fc.constant({}),
    fc.constant([]),
    fc.string(),
    fc.integer(),
    fc.jsonValue({ maxDepth: 3 }),
  );
  const paths = fc.constantFrom(
    ...['resource', 'request', 'resource.code', 'resource.code.coding', 'resource.subject', 'resource.status', 'resource.component'],
    ...[
      'resource.component.0',
      'resource.component.1.valueQuantity',
      'resource.component.1.code.coding.0.code',
      'resource.device',
      'resource.meta',
    ],
    ...[
      'resource.effectiveDateTime',
      'resource.issued',
      'resource.extension',
      'request.url',
      'request.ifNoneExist',
      'resource.text',
      'resource.x',
    ],
  );
  let n = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(paths, junk), { minLength: 1, maxLength: 3 }), async (changes) => {
      const bad = structuredClone(first) as unknown as Json;
      for (const [path, value] of changes) setAt(bad, path.split('.'), structuredClone(value));
      n += 1;
      const answer = await h.ingest.foreign('gw-home', bundleOf([entryOf({}, { method: 'PUT', url: `Observation/n${n}` }), bad]));
      const [good, ...rest] = shown(answer);
      assert.equal(good, '201');
      assert.match(rest[0] ?? '', /^(?:20[01]|409|422) ?/);
    }),
    { numRuns: 150 },
  );
});

function setAt(target: Json, [name = '', ...rest]: string[], value: unknown): void {
  const inner = target[name];
  if (rest.length === 0) target[name] = value;
  else if (typeof inner === 'object' && inner !== null) setAt(inner as Json, rest, value);
}

test('the time of sending is that of the Bundle, so that a clock that is ahead never makes an older value another patient’s', async () => {
  verifies('SUBJECT-BY-HUB');
  await using h = hub();
  const before = parseRegistry(FOREIGN_REGISTRY);
  await h.store.rebind(before.bindings(), TEST_NOW - 60 * 60_000 - 1);
  const next = parseRegistry(FOREIGN_REGISTRY.replaceAll('pat-home-01', 'pat-home-09'));
  h.registry.replace(next, await h.store.rebind(next.bindings(), TEST_NOW - 30 * 60_000));
  // Measured at 09:20 by the hub's clock.
  const ahead = { ...bundleOf([entryOf({ effectiveDateTime: '2026-11-21T10:20:00Z' })]), timestamp: '2026-11-21T11:00:00Z' };
  assert.match(shown(await h.ingest.foreign('gw-home', ahead))[0] ?? '', /^422 INGEST-BEFORE-BINDING/);
  const now = bundleOf([entryOf({ effectiveDateTime: '2026-11-21T09:55:00Z' })]);
  assert.deepEqual(shown(await h.ingest.foreign('gw-home', now)), ['201']);
});

const WHO = 'urn:oid:2.16.840.1.113883.19.5';

test('a subject that the registry does not list for the patient is nobody’s, and two of one client are never both its one patient', async () => {
  verifies('SUBJECT-BY-HUB', 'FOREIGN-CLIENTS');
  await using h = hub();
  const unlisted = '422 INGEST-NOT-BOUND subject: not listed for this patient under `subjects` of the gateway in registry.yaml';
  const refused: Json[] = [
    { reference: 'Patient/bert-0815' },
    { reference: 'https://elsewhere.example/fhir/Patient/1' },
    { reference: 'Patient/pat-home-01' },
    { identifier: { system: 'https://other-hospital.example/mrn', value: 'MRN-00042' } },
    { identifier: { value: 'MRN-00042' } },
    { identifier: { system: 'urn:vitalmesh:visit', value: 'V1' } },
    { identifier: { system: 'urn:vitalmesh:gateway-device', value: 'gw-icu/x' } },
    { identifier: { system: WHO, value: 'MRN-00042' }, reference: 'Patient/bert-0815' },
    { identifier: { system: 'urn:vitalmesh:patient', value: 'pat-home-01' }, reference: 'Patient/bert-0815' },
    { reference: 'Patient/2' },
    { reference: 'Patient/constructor' },
    { identifier: { value: 'constructor' } },
  ];
  for (const subject of refused) {
    const whole = await h.ingest.foreign('gw-home', bundleOf([entryOf(), entryOf({ subject })], 'transaction'));
    assert.deepEqual(shown(whole), ['good', unlisted], JSON.stringify(subject));
  }
  assert.equal((await stored(h)).length, 0);
  const { quarantined } = await h.door.counts(operatorPrincipal(1000, 'clinic'), { channel: 'operator' });
  assert.equal(quarantined, refused.length, 'kept for whoever lists them');
  const taken: Json[] = [
    { reference: 'Patient/1' },
    { reference: 'Patient/1/_history/3' },
    { reference: 'https://vendor.example/fhir/Patient/4f1c0b2e' },
    { identifier: { system: WHO, value: 'MRN-00042' }, reference: 'Patient/1' },
    { identifier: { system: 'urn:vitalmesh:patient', value: 'pat-home-01' } },
    { identifier: { system: 'urn:vitalmesh:gateway-device', value: 'gw-home/x' } },
  ];
  const answer = await h.ingest.foreign('gw-home', bundleOf(taken.map((subject) => entryOf({ subject }))));
  assert.deepEqual(shown(answer), new Array(taken.length).fill('201'));
  assert.deepEqual(new Set((await stored(h)).map(({ patient }) => patient)), new Set(['pat-home-01']));
  const without = parseRegistry(FOREIGN_REGISTRY.replace('Patient/1: pat-home-01,', ''));
  h.registry.replace(without, bindingsFrom([], without.bindings(), 0));
  assert.deepEqual(shown(await h.ingest.foreign('gw-home', bundleOf([entryOf({ subject: taken[1] })]))), [unlisted]);
});

test('a device is bound by its number together with its system, and its patient must be the one that is named', async () => {
  verifies('SUBJECT-BY-HUB', 'FOREIGN-CLIENTS');
  await using h = hub();
  const send = async (device: Json, reference: string): Promise<string> => {
    const [outcome = ''] = shown(await h.ingest.foreign('gw-home', bundleOf([entryOf({ device, subject: { reference } })])));
    return outcome;
  };
  assert.match(await send({ reference: 'Device/scale-2' }, 'Patient/1'), /^422 INGEST-NOT-BOUND subject/);
  assert.equal(await send({ reference: 'Device/scale-2' }, 'Patient/2'), '201');
  const elsewhere = { identifier: { system: 'https://other.example/dev', value: 'scale-2' } };
  assert.match(await send(elsewhere, 'Patient/2'), /^422 INGEST-NOT-BOUND subject/);
  assert.equal(await send(elsewhere, 'Patient/1'), '201');
  assert.match(await send({ identifier: { value: 'https://other.example/dev|scale-2' } }, 'Patient/1'), /^422 INGEST-INVALID device/);
  assert.deepEqual(
    (await stored(h)).map(({ patient, device }) => [patient, device]),
    [
      ['pat-home-02', 'scale-2'],
      ['pat-home-01', 'https://other.example/dev|scale-2'],
    ],
  );
  const listed = parseRegistry(FOREIGN_REGISTRY.replace('scale-2:', '"https://other.example/dev|scale-2": pat-home-02, scale-2:'));
  h.registry.replace(listed, bindingsFrom([], listed.bindings(), 0));
  assert.match(await send(elsewhere, 'Patient/1'), /^422 INGEST-NOT-BOUND/);
});

test('what differs in any field is other content, also in one that has no place here', async () => {
  verifies('KEY-REUSED', 'FOREIGN-CLIENTS');
  await using h = hub();
  const changes: Json[] = [
    {},
    { note: [{ text: 'sensor was on the wrong patient' }] },
    { identifier: [{ system: 'urn:a', value: '1' }] },
    { bodySite: { text: 'left' } },
    { bodySite: { text: 'right' } },
    { subject: { reference: 'Patient/1', display: 'SYNTHETIC' } },
    { status: 'amended' },
    { status: 'corrected' },
    { issued: '2026-11-21T09:00:00Z' },
  ];
  for (const [i, change] of changes.entries()) {
    const nameless = bundleOf([entryOf(change)]);
    assert.deepEqual(
      [shown(await h.ingest.foreign('gw-home', nameless)), shown(await h.ingest.foreign('gw-home', nameless))],
      [['201'], ['200']],
    );
    const put = { method: 'PUT', url: 'Observation/x' };
    const named = shown(await h.ingest.foreign('gw-home', bundleOf([entryOf(change, put)])));
    assert.deepEqual(named, [i === 0 ? '201' : '409 UPLINK-KEY-REUSED'], JSON.stringify(change));
  }
  const rows = await stored(h);
  assert.equal(rows.length, changes.length + 1);
  assert.doesNotMatch(JSON.stringify(rows), /digest|SYNTHETIC|wrong patient/);
  assertValidFhir(rows.map(({ resource }) => resource));
});

test('who does not say when it had a value is believed its time only where the hub could have received it then', async () => {
  verifies('FOREIGN-CLIENTS');
  const clock = new TestClock();
  await using h = hub(clock);
  const now = TEST_NOW;
  const cases: [effective: string, more: Json, issued: string | undefined, sortTime: number, flags: string[]][] = [
    ['2026-11-14T09:00:00Z', {}, undefined, Date.parse('2026-11-14T09:00:00Z'), []],
    ['2026-11-21T10:01:59Z', {}, undefined, now + 119_000, []],
    ['2026-11-21T10:02:01Z', {}, undefined, now, ['clock']],
    ['2099-01-01T00:00:00Z', {}, undefined, now, ['clock']],
    ['2099-01-01T00:00:00Z', { timestamp: '2099-01-01T01:00:00Z' }, undefined, now - 3_600_000, ['clock']],
    ['1970-01-01T00:00:01Z', {}, undefined, now, ['clock']],
    ['1970-01-01T00:00:02Z', { timestamp: '1970-01-01T00:00:02Z' }, undefined, now, ['clock']],
    ['1970-01-01T00:00:03Z', {}, '1970-01-01T00:00:03Z', now, ['clock']],
  ];
  for (const [i, [effectiveDateTime, more, issued, sortTime, flags]] of cases.entries()) {
    const entry = entryOf({ effectiveDateTime, ...(issued !== undefined && { issued }) }, { method: 'PUT', url: `Observation/t${i}` });
    const send = async () => shown(await h.ingest.foreign('gw-home', { ...bundleOf([entry]), ...more }));
    assert.deepEqual(await send(), ['201'], effectiveDateTime);
    const row = (await stored(h)).at(-1);
    assert.deepEqual([row?.sortTime, row?.flags, row?.receivedAt, row?.effective], [sortTime, flags, now, Date.parse(effectiveDateTime)]);
    clock.advance(60_000);
    assert.deepEqual(await send(), ['200'], 'sent again, later, it is the same');
    clock.set(now);
  }
  assertValidFhir((await stored(h)).map(({ resource }) => resource));
});
