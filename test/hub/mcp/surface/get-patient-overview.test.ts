import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlertView } from '../../../../hub/access/alert-views.ts';
import type { VitalView } from '../../../../hub/access/door.ts';
import type { DueRow } from '../../../../hub/clinical/due/due.ts';
import type { OverviewView } from '../../../../hub/clinical/overview/overview.ts';
import { fitted } from '../../../../hub/mcp/fitting.ts';
import { toolResult } from '../../../../hub/mcp/surface/answers.ts';
import { getPatientOverview, OVERVIEW_TOKENS } from '../../../../hub/mcp/surface/tools/get-patient-overview.ts';
import { overviewSchema } from '../../../../hub/mcp/surface/tools/get-patient-overview-view.ts';
import { overviewText } from '../../../../hub/mcp/surface/tools/get-patient-overview-wording.ts';
import { verifies } from '../../../requirements.ts';
import { TEST_NOW } from '../../../support/hub.ts';
import { CONNECTORS } from '../../../support/mcp-clients.ts';
import { overviewSite } from '../overview-site.ts';
import { SERVICE, view, vital, WAYS } from '../support.ts';

const HOUR_MS = 3_600_000;

for (const { revision, connect, service } of WAYS) {
  test(`${revision}: everything about one patient in one call`, async () => {
    verifies('MCP-OVERVIEW', 'MCP-OVERVIEW-ASSOCIATION', 'MCP-BOTH-ERAS');
    await using site = await overviewSite();
    for (let day = 6; day >= 1; day -= 1)
      await site.measured({ vital: 'hr', value: 70 + day, effective: TEST_NOW - day * 24 * HOUR_MS - HOUR_MS });
    await site.measured(
      { vital: 'hr', value: 80, effective: TEST_NOW - 20 * HOUR_MS },
      { vital: 'hr', value: 90, effective: TEST_NOW - 2 * HOUR_MS },
      { vital: 'hr', value: 100, effective: TEST_NOW - 4000, flags: ['motion'] },
      { vital: 'spo2', value: 91, device: 'oxi-1', effective: TEST_NOW - HOUR_MS },
    );
    site.stand([{ kind: 'gateway', id: 'gw-icu', state: 'lost', since: TEST_NOW - 60_000 }]);
    await using client = await connect(site.as('ai-monitor'), service);
    const { structuredContent, content, isError } = await client.call('get_patient_overview', { patient: 'pat-icu-01' });
    assert.notEqual(isError, true, JSON.stringify(content));
    const { patient, bed, ward, asOf, vitals, baseline, alerts, due, association, notLive, truncated } = overviewSchema
      .strict()
      .parse(structuredContent);
    assert.deepEqual([patient, bed, ward, asOf, truncated], ['pat-icu-01', 'ICU-01', 'icu', '2026-11-21T10:00:00.000+00:00', false]);
    const [spo2, hr] = vitals;
    assert.deepEqual(
      [spo2?.vital, spo2?.value, spo2?.stale, spo2?.lastKnown?.value, spo2?.ageSeconds, spo2?.device],
      ['spo2', null, true, 91, 3600, 'oxi-1'],
    );
    assert.deepEqual([hr?.vital, hr?.value, hr?.unit, hr?.ageSeconds, hr?.flags], ['hr', 100, '/min', 4, ['motion']]);
    const { quarters, coverage, ...day } = hr?.day?.[0] ?? assert.fail();
    // Of the three each is current for a minute; the last has been for 4 s.
    assert.deepEqual(day, { n: 3, min: 80, median: 90, medianOf: 'readings', max: 100, last: 100, flags: ['motion'] });
    assert.deepEqual(quarters, [80, null, null, 95]);
    assert.equal(coverage, 0.001, '124 s of 86,401');
    assert.deepEqual(
      baseline?.map(({ vital: key, median, min, max, n }) => [key, median, min, max, n]),
      [['hr', 74.5, 71, 90, 8]],
    );
    assert.deepEqual([alerts.active, alerts.unknown, alerts.ended, alerts.open], [0, 0, 0, []]);
    assert.equal(alerts.devices.tell + alerts.devices.cannot + alerts.devices.unknown, 2);
    assert.deepEqual([due.counts, due.open.map(({ vital: key, state }) => [key, state])], [{ missed: 1, done: 1 }, [['temp', 'missed']]]);
    assert.deepEqual(association, [{ by: 'bed', of: 'ICU-01', since: null }]);
    assert.deepEqual(
      notLive.map(({ kind, state }) => [kind, state]),
      [
        ['device', 'silent'],
        ['gateway', 'lost'],
      ],
    );
    const text = JSON.stringify(content);
    assert.match(text, /NO CURRENT VALUE, which is not normal: spo2\./);
    assert.match(text, /Oxygen saturation[^;]*: none current; last known 91 %, 60 min ago/);
    assert.match(text, /: 100 \/min, 4 s ago; \[motion\]; 24 h 80 to 100, median 90 \(of less than 3 min\); own usual 74\.5 \(71 to 90\)/);
    const parsed = overviewSchema.parse(structuredContent);
    const pressure = (share: number) => ({ ...day, quarters, coverage: share, min: 60, median: 70, max: 80 });
    const words = (shape: ReturnType<typeof pressure>, others: number) =>
      overviewText({ ...parsed, vitals: hr ? [{ ...hr, vital: 'nibp', others, day: [{ ...shape, vital: 'nibp_s' }] }] : [] });
    assert.match(words(pressure(0.8), 0), /; 24 h systolic 60 to 80, median 70\n/);
    assert.match(words(pressure(0.125), 1), /; 24 h systolic of monitor-1 60 to 80, median 70 \(of about 3 h 0 min\)\n/);
    assert.match(text, /Expected readings: 1 missed, 1 done; temp missed since 2026-11-21T07:00:00\.000\+00:00\./);
    assert.match(text, /that none is shown does not mean that none sounds/);
    assert.doesNotMatch(text, /NEWS|score/, 'nothing is concluded');
    assert.ok(Buffer.byteLength(JSON.stringify({ content, structuredContent })) <= OVERVIEW_TOKENS * 4);

    assert.equal((await client.call('get_patient_overview', { patient: 'pat-other-01' }))._meta?.['vitalmesh/code'], 'NOT-FOUND');
  });
}

