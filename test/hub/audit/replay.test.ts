import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import type { AuditDetail, AuditEvent } from '../../../hub/access/access.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import { LATEST_SHAPE, viewOfShape } from '../../../hub/access/view-shapes.ts';
import { latestView } from '../../../hub/access/views.ts';
import type { EvidenceRecord } from '../../../hub/audit/evidence.ts';
import { type Rebuilt, replayed, stepOf } from '../../../hub/audit/replay.ts';
import { type Beside, NO_SURROUNDINGS } from '../../../hub/clinical/surroundings.ts';
import { canonicalJson } from '../../../hub/ingest/canonical.ts';
import type { StoredReading } from '../../../hub/store/store.ts';
import { verifies } from '../../requirements.ts';
import { evidenceRecord } from '../../support/evidence.ts';
import { FOLLOWING_REGISTRY, idOf, measure, minute, tell } from '../../support/following.ts';
import { gathered, TEST_NOW, TestClock, testHub } from '../../support/hub.ts';

const STORED = TEST_NOW - 1000;
const READING: StoredReading = {
  ...{ id: 'gw.e.1.0', tenant: 'clinic', gateway: 'gw', storedAt: STORED, patient: 'pat-icu-01', vital: 'hr', device: 'monitor-1' },
  ...{ value: 72, unit: '/min', absent: null, components: [], flags: [], effective: STORED, offsetMin: 60, receivedAt: STORED },
  ...{ sortTime: STORED, freshAt: STORED, place: 'bed', test: false },
};
const WHOLE = { withheld: [] } as const;
const LIMITS = NO_SURROUNDINGS.limits({ patient: 'pat-icu-01', bed: 'ICU-01' });
const BESIDE: Beside = {
  sources: [{ kind: 'gateway', id: 'gw', state: 'lost', since: TEST_NOW - 70_000 }],
  demo: [{ device: 'monitor-2', since: TEST_NOW - 9000, lastAt: TEST_NOW - 8000 }],
  sandbox: false,
};
const PLACE = { bed: 'ICU-01', ward: 'icu', zone: 'Europe/Berlin', limits: LIMITS };
const KEPT = new Map([[`${STORED} gw.e.1.0`, READING]]);
/** The call came at `TEST_NOW`, and its view was made 3 ms later, before it took 4 ms in all. */
const VIEW = latestView([READING], { patient: 'pat-icu-01', ...PLACE, ...WHOLE, beside: BESIDE, now: TEST_NOW + 3 });
const DETAIL: AuditDetail = {
  ...{ mask: 'none', latencyMs: 3.6, response: hash('sha256', canonicalJson(VIEW)) },
  shown: [['gw.e.1.0', STORED]],
  beside: { ...BESIDE, shape: LATEST_SHAPE },
};

const step = (
  detail: AuditDetail = DETAIL,
  {
    rows = KEPT,
    place = PLACE,
    event = {},
    record = {},
  }: {
    rows?: ReadonlyMap<string, StoredReading> | null;
    place?: typeof PLACE;
    event?: Partial<AuditEvent>;
    record?: Partial<EvidenceRecord>;
  } = {},
) => stepOf(evidenceRecord({ detail, ...event }, record), rows ?? undefined, place);

test('a view that is made again of what is kept has the recorded hash, whenever within the call it was made', () => {
  verifies('AUDIT-REPLAY');
  const { rebuilt, shown, args } = step();
  assert.equal(rebuilt, 'same');
  assert.equal(args, null);
  assert.deepEqual(shown, [
    { observation: 'gw.e.1.0', storedAt: STORED, kept: { vital: 'hr', value: 72, unit: '/min', absent: null, sortTime: STORED } },
  ]);
});

