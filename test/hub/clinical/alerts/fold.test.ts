import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEVICES } from '../../../../agent/devices/index.ts';
import { DIALECTS } from '../../../../agent/hl7/dialects/index.ts';
import { type AlertRun, DELAYED_MS, foldAlerts, STANDING_MS, standingOf, type Told } from '../../../../hub/clinical/alerts/fold.ts';
import { REPORTING_BY_PROFILE, reportingOf } from '../../../../hub/clinical/alerts/reporting.ts';
import { type Losses, SINCE_EVER, withLoss } from '../../../../hub/clinical/sources/losses.ts';
import type { Source } from '../../../../hub/clinical/sources/source.ts';
import { ALERT_PHASES, ALERT_STATES, type DeviceAlert } from '../../../../shared/alert.ts';
import { verifies } from '../../../requirements.ts';
import { TEST_NOW } from '../../../support/hub.ts';

let next = 0;
/** Told `s` seconds after the start, by a device that names its alerts. */
const told = (s: number, alert: Partial<DeviceAlert> = {}, more: Partial<Told> = {}): Told => {
  const at = TEST_NOW + 1000 * s;
  next += 1;
  return {
    ...{ id: `gw.e.${next}.0`, device: 'monitor-1', gateway: 'gw', sortTime: at, receivedAt: at, storedAt: at, test: false },
    alert: { phase: 'start', state: 'active', priority: 'high', type: 'physiological', instance: 'A1', text: 'SpO2 LOW', ...alert },
    ...more,
  };
};
const end = (s: number, alert: Partial<DeviceAlert> = {}): Told => told(s, { phase: 'end', state: 'inactive', ...alert });
const shown = (runs: readonly AlertRun[]) =>
  runs.map(({ instance, since, lastTold, endedAt }) => [
    instance,
    ...[since, lastTold, endedAt].map((at) => (at === null ? null : (at - TEST_NOW) / 1000)),
  ]);

test('one row an instance: from its start to its end, with the last words, and a new one when it comes again', () => {
  verifies('ALERTS-FOLDED');
  const tellings = [
    told(0),
    told(5, { phase: 'update', priority: 'medium', text: 'SpO2 LOW 84' }),
    told(9, { phase: 'continue' }),
    end(20),
    told(30),
  ];
  const runs = foldAlerts(tellings);
  assert.deepEqual(shown(runs), [
    ['A1', 0, 20, 20],
    ['A1', 30, 30, null],
  ]);
  assert.equal(runs[0]?.priority, 'high', 'the last words');
  const [updated] = foldAlerts(tellings.slice(0, 2));
  assert.deepEqual([updated?.priority, updated?.text, updated?.phase], ['medium', 'SpO2 LOW 84', 'update']);
});

test('instances of other devices, gateways and names are others; without a name, code and what it is about tell them apart', () => {
  verifies('ALERTS-FOLDED');
  const runs = foldAlerts([told(0), told(1, {}, { device: 'monitor-2' }), told(2, {}, { gateway: 'gw-2' }), told(3, { instance: 'A2' })]);
  assert.equal(runs.length, 4);
  const unnamed = (s: number, code: string, more: Partial<DeviceAlert> = {}): Told => {
    const one = told(s, { phase: 'present', code: { system: 'MDIL-ALERT', code }, ...more });
    const { instance: _, ...alert } = one.alert;
    return { ...one, alert };
  };
  const standing = foldAlerts([unnamed(0, '2'), unnamed(60, '2'), unnamed(60, '5'), unnamed(60, '2', { source: { vital: 'hr' } })]);
  assert.equal(standing.length, 3);
  assert.deepEqual([standing[0]?.isStanding, standing[0]?.since, standing[0]?.lastTold], [true, TEST_NOW, TEST_NOW + 60_000]);
});

test('an end without a beginning is over, a moment is over at once, and what is latched or reset while active is not', () => {
  verifies('ALERTS-FOLDED');
  const over = (alert: Partial<DeviceAlert>): boolean => foldAlerts([told(0), told(1, alert)])[0]?.endedAt !== null;
  assert.deepEqual(shown(foldAlerts([end(7)])), [['A1', 7, 7, 7]]);
  assert.ok(over({ phase: 'tpoint' }) && over({ phase: 'end', state: 'unknown' }) && over({ phase: 'continue', state: 'inactive' }));
  assert.ok(over({ phase: 'reset', state: 'unknown' }));
  for (const state of ['active', 'latched'] as const) assert.ok(!over({ phase: 'reset', state }));
  assert.ok(!over({ phase: 'unknown', state: 'unknown' }) && !over({ phase: 'continue', state: 'latched' }));
});