test('whoever is masked is told no place, no device and no association', async () => {
  verifies('MCP-OVERVIEW-ASSOCIATION');
  await using site = await overviewSite();
  await site.measured({ vital: 'hr', value: 80 });
  await using client = await CONNECTORS['2026-07-28'](site.as('ai-study'), SERVICE);
  const { patients } = (await client.read('vitals://patients')) as { patients: { patient: string; vitals: string[] }[] };
  const patient = patients.find(({ vitals }) => vitals.length > 0)?.patient;
  const { structuredContent, content } = await client.call('get_patient_overview', { patient });
  const seen = overviewSchema.strict().parse(structuredContent);
  assert.deepEqual([seen.masked, seen.bed, seen.association, seen.vitals[0]?.day?.[0]?.n], ['deidentified', null, undefined, 1]);
  assert.doesNotMatch(JSON.stringify([structuredContent, content]), /ICU|monitor-1|gw-icu|2026-11/);
});

/** The longest of everything. */
const LONG = 'x'.repeat(64);
const BED = '🛏'.repeat(128);
const AT = '2026-11-21T10:59:56.000+01:00';

function worst(): OverviewView {
  const numbers = { value: null, components: ['nibp_s', 'nibp_d', 'nibp_m'].map((key) => ({ vital: key, value: 123.456 })), at: AT };
  const row = (): VitalView =>
    vital({
      ...{
        vital: 'nibp',
        unit: 'mm[Hg]',
        value: null,
        absent: 'not-performed',
        device: LONG,
        measurand: 'oxygen-saturation',
        ageSeconds: 9_999_999,
      },
      components: numbers.components.map((part) => ({ ...part, name: LONG, unit: 'mm[Hg]', absent: null })),
      flags: [
        'clock',
        'memory',
        'motion',
        'low-perfusion',
        'searching',
        'sensor-off',
        'out-of-range',
        'questionable',
        'unit-assumed',
        'identity-doubtful',
      ],
      ...{
        stale: true,
        lastKnown: numbers,
        doubtful: { ...numbers, device: LONG, observation: LONG },
        demo: true,
        test: true,
        formerStay: true,
        byHand: { kind: 'reassigned', since: AT },
      },
      disagreement: { with: { vital: LONG, device: LONG }, by: 123.456, limit: 1, unit: 'mm[Hg]' },
    });
  const day = ['nibp_s', 'nibp_d', 'nibp_m'].map((key) => ({
    ...{
      vital: key,
      unit: 'mm[Hg]',
      n: 86_400,
      excluded: 86_400,
      min: 123.456,
      median: 123.456,
      medianOf: 'means' as const,
      max: 123.456,
      last: 123.456,
    },
    ...{
      lastAt: AT,
      coverage: 0.123,
      quarters: [123.456, 123.456, 123.456, 123.456],
      flags: ['motion', 'low-perfusion', 'low-battery'] as const,
    },
  }));
  const alert: AlertView = {
    ...{
      state: 'active',
      stateSince: AT,
      since: AT,
      lastTold: AT,
      delayedSeconds: 999,
      priority: 'unknown',
      type: 'unknown',
      phase: 'unknown',
    },
    ...{
      deviceState: 'unknown',
      inactivation: null,
      code: null,
      about: { vital: 'nibp', mdc: 1 },
      device: LONG,
      gateway: LONG,
      event: LONG,
      test: true,
    },
    untrusted: { text: LONG, instance: LONG },
  };
  const expected: DueRow = {
    ...{
      vital: 'nibp',
      state: 'gateway-silent',
      byClock: 'missed',
      since: AT,
      from: AT,
      until: AT,
      toleranceMinutes: 999,
      window: LONG,
      zone: LONG,
    },
    ...{ by: 'panel', done: null, silent: null, late: null, next: AT },
  };
  const many = <T>(one: T): T[] => Array.from({ length: 300 }, () => one);
  const rows = Array.from({ length: 300 }, () => ({ row: row(), day, others: 99 }));
  const latest = view('p'.repeat(40), {
    ...{ bed: BED, ward: 'w'.repeat(40), mergedFrom: 'q'.repeat(40), admitted: AT, discharged: AT, unplaced: true },
    ...{ vitals: rows.map(({ row: one }) => one), masked: 'limited', notice: 'n'.repeat(220), limitsVersion: LONG },
    withheld: ['vital-signs', 'laboratory', 'activity', 'exam', 'procedure', 'other'],
    sources: many({ kind: 'device', id: LONG, state: 'silent', since: AT }),
  });
  return {
    ...{ latest, rows },
    baseline: {
      version: LONG,
      rows: many({
        ...{ device: LONG, vital: 'nibp_s', unit: 'mm[Hg]', median: 123.456, of: 'means', min: 123.456, max: 123.456 },
        n: 86_400,
        leftOut: 9,
        coverage: 0.123,
      }),
    },
    alerts: {
      ...{ patient: latest.patient, bed: BED, asOf: AT, alerts: many(alert), truncated: true, lookedBackTo: AT, notice: LONG },
      ...{
        sources: many({ kind: 'device', id: LONG, state: 'silent', since: AT, reports: 'alarms' }),
        limits: { device: [], site: [], siteVersion: LONG },
      },
    },
    due: { patient: latest.patient, bed: BED, asOf: AT, version: LONG, expected: many(expected), sources: [], notice: LONG },
    association: many({ by: 'device', of: LONG, since: AT }),
  };
}

