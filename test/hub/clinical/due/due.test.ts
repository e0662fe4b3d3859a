import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Principal } from '../../../../hub/access/access.ts';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import { hubProgram } from '../../../../hub/cli.ts';
import { clinicalCliCommands } from '../../../../hub/clinical/cli.ts';
import { DueReadings, type DueRow, type DueView } from '../../../../hub/clinical/due/due.ts';
import { expectedSchema } from '../../../../hub/clinical/due/schema.ts';
import { type WorklistShown, worklist } from '../../../../hub/clinical/due/worklist.ts';
import { clinicalOperatorCommands } from '../../../../hub/clinical/operator.ts';
import { NO_CLINICAL_READS } from '../../../../hub/clinical/reads.ts';
import type { Source } from '../../../../hub/clinical/sources/source.ts';
import { NO_SURROUNDINGS } from '../../../../hub/clinical/surroundings.ts';
import { type Instant, parseInstant } from '../../../../shared/clock.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { createOperatorServer } from '../../../../shared/operator/server.ts';
import { verifies } from '../../../requirements.ts';
import { evidenceOf } from '../../../support/evidence.ts';
import { type SampleOptions, sampleBundle, sampleObservation, TEST_REGISTRY, TestClock, testHub } from '../../../support/hub.ts';
import { operatorConfig, ranOf } from '../../../support/operator-command.ts';

const context = { channel: 'operator' } as const;
const MINUTE_MS = 60_000;

const REGISTRY = `${TEST_REGISTRY}
  - { identity: ai-study, tenant: clinic, kind: software, role: researcher, patients: all, purpose: HRESCH }
wards: { icu: { tenant: clinic, beds: [ICU-01, ICU-02] } }
panels: { heart: { tenant: clinic, patients: [pat-home-01, pat-home-02, pat-icu-01] } }
`;

const RULES = expectedSchema.parse({
  version: '2026-11',
  panels: { heart: { weight: [{ window: '07:00-09:00', tolerance: '30m' }] } },
  wards: { icu: { hr: [{ window: '06:00-07:00' }] } },
  zones: { 'pat-home-02': 'America/New_York' },
});

/** A time of 21 November 2026 by the clock of Berlin, where the hub is. */
function berlin(time: string): Instant {
  return parseInstant(`2026-11-21T${time}:00+01:00`)?.at ?? assert.fail();
}

function site() {
  const clock = new TestClock(berlin('06:00'));
  let sources: readonly Source[] = [];
  const surroundings = { ...NO_SURROUNDINGS, beside: () => ({ sources, demo: [], sandbox: true }) };
  // A tenant in which tests would count is no place to see that they do not.
  const registry = REGISTRY.replace('tenants: { clinic: { kind: sandbox } }', '');
  let policy = DEFAULT_POLICY;
  const hub = testHub({ clock, policy: () => policy, registry, surroundings });
  let trends = 0;
  const door = {
    ...bound(hub.door),
    trend: (...asked: Parameters<typeof hub.door.trend>) => {
      trends += 1;
      return hub.door.trend(...asked);
    },
  };
  const due = new DueReadings({
    ...{ door, registry: hub.registry, feed: hub.feed, policy: () => policy, clock, zone: 'Europe/Berlin' },
    rules: { current: { revision: 'test', rules: RULES } },
  });
  const named = (identity: string): Principal => hub.registry.principal(identity) ?? assert.fail();
  const [monitor, nurse, study] = [named('ai-monitor'), named('ai-nurse'), named('ai-study')];
  let seq = 0;
  return {
    ...{ hub, clock, due, door, monitor, nurse, study },
    trends: () => trends,
    /** Puts another policy with the same rules in force. */
    repolicy: () => {
      policy = { ...DEFAULT_POLICY };
    },
    silence: (now: readonly Source[]) => {
      sources = now;
    },
    /** The scale at home measures, and it is sent at once unless told. */
    weigh: async (time: string, options: SampleOptions = {}) => {
      const at = berlin(time);
      seq += 1;
      const sample = { agent: 'gw-home', seq, vital: 'weight', value: 80, device: 'scale-1', effective: at, receivedAt: at };
      await hub.ingest.batch('gw-home', sampleBundle([sampleObservation({ ...sample, ...options })]));
    },
    list: (principal = monitor, group: { panel: string } | { ward: string } = { panel: 'heart' }) =>
      worklist(principal, group, context, { door: hub.door, registry: hub.registry, due, clock }),
    row: async (patient = 'pat-home-01', principal = monitor): Promise<DueRow> => {
      const { expected } = await due.of(principal, patient, context);
      return expected[0] ?? assert.fail('nothing is expected');
    },
    [Symbol.asyncDispose]: () => hub.close(),
  };
}