test('the rows do not depend on the order of arrival, nor on what came twice', () => {
  verifies('ALERTS-FOLDED');
  const one = fc
    .record({
      s: fc.integer({ min: 0, max: 30 }),
      phase: fc.constantFrom(...ALERT_PHASES),
      state: fc.constantFrom(...ALERT_STATES),
      instance: fc.constantFrom('A1', 'A2'),
    })
    .map(({ s, ...alert }) => told(s, alert));
  fc.assert(
    fc.property(fc.array(one, { maxLength: 20 }), fc.integer({ min: 1, max: 1000 }), (tellings, seed) => {
      const mixed = [...tellings, ...tellings.slice(0, 3)].sort(
        (a, b) => ((a.id.length + seed * a.sortTime) % 7) - ((b.id.length + seed * b.sortTime) % 7),
      );
      const order = (runs: AlertRun[]) => runs.map((run) => JSON.stringify(run)).sort();
      assert.deepEqual(order(foldAlerts(mixed)), order(foldAlerts(tellings)));
      // Of an instance at most one is open.
      for (const name of ['A1', 'A2'])
        assert.ok(foldAlerts(tellings).filter(({ instance, endedAt }) => instance === name && endedAt === null).length <= 1);
    }),
    { numRuns: 300 },
  );
});

test('what took more than two minutes to arrive is delayed, by the most that any of it took', () => {
  verifies('ALERTS-SOURCES');
  const late = (s: number, byMs: number) => told(s, { phase: s === 0 ? 'start' : 'update' }, { storedAt: TEST_NOW + 1000 * s + byMs });
  const delay = (...tellings: Told[]) => foldAlerts(tellings)[0]?.delayedMs;
  assert.equal(delay(late(0, DELAYED_MS)), null);
  assert.equal(delay(late(0, DELAYED_MS + 1)), DELAYED_MS + 1);
  assert.equal(delay(late(0, 600_000), late(5, 1000)), 600_000);
  assert.equal(delay(late(0, 300_000), late(5, 600_000)), 600_000);
  const fast = told(0, { phase: 'start' }, { receivedAt: TEST_NOW - 90_000, storedAt: TEST_NOW + 60_000 });
  assert.equal(delay(fast), 150_000, 'a device whose clock runs ahead by more than a minute, with a gateway that lost its line');
});

test('whether one is still there, line by line', () => {
  verifies('ALERTS-UNKNOWN');
  const at = (s: number) => TEST_NOW + 1000 * s;
  const [open] = foldAlerts([told(0), told(10, { phase: 'update' })]);
  const [over] = foldAlerts([told(0), end(10)]);
  const standing = foldAlerts([told(0, { phase: 'present' })]).map((run) => ({ ...run, isStanding: true }))[0];
  assert.ok(open && over && standing);
  const source = (kind: Source['kind'], id: string, state: Source['state'], s: number | null): Source => ({
    ...{ kind, id, state },
    since: s === null ? null : at(s),
  });
  const live = [source('gateway', 'gw', 'live', 0), source('device', 'monitor-1', 'live', null)];
  const table: [string, AlertRun, Source[], number, string, number][] = [
    ['all is live', open, live, 3600, 'active', 0],
    ['its gateway is lost', open, [source('gateway', 'gw', 'lost', 40)], 3600, 'unknown', 40],
    ['its device is silent', open, [...live.slice(0, 1), source('device', 'monitor-1', 'silent', 30)], 3600, 'unknown', 30],
    [
      'both: since the earlier',
      open,
      [source('gateway', 'gw', 'lost', 40), source('device', 'monitor-1', 'silent', 30)],
      3600,
      'unknown',
      30,
    ],
    ['told behind the last value of a silent device', open, [source('device', 'monitor-1', 'silent', 3)], 3600, 'unknown', 10],
    ['the hub cannot tell', open, [source('gateway', 'gw', 'unknown', null)], 3600, 'unknown', 10],
    [
      'others are lost',
      open,
      [...live, source('gateway', 'gw-2', 'lost', 5), source('device', 'monitor-2', 'silent', 5)],
      3600,
      'active',
      0,
    ],
    ['movements say nothing of it', open, [...live, { kind: 'movements', id: null, state: 'silent', since: at(1) }], 3600, 'active', 0],
    ['over is over, whatever is lost since', over, [source('gateway', 'gw', 'lost', 40)], 3600, 'ended', 10],
    ['told again and again, just now', standing, live, STANDING_MS / 1000 - 1, 'active', 0],
    ['told again and again, and no more', standing, live, STANDING_MS / 1000, 'unknown', 0],
  ];
  for (const [name, run, sources, now, state, since] of table)
    assert.deepEqual(standingOf(run, { sources, losses: [], now: at(now) }), { state, since: at(since) }, name);
  const away = (run: AlertRun, awaySince: number | null) => standingOf(run, { sources: live, losses: [], awaySince, now: at(60) });
  assert.deepEqual(away(open, at(30)), { state: 'unknown', since: at(30) }, 'discharged since');
  assert.deepEqual(away(open, at(5)), { state: 'unknown', since: at(10) }, 'told once more, late');
  assert.deepEqual(away(open, null), { state: 'unknown', since: at(10) }, 'in no bed for sure');
  assert.deepEqual(away(over, at(30)), { state: 'ended', since: at(10) });
});