test('of the worst patient there can be it says as much as fits, what does not, and no more than 1,500 tokens of 4 bytes', async () => {
  verifies('MCP-OVERVIEW');
  const most = { fit: <T>(rows: number, make: (rows: number) => T) => fitted(rows, Number.POSITIVE_INFINITY, make) };
  const answer = await getPatientOverview.call({ patient: 'p' }, {
    ...most,
    clinical: { overview: async () => worst() },
  } as unknown as Parameters<typeof getPatientOverview.call>[1]);
  const data = overviewSchema.strict().parse(answer.data);
  const bytes = Buffer.byteLength(JSON.stringify(toolResult(answer)));
  assert.ok(bytes <= OVERVIEW_TOKENS * 4, `${bytes}`);
  assert.ok(data.vitals.length >= 1);
  assert.equal(data.truncated, true);
  assert.equal((data.omitted?.vitals ?? 0) + data.vitals.length, 300);
  assert.equal((data.omitted?.alerts ?? 0) + data.alerts.open.length, 300);
  assert.deepEqual([data.alerts.active, data.due.counts['gateway-silent']], [300, 300]);
  assert.match(answer.text, /There is more than shown here/);
});

test('a full monitor’s patient fits whole: twelve measurands with their day', async () => {
  verifies('MCP-OVERVIEW');
  await using site = await overviewSite();
  const vitals = ['spo2', 'hr', 'rr', 'temp', 'glu', 'etco2', 'weight', 'cvp', 'icp', 'pi', 'co', 'fio2'];
  await site.measured(...vitals.map((key) => ({ vital: key, value: key === 'temp' ? 37 : 40, effective: TEST_NOW - 4000 })));
  const { fit } = { fit: <T>(rows: number, make: (rows: number) => T) => fitted(rows, Number.POSITIVE_INFINITY, make) };
  const course = { signal: new AbortController().signal, progress: async () => undefined };
  const call = { ...course, fit, clinical: site.reads, caller: site.named('ai-monitor'), context: { channel: 'mcp-2026' } };
  const { data } = await getPatientOverview.call(
    { patient: 'pat-icu-01' },
    call as unknown as Parameters<typeof getPatientOverview.call>[1],
  );
  const shown = overviewSchema.strict().parse(data);
  assert.deepEqual([shown.vitals.length, shown.truncated, shown.omitted], [12, false, undefined]);
  for (const { vital: key, day } of shown.vitals) assert.equal((day?.[0]?.n ?? 0) + (day?.[0]?.excluded ?? 0), 1, key);
});
