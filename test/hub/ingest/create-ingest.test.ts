import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AuditEvent } from '../../../hub/access/access.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import { verifyAudit } from '../../../hub/audit/chain.ts';
import type { Change } from '../../../hub/feed.ts';
import { createIngest } from '../../../hub/ingest/create-ingest.ts';
import { Storing } from '../../../hub/ingest/storing.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import type { CurrencyChange, Store, StoredObservation } from '../../../hub/store/store.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Observation } from '../../../shared/fhir.ts';
import type { EntryOutcome } from '../../../shared/uplink/protocol.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { FOLLOWING_REGISTRY } from '../../support/following.ts';
import {
  gathered,
  sampleBundle,
  sampleObservation,
  TEST_EPOCH,
  TEST_NOW,
  TEST_REGISTRY,
  TestClock,
  type TestHub,
  testHub,
} from '../../support/hub.ts';

const operator = operatorPrincipal(1000, 'clinic');

function hub(): TestHub {
  return testHub({ clock: new TestClock() });
}

async function stored({ door }: TestHub, tenant = 'clinic'): Promise<StoredObservation[]> {
  return gathered(await door.export({ ...operator, tenant }, {}, { channel: 'operator' }));
}

async function evidence({ store }: TestHub): Promise<AuditEvent[]> {
  return await evidenceOf(store);
}

const shown = (outcomes: readonly EntryOutcome[]): string[] =>
  outcomes.map(({ status, code }) => (code ? `${status} ${code}` : `${status}`));

test('every entry is answered after the commit that holds it, and readers are told once a patient', async () => {
  verifies('ANSWER-AFTER-COMMIT', 'EXACTLY-ONCE');
  await using h = hub();
  const told: Change[] = [];
  let heldWhenTold: Promise<number> | undefined;
  h.feed.subscribe((change) => {
    told.push(change);
    heldWhenTold ??= stored(h).then((rows) => rows.length);
  });
  const sent = [
    sampleObservation({ seq: 1 }),
    sampleObservation({ seq: 2, vital: 'spo2', value: 97 }),
    sampleObservation({ seq: 3, bed: 'ICU-02' }),
  ];
  const { outcomes } = await h.ingest.batch('gw-icu', sampleBundle(sent));
  assert.deepEqual(
    outcomes,
    sent.map(({ id }) => ({ id, status: 201 })),
  );
  assert.deepEqual(told, [
    { tenant: 'clinic', patient: 'pat-icu-01', kind: 'stored', vitals: ['hr', 'spo2'], at: TEST_NOW, version: 1 },
    { tenant: 'clinic', patient: 'pat-icu-02', kind: 'stored', vitals: ['hr'], at: TEST_NOW, version: 2 },
  ]);
  assert.equal(await heldWhenTold, 3);
  assert.deepEqual(shown((await h.ingest.batch('gw-icu', sampleBundle(sent))).outcomes), ['200', '200', '200']);
  assert.equal(told.length, 2, 'what was held already is no news');
  assert.equal(h.metrics.get('ingest_observations', 'stored'), 3);
  assert.equal(h.metrics.get('ingest_observations', 'duplicate'), 3);
});

test('what is stored and not current is told as late, and beside what is, not at all', async () => {
  verifies('LATE-UNTOLD');
  await using h = hub();
  const told: Pick<Change, 'kind' | 'vitals'>[] = [];
  h.feed.subscribe(({ kind, vitals }) => told.push({ kind, vitals }));
  const waited = { effective: TEST_NOW - 60_000, receivedAt: TEST_NOW - 60_000 };
  for (const batch of [
    [sampleObservation({ seq: 1 })],
    [sampleObservation({ seq: 2, ...waited })],
    [sampleObservation({ seq: 3, ...waited }), sampleObservation({ seq: 4, vital: 'spo2', value: 97 })],
  ])
    await h.ingest.batch('gw-icu', sampleBundle(batch));
  assert.deepEqual(told, [
    { kind: 'stored', vitals: ['hr'] },
    { kind: 'late', vitals: ['hr'] },
    { kind: 'stored', vitals: ['spo2'] },
  ]);
});