test('what cannot be made again exactly is never said to be the same, and it is said why', () => {
  verifies('AUDIT-REPLAY', 'REPLAY-LIMITS');
  const { shown: _, ...brief } = DETAIL;
  const { beside: ___, ...besideNothing } = DETAIL;
  const { response: __, ...nothing } = DETAIL;
  const other = new Map([[`${STORED} gw.e.1.0`, { ...READING, value: 73 }]]);
  const elsewhere = new Map([[`${STORED + 1} gw.e.1.0`, READING]]);
  const shownBy = (limits: string | null) => ({ ...DETAIL, beside: { ...BESIDE, shape: LATEST_SHAPE, limits } });
  const table: readonly [Rebuilt, ReturnType<typeof step>][] = [
    ['differs', step(DETAIL, { rows: other })],
    ['differs', step(DETAIL, { place: { ...PLACE, bed: 'ICU-02' } })],
    ['differs', step({ ...DETAIL, latencyMs: 0 })],
    ['differs', step(besideNothing)],
    ['differs', step({ ...DETAIL, beside: { ...BESIDE, shape: LATEST_SHAPE, sources: [] } })],
    ['differs', step(DETAIL, { place: { ...PLACE, limits: { ...LIMITS, version: 'ward-2' } } })],
    ['limits', step(shownBy(null), { place: { ...PLACE, limits: { ...LIMITS, version: 'ward-2' } } })],
    ['limits', step(shownBy('0a1b2c'), { rows: other, place: { ...PLACE, limits: { ...LIMITS, version: 'ward-2', revision: '3d4e5f' } } })],
    [
      'differs',
      step(shownBy('3d4e5f'), { rows: other, place: { ...PLACE, limits: { ...LIMITS, version: 'ward-2', revision: '3d4e5f' } } }),
    ],
    ['same', step(shownBy(null))],
    ['same', step(shownBy('0a1b2c'))],
    ['differs', step(shownBy(null), { rows: other })],
    ['gone', step(DETAIL, { rows: new Map() })],
    ['gone', step(DETAIL, { rows: elsewhere })],
    ['withheld', step(DETAIL, { rows: null })],
    ['masked', step({ ...DETAIL, mask: 'deidentified' })],
    ['brief', step(brief)],
    ['none', step(nothing)],
    ['kind', step({ ...DETAIL, args: { vital: 'hr' } })],
    ['kind', step(DETAIL, { event: { action: 'patients.list', patient: null } })],
    ['erased', step(DETAIL, { event: { patient: null }, record: { erased: true } })],
  ];
  for (const [i, [wanted, { rebuilt }]] of table.entries()) assert.equal(rebuilt, wanted, `row ${i}`);
});

/** What a hub showed before evidence said anything beside the rows, as it stands in an answer of then: written by hand, not made by this code. */
const OLD_ANSWER = {
  ...{ patient: 'pat-icu-01', bed: 'ICU-01', ward: 'icu', asOf: '2026-11-21T11:00:00.003+01:00' },
  vitals: [
    {
      ...{ vital: 'hr', name: 'Heart rate (ECG)', value: 72, unit: '/min', absent: null, components: [] },
      ...{ at: '2026-11-21T10:59:59.000+01:00', ageSeconds: 1, stale: false, lastKnown: null, flags: [] },
      ...{ device: 'monitor-1', gateway: 'gw', test: false, observation: 'gw.e.1.0', receivedAt: STORED, storedAt: STORED },
    },
  ],
  notice:
    'Not an alarm system, not for diagnosis. Values are shown as the devices sent them; check age, flags and the patient before acting on them.',
};

test('what an earlier version showed is made again as that one made it, whatever was added since, and a real difference is found in it', () => {
  verifies('AUDIT-REPLAY-SHAPES');
  const { beside: _, ...before } = DETAIL;
  const old = { ...before, response: hash('sha256', canonicalJson(OLD_ANSWER)) };
  assert.equal(step(old).rebuilt, 'same');
  assert.equal(
    step(old, { place: { ...PLACE, limits: { ...LIMITS, version: 'ward-2' } } }).rebuilt,
    'same',
    'limits were not of a site then',
  );
  const other = new Map([[`${STORED} gw.e.1.0`, { ...READING, value: 73 }]]);
  assert.equal(step(old, { rows: other }).rebuilt, 'differs');
  assert.equal(step(old, { place: { ...PLACE, bed: 'ICU-02' } }).rebuilt, 'differs');
  assert.equal(step({ ...old, beside: { ...BESIDE, shape: 3 } }).rebuilt, 'differs', 'a view of now that lacks what views of now have');

  // Of what its token kept from a reader the state of a device told, once.
  const silent = { ...READING, freshAt: TEST_NOW - 600_000, sortTime: TEST_NOW - 600_000 };
  const rows = new Map([[`${STORED} gw.e.1.0`, silent]]);
  const withheld = ['laboratory'] as const;
  const { zone: __, ...now } = latestView([silent], { patient: 'pat-icu-01', ...PLACE, withheld, beside: BESIDE, now: TEST_NOW + 3 });
  const told = { kind: 'device', id: 'monitor-1', state: 'silent', since: '2026-11-21T10:50:00.000+01:00' };
  const second = {
    ...DETAIL,
    beside: BESIDE,
    withheld,
    response: hash('sha256', canonicalJson({ ...now, sources: [told, ...now.sources.slice(1)] })),
  };
  assert.equal(step(second, { rows }).rebuilt, 'same');
  assert.equal(step({ ...second, beside: { ...BESIDE, shape: 2 } }, { rows }).rebuilt, 'same');
  assert.equal(step({ ...second, beside: { ...BESIDE, shape: 3 } }, { rows }).rebuilt, 'differs');
  assert.equal(step({ ...DETAIL, beside: { ...BESIDE, shape: 4 } }).rebuilt, 'same');
  assert.equal(step({ ...DETAIL, beside: { ...BESIDE, shape: 3 } }).rebuilt, 'differs', 'which had no zone');
  assert.equal(step({ ...DETAIL, beside: { ...BESIDE, shape: 99 } }).rebuilt, 'newer');
});

