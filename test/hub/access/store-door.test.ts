import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Principal } from '../../../hub/access/access.ts';
import { createMaskings } from '../../../hub/access/masking/masking.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import { createDoor } from '../../../hub/access/store-door.ts';
import { protocolError } from '../../../hub/mcp/errors.ts';
import type { Store } from '../../../hub/store/store.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { gathered, sampleBundle, sampleObservation, TEST_NOW, TestClock, type TestHub, testHub } from '../../support/hub.ts';

const root = join(import.meta.dirname, '../../..');
const context = { channel: 'mcp-2026' } as const;

interface Fixture extends TestHub {
  clock: TestClock;
  who(identity: string): Principal;
}

/** A hub with a heart rate and a saturation of bed ICU-01, and a weight at home. */
async function filled(): Promise<Fixture> {
  const clock = new TestClock();
  const h = testHub({ clock });
  const icu = [
    sampleObservation({ seq: 1, effective: TEST_NOW - 2500, offsetMin: 60 }),
    sampleObservation({ seq: 2, vital: 'spo2', value: null, absent: 'not-performed', flags: ['sensor-off'] }),
    sampleObservation({ seq: 3, vital: 'nibp_s', value: 121, test: true }),
  ];
  await h.ingest.batch('gw-icu', sampleBundle(icu));
  await h.ingest.batch('gw-home', sampleBundle([sampleObservation({ agent: 'gw-home', seq: 1, vital: 'weight', value: 80 })]));
  const who = (identity: string): Principal => h.registry.principal(identity) ?? assert.fail(identity);
  return { ...h, clock, who };
}

/** What was recorded since the fixture was filled. */
async function evidence({ store }: TestHub): Promise<[string, string | null, string, string, number][]> {
  return (await evidenceOf(store))
    .filter(({ action }) => action !== 'observations.write')
    .map(({ action, patient, outcome, reason, count }) => [action, patient, outcome, reason, count]);
}

test('latest shows what devices sent, with its time, age and marks', async () => {
  verifies('NOTHING-INVENTED');
  await using h = await filled();
  const view = await h.door.latest(h.who('ai-monitor'), 'pat-icu-01', context);
  assert.equal(view.patient, 'pat-icu-01');
  assert.equal(view.bed, 'ICU-01');
  assert.equal(view.asOf, '2026-11-21T10:00:00.000+00:00');
  assert.match(view.notice, /^Not an alarm system, not for diagnosis\./);
  const [hr, nibp, spo2] = view.vitals;
  assert.deepEqual(
    [hr?.vital, hr?.name, hr?.value, hr?.unit, hr?.at, hr?.ageSeconds, hr?.stale, hr?.lastKnown],
    ['hr', 'Heart rate (ECG)', 72, '/min', '2026-11-21T10:59:57.500+01:00', 2, false, null],
  );
  assert.deepEqual(
    [nibp?.value, nibp?.components[0]?.value, nibp?.components[0]?.name, nibp?.test],
    [null, 121, 'Systolic blood pressure, non-invasive', true],
  );
  assert.deepEqual([spo2?.value, spo2?.absent, spo2?.flags, spo2?.lastKnown], [null, 'not-performed', ['sensor-off'], null]);
});

test('a stale value is null, and its number stands in lastKnown alone', async () => {
  verifies('STALE-IS-NULL');
  await using h = await filled();
  h.clock.advance(57_499);
  const fresh = await h.door.latest(h.who('ai-monitor'), 'pat-icu-01', context);
  assert.equal(fresh.vitals[0]?.value, 72);
  h.clock.advance(1);
  const { vitals } = await h.door.latest(h.who('ai-monitor'), 'pat-icu-01', context);
  assert.deepEqual(
    vitals.map(({ vital }) => vital),
    ['nibp', 'spo2', 'hr'],
    'what is current comes first',
  );
  const [nibp, , hr] = vitals;
  assert.deepEqual([hr?.value, hr?.stale, hr?.ageSeconds], [null, true, 60]);
  assert.deepEqual(hr?.lastKnown, { value: 72, components: [], at: '2026-11-21T10:59:57.500+01:00' });
  assert.deepEqual([nibp?.stale, nibp?.components[0]?.value], [false, 121]);
  h.clock.advance(2 * 3_600_000);
  const old = (await h.door.latest(h.who('ai-monitor'), 'pat-icu-01', context)).vitals.find(({ vital }) => vital === 'nibp');
  assert.deepEqual([old?.stale, old?.components[0]?.value, old?.lastKnown?.components[0]], [true, null, { vital: 'nibp_s', value: 121 }]);
});