/** The calls of the door that are asked for, which it needs itself for. */
function bound(door: ReturnType<typeof testHub>['door']) {
  return {
    latest: door.latest.bind(door),
    patientBehind: door.patientBehind.bind(door),
  };
}

test('a morning: not yet due, due, overdue, missed, until the next day; what comes too late is told and makes nothing done', async () => {
  verifies('DUE-STATES', 'DUE-DONE-BY-SURE');
  await using s = site();
  const at = async (time: string) => {
    s.clock.set(berlin(time));
    return await s.row();
  };
  const first = await at('06:00');
  assert.deepEqual([first.state, first.from, first.until], ['missed', '2026-11-20T07:00:00.000+01:00', '2026-11-20T09:00:00.000+01:00']);
  assert.equal(first.next, '2026-11-21T07:00:00.000+01:00');
  assert.equal((await at('06:30')).state, 'not-yet-due');
  assert.equal((await at('07:00')).state, 'due');
  const overdue = await at('09:00');
  assert.deepEqual(
    [overdue.state, overdue.since, overdue.by, overdue.window],
    ['overdue', '2026-11-21T09:00:00.000+01:00', 'panel', '07:00-09:00'],
  );
  assert.deepEqual([overdue.zone, overdue.toleranceMinutes, overdue.done], ['Europe/Berlin', 30, null]);
  assert.equal((await at('09:30')).state, 'missed');
  await s.weigh('09:30');
  const late = await at('10:00');
  assert.deepEqual([late.state, late.late], ['missed', { at: '2026-11-21T09:30:00.000+01:00', device: 'scale-1' }]);
  s.clock.set(berlin('06:30') + 86_400_000);
  const next = await s.row();
  assert.deepEqual([next.state, next.late, next.from], ['not-yet-due', null, '2026-11-22T07:00:00.000+01:00']);
});

test('done by whatever was measured in time, with what is tolerated, however late it came and whatever came after it', async () => {
  verifies('DUE-DONE-BY-SURE');
  for (const [time, isDone] of [
    ['06:29', false],
    ['06:30', true],
    ['08:00', true],
    ['09:29', true],
    ['09:30', false],
  ] as const) {
    await using s = site();
    s.clock.set(berlin('12:00'));
    await s.weigh(time, { receivedAt: berlin('12:00') });
    const { state, done } = await s.row();
    assert.equal(state, isDone ? 'done' : 'missed', time);
    assert.deepEqual(done, isDone ? { at: `2026-11-21T${time}:00.000+01:00`, device: 'scale-1' } : null);
    assert.equal(s.trends(), time === '09:30' ? 1 : 0, 'the newest row is enough unless it is newer');
    await s.weigh('11:00', { device: 'scale-1' });
    assert.deepEqual([(await s.row()).state, (await s.row()).done], [state, done], 'what came after changes nothing');
  }
});

test('a test, a doubtful value, no value, and what was taken back make nothing done; something sure beside it does', async () => {
  verifies('DUE-DONE-BY-SURE');
  const bad: Record<string, SampleOptions> = {
    absent: { value: null },
    doubtful: { flags: ['questionable'] },
    moving: { flags: ['motion'] },
  };
  for (const [name, options] of Object.entries(bad)) {
    await using s = site();
    s.clock.set(berlin('12:00'));
    await s.weigh('08:00', options);
    assert.equal((await s.row()).state, 'missed', name);
    await s.weigh('11:00');
    assert.equal((await s.row()).state, 'missed', `${name}, behind a newer one`);
    await s.weigh('08:00', { effective: berlin('08:00') + 2000 });
    assert.equal((await s.row()).state, 'done', `${name}, and two seconds later a good one`);
  }
  await using s = site();
  s.clock.set(berlin('12:00'));
  await s.weigh('08:00', { seq: 90 });
  assert.equal((await s.row()).state, 'done');
  const withdrawn = {
    ...sampleObservation({ agent: 'gw-home', seq: 91, vital: 'weight', value: 80, device: 'scale-1', effective: berlin('08:00') }),
    status: 'entered-in-error',
  };
  await s.hub.ingest.batch('gw-home', sampleBundle([withdrawn]));
  assert.equal((await s.row()).state, 'missed', 'what was taken back');
});