test('that a person had said whose it is stands in the evidence: what was shown is made again, whatever was decided since', () => {
  verifies('AUDIT-REPLAY', 'AMEND-TOLD');
  const byHand = { kind: 'reassigned', at: TEST_NOW - 500 } as const;
  const view = latestView([{ ...READING, byHand }], { patient: 'pat-icu-01', ...PLACE, ...WHOLE, beside: BESIDE, now: TEST_NOW + 3 });
  assert.deepEqual(view.vitals[0]?.byHand, { kind: 'reassigned', since: '2026-11-21T10:59:59.500+01:00' });
  const beside = { ...BESIDE, shape: LATEST_SHAPE };
  const said = { ...beside, byHand: [{ ...byHand, observation: READING.id }] };
  const told = { ...DETAIL, response: hash('sha256', canonicalJson(view)) };
  assert.equal(step({ ...told, beside: said }).rebuilt, 'same');
  assert.equal(step({ ...told, beside }).rebuilt, 'differs');
  assert.equal(step({ ...DETAIL, beside: said }).rebuilt, 'differs');
  const since = new Map([[`${STORED} gw.e.1.0`, { ...READING, byHand }]]);
  assert.equal(step(DETAIL, { rows: since }).rebuilt, 'same', 'what was decided since is not in it');
});

test('a view that would be another than before has another shape: each is as it always was', () => {
  verifies('AUDIT-REPLAY-SHAPES');
  const frame = { patient: 'pat-icu-01', ...PLACE, withheld: ['laboratory'] as const, beside: BESIDE, now: TEST_NOW + 600_000 };
  const hashed = (shape: number) => hash('sha256', canonicalJson(viewOfShape(shape, [READING], frame))).slice(0, 16);
  assert.deepEqual(
    Array.from({ length: LATEST_SHAPE }, (_, i) => hashed(i + 1)),
    ['2d1c2975f20d30cf', '053cfe6b93739d6e', 'fd028e849f7fb0f3', 'cb2c5c0433a721f2', 'cb2c5c0433a721f2'],
    'raise LATEST_SHAPE, keep how it was before, and add a line here',
  );
});

test('an observation that is not kept any more stands there by id and version alone', () => {
  verifies('AUDIT-REPLAY');
  assert.deepEqual(step(DETAIL, { rows: new Map() }).shown, [{ observation: 'gw.e.1.0', storedAt: STORED }]);
});

test('what was shown of somebody who lies elsewhere now, was discharged or merged since is made again as it was', async () => {
  verifies('AUDIT-REPLAY');
  const clock = new TestClock(minute(0));
  await using hub = testHub({ clock, registry: FOLLOWING_REGISTRY });
  const reader = hub.registry.principal('ai-monitor') ?? assert.fail();
  const asked = async (who: string) => hub.door.latest(reader, await idOf(hub, who), { channel: 'mcp-2026' });
  await tell(hub, 1, 0, 'A01', { who: 'unknown-7', bed: 'ICU-01', visit: 'v' });
  clock.set(minute(1));
  await measure(hub, 1, 1, { bed: 'ICU-01' });
  const shown = [await asked('unknown-7')];
  clock.set(minute(2));
  await tell(hub, 2, 2, 'A40', { who: 'ann', was: 'unknown-7' });
  shown.push(await asked('unknown-7'));
  clock.set(minute(3));
  await tell(hub, 3, 3, 'A02', { who: 'ann', bed: 'ICU-02', priorBed: 'ICU-01', visit: 'v' });
  shown.push(await asked('ann'));
  clock.set(minute(4));
  await tell(hub, 4, 4, 'A03', { who: 'ann', bed: 'ICU-02', visit: 'v' });
  shown.push(await asked('ann'));
  assert.deepEqual(
    shown.map(({ bed, mergedFrom, discharged, vitals }) => [bed, mergedFrom !== undefined, discharged !== undefined, vitals.length]),
    [
      ['ICU-01', false, false, 1],
      ['ICU-01', true, false, 1],
      ['ICU-02', false, false, 1],
      [null, false, true, 1],
    ],
  );
  const reads = (await gathered(hub.store.evidence('clinic', {}))).filter(({ event }) => event.action === 'vitals.read');
  const caller = { principal: operatorPrincipal(1000, 'clinic'), context: { channel: 'operator' } } as const;
  const steps = await gathered(replayed(walk(reads), { ...hub, zone: 'UTC' }, caller));
  assert.deepEqual(
    steps.map(({ rebuilt }) => rebuilt),
    ['same', 'same', 'same', 'same'],
  );
});

async function* walk<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
