import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SourceView } from '../../../../hub/access/door.ts';
import { expectedOf } from '../../../../hub/clinical/due/expected.ts';
import { expectedSchema } from '../../../../hub/clinical/due/schema.ts';
import { DUE_STATES, type Silence, silenceOf, stateOf, worseFirst } from '../../../../hub/clinical/due/state.ts';
import { unlistedAmong } from '../../../../hub/clinical/limits/limits.ts';
import { formatInstant } from '../../../../shared/clock.ts';
import { verifies } from '../../../requirements.ts';

const FROM = Date.UTC(2026, 10, 21, 7);
const UNTIL = Date.UTC(2026, 10, 21, 9);
const HALF_HOUR_MS = 30 * 60_000;
const window = { from: FROM, until: UNTIL };
const gateway: Silence = { kind: 'gateway', id: 'gw-home', since: FROM };
const device: Silence = { kind: 'device', id: 'scale-1', since: FROM };

test('what did not come is due, overdue, then missed; what waits in a silent source is said to, and never of what is still due', () => {
  verifies('DUE-STATES');
  const at = (now: number, silence: Silence | null, done = false) =>
    stateOf(window, { toleranceMs: HALF_HOUR_MS, now, silence, done: done ? { at: FROM + 1, device: 'scale-1' } : null });
  const rows: [now: number, silence: Silence | null, state: string, byClock: string, since: number | null][] = [
    [FROM - 1, null, 'not-yet-due', 'not-yet-due', null],
    [FROM - 1, gateway, 'not-yet-due', 'not-yet-due', null],
    [FROM, null, 'due', 'due', FROM],
    [UNTIL - 1, gateway, 'due', 'due', FROM],
    [UNTIL, null, 'overdue', 'overdue', UNTIL],
    [UNTIL, device, 'device-silent', 'overdue', UNTIL],
    [UNTIL + HALF_HOUR_MS - 1, null, 'overdue', 'overdue', UNTIL],
    [UNTIL + HALF_HOUR_MS, null, 'missed', 'missed', UNTIL + HALF_HOUR_MS],
    [UNTIL + HALF_HOUR_MS, device, 'device-silent', 'missed', UNTIL + HALF_HOUR_MS],
    [UNTIL + HALF_HOUR_MS, gateway, 'gateway-silent', 'missed', UNTIL + HALF_HOUR_MS],
  ];
  for (const [now, silence, state, byClock, since] of rows) {
    assert.deepEqual(at(now, silence), { state, byClock, since });
    assert.deepEqual(at(now, silence, true), { state: 'done', byClock: 'done', since: FROM + 1 }, 'done whatever the clock says');
  }
});

const source = (kind: SourceView['kind'], id: string | null, state: SourceView['state'], since: number | null = null): SourceView => ({
  ...{ kind, id, state },
  since: since === null ? null : formatInstant(since),
});

test('a source that was there to the end of the window, or of which the hub cannot tell, hides nothing', () => {
  verifies('DUE-STATES');
  const of = { devices: new Set(['scale-1']), gateways: new Set(['gw-home']) };
  const said = (...sources: SourceView[]) => silenceOf(sources, of, UNTIL);
  const lost = source('gateway', 'gw-home', 'lost', FROM);
  assert.deepEqual(said(lost), gateway);
  assert.deepEqual(said(lost, source('gateway', 'gw-else', 'live')), gateway, 'the gateway that it came by');
  assert.equal(said(source('gateway', 'gw-home', 'lost', UNTIL)), null);
  assert.equal(said(source('gateway', 'gw-home', 'unknown', FROM)), null);
  assert.equal(said(source('gateway', 'gw-home', 'live')), null);
  assert.equal(said(), null);
  assert.deepEqual(said(source('device', 'scale-1', 'silent', FROM), source('gateway', 'gw-home', 'live')), device);
  assert.equal(said(source('device', 'scale-1', 'silent', UNTIL + 1)), null);
  assert.equal(said(source('device', 'cuff-1', 'silent', FROM)), null, 'another device');
  assert.deepEqual(said(source('device', 'scale-1', 'silent', FROM), lost), gateway, 'behind a gateway that is gone nothing is heard');
  const nobody = { devices: new Set<string>(), gateways: new Set<string>() };
  assert.deepEqual(silenceOf([lost], nobody, UNTIL), gateway, 'where nothing ever came, all gateways of the patient');
  assert.equal(silenceOf([lost, source('gateway', 'gw-else', 'live')], nobody, UNTIL), null);
  const both = { devices: new Set<string>(), gateways: new Set(['gw-home', 'gw-two']) };
  const two = silenceOf([lost, source('gateway', 'gw-two', 'lost', FROM + 5)], both, UNTIL);
  assert.deepEqual(two, { kind: 'gateway', id: null, since: FROM + 5 });
});

