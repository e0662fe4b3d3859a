import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silenceOf } from '../../../hub/clinical/due/state.ts';
import { qualityOf } from '../../../hub/clinical/group-latest.ts';
import { GATEWAY_AWAY_MS, openClinical } from '../../../hub/clinical/open-clinical.ts';
import { countsOf, devicesOnce } from '../../../hub/clinical/sources/fleet.ts';
import { deviceSource, gatewayState, type LineRules, silentFrom } from '../../../hub/clinical/sources/source.ts';
import { SourceWatch } from '../../../hub/clinical/sources/source-watch.ts';
import { AGE_UNKNOWN } from '../../../hub/clinical/staleness.ts';
import { type Change, Feed } from '../../../hub/feed.ts';
import { compactAlerts } from '../../../hub/mcp/surface/alerts/view.ts';
import { sourceText } from '../../../hub/mcp/wording.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import type { GatewayEntry } from '../../../hub/registry/registry.ts';
import type { Currency } from '../../../hub/store/store.ts';
import { silentLogger } from '../../../shared/log.ts';
import { verifies } from '../../requirements.ts';
import { boundSinceEver, TEST_NOW } from '../../support/hub.ts';
import { ALERTS } from '../access/masking/samples.ts';
import { view, vital } from '../mcp/support.ts';
import { TestTimer, WallClock } from './wall-clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

test('a device is silent by the shortest limit of what it gave with its newest row', () => {
  verifies('SOURCES-TOLD');
  const hr = (agoMs: number) => ({ freshAt: TEST_NOW - agoMs, limitMs: MINUTE_MS });
  const cuff = (agoMs: number) => ({ freshAt: TEST_NOW - agoMs, limitMs: 2 * HOUR_MS });
  assert.equal(silentFrom([]), undefined);
  assert.deepEqual(silentFrom([hr(10_000), cuff(HOUR_MS)]), { heardAt: TEST_NOW - 10_000, dueAt: TEST_NOW + 50_000 });
  // Leads off half an hour ago, and the cuff goes on.
  assert.deepEqual(silentFrom([hr(30 * MINUTE_MS), cuff(MINUTE_MS)]), { heardAt: TEST_NOW - MINUTE_MS, dueAt: TEST_NOW + 119 * MINUTE_MS });
  // Switched off just after the cuff had measured.
  assert.deepEqual(silentFrom([hr(61_000), cuff(60_000)]), { heardAt: TEST_NOW - 60_000, dueAt: TEST_NOW });
  assert.deepEqual(deviceSource('m', [hr(59_999)], TEST_NOW), { kind: 'device', id: 'm', state: 'live', since: null });
  assert.deepEqual(deviceSource('m', [hr(60_000)], TEST_NOW), { kind: 'device', id: 'm', state: 'silent', since: TEST_NOW - 60_000 });
  for (const freshAt of [AGE_UNKNOWN, TEST_NOW + 121_000])
    assert.equal(deviceSource('m', [{ freshAt, limitMs: MINUTE_MS }], TEST_NOW).state, 'unknown');
});

test('of a device that several patients have, it lives where it does with any, and was heard when it was last', () => {
  verifies('MCP-FLEET');
  const of = (patient: string, state: 'live' | 'silent' | 'unknown', since: number | null) =>
    ({ kind: 'device', id: 'm', patient, state, since }) as const;
  const once = (...devices: ReturnType<typeof of>[]) => devicesOnce(devices).map(({ state, since }) => [state, since]);
  assert.deepEqual(once(of('a', 'silent', 5), of('b', 'live', null)), [['live', null]]);
  assert.deepEqual(once(of('b', 'live', null), of('a', 'silent', 5)), [['live', null]]);
  assert.deepEqual(once(of('a', 'silent', 5), of('b', 'silent', 9), of('c', 'unknown', null)), [['silent', 9]]);
  assert.deepEqual(countsOf(devicesOnce([of('a', 'silent', 5), of('b', 'silent', 9)])), { live: 0, silent: 1, lost: 0, unknown: 0 });
});