test('the hub sets the patient, from the bed or the home', async () => {
  verifies('SUBJECT-BY-HUB');
  await using h = hub();
  const hints = { patient: { value: '4711', authority: 'HIS' } };
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, bed: 'ICU-02', ...hints })]));
  await h.ingest.batch('gw-home', sampleBundle([sampleObservation({ agent: 'gw-home', seq: 1, vital: 'weight', value: 80 })]));
  await h.ingest.batch(
    'gw-home',
    sampleBundle([sampleObservation({ agent: 'gw-home', seq: 2, vital: 'weight', value: 60, device: 'scale-2' })]),
  );
  const rows = await stored(h);
  assert.deepEqual(
    rows.map(({ patient, resource }) => [patient, resource.subject.identifier.value]),
    [
      ['pat-icu-02', 'pat-icu-02'],
      ['pat-home-01', 'pat-home-01'],
      ['pat-home-02', 'pat-home-02'],
    ],
  );
  assert.doesNotMatch(JSON.stringify(rows), /4711|HIS/);
});

/** Each kind of bad entry, and how it must be answered. */
const BAD: readonly [what: string, entry: (good: Observation) => unknown, answer: string][] = [
  ['not an object', () => 17, '422 INGEST-INVALID'],
  ['null', () => null, '422 INGEST-INVALID'],
  ['no resource', () => ({ request: { method: 'PUT', url: 'Observation/x' } }), '422 INGEST-INVALID'],
  ['another resource', (o) => ({ resource: { ...o, resourceType: 'Patient' } }), '422 INGEST-INVALID'],
  ['a name in it', (o) => ({ resource: { ...o, subject: { ...o.subject, display: 'Erika Mustermann' } } }), '422 INGEST-INVALID'],
  ['no request', (o) => ({ resource: o }), '422 INGEST-INVALID'],
  ['a DELETE', (o) => ({ resource: o, request: { method: 'DELETE', url: `Observation/${o.id}` } }), '422 INGEST-INVALID'],
  ['another URL', (o) => ({ resource: o, request: { method: 'PUT', url: 'Observation/other' } }), '422 INGEST-INVALID'],
  ['a broken value', (o) => ({ resource: { ...o, valueQuantity: { ...o.valueQuantity, value: '72' } } }), '422 INGEST-INVALID'],
  ['nested without end', () => JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`), '422 INGEST-INVALID'],
  [
    'an id of another gateway',
    () => sampleBundleEntry(sampleObservation({ agent: 'gw-home', seq: 9, bed: 'ICU-01' })),
    '422 INGEST-FOREIGN-ID',
  ],
  ['an id that is none of ours', (o) => sampleBundleEntry({ ...o, id: 'blood-pressure' }), '422 INGEST-FOREIGN-ID'],
  ['a bed of nobody', () => sampleBundleEntry(sampleObservation({ seq: 9, bed: 'ICU-03' })), '422 INGEST-NOT-BOUND'],
  ['a bed of others', () => sampleBundleEntry(sampleObservation({ seq: 9, bed: 'OR-1' })), '422 INGEST-NOT-BOUND'],
  [
    'somebody else’s patient',
    () => sampleBundleEntry(sampleObservation({ seq: 9, patient: { value: 'pat-home-01', authority: '' } })),
    '422 INGEST-NOT-BOUND',
  ],
  [
    'a patient of another tenant',
    () => sampleBundleEntry(sampleObservation({ seq: 9, patient: { value: 'pat-other-01', authority: '' } })),
    '422 INGEST-NOT-BOUND',
  ],
];

function sampleBundleEntry(observation: Observation): unknown {
  return (sampleBundle([observation]) as { entry: unknown[] }).entry[0];
}

test('a bad entry is answered with its code and kept, and the good ones around it are stored', async () => {
  verifies('GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP', 'SUBJECT-BY-HUB', 'TENANT-EVERYWHERE');
  await using h = hub();
  const entries = BAD.flatMap(([, bad], i) => [
    sampleBundleEntry(sampleObservation({ seq: 100 + i })),
    bad(sampleObservation({ seq: 500 + i })),
  ]);
  const { outcomes } = await h.ingest.batch('gw-icu', { resourceType: 'Bundle', type: 'batch', entry: entries });
  for (const [i, [what, , answer]] of BAD.entries()) assert.deepEqual(shown(outcomes.slice(2 * i, 2 * i + 2)), ['201', answer], what);
  assert.equal((await stored(h)).length, BAD.length);
  assert.equal((await h.door.counts(operator, { channel: 'operator' })).quarantined, BAD.length);
  const counted = ['INGEST-INVALID', 'INGEST-FOREIGN-ID', 'INGEST-NOT-BOUND'].map((code) => h.metrics.get('ingest_quarantined', code));
  assert.equal(
    counted.reduce((a, b) => a + b),
    BAD.length,
  );
});

test('a key used again with other content is a 409, and nothing of the first is lost', async () => {
  verifies('KEY-REUSED');
  await using h = hub();
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, value: 60 })]));
  const { outcomes } = await h.ingest.batch(
    'gw-icu',
    sampleBundle([sampleObservation({ seq: 1, value: 61 }), sampleObservation({ seq: 2 })]),
  );
  assert.deepEqual(shown(outcomes), ['409 UPLINK-KEY-REUSED', '201']);
  assert.deepEqual(
    (await stored(h)).map(({ value }) => value),
    [60, 72],
  );
});

test('the same content in another order of members is the same', async () => {
  verifies('EXACTLY-ONCE');
  await using h = hub();
  const sent = sampleObservation({ seq: 1 });
  await h.ingest.batch('gw-icu', sampleBundle([sent]));
  const turned = Object.fromEntries(Object.entries(sent).reverse());
  assert.deepEqual(shown((await h.ingest.batch('gw-icu', sampleBundle([turned]))).outcomes), ['200']);
});

test('what is no batch is refused whole', async () => {
  await using h = hub();
  for (const bundle of [
    null,
    undefined,
    17,
    'Bundle',
    [],
    {},
    { resourceType: 'Bundle', type: 'transaction', entry: [] },
    { resourceType: 'Bundle', type: 'batch', entry: {} },
  ])
    await assert.rejects(h.ingest.batch('gw-icu', bundle), { code: 'UPLINK-BUNDLE' });
  const many = { resourceType: 'Bundle', type: 'batch', entry: new Array(1001).fill(null) };
  await assert.rejects(h.ingest.batch('gw-icu', many), { code: 'UPLINK-TOO-LARGE' });
  assert.deepEqual(await h.ingest.batch('gw-icu', { resourceType: 'Bundle', type: 'batch' }), { outcomes: [] });
  assert.deepEqual(await evidence(h), []);
});

test('an unknown gateway and one whose right expired are refused', async () => {
  verifies('CALLER-FROM-CERTIFICATE');
  await using h = hub();
  const bundle = sampleBundle([sampleObservation({ seq: 1 })]);
  await assert.rejects(h.ingest.batch('gw-nobody', bundle), { code: 'UPLINK-UNKNOWN-GATEWAY' });
  await assert.rejects(h.ingest.batch('ai-monitor', bundle), { code: 'UPLINK-UNKNOWN-GATEWAY' });
  await assert.rejects(h.ingest.batch('gw-old', sampleBundle([])), { code: 'ACCESS-EXPIRED' });
  assert.deepEqual(
    (await evidence(h)).map(({ principal, outcome, reason }) => [principal, outcome, reason]),
    [['gw-old', 'denied', 'expired']],
  );
  assert.equal((await stored(h)).length, 0);
});

test('a gateway’s bindings are those of the registry in force', async () => {
  await using h = hub();
  const next = parseRegistry(TEST_REGISTRY.replace('ICU-01: pat-icu-01', 'ICU-01: pat-icu-09'));
  h.registry.replace(next, await h.store.rebind(next.bindings(), TEST_NOW));
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1 })]));
  assert.equal((await stored(h))[0]?.patient, 'pat-icu-09');
  assert.equal((await h.ingest.hello('gw-icu', [])).configRevision, h.registry.revision);
});

test('each batch leaves its evidence in the chain, without values or names', async () => {
  verifies('ONE-DOOR', 'AUDIT-CHAINED');
  await using h = hub();
  const mixed = [sampleObservation({ seq: 1 }), sampleObservation({ seq: 2, bed: 'ICU-02' }), sampleObservation({ seq: 3, bed: 'ICU-03' })];
  await h.ingest.batch('gw-icu', sampleBundle(mixed));
  await h.ingest.batch('gw-home', sampleBundle([sampleObservation({ agent: 'gw-home', seq: 1 })]));
  assert.deepEqual(
    (await evidence(h)).map(({ principal, patient, outcome, reason, count }) => [principal, patient, outcome, reason, count]),
    [
      ['gw-icu', null, 'allowed', 'granted', 2],
      ['gw-icu', null, 'denied', 'INGEST-NOT-BOUND', 1],
      ['gw-home', 'pat-home-01', 'allowed', 'granted', 1],
    ],
  );
  assert.ok((await verifyAudit(h.store.audit(), h.store.storeId)).intact);
});

test('when the store fails, nothing is answered for and the batch may come again', async () => {
  verifies('ANSWER-AFTER-COMMIT');
  await using h = hub();
  let told = 0;
  h.feed.subscribe(() => {
    told += 1;
  });
  const full: Pick<Store, 'storeId' | 'storeBatch' | 'record'> = {
    storeId: h.store.storeId,
    storeBatch: () => Promise.reject(new VitalmeshError('STORAGE-FULL')),
    record: () => Promise.reject(new VitalmeshError('STORAGE-FULL')),
  };
  const ingest = createIngest({ ...h, store: { ...h.store, ...full } as Store, clock: new TestClock() });
  const bundle = sampleBundle([sampleObservation({ seq: 1 })]);
  await assert.rejects(ingest.batch('gw-icu', bundle), { code: 'INGEST-UNAVAILABLE', detail: 'STORAGE-FULL' });
  await assert.rejects(ingest.batch('gw-old', bundle), { code: 'INGEST-UNAVAILABLE' });
  assert.equal(told, 0);
  assert.deepEqual(shown((await h.ingest.batch('gw-icu', bundle)).outcomes), ['201']);
});

test('that the store takes no batches is remembered until the rows of one are stored, whatever else it takes', async () => {
  verifies('STATUS-STORE-REFUSES');
  await using h = hub();
  const clock = new TestClock();
  const storing = new Storing();
  let fails: 'STORAGE-FULL' | 'STORAGE-IO' | 'STORAGE-REMOTE' | undefined;
  const storeBatch: Store['storeBatch'] = (batch) => (fails ? Promise.reject(new VitalmeshError(fails)) : h.store.storeBatch(batch));
  const record: Store['record'] = (events) => h.store.record(events);
  const ingest = createIngest({ ...h, store: { storeId: h.store.storeId, storeBatch, record } as Store, clock, storing });
  const held = sampleBundle([sampleObservation({ seq: 1 })]);
  await ingest.batch('gw-icu', held);
  assert.equal(storing.refusal(), null);
  fails = 'STORAGE-FULL';
  for (const seq of [2, 3]) {
    await assert.rejects(ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq })])), { code: 'INGEST-UNAVAILABLE' });
    clock.advance(1000);
  }
  const refusal = { code: 'STORAGE-FULL', since: TEST_NOW, lastAt: TEST_NOW + 1000, batches: 2 };
  assert.deepEqual(storing.refusal(), refusal);
  fails = undefined;
  await assert.rejects(ingest.batch('gw-old', held), { code: 'ACCESS-EXPIRED' });
  await ingest.batch('gw-icu', held);
  assert.deepEqual(storing.refusal(), refusal, 'small evidence was written, and nothing else');
  fails = 'STORAGE-IO';
  await assert.rejects(ingest.batch('gw-icu', held), { code: 'INGEST-UNAVAILABLE' });
  const more = { ...refusal, code: 'STORAGE-IO', lastAt: TEST_NOW + 2000, batches: 3 };
  assert.deepEqual(storing.refusal(), more);
  fails = undefined;
  await ingest.batch('gw-icu', held);
  assert.deepEqual(storing.refusal(), { ...more, code: 'STORAGE-FULL' }, 'it is still full for all that is known');
  await ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 3 })]));
  assert.equal(storing.refusal(), null);
  fails = 'STORAGE-REMOTE';
  await assert.rejects(ingest.batch('gw-icu', held), { code: 'INGEST-UNAVAILABLE' });
  fails = undefined;
  await ingest.batch('gw-icu', held);
  assert.equal(storing.refusal(), null, 'the answer was lost, and the rows are there');
});

test('the staleness watch is told of what became current or no longer is, and of nothing else', async () => {
  await using h = hub();
  const told: [string, string, boolean][] = [];
  const staleness = {
    changed: (changes: readonly CurrencyChange[]) => {
      for (const change of changes) told.push([change.tenant, change.vital, 'gone' in change]);
    },
    ofNobody: () => assert.fail('all of it is somebody’s'),
  };
  const ingest = createIngest({ ...h, clock: new TestClock(), staleness });
  const live = sampleObservation({ seq: 1 });
  const memory = sampleObservation({ seq: 2, vital: 'spo2', value: 97, flags: ['memory', 'clock'] });
  await ingest.batch('gw-icu', sampleBundle([live, memory]));
  await ingest.batch('gw-icu', sampleBundle([live]));
  assert.deepEqual(told, [['clinic', 'hr', false]]);
  const changes: string[] = [];
  h.feed.subscribe(({ vitals }) => changes.push(...vitals));
  await ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 3, value: null, status: 'cancelled' })]));
  assert.deepEqual(told.slice(1), [['clinic', 'hr', true]]);
  assert.deepEqual(changes, ['hr'], 'and the feed, as of any change');
});

test('the staleness watch is told which device gave something that is nobody’s, and when', async () => {
  verifies('SOURCES-ELSEWHERE');
  await using h = testHub({ clock: new TestClock(), registry: FOLLOWING_REGISTRY });
  const told: [string, string, number][] = [];
  const staleness = {
    changed: (changes: readonly CurrencyChange[]) => assert.deepEqual(changes, []),
    ofNobody: (...of: [string, string, number]) => void told.push(of),
  };
  const ingest = createIngest({ ...h, clock: new TestClock(), staleness });
  const sample = sampleObservation({ seq: 1, bed: 'ICU-01', effective: TEST_NOW - 1000 });
  await ingest.batch('gw-icu', sampleBundle([sample]));
  await ingest.batch('gw-icu', sampleBundle([sample]));
  assert.equal(told.length, 1, 'what was stored already is no news');
  assert.deepEqual([told[0]?.[0], told[0]?.[2]], ['clinic', TEST_NOW - 1000]);
});

test('the greeting says what the hub takes and which store it has', async () => {
  await using h = hub();
  const { committed } = await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1 })]));
  assert.deepEqual(await h.ingest.hello('gw-icu', []), {
    limits: { batchEntries: 1000, batchBytes: 4 * 1024 * 1024 },
    now: TEST_NOW,
    storeId: h.store.storeId,
    lineage: [{ epoch: committed?.epoch, from: 0 }],
    position: committed?.position,
    configRevision: h.registry.revision,
  });
  assert.equal(h.ingest.gateway('gw-icu')?.tenant, 'clinic');
  assert.equal(h.ingest.gateway('ai-monitor'), undefined);
});

test('whatever stands in a batch, every entry is answered, good ones are stored, and nothing throws', async () => {
  verifies('GOOD-PARTS-SURVIVE');
  await using h = hub();
  let seq = 0;
  const entry = fc.oneof(
    fc.constant('good' as const),
    fc.jsonValue(),
    fc.record({ resource: fc.jsonValue(), request: fc.jsonValue() }),
    fc
      .dictionary(fc.constantFrom('resourceType', 'id', 'status', 'code', 'subject', '__proto__', 'issued'), fc.jsonValue())
      .map((wrong) => ({ wrong })),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 12 }), async (entries) => {
      const sent = entries.map((kind) => {
        seq += 1;
        if (kind === 'good') return sampleBundleEntry(sampleObservation({ seq }));
        if (kind !== null && typeof kind === 'object' && 'wrong' in kind)
          return { resource: { ...sampleObservation({ seq }), ...(kind.wrong as object) } };
        return kind;
      });
      const { outcomes } = await h.ingest.batch(
        'gw-icu',
        JSON.parse(JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry: sent })),
      );
      assert.equal(outcomes.length, sent.length);
      for (const [i, kind] of entries.entries()) assert.equal(outcomes[i]?.status, kind === 'good' ? 201 : 422);
    }),
    { numRuns: 60 },
  );
});

test('ids are those of the epoch they were written under', async () => {
  await using h = hub();
  const other = 'zzzzzzzzzzzzz';
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1 }), sampleObservation({ seq: 1, epoch: other, value: 60 })]));
  assert.deepEqual(
    (await stored(h)).map(({ id }) => id),
    [`gw-icu.${TEST_EPOCH}.1.0`, `gw-icu.${other}.1.0`],
  );
});

test('what is in quarantine of one gateway is bounded by the registry; what goes is counted and told', async () => {
  verifies('QUARANTINE-BOUNDED');
  const limited = TEST_REGISTRY.replace('beds: { ICU-01', 'limits: { quarantineRows: 5 }, beds: { ICU-01');
  await using h = testHub({ clock: new TestClock(), registry: limited });
  const bad = (seq: number): unknown => ({ ...sampleObservation({ seq }), status: 'registered' });
  await h.ingest.batch('gw-icu', sampleBundle([1, 2, 3, 4].map(bad)));
  await h.ingest.batch('gw-icu', sampleBundle([5, 6, 7, 8].map(bad)));
  await h.ingest.batch('gw-home', sampleBundle([{ ...sampleObservation({ agent: 'gw-home' }), status: 'registered' }]));
  assert.equal((await h.door.counts(operator, { channel: 'operator' })).quarantined, 5 + 1);
  assert.equal(h.metrics.get('ingest_quarantine_dropped'), 3);
});