test('in a sandbox tests count; elsewhere a test that is held makes nothing done', async () => {
  verifies('DUE-DONE-BY-SURE');
  const clock = new TestClock(berlin('12:00'));
  for (const isSandbox of [true, false]) {
    await using hub = testHub({ clock, registry: REGISTRY });
    const registry = { patient: hub.registry.patient.bind(hub.registry), isSandbox: () => isSandbox };
    const due = new DueReadings({
      ...{ door: hub.door, registry, feed: hub.feed, policy: () => DEFAULT_POLICY, clock, zone: 'Europe/Berlin' },
      rules: { current: { revision: 'test', rules: RULES } },
    });
    const at = { effective: berlin('08:00'), receivedAt: berlin('08:00') };
    const sample = sampleObservation({ agent: 'gw-home', vital: 'weight', value: 80, device: 'scale-1', test: true, ...at });
    await hub.ingest.batch('gw-home', sampleBundle([sample]));
    const { expected } = await due.of(hub.registry.principal('ai-monitor') ?? assert.fail(), 'pat-home-01', context);
    assert.equal(expected[0]?.state, isSandbox ? 'done' : 'missed');
  }
});

test('a gateway that is gone is said instead of a reading that is missed, with what the clock says', async () => {
  verifies('DUE-STATES');
  await using s = site();
  s.clock.set(berlin('09:15'));
  const lost = { kind: 'gateway', id: 'gw-home', state: 'lost', since: berlin('06:00') } as const;
  s.silence([lost]);
  const row = await s.row();
  assert.deepEqual([row.state, row.byClock], ['gateway-silent', 'overdue']);
  assert.deepEqual(row.silent, { kind: 'gateway', id: 'gw-home', since: '2026-11-21T06:00:00.000+01:00' });
  s.clock.set(berlin('12:00'));
  assert.equal((await s.row()).state, 'gateway-silent');
  s.silence([{ ...lost, since: berlin('11:00') }]);
  const missed = await s.row();
  assert.deepEqual([missed.state, missed.silent], ['missed', null], 'it was there to the end of the window');
  s.silence([{ ...lost, state: 'live' }]);
  await s.weigh('06:00', { effective: berlin('06:00') - 3 * 86_400_000 });
  const silent = await s.row();
  assert.deepEqual([silent.state, silent.byClock, silent.silent?.id], ['device-silent', 'missed', 'scale-1']);
});

test('a masked reader is told the same under its own names and times, and a token that is not for it nothing', async () => {
  verifies('DUE-OVER-THE-DOOR');
  await using s = site();
  s.clock.set(berlin('12:00'));
  await s.weigh('08:00');
  await s.weigh('11:00');
  const names = (await s.hub.door.listPatients(s.study, context)).map(({ patient }) => patient);
  const views = await Promise.all(names.map((name) => s.due.of(s.study, name, context)));
  const row = views.flatMap(({ expected }) => expected).find(({ state }) => state === 'done') ?? assert.fail();
  assert.deepEqual([row.vital, row.window, row.zone], ['weight', null, null]);
  assert.match(row.done?.at ?? '', /^2[1-9]\d\d-.*T07:00:00\.000\+00:00$/, 'by shifted days, at the same time of day in UTC');
  assert.equal((parseInstant(row.done?.at ?? '')?.at ?? 0) - (parseInstant(row.from)?.at ?? 0), 60 * MINUTE_MS);
  assert.doesNotMatch(JSON.stringify(views), /2026-11|pat-home|pat-icu|scale-1|gw-home|Berlin|New_York/);
  await assert.rejects(s.list(s.study), { code: 'NOT-FOUND' });
  await assert.rejects(s.due.of(s.nurse, 'pat-home-02', context), { code: 'NOT-FOUND' });

  const scopes = [{ context: 'user', resource: 'Observation', may: 'rs', category: 'laboratory' }] as const;
  const narrowed = await s.due.of({ ...s.monitor, scopes }, 'pat-home-01', context);
  assert.deepEqual(narrowed.expected, [], 'that it did not come is nothing that this reader could know');
  assert.ok((narrowed.withheld ?? []).length > 0);
});

test('the zone is that of the home: morning in New York is afternoon in Berlin', async () => {
  verifies('DUE-WINDOWS', 'DUE-FILE');
  await using s = site();
  s.clock.set(berlin('14:30'));
  assert.equal((await s.row('pat-home-01')).state, 'missed');
  const row = await s.row('pat-home-02');
  assert.deepEqual([row.state, row.from], ['due', '2026-11-21T07:00:00.000-05:00']);
});