test('how a gateway stands, line by line', () => {
  verifies('SOURCES-SHOWN');
  const rules: LineRules = { limitMs: MINUTE_MS, hubGoneAt: null, isAlone: true };
  const line = { connected: false, since: TEST_NOW, seen: true };
  const at = (ms: number) => TEST_NOW + ms;
  const table: [string, ReturnType<typeof gatewayState>, ReturnType<typeof gatewayState>][] = [
    ['connected', gatewayState({ ...line, connected: true }, rules, at(HOUR_MS)), { state: 'live', since: TEST_NOW }],
    ['gone for less than the limit', gatewayState(line, rules, at(59_999)), { state: 'live', since: null }],
    ['gone for the limit', gatewayState(line, rules, at(60_000)), { state: 'lost', since: TEST_NOW }],
    ['never seen, the hub has just begun', gatewayState({ ...line, seen: false }, rules, at(59_999)), { state: 'unknown', since: null }],
    ['never seen since the hub began', gatewayState({ ...line, seen: false }, rules, at(60_000)), { state: 'lost', since: TEST_NOW }],
    [
      'the hub itself cannot be reached',
      gatewayState(line, { ...rules, hubGoneAt: at(-500) }, at(60_000)),
      { state: 'unknown', since: at(-500) },
    ],
    ['another hub may have it', gatewayState(line, { ...rules, isAlone: false }, at(60_000)), { state: 'unknown', since: TEST_NOW }],
  ];
  for (const [name, got, wanted] of table) assert.deepEqual(got, wanted, name);
});

const FOLLOWED = `
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01, ICU-02: pat-icu-02 }, movements: true }
  - { identity: gw-home, tenant: clinic, patient: pat-home-01, devices: { scale-2: pat-home-02 } }
  - { identity: fhir-client, tenant: clinic, patient: pat-home-09, subjects: { Patient/1: pat-home-09 } }
`;

async function site({ registry = FOLLOWED, followed = false, currencies = [] as Currency[] } = {}) {
  const clock = new WallClock();
  const timer = new TestTimer(clock);
  const feed = new Feed();
  const told: Change[] = [];
  feed.subscribe((change) => change.kind === 'sources' && told.push(change));
  const state = { isBound: true, overdue: undefined as number | undefined };
  const live = boundSinceEver(parseRegistry(registry, 'registry.yaml'));
  const withBeds = followed ? following(live) : live;
  const clinical = openClinical(
    {},
    {
      ...{ store: { currencies: () => currencies, distrust: async () => undefined } as never, registry: withBeds, feed, clock, timer },
      ...{ zone: 'Europe/Berlin', log: silentLogger, record: async () => undefined, isAlone: true, isBound: () => state.isBound },
      overdueSince: () => state.overdue,
    },
  );
  await clinical.staleness.start(new AbortController().signal);
  const arrive = (change: Partial<Currency> = {}): void =>
    clinical.staleness.changed([
      {
        ...{ tenant: 'clinic', patient: 'pat-icu-01', vital: 'hr', device: 'monitor', place: 'bed' },
        ...{ freshAt: clock.now(), storedAt: clock.now(), ...change },
      },
    ]);
  const takeDevices = (): [string, readonly string[] | undefined][] => told.splice(0).map(({ patient, devices }) => [patient, devices]);
  const take = (): [string, number][] => told.splice(0).map(({ patient, at }) => [patient, at - TEST_NOW]);
  const beside = (patient: string, bed: string | null = null) =>
    clinical.surroundings
      .beside('clinic', { patient, bed }, [], clock.now())
      .sources.map(({ kind, id, state: stands, since }) => [kind, id, stands, since === null ? null : since - TEST_NOW]);
  const losses = (patient: string, gateway: string, device = '') => {
    const known = clinical.surroundings.losses('clinic', patient, { device, gateway });
    const of = (wanted: string) =>
      known.find(({ kind }) => kind === wanted)?.losses.map(({ from, backAt }) => [from - TEST_NOW, backAt - TEST_NOW]) ?? [];
    return { device: of('device'), gateway: of('gateway') };
  };
  return {
    clock,
    timer,
    clinical,
    arrive,
    take,
    takeDevices,
    beside,
    losses,
    state,
    [Symbol.asyncDispose]: () => clinical.staleness[Symbol.asyncDispose](),
  };
}