test('a spot value is current for two hours in a bed, and for a day and a half at home', async () => {
  verifies('STALE-IS-NULL');
  await using h = await filled();
  const hour = 3_600_000;
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 9, vital: 'temp', value: 36.9 })]));
  const shownOf = async (patient: string, key: string): Promise<unknown> =>
    (await h.door.latest(h.who('ai-monitor'), patient, context)).vitals.find(({ vital }) => vital === key)?.value;
  h.clock.advance(2 * hour - 1);
  assert.deepEqual([await shownOf('pat-icu-01', 'temp'), await shownOf('pat-home-01', 'weight')], [36.9, 80]);
  h.clock.advance(1);
  assert.deepEqual([await shownOf('pat-icu-01', 'temp'), await shownOf('pat-home-01', 'weight')], [null, 80]);
  h.clock.advance(34 * hour);
  assert.equal(await shownOf('pat-home-01', 'weight'), null);
});

test('what was stored while both clocks were ahead is not current once they are put right, and what comes then is', async () => {
  verifies('STALE-IS-NULL', 'THREE-INSTANTS');
  const hour = 3_600_000;
  const clock = new TestClock(TEST_NOW + hour);
  await using h = testHub({ clock });
  const monitor = h.registry.principal('ai-monitor') ?? assert.fail();
  const shown = async (): Promise<unknown[]> => {
    const [hr] = (await h.door.latest(monitor, 'pat-icu-01', context)).vitals;
    return [hr?.value, hr?.stale, hr?.lastKnown?.value];
  };
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, value: 72, receivedAt: TEST_NOW + hour })]));
  clock.set(TEST_NOW);
  assert.deepEqual(await shown(), [null, true, 72]);
  await h.store.distrust(TEST_NOW);
  clock.set(TEST_NOW + hour);
  assert.deepEqual(await shown(), [null, true, 72], 'nor when the clock comes to that time');
  clock.set(TEST_NOW + 1000);
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 2, value: 40, receivedAt: TEST_NOW + 1000 })]));
  assert.deepEqual(await shown(), [40, false, undefined]);
});

test('a backlog of a gateway whose clock runs ahead is as old as it is, and its live values are current', async () => {
  verifies('STALE-IS-NULL', 'THREE-INSTANTS');
  const clock = new TestClock();
  await using h = testHub({ clock });
  const hour = 3_600_000;
  const monitor = h.registry.principal('ai-monitor') ?? assert.fail();
  const send = (seq: number, value: number, measured: number): Promise<unknown> => {
    const bundle = sampleBundle([sampleObservation({ seq, value, receivedAt: measured + hour })]) as object;
    return h.ingest.batch('gw-icu', { ...bundle, timestamp: new Date(clock.now() + hour).toISOString() });
  };
  clock.advance(50 * 60_000);
  await send(1, 40, TEST_NOW);
  const [old] = (await h.door.latest(monitor, 'pat-icu-01', context)).vitals;
  assert.deepEqual([old?.value, old?.stale, old?.ageSeconds, old?.lastKnown?.value], [null, true, 3000, 40]);
  await send(3, 70, clock.now() - 2000);
  await send(2, 41, TEST_NOW + 1000);
  const [live] = (await h.door.latest(monitor, 'pat-icu-01', context)).vitals;
  assert.deepEqual([live?.value, live?.stale, live?.ageSeconds, live?.flags], [70, false, 2, ['clock']]);
});

test('a reading from a year ahead does not hold up those that follow', async () => {
  verifies('THREE-INSTANTS');
  const clock = new TestClock();
  await using h = testHub({ clock });
  const monitor = h.registry.principal('ai-monitor') ?? assert.fail();
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, receivedAt: TEST_NOW + 8760 * 3_600_000 })]));
  clock.advance(1000);
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 2, value: 30, receivedAt: clock.now() })]));
  const [hr] = (await h.door.latest(monitor, 'pat-icu-01', context)).vitals;
  assert.deepEqual([hr?.value, hr?.ageSeconds], [30, 0]);
});

