import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import type { AuditDetail, AuditEvent } from '../../../hub/access/access.ts';
import { latestView } from '../../../hub/access/views.ts';
import type { EvidenceRecord } from '../../../hub/audit/evidence.ts';
import { type Rebuilt, stepOf } from '../../../hub/audit/replay.ts';
import { type Beside, NO_SURROUNDINGS } from '../../../hub/clinical/surroundings.ts';
import { canonicalJson } from '../../../hub/ingest/canonical.ts';
import type { StoredReading } from '../../../hub/store/store.ts';
import { verifies } from '../../requirements.ts';
import { evidenceRecord } from '../../support/evidence.ts';
import { TEST_NOW } from '../../support/hub.ts';

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
  beside: BESIDE,
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
  verifies('AUDIT-REPLAY');
  const { shown: _, ...brief } = DETAIL;
  const { beside: ___, ...besideNothing } = DETAIL;
  const { response: __, ...nothing } = DETAIL;
  const other = new Map([[`${STORED} gw.e.1.0`, { ...READING, value: 73 }]]);
  const elsewhere = new Map([[`${STORED + 1} gw.e.1.0`, READING]]);
  const table: readonly [Rebuilt, ReturnType<typeof step>][] = [
    ['differs', step(DETAIL, { rows: other })],
    ['differs', step(DETAIL, { place: { ...PLACE, bed: 'ICU-02' } })],
    ['differs', step({ ...DETAIL, latencyMs: 0 })],
    ['differs', step(besideNothing)],
    ['differs', step({ ...DETAIL, beside: { ...BESIDE, sources: [] } })],
    ['differs', step(DETAIL, { place: { ...PLACE, limits: { ...LIMITS, version: 'ward-2' } } })],
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

test('an observation that is not kept any more stands there by id and version alone', () => {
  verifies('AUDIT-REPLAY');
  assert.deepEqual(step(DETAIL, { rows: new Map() }).shown, [{ observation: 'gw.e.1.0', storedAt: STORED }]);
});