/** A registry of which the beds of gw-icu are followed. */
function following(registry: ReturnType<typeof boundSinceEver>): ReturnType<typeof boundSinceEver> {
  const entryOf = (entry: GatewayEntry): GatewayEntry =>
    entry.identity === 'gw-icu' ? { ...entry, followed: new Set(['ICU-01']) } : entry;
  return new Proxy(registry, {
    get: (target, name) => {
      if (name === 'gateways') return () => target.gateways().map(entryOf);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

test('a monitor that sends of somebody else, or of nobody, is not silent: it is no longer at its patient', async () => {
  verifies('SOURCES-ELSEWHERE');
  await using site_ = await site();
  const { clock, clinical, arrive } = site_;
  const patient = 'pat-icu-01';
  const seen = () => {
    const row = { gateway: 'gw-icu', device: 'monitor', receivedAt: TEST_NOW };
    const { elsewhere } = clinical.surroundings.beside('clinic', { patient, bed: 'ICU-01' }, [row], clock.now());
    const source = deviceSource('monitor', [{ freshAt: TEST_NOW, limitMs: MINUTE_MS }], clock.now(), elsewhere?.includes('monitor'));
    return [source.state, countsOf(devicesOnce(clinical.sources.fleet('clinic', clock.now()).devices))] as const;
  };
  const counts = { live: 0, silent: 0, lost: 0, unknown: 0 };
  arrive();
  assert.deepEqual(seen(), ['live', { ...counts, live: 1 }]);
  clock.advance(2 * MINUTE_MS);
  assert.deepEqual(seen(), ['silent', { ...counts, silent: 1 }]);
  // Of another device, and of a patient of another tenant, this says nothing.
  clinical.staleness.ofNobody('clinic', 'monitor-2', clock.now());
  clinical.staleness.ofNobody('other', 'monitor', clock.now());
  arrive({ tenant: 'other', patient: 'pat-9' });
  assert.deepEqual(seen(), ['silent', { ...counts, silent: 1 }]);
  // What is heard late, of before.
  clinical.staleness.ofNobody('clinic', 'monitor', TEST_NOW - 1);
  assert.deepEqual(seen(), ['silent', { ...counts, silent: 1 }]);
  clinical.staleness.ofNobody('clinic', 'monitor', clock.now());
  assert.deepEqual(seen(), ['elsewhere', { ...counts, live: 1 }]);
  clock.advance(2 * MINUTE_MS);
  assert.deepEqual(seen(), ['elsewhere', { ...counts, silent: 1 }]);
  arrive({ patient: 'pat-icu-02' });
  assert.deepEqual(seen(), ['elsewhere', { ...counts, live: 1 }]);
  // Of this patient again.
  clock.advance(1000);
  arrive();
  assert.equal(clinical.surroundings.beside('clinic', { patient, bed: 'ICU-01' }, [], clock.now()).elsewhere, undefined);
  assert.equal(clinical.sources.devices.isElsewhere('clinic', patient, 'monitor'), false);
  assert.equal(clinical.sources.devices.isElsewhere('clinic', 'pat-icu-02', 'monitor'), true);
});

test('of a device elsewhere nothing is said but that: not in the words, the quality of the data, the coverage of alarms or what is due', () => {
  verifies('SOURCES-ELSEWHERE');
  const elsewhere = { kind: 'device', id: 'monitor-2', state: 'elsewhere', since: '2026-11-21T10:00:00.000+00:00' } as const;
  assert.deepEqual(sourceText(elsewhere), ['Device monitor-2 is no longer at this patient: what it sent last was not theirs.']);
  assert.deepEqual(sourceText({ ...elsewhere, id: null }), ['A device is no longer at this patient: what it sent last was not theirs.']);
  const row = { ...view('pat-icu-01', { vitals: [vital({ vital: 'hr', value: 70 })] }), sources: [elsewhere] };
  assert.equal(qualityOf(row), 'current');
  assert.equal(qualityOf({ ...row, sources: [{ ...elsewhere, state: 'silent' }] }), 'silent');
  const { coverage } = compactAlerts({ ...ALERTS, sources: [{ ...elsewhere, reports: 'alarms' }] }, 5, false);
  assert.deepEqual([coverage.complete, coverage.canTell, coverage.cannotTell], [false, 0, 0]);
  assert.deepEqual(coverage.why[0], 'no device of this patient is known');
  const asked = { devices: new Set(['monitor-2']), gateways: new Set<string>() };
  assert.equal(silenceOf([elsewhere], asked, TEST_NOW + HOUR_MS), null);
  assert.notEqual(silenceOf([{ ...elsewhere, state: 'silent' }], asked, TEST_NOW + HOUR_MS), null);
});

test('a device is told silent once, at its limit, and once when it speaks again; late data do not make it speak', async () => {
  verifies('SOURCES-TOLD');
  await using s = await site();
  for (const gateway of ['gw-icu', 'gw-home']) s.clinical.sources.presence(gateway, true, s.clock.now());
  s.timer.pass(1);
  s.take();
  s.arrive();
  assert.deepEqual(s.take(), [['pat-icu-01', 1]], 'heard for the first time');
  s.arrive({ vital: 'spo2' });
  s.timer.pass(59_999);
  assert.deepEqual(s.take(), []);
  s.timer.pass(1);
  assert.deepEqual(s.take(), [['pat-icu-01', 60_001]]);
  s.timer.pass(HOUR_MS);
  s.arrive({ freshAt: TEST_NOW, vital: 'rr' });
  assert.deepEqual(s.take(), []);
  s.arrive();
  assert.equal(s.take().length, 1);
});

test('what is told names the devices that it is of: the one that fell silent, and of a gateway all that it speaks for', async () => {
  verifies('SOURCES-TOLD', 'FOLLOW-DEVICES');
  await using s = await site();
  for (const gateway of ['gw-icu', 'gw-home']) s.clinical.sources.presence(gateway, true, s.clock.now());
  s.timer.pass(1);
  s.take();
  s.arrive();
  assert.deepEqual(s.takeDevices(), [['pat-icu-01', ['monitor']]]);
  s.timer.pass(30_000);
  s.arrive({ device: 'pump' });
  assert.deepEqual(s.takeDevices(), [['pat-icu-01', ['pump']]]);
  s.timer.pass(31_000);
  assert.deepEqual(s.takeDevices(), [['pat-icu-01', ['monitor']]]);
  s.clinical.sources.presence('gw-icu', false, s.clock.now());
  s.timer.pass(GATEWAY_AWAY_MS + 1000);
  const lost = s.takeDevices();
  assert.deepEqual(
    lost.filter(([, devices]) => devices?.length === 2),
    [['pat-icu-01', ['monitor', 'pump']]],
  );
  s.clinical.staleness.changed([{ tenant: 'clinic', patient: 'pat-icu-01', vital: 'hr', device: 'monitor', gone: true }]);
  s.clinical.sources.presence('gw-icu', true, s.clock.now());
  assert.deepEqual(Object.fromEntries(s.takeDevices()), { 'pat-icu-01': ['pump'], 'pat-icu-02': [] });
});

test('a gateway is told lost for everybody it speaks for, within a second of the limit, and back at once', async () => {
  verifies('SOURCES-TOLD', 'SOURCES-SHOWN');
  await using s = await site();
  s.clinical.sources.presence('gw-home', true, s.clock.now());
  s.clinical.sources.presence('gw-icu', true, s.clock.now());
  s.take();
  s.timer.pass(HOUR_MS);
  assert.deepEqual(s.take(), []);
  assert.deepEqual(s.beside('pat-home-01'), [['gateway', 'gw-home', 'live', 0]]);
  s.clinical.sources.presence('gw-home', false, s.clock.now());
  s.timer.pass(GATEWAY_AWAY_MS - 1);
  assert.deepEqual(s.take(), []);
  s.timer.pass(1000);
  const lost = s.take();
  assert.deepEqual(
    lost.map(([patient]) => patient),
    ['pat-home-01', 'pat-home-02'],
  );
  for (const [, at] of lost) assert.ok(at - HOUR_MS - GATEWAY_AWAY_MS <= 1000, `${at}`);
  assert.deepEqual(s.beside('pat-home-02'), [['gateway', 'gw-home', 'lost', HOUR_MS]]);
  s.clinical.sources.presence('gw-home', true, s.clock.now());
  assert.equal(s.take().length, 2);
  s.clinical.sources.presence('gw-home', false, s.clock.now());
  s.timer.pass(30_000);
  s.clinical.sources.presence('gw-home', true, s.clock.now());
  s.timer.pass(HOUR_MS);
  assert.deepEqual(s.take(), [], 'a short absence is none');
});

test('a gateway that does not come after the start is lost, one of which the hub cannot tell is unknown, and so is a client without a line', async () => {
  verifies('SOURCES-TOLD', 'SOURCES-SHOWN');
  await using s = await site();
  assert.deepEqual(s.beside('pat-home-01'), [['gateway', 'gw-home', 'unknown', null]]);
  s.timer.pass(GATEWAY_AWAY_MS + 1000);
  assert.deepEqual(
    s.take().map(([patient]) => patient),
    ['pat-icu-01', 'pat-icu-02', 'pat-home-01', 'pat-home-02'],
  );
  assert.deepEqual(s.beside('pat-icu-02', 'ICU-02'), [['gateway', 'gw-icu', 'lost', 0]]);
  assert.deepEqual(s.beside('pat-home-09'), [['gateway', 'fhir-client', 'unknown', null]]);
});

test('a hub that loses its own line knows nothing of its gateways, and gives them their time when it is back', async () => {
  verifies('SOURCES-TOLD', 'SOURCES-SHOWN');
  await using s = await site();
  s.clinical.sources.presence('gw-home', true, s.clock.now());
  s.timer.pass(5000);
  s.take();
  s.state.isBound = false;
  s.clinical.sources.presence('gw-home', false, s.clock.now());
  s.timer.pass(GATEWAY_AWAY_MS + 1000);
  assert.deepEqual(s.beside('pat-home-01'), [['gateway', 'gw-home', 'unknown', 5000]]);
  assert.ok(s.take().some(([patient]) => patient === 'pat-home-01'));
  s.state.isBound = true;
  s.timer.pass(2000);
  assert.deepEqual(s.beside('pat-home-01'), [['gateway', 'gw-home', 'unknown', null]]);
  s.timer.pass(GATEWAY_AWAY_MS);
  assert.equal(s.beside('pat-home-01')[0]?.[2], 'lost');
});

test('a gateway that was lost is remembered to have been when it is back, a short absence is not, and none was here before the hub began', async () => {
  verifies('ALERTS-UNKNOWN');
  await using s = await site();
  const lost = () => s.losses('pat-home-01', 'gw-home').gateway;
  assert.deepEqual(lost(), []);
  s.timer.pass(5000);
  s.clinical.sources.presence('gw-home', true, s.clock.now());
  const atStart = [Number.NEGATIVE_INFINITY, 5000];
  assert.deepEqual(lost(), [atStart]);
  s.clinical.sources.presence('gw-home', false, s.clock.now());
  s.timer.pass(GATEWAY_AWAY_MS - 1);
  s.clinical.sources.presence('gw-home', true, s.clock.now());
  assert.deepEqual(lost(), [atStart], 'a short absence is none');
  s.clinical.sources.presence('gw-home', false, s.clock.now());
  s.timer.pass(GATEWAY_AWAY_MS);
  assert.deepEqual(lost(), [atStart], 'it is not over');
  s.clinical.sources.presence('gw-home', true, s.clock.now());
  assert.deepEqual(lost(), [atStart, [64_999, 124_999]]);
});

test('a gateway that went with the hub’s own line was lost from then on, however long the hub is back', async () => {
  verifies('ALERTS-UNKNOWN');
  await using s = await site();
  s.clinical.sources.presence('gw-home', true, s.clock.now());
  s.timer.pass(5000);
  s.state.isBound = false;
  s.clinical.sources.presence('gw-home', false, s.clock.now());
  s.timer.pass(GATEWAY_AWAY_MS + 1000);
  s.state.isBound = true;
  s.timer.pass(2000);
  s.clinical.sources.presence('gw-home', true, s.clock.now());
  assert.deepEqual(s.losses('pat-home-01', 'gw-home').gateway.at(-1), [5000, 68_000]);
  s.state.isBound = false;
  s.clinical.sources.presence('gw-home', false, s.clock.now());
  s.timer.pass(2000);
  s.state.isBound = true;
  s.timer.pass(2000);
  s.clinical.sources.presence('gw-home', true, s.clock.now());
  assert.equal(s.losses('pat-home-01', 'gw-home').gateway.length, 2, 'a short absence of the hub is none of its gateways');
});

test('a device that fell silent is remembered to have been when it speaks again, each patient’s by itself', async () => {
  verifies('ALERTS-UNKNOWN');
  const old = { freshAt: TEST_NOW - HOUR_MS, storedAt: TEST_NOW - HOUR_MS, place: 'bed' } as const;
  const row = { tenant: 'clinic', patient: 'pat-icu-01', vital: 'hr', device: 'monitor' };
  await using s = await site({
    currencies: [
      { ...row, ...old },
      { ...row, ...old, freshAt: TEST_NOW, device: 'live' },
    ],
  });
  const lost = (device = 'monitor', patient = 'pat-icu-01') => s.losses(patient, 'gw-icu', device).device;
  assert.deepEqual([lost(), lost('live')], [[], []]);
  s.timer.pass(1000);
  s.arrive();
  assert.deepEqual(lost(), [[-HOUR_MS, 1000]], 'silent before the hub began');
  s.timer.pass(30_000);
  s.arrive();
  s.timer.pass(MINUTE_MS);
  assert.equal(lost().length, 1, 'it is not over');
  s.timer.pass(5000);
  s.arrive({ freshAt: TEST_NOW + 32_000, vital: 'spo2' });
  assert.equal(lost().length, 1, 'what arrives late does not make it speak');
  s.arrive();
  assert.deepEqual(lost().at(-1), [32_000, 96_000]);
  s.arrive({ patient: 'pat-icu-02' });
  assert.deepEqual(lost('monitor', 'pat-icu-02'), [[Number.NEGATIVE_INFINITY, 96_000]], 'nothing was known of it');
});

test('what a clock that is set, or another limit, brings back was lost all the same, and what it does not touch was not', async () => {
  verifies('ALERTS-UNKNOWN');
  await using s = await site();
  for (const gateway of ['gw-icu', 'gw-home']) s.clinical.sources.presence(gateway, true, s.clock.now());
  s.arrive();
  s.clinical.sources.presence('gw-home', false, s.clock.now());
  s.timer.pass(1000);
  const before = s.losses('pat-icu-01', 'gw-home', 'monitor');
  s.clock.setWall(7 * HOUR_MS);
  s.timer.pass(1000);
  s.clinical.sources.presence('gw-home', true, s.clock.now());
  s.clock.setWall(-7 * HOUR_MS);
  s.timer.pass(1000);
  const after = s.losses('pat-icu-01', 'gw-home', 'monitor');
  assert.deepEqual(after.gateway, before.gateway, 'it was away for a second');
  assert.equal(after.device.length, before.device.length + 1, 'it was told silent in between');

  const rules = { limitMs: MINUTE_MS };
  const registry = boundSinceEver(parseRegistry(FOLLOWED, 'registry.yaml'));
  const known = { isBound: () => true, isAlone: true, overdueSince: () => undefined };
  const watch = new SourceWatch({ feed: new Feed(), clock: new WallClock(), registry, limitMs: () => rules.limitMs, ...known });
  const lost = () => watch.lossesOf('clinic', 'pat-home-01', { device: '', gateway: 'gw-home' }).find(({ kind }) => kind === 'gateway');
  watch.presence('gw-home', true, TEST_NOW);
  watch.presence('gw-home', false, TEST_NOW);
  watch.look(TEST_NOW + MINUTE_MS);
  rules.limitMs = HOUR_MS;
  watch.presence('gw-home', true, TEST_NOW + 2 * MINUTE_MS);
  assert.deepEqual(lost()?.losses.at(-1), { from: TEST_NOW, backAt: TEST_NOW + 2 * MINUTE_MS }, 'it was told lost');
  const row = { freshAt: TEST_NOW, limitMs: MINUTE_MS };
  watch.devices.enlist({ tenant: 'clinic', patient: 'pat-home-01', device: 'scale' }, row);
  watch.devices.enlist({ tenant: 'other', patient: 'pat-x', device: 'scale' }, row);
  const { gateways, devices } = watch.fleet('clinic', TEST_NOW + 2 * MINUTE_MS);
  assert.equal(gateways.find(({ id }) => id === 'gw-home')?.state, 'live');
  assert.ok(gateways.every(({ id }) => registry.gateway(id ?? '')?.tenant === 'clinic'));
  assert.deepEqual(devices, [{ kind: 'device', id: 'scale', patient: 'pat-home-01', state: 'silent', since: TEST_NOW }]);
});

test('movements that are overdue are told of who lies in followed beds alone, and their coming back', async () => {
  verifies('SOURCES-TOLD', 'SOURCES-SHOWN');
  await using s = await site({ followed: true });
  s.clinical.sources.presence('gw-icu', true, s.clock.now());
  s.timer.pass(1000);
  s.take();
  assert.deepEqual(s.beside('pat-icu-01', 'ICU-01').at(-1), ['movements', null, 'live', null]);
  assert.deepEqual(
    s.beside('pat-icu-02', 'ICU-02').map(([kind]) => kind),
    ['gateway'],
  );
  s.state.overdue = TEST_NOW - 5000;
  s.timer.pass(1000);
  assert.deepEqual(s.take(), [['pat-icu-01', 2000]]);
  assert.deepEqual(s.beside('pat-icu-01', 'ICU-01').at(-1), ['movements', null, 'silent', -5000]);
  s.state.overdue = undefined;
  s.timer.pass(1000);
  assert.equal(s.take().length, 1);
});

test('a wall clock that is set neither loses a gateway nor hides that one is lost', async () => {
  verifies('SOURCES-TOLD');
  await using s = await site();
  s.clinical.sources.presence('gw-home', true, s.clock.now());
  s.timer.pass(1000);
  s.clinical.sources.presence('gw-home', false, s.clock.now());
  s.take();
  s.clock.setWall(7 * HOUR_MS);
  s.timer.pass(1000);
  assert.ok(!s.take().some(([patient]) => patient === 'pat-home-01'), 'seven hours did not pass');
  s.clock.setWall(-14 * HOUR_MS);
  s.timer.pass(GATEWAY_AWAY_MS);
  assert.ok(s.take().some(([patient]) => patient === 'pat-home-01'));
});

test('what was silent before the hub began is not told as a change', async () => {
  const old = { freshAt: TEST_NOW - HOUR_MS, storedAt: TEST_NOW - HOUR_MS, place: 'bed' } as const;
  const row = { tenant: 'clinic', patient: 'pat-icu-01', vital: 'hr', device: 'monitor' };
  await using s = await site({
    currencies: [
      { ...row, ...old },
      { ...row, ...old, device: 'other', freshAt: TEST_NOW - 1000 },
    ],
  });
  assert.deepEqual(s.take(), []);
  s.clinical.sources.presence('gw-icu', true, s.clock.now());
  s.take();
  s.timer.pass(MINUTE_MS);
  assert.deepEqual(
    s.take().filter(([patient]) => patient === 'pat-icu-01'),
    [['pat-icu-01', 59_000]],
  );
});