test('worst first is one order, in whatever order the rows come', () => {
  verifies('DUE-WORKLIST');
  const row = fc.record(
    {
      patient: fc.constantFrom('p-1', 'p-2'),
      vital: fc.constantFrom('weight', 'nibp'),
      state: fc.constantFrom(...DUE_STATES),
      sinceAt: fc.option(fc.integer({ min: 0, max: 3 })),
      fromAt: fc.integer({ min: 0, max: 2 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(row), fc.infiniteStream(fc.nat()), (rows, dice) => {
      const sorted = rows.toSorted(worseFirst);
      const shuffled = rows
        .map((one) => ({ one, by: dice.next().value ?? 0 }))
        .sort((a, b) => a.by - b.by)
        .map(({ one }) => one);
      assert.deepEqual(shuffled.sort(worseFirst), sorted);
      for (const [i, b] of sorted.entries()) {
        const a = sorted[i - 1];
        if (a === undefined) continue;
        assert.ok(DUE_STATES.indexOf(a.state) <= DUE_STATES.indexOf(b.state));
        if (a.state === b.state && b.sinceAt !== null) assert.ok(a.sinceAt !== null && a.sinceAt <= b.sinceAt, 'longest first');
      }
    }),
  );
  assert.deepEqual(DUE_STATES.slice(0, 5), ['missed', 'overdue', 'gateway-silent', 'device-silent', 'due']);
});

test('wards and panels of the file that the registry does not list are counted: nothing would ever be expected there', () => {
  verifies('DUE-FILE');
  const line = { weight: [{ window: '07:00-09:00' }] };
  const file = expectedSchema.parse({ version: 'test', wards: { icu: line }, panels: { haert: line, kidney: line } });
  const said = unlistedAmong('expected readings', [file], (kind) => new Set(kind === 'wards' ? ['icu'] : ['heart', 'kidney']));
  assert.equal(said, 'the file of expected readings names what registry.yaml does not list: 1 of 2 panels');
});

test('of each vital sign the nearest line counts: the patient, all panels, the ward; and the zone of the home', () => {
  verifies('DUE-FILE');
  const file = expectedSchema.parse({
    version: 'test',
    wards: { icu: { hr: [{ window: '06:00-07:00' }], weight: [{ window: '06:00-07:00' }] } },
    panels: {
      heart: { weight: [{ window: '07:00-09:00' }] },
      kidney: { weight: [{ window: '18:00-20:00', zone: 'UTC' }, { window: '07:00-09:00' }], spo2: [{ window: '08:00-09:00' }] },
    },
    patients: { 'pat-home-01': { spo2: [] } },
    zones: { 'pat-home-01': 'America/New_York' },
  });
  const said = (of: Parameters<typeof expectedOf>[1]) =>
    expectedOf(file, of, 'Europe/Berlin').map(({ vital, text, zone, by }) => [vital, text, zone, by].join(' '));
  assert.deepEqual(said({ patient: 'pat-home-01', ward: 'icu', panels: ['heart', 'kidney'] }), [
    'hr 06:00-07:00 America/New_York ward',
    'weight 07:00-09:00 America/New_York panel',
    'weight 18:00-20:00 UTC panel',
  ]);
  assert.deepEqual(said({ patient: 'pat-home-02', panels: ['kidney'] }), [
    'spo2 08:00-09:00 Europe/Berlin panel',
    'weight 07:00-09:00 Europe/Berlin panel',
    'weight 18:00-20:00 UTC panel',
  ]);
  assert.deepEqual(said({ patient: 'pat-home-03' }), []);
  assert.deepEqual(said({ patient: 'constructor', ward: 'toString', panels: ['valueOf'] }), []);
});