test('other device ids, however many, hide no current vital sign', async () => {
  verifies('STALE-IS-NULL');
  const clock = new TestClock();
  await using h = testHub({ clock });
  const monitor = h.registry.principal('ai-monitor') ?? assert.fail();
  const others = (first: number, receivedAt: number): unknown =>
    sampleBundle(Array.from({ length: 300 }, (_, i) => sampleObservation({ seq: first + i, device: `dev-${first + i}`, receivedAt })));
  await h.ingest.batch('gw-icu', others(10, TEST_NOW - 3_600_000));
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, vital: 'spo2', value: 71, receivedAt: TEST_NOW - 500 })]));
  assert.equal((await h.door.latest(monitor, 'pat-icu-01', context)).vitals[0]?.value, 71);
  await h.ingest.batch('gw-icu', others(1000, TEST_NOW));
  const { vitals } = await h.door.latest(monitor, 'pat-icu-01', context);
  assert.deepEqual([vitals.length, vitals[1]?.vital, vitals[1]?.value], [512, 'spo2', 71]);
});

test('the hub marks what is outside the plausible range, where the sender did not', async () => {
  const clock = new TestClock();
  await using h = testHub({ clock });
  const { extension: _, ...unmarked } = sampleObservation({ value: -5 });
  await h.ingest.batch('gw-icu', sampleBundle([unmarked]));
  const [hr] = (await h.door.latest(h.registry.principal('ai-monitor') ?? assert.fail(), 'pat-icu-01', context)).vitals;
  assert.deepEqual([hr?.value, hr?.flags], [-5, ['out-of-range']]);
});

test('the list holds whom the caller may see, known to the store or not', async () => {
  verifies('TENANT-EVERYWHERE');
  await using h = await filled();
  assert.deepEqual(await h.door.listPatients(h.who('ai-nurse'), context), [
    { patient: 'pat-home-01', bed: null, lastStoredAt: TEST_NOW, vitals: ['weight'] },
    { patient: 'pat-icu-01', bed: 'ICU-01', lastStoredAt: TEST_NOW, vitals: ['hr', 'nibp', 'spo2'] },
  ]);
  const monitored = await h.door.listPatients(h.who('ai-monitor'), context);
  assert.deepEqual(
    monitored.map(({ patient }) => patient),
    ['pat-home-01', 'pat-home-02', 'pat-home-03', 'pat-icu-01', 'pat-icu-02'],
  );
  assert.deepEqual(monitored[1], { patient: 'pat-home-02', bed: null, lastStoredAt: null, vitals: [] });
  assert.deepEqual(
    (await h.door.listPatients(h.who('ai-other'), context)).map(({ patient }) => patient),
    ['pat-other-01'],
  );
  assert.deepEqual(
    (await evidence(h)).map(([action, , outcome, , count]) => [action, outcome, count]),
    [
      ['patients.list', 'allowed', 2],
      ['patients.list', 'allowed', 5],
      ['patients.list', 'allowed', 1],
    ],
  );
});

test('a patient who is not for this caller, is of another tenant, or does not exist: all the same to it', async () => {
  verifies('ONE-DOOR', 'TENANT-EVERYWHERE');
  await using h = await filled();
  const nurse = h.who('ai-nurse');
  const asked: [Principal, string][] = [
    [nurse, 'pat-icu-02'],
    [nurse, 'pat-other-01'],
    [h.who('ai-monitor'), 'pat-other-01'],
    [h.who('ai-monitor'), 'pat-no-such'],
    [h.who('ai-monitor'), 'Erika Mustermann'],
  ];
  const told = new Set<string>();
  for (const [principal, patient] of asked) {
    const calls: Promise<unknown>[] = [h.door.latest(principal, patient, context), h.door.openSubscription(principal, [patient], context)];
    for (const call of calls) {
      const error: unknown = await call.then(
        () => assert.fail('allowed'),
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof VitalmeshError);
      told.add(`${error.code} ${error.message} ${error.detail}`);
    }
  }
  assert.deepEqual([...told], ['NOT-FOUND There is no such resource for this caller. undefined']);
  assert.deepEqual(
    new Set((await evidence(h)).map(([, patient, outcome, reason]) => `${patient} ${outcome} ${reason}`)),
    new Set(['pat-icu-02 denied patient', 'null denied patient', 'null denied unknown']),
  );
  assert.equal((await evidence(h)).length, 10);
  assert.equal(h.metrics.get('access_denied', 'unknown') + h.metrics.get('access_denied', 'patient'), 10);
});