test('one that was not told again since its source was back is unknown, since the source was lost', () => {
  verifies('ALERTS-UNKNOWN');
  const at = (s: number) => TEST_NOW + 1000 * s;
  const sources: Source[] = [
    { kind: 'gateway', id: 'gw', state: 'live', since: null },
    { kind: 'device', id: 'monitor-1', state: 'live', since: null },
  ];
  const gone = { kind: 'gateway', id: 'gw', state: 'lost', since: at(900) } as const;
  const lost = (kind: Losses['kind'], id: string, ...times: [from: number, backAt: number][]): Losses => ({
    ...{ kind, id },
    losses: times.map(([from, backAt]) => ({ from: from === SINCE_EVER ? from : at(from), backAt: at(backAt) })),
  });
  const open = (...tellings: Told[]): AlertRun => foldAlerts(tellings)[0] ?? assert.fail();
  const late = (s: number, times: Partial<Told>): Told => told(s, {}, times);
  const table: [string, AlertRun, Losses[], Source[], string, number][] = [
    ['told before its gateway was lost', open(told(0)), [lost('gateway', 'gw', [100, 200])], sources, 'unknown', 100],
    [
      'told while it was away, and came with all that was kept',
      open(told(150)),
      [lost('gateway', 'gw', [100, 200])],
      sources,
      'unknown',
      150,
    ],
    ['told again since', open(told(0), told(201, { phase: 'continue' })), [lost('gateway', 'gw', [100, 200])], sources, 'active', 0],
    ['its end was told since', open(told(0), end(201)), [lost('gateway', 'gw', [100, 200])], sources, 'ended', 201],
    ['its end was told while it was away', open(told(0), end(150)), [lost('gateway', 'gw', [100, 200])], sources, 'ended', 150],
    ['lost twice: since the first time', open(told(0)), [lost('gateway', 'gw', [100, 200], [300, 400])], sources, 'unknown', 100],
    ['told between', open(told(0), told(250)), [lost('gateway', 'gw', [100, 200], [300, 400])], sources, 'unknown', 300],
    ['lost again now: since the first time', open(told(0)), [lost('gateway', 'gw', [100, 200])], [gone], 'unknown', 100],
    ['the hub began since', open(told(0), told(7, { phase: 'update' })), [lost('gateway', 'gw', [SINCE_EVER, 200])], sources, 'unknown', 7],
    ['its device was silent', open(told(0)), [lost('device', 'monitor-1', [30, 200])], sources, 'unknown', 30],
    ['its device told of it while it sent nothing else', open(told(150)), [lost('device', 'monitor-1', [30, 200])], sources, 'active', 150],
    [
      'others were lost',
      open(told(0)),
      [lost('gateway', 'gw-2', [100, 200]), lost('device', 'monitor-2', [30, 200])],
      sources,
      'active',
      0,
    ],
    // A device whose clock is ahead did not tell of it again.
    [
      'by the gateway’s clock before',
      open(late(201, { receivedAt: at(90) })),
      [lost('gateway', 'gw', [100, 200])],
      sources,
      'unknown',
      100,
    ],
    ['by the hub’s clock before', open(late(201, { storedAt: at(90) })), [lost('gateway', 'gw', [100, 200])], sources, 'unknown', 100],
  ];
  for (const [name, run, losses, stand, state, since] of table)
    assert.deepEqual(standingOf(run, { sources: stand, losses, now: at(1000) }), { state, since: at(since) }, name);
});

test('of one source so many losses are remembered, and none of them is forgotten for an alert that was told before', () => {
  verifies('ALERTS-UNKNOWN');
  const loss = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }));
  fc.assert(
    fc.property(fc.array(loss, { maxLength: 30 }), fc.integer({ min: 0, max: 3000 }), (gaps, heardAt) => {
      let now = 0;
      const all = gaps.map(([here, away]) => {
        const from = now + here;
        now = from + away;
        return { from, backAt: now };
      });
      const kept = all.reduce(withLoss, []);
      assert.ok(kept.length <= 8);
      const isLost = (losses: typeof all) => losses.some(({ backAt }) => heardAt < backAt);
      assert.equal(isLost([...kept]), isLost(all));
    }),
  );
});

test('which profile surely tells of alarms is as the agent’s tables have it, and all of them are listed', () => {
  verifies('ALERTS-SOURCES', 'ALERTS-SURELY');
  const byForm = { none: 'none', vendor: 'alarms', 'IHE PCD-04': 'unknown' } as const;
  for (const { name, alarms } of DIALECTS) {
    assert.equal(reportingOf(name, false), byForm[alarms.form], name);
    assert.equal(reportingOf(name, true), 'alarms', `${name}: whoever told of one can`);
  }
  for (const { name } of DEVICES) assert.equal(reportingOf(name, false), 'none', name);
  assert.deepEqual(Object.keys(REPORTING_BY_PROFILE).sort(), [...DIALECTS, ...DEVICES].map(({ name }) => name).sort());
  assert.equal(reportingOf('a-site’s-own', false), 'unknown');
  assert.equal(reportingOf('constructor', false), 'unknown');
  assert.equal(reportingOf(undefined, false), 'unknown');
  assert.equal(reportingOf(undefined, true), 'alarms');
});