test('a worklist is worst first, of those alone whom the reader may see; nobody is an error', async () => {
  verifies('DUE-WORKLIST');
  await using s = site();
  s.clock.set(berlin('14:30'));
  const all = await s.list();
  assert.deepEqual(
    all.rows.map(({ patient, state, vital }) => [patient, state, vital]),
    [
      ['pat-icu-01', 'missed', 'hr'],
      ['pat-home-01', 'missed', 'weight'],
      ['pat-icu-01', 'missed', 'weight'],
      ['pat-home-02', 'due', 'weight'],
    ],
  );
  assert.deepEqual([all.patients, all.counts.missed, all.counts.due, all.nothingExpected], [3, 3, 1, 0]);
  assert.deepEqual(all.members.toSorted(), ['pat-home-01', 'pat-home-02', 'pat-icu-01']);
  const mine = await s.list(s.nurse);
  assert.deepEqual([mine.patients, mine.rows.some(({ patient }) => patient === 'pat-home-02')], [2, false]);
  assert.equal((await s.list(s.monitor, { ward: 'icu' })).patients, 2);
  await assert.rejects(s.list(s.monitor, { panel: 'haert' }), { code: 'NOT-FOUND' });
  await assert.rejects(s.list({ ...s.nurse, patients: ['pat-icu-02'] }), { code: 'NOT-FOUND' });
  const entries = (await evidenceOf(s.hub.store)).filter(({ principal }) => principal === 'ai-nurse');
  const read = entries.filter(({ action, outcome }) => action === 'vitals.read' && outcome === 'allowed');
  assert.deepEqual(new Set(read.map(({ patient }) => patient)), new Set(['pat-home-01', 'pat-icu-01']), 'decided patient by patient');
  assert.ok(
    entries.every(({ outcome }) => outcome === 'allowed'),
    'whom it may not see is not even asked for',
  );
});

test('what a trend said is remembered until anything of the patient changes, for that reader and under that policy alone', async () => {
  verifies('DUE-WORKLIST');
  await using s = site();
  s.clock.set(berlin('12:00'));
  await s.weigh('11:00');
  assert.equal((await s.row()).state, 'missed');
  assert.equal((await s.row()).state, 'missed');
  assert.equal(s.trends(), 1);
  await s.row('pat-home-01', s.nurse);
  assert.equal(s.trends(), 2, 'another reader');
  s.repolicy();
  await s.row();
  assert.equal(s.trends(), 3, 'another policy');
  await s.weigh('08:00');
  const done = await s.row();
  assert.deepEqual([done.state, s.trends()], ['done', 4], 'a reading that came late');
});

test('an operator asks what is due of a patient, and for the worklist of a ward or panel, for people and for programs', async () => {
  verifies('DUE-WORKLIST', 'DUE-STATES');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-due-'));
  const { config, socketPath } = operatorConfig(folder);
  await using s = site();
  s.clock.set(berlin('09:15'));
  const { door, registry } = s.hub;
  const commands = clinicalOperatorCommands({
    door,
    reads: {
      ...NO_CLINICAL_READS,
      due: (...asked) => s.due.of(...asked),
      worklist: (principal, group, context) => worklist(principal, group, context, { door, registry, due: s.due, clock: s.clock }),
    },
    tenants: () => ['clinic'],
  });
  const server = createOperatorServer({ socketPath, commands, log: silentLogger });
  const ended = new AbortController();
  try {
    await server.start(ended.signal);
    const run = (...argv: string[]) => ranOf(hubProgram({} as never, clinicalCliCommands()), ['clinical', ...argv, '--config', config]);
    const due = await run('due', '--patient', 'pat-home-01');
    assert.equal(due.code, 0, due.stderr);
    assert.match(due.stdout, /^Patient pat-home-01, as of \S+, by version 2026-11 of the site's file\n/);
    assert.match(due.stdout, /\n {2}weight, 2026-11-21T07:00\S+ to 2026-11-21T09:00\S+ ± 30 min: OVERDUE since 2026-11-21T09:00/);
    assert.match((await run('due', '--patient', 'pat-icu-02')).stdout, /hr, .*MISSED since/);
    const list = await run('worklist', '--panel', 'heart');
    assert.equal(list.code, 0, list.stderr);
    assert.match(list.stdout, /^Panel heart, .*: 3 patients, nothing expected of 0\n2 missed, 2 overdue, /);
    assert.match(list.stdout, /\n {2}pat-icu-01 \(ICU-01\): hr, .*MISSED/);
    assert.equal((JSON.parse((await run('worklist', '--ward', 'icu', '--json')).stdout) as WorklistShown).patients, 2);
    assert.equal((JSON.parse((await run('due', '--patient', 'pat-home-01', '--json')).stdout) as DueView).expected[0]?.state, 'overdue');
    assert.match((await run('worklist', '--panel', 'haert')).stderr, /ACCESS-NOT-LISTED/);
    assert.match((await run('due', '--patient', 'pat-nobody-1')).stderr, /ACCESS-NOT-LISTED/);
    for (const wrong of [[], ['--panel', 'heart', '--ward', 'icu']])
      assert.match((await run('worklist', ...wrong)).stderr, /one of --panel and --ward/);
  } finally {
    ended.abort();
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
});