test('a role that may not, and a right that expired, are told as such and recorded', async () => {
  verifies('ONE-DOOR');
  await using h = await filled();
  const monitor = h.who('ai-monitor');
  await assert.rejects(h.door.counts(monitor, context), { code: 'ACCESS-DENIED' });
  await assert.rejects(h.door.export(monitor, { patient: 'pat-icu-01' }, context), { code: 'ACCESS-DENIED' });
  await assert.rejects(h.door.latest(h.who('ai-old'), 'pat-icu-01', context), { code: 'ACCESS-EXPIRED' });
  await assert.rejects(h.door.listPatients({ ...monitor, role: 'visitor' as Principal['role'] }, context), { code: 'ACCESS-DENIED' });
  await assert.rejects(h.door.openSubscription(h.who('ai-old'), [], context), { code: 'ACCESS-EXPIRED' });
  assert.deepEqual(await evidence(h), [
    ['status.read', null, 'denied', 'role', 0],
    ['observations.export', 'pat-icu-01', 'denied', 'role', 0],
    ['vitals.read', 'pat-icu-01', 'denied', 'expired', 0],
    ['patients.list', null, 'denied', 'role', 0],
    ['vitals.subscribe', null, 'denied', 'expired', 0],
  ]);
});

test('a subscription is recorded for each patient when it opens and when it closes', async () => {
  await using h = await filled();
  const nurse = h.who('ai-nurse');
  await h.door.openSubscription(nurse, ['pat-icu-01', 'pat-home-01'], context);
  const ended = [
    { patient: 'pat-icu-01', delivered: 7 },
    { patient: 'pat-home-01', delivered: 2 },
  ];
  await h.door.closeSubscription(nurse, ended, context);
  await h.door.openSubscription(nurse, [], context);
  await assert.rejects(h.door.openSubscription(nurse, ['pat-icu-01', 'pat-icu-02'], context), { code: 'NOT-FOUND' });
  assert.deepEqual(await evidence(h), [
    ['vitals.subscribe', 'pat-icu-01', 'allowed', 'granted', 0],
    ['vitals.subscribe', 'pat-home-01', 'allowed', 'granted', 0],
    ['vitals.subscribe', 'pat-icu-01', 'allowed', 'closed', 7],
    ['vitals.subscribe', 'pat-home-01', 'allowed', 'closed', 2],
    ['vitals.subscribe', null, 'allowed', 'granted', 0],
    ['vitals.subscribe', 'pat-icu-02', 'denied', 'patient', 0],
  ]);
});

test('each change is checked against the caller as it is then', async () => {
  verifies('TENANT-EVERYWHERE');
  await using h = await filled();
  const change = { tenant: 'clinic', patient: 'pat-icu-01', kind: 'stored', vitals: ['hr'], at: TEST_NOW, version: 1 } as const;
  assert.ok(h.door.maySee(h.who('ai-nurse'), change));
  assert.ok(!h.door.maySee(h.who('ai-nurse'), { ...change, patient: 'pat-icu-02' }));
  assert.ok(!h.door.maySee(h.who('ai-other'), change));
  assert.ok(!h.door.maySee(h.who('ai-old'), change));
  const ending = { ...h.who('ai-nurse'), notAfter: TEST_NOW };
  assert.ok(h.door.maySee(ending, change));
  h.clock.advance(1);
  assert.ok(!h.door.maySee(ending, change));
  assert.equal((await evidence(h)).length, 0, 'a check leaves no evidence');
});

test('the operator exports and counts within a tenant, and it is recorded', async () => {
  verifies('TENANT-EVERYWHERE');
  await using h = await filled();
  const operator = operatorPrincipal(1000, 'clinic');
  assert.equal((await gathered(await h.door.export(operator, {}, { channel: 'operator' }))).length, 4);
  assert.equal((await gathered(await h.door.export(operator, { patient: 'pat-home-01' }, { channel: 'operator' }))).length, 1);
  assert.equal((await gathered(await h.door.export(operator, { patient: 'Erika Mustermann' }, { channel: 'operator' }))).length, 0);
  assert.equal((await gathered(await h.door.export({ ...operator, tenant: 'other' }, {}, { channel: 'operator' }))).length, 0);
  assert.deepEqual(await h.door.counts(operator, { channel: 'operator' }), {
    observations: 4,
    events: 0,
    duplicates: 0,
    quarantined: 0,
    patients: 2,
    unplaced: 0,
  });
  assert.deepEqual(await evidence(h), [
    ['observations.export', null, 'allowed', 'granted', 4],
    ['observations.export', null, 'allowed', 'closed', 4],
    ['observations.export', 'pat-home-01', 'allowed', 'granted', 1],
    ['observations.export', 'pat-home-01', 'allowed', 'closed', 1],
    ['observations.export', null, 'allowed', 'granted', 0],
    ['observations.export', null, 'allowed', 'closed', 0],
    ['observations.export', null, 'allowed', 'granted', 0],
    ['observations.export', null, 'allowed', 'closed', 0],
    ['status.read', null, 'allowed', 'granted', 1],
  ]);
});

test('without evidence nothing is shown', async () => {
  verifies('ONE-DOOR', 'AUDIT-CHAINED');
  await using h = await filled();
  await h.store[Symbol.asyncDispose]();
  await assert.rejects(h.door.latest(h.who('ai-monitor'), 'pat-icu-01', context), { code: 'STORAGE-CLOSED' });
  await assert.rejects(h.door.latest(h.who('ai-monitor'), 'pat-no-such', context), { code: 'STORAGE-CLOSED' });
});

test('the door asks the store for the caller’s own tenant and no other', async () => {
  verifies('TENANT-EVERYWHERE');
  await using h = await filled();
  const tenants: unknown[] = [];
  const spied = new Proxy(h.store, {
    get(store, name, receiver) {
      const member: unknown = Reflect.get(store, name, store);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        if (name !== 'record') tenants.push(args[0]);
        return Reflect.apply(member, receiver === undefined ? receiver : store, args);
      };
    },
  }) as Store;
  const door = createDoor({ ...h, store: spied, maskings: createMaskings(randomBytes(32)) });
  const other = { ...operatorPrincipal(0, 'other'), patients: 'all' } as const;
  await door.listPatients(other, context);
  await door.latest(other, 'pat-other-01', context);
  await door.export(other, { patient: 'pat-icu-01' }, context);
  await door.counts(other, context);
  assert.deepEqual(tenants, ['other', 'other', 'other', 'other']);
});

/**
 * Who may reach the store; everything else gets to patients' data through the door. Types reach nothing. A restore reads no patient's data: it makes
 * a file into a store, in an empty place, without a hub.
 */
const MAY_IMPORT_STORE = [
  'hub/access/',
  'hub/ingest/',
  'hub/store/',
  'hub/clinical/',
  'hub/backup/restore.ts',
  'hub/main.ts',
  // The evidence of the SQLite store, which is a part of it.
  'hub/audit/audit-log.ts',
];

function storeImports(text: string): boolean {
  const imported = [...text.matchAll(/^(?:import|export)\s(?!type\b)[^;]*?from\s*'([^']+)'|import\s*\(\s*'([^']+)'/gms)];
  // What a configuration may say of the store, under which name what is nobody's stands there, and the marks of who was erased reach nothing in it.
  const pure = ['/store/config.ts', '/store/placing/placing.ts', '/store/erasing/tombstone.ts', '/store/erasing/hushed.ts'];
  const isPure = (from: string): boolean => pure.some((file) => from.endsWith(file));
  return imported.some(([, from, lazy]) => (from ?? lazy ?? '').includes('store/') && !(from && isPure(from)));
}

test('nothing but the door, ingest, the clinical core and the composition root imports the store', () => {
  verifies('ONE-DOOR');
  const files = globSync('{hub,provisioning}/**/*.ts', { cwd: root });
  assert.ok(files.length > 20);
  const around = files.filter(
    (file) => !MAY_IMPORT_STORE.some((allowed) => file.startsWith(allowed)) && storeImports(readFileSync(join(root, file), 'utf8')),
  );
  assert.deepEqual(around, []);
});

test('an import around the door would be found', () => {
  assert.ok(storeImports("import { openSqliteStore } from '../store/sqlite.ts';"));
  assert.ok(storeImports("import { type A } from 'x';\nimport {\n  a,\n  b,\n} from './store/sqlite.ts';"));
  assert.ok(storeImports("const s = await import('../store/sqlite.ts');"));
  assert.ok(!storeImports("import { storeConfig } from './store/config.ts';"));
  assert.ok(!storeImports("import { nobodyIn } from '../store/placing/placing.ts';"));
  assert.ok(!storeImports("import { markOf } from '../store/erasing/tombstone.ts';"));
  assert.ok(storeImports("import { openPlacing } from '../store/placing/sqlite-placing.ts';"));
  assert.ok(!storeImports("import type { StoreCounts } from '../store/store.ts';"));
});

test('a trend is decided and recorded like any read, and its buckets begin where the hospital’s clock does', async () => {
  verifies('ONE-DOOR', 'AUDIT-CHAINED', 'TREND-BUCKETS');
  await using h = await filled();
  const asked = { vital: 'hr', from: TEST_NOW - 90_000, to: TEST_NOW + 1, points: 3 };
  const view = await h.door.trend(h.who('ai-nurse'), 'pat-icu-01', asked, context);
  assert.deepEqual(
    [view.patient, view.bed, view.name, view.asOf],
    ['pat-icu-01', 'ICU-01', 'Heart rate (ECG)', '2026-11-21T10:00:00.000+00:00'],
  );
  assert.deepEqual(view.edges, [
    '2026-11-21T09:58:30.000+00:00',
    '2026-11-21T09:59:00.000+00:00',
    '2026-11-21T10:00:00.000+00:00',
    '2026-11-21T10:00:00.001+00:00',
  ]);
  assert.deepEqual(
    view.series.map(({ device, buckets }) => [device, buckets.map(({ index, last }) => [index, last])]),
    [['monitor-1', [[1, 72]]]],
  );
  assert.match(view.notice, /Not an alarm system/);
  await assert.rejects(h.door.trend(h.who('ai-nurse'), 'pat-icu-02', asked, context), { code: 'NOT-FOUND' });
  for (const wrong of [{ from: TEST_NOW + 1 }, { points: 0 }, { points: 2001 }])
    await assert.rejects(h.door.trend(h.who('ai-nurse'), 'pat-icu-01', { ...asked, ...wrong }, context), { code: 'USAGE' });
  assert.deepEqual(await evidence(h), [
    ['vitals.read', 'pat-icu-01', 'allowed', 'granted', 1],
    ['vitals.read', 'pat-icu-02', 'denied', 'patient', 0],
  ]);
});

test('the versions of a measurement are decided and recorded like any read', async () => {
  verifies('ONE-DOOR', 'AUDIT-CHAINED', 'VERSIONS-KEPT');
  await using h = await filled();
  const which = { vital: 'hr', device: 'monitor-1', effective: TEST_NOW - 2500 };
  const [version, ...more] = await h.door.history(h.who('ai-monitor'), 'pat-icu-01', which, context);
  assert.deepEqual(more, []);
  assert.deepEqual(
    [version?.status, version?.stands, version?.value, version?.effective],
    ['final', true, 72, '2026-11-21T10:59:57.500+01:00'],
  );
  await assert.rejects(h.door.history(h.who('ai-other'), 'pat-icu-01', which, context), { code: 'NOT-FOUND' });
  assert.deepEqual(await evidence(h), [
    ['vitals.read', 'pat-icu-01', 'allowed', 'granted', 1],
    ['vitals.read', null, 'denied', 'unknown', 0],
  ]);
});

test('a mistyped patient id is told as such to whoever asks, whoever there is, and is recorded as nobody', async () => {
  verifies('PATIENT-ID-CHECKED', 'ONE-DOOR');
  await using h = await filled();
  const mistyped = 'p-00000-00000-00000-001';
  for (const who of ['ai-nurse', 'ai-other']) {
    await assert.rejects(h.door.latest(h.who(who), mistyped, context), { code: 'PATIENT-MISTYPED' });
    await assert.rejects(h.door.openSubscription(h.who(who), [mistyped], context), { code: 'PATIENT-MISTYPED' });
  }
  assert.deepEqual(
    (await evidence(h)).map((row) => (row as unknown[])[1]),
    [null, null, null, null],
  );
  assert.equal(protocolError(new VitalmeshError('PATIENT-MISTYPED')).code, protocolError(new VitalmeshError('NOT-FOUND')).code);
});
