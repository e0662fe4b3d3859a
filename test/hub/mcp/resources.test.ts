import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourcesOf } from '../../../agent/resources.ts';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import type { Policy } from '../../../hub/access/policy.ts';
import { expectedSchema } from '../../../hub/clinical/due/schema.ts';
import { clinicalReads } from '../../../hub/clinical/reads.ts';
import type { FleetNow } from '../../../hub/clinical/sources/fleet.ts';
import { supportSchema } from '../../../hub/clinical/support/schema.ts';
import { alertsSchema } from '../../../hub/mcp/surface/alerts/view.ts';
import { trendSchema } from '../../../hub/mcp/surface/trend/view.ts';
import { latestSchema } from '../../../hub/mcp/views.ts';
import type { Gap } from '../../../shared/gap.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { sampleBundle, TEST_EPOCH, TEST_NOW, TEST_REGISTRY } from '../../support/hub.ts';
import type { TestClient } from '../../support/mcp-clients.ts';
import { MASKING_POLICY, MASKING_REGISTRY } from '../access/masking/site.ts';
import { WAYS } from './support.ts';
import { type Served, served } from './tools/served.ts';

const REGISTRY = `${TEST_REGISTRY}
  - { identity: ai-north, tenant: clinic, kind: person, role: clinician, patients: [], wards: [north] }
wards:
  north: { tenant: clinic, beds: [ICU-01, ICU-02] }
  south: { tenant: clinic, beds: [ICU-03] }
panels: { heart: { tenant: clinic, patients: [pat-home-01, pat-icu-01] } }
`;

const EXPECTED = expectedSchema.parse({ version: 'test', panels: { heart: { weight: [{ window: '07:00-08:00', tolerance: '30m' }] } } });

const reckoned =
  (expected: typeof EXPECTED): NonNullable<Parameters<typeof served>[0]>['clinical'] =>
  (hub, clock) =>
    clinicalReads({
      ...{ door: hub.door, registry: hub.registry, feed: hub.feed, policy: () => MASKING_POLICY, clock, zone: 'UTC' },
      clinical: {
        support: { current: { revision: 'test', rules: supportSchema.parse({ version: 'test' }) } },
        expected: { current: { revision: 'test', rules: expected } },
      },
    });
const site = (): Promise<Served> => served({ registry: REGISTRY, clinical: reckoned(EXPECTED) });

/** Two readings of each, so that not everybody fits into a page. */
const expecting = reckoned(
  expectedSchema.parse({ version: 'test', panels: { heart: { weight: [{ window: '07:00-08:00' }], nibp: [{ window: '06:00-07:00' }] } } }),
);

interface Page {
  patients: unknown;
  rows?: { patient: string }[];
  omitted?: number;
  truncated: boolean;
  nextCursor?: string;
  nextUri?: string;
}

async function gap(hub: Served['hub'], gap: Gap, seq = 500): Promise<void> {
  const record = {
    ...{ source: 'icu', profile: 'hl7-pcd01', device: { id: 'monitor-1', idType: 'serial' as const }, receivedAt: gap.to },
    ...{ subject: { bed: 'ICU-01' }, test: false, class: 'gap' as const, readings: [], gap },
  };
  const { outcomes } = await hub.ingest.batch('gw-icu', sampleBundle(resourcesOf(record, { agent: 'gw-icu', epoch: TEST_EPOCH, seq })));
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    [201],
  );
}

async function codeOf(asked: Promise<unknown>): Promise<string> {
  return await asked.then(
    () => 'answered',
    (thrown: { data: { code: string } }) => thrown.data.code,
  );
}

interface Ward {
  asOf: string;
  notice: string;
  patientsTotal: number;
  patients: { patient: string; bed: string; quality: string; vitals: { vital: string; value: number | null }[] }[];
}

interface WardPage extends Ward {
  zone: string;
  truncated: boolean;
  nextUri?: string;
}

async function ward(client: TestClient, name = 'north'): Promise<Ward> {
  return (await client.read(`vitals://ward/${name}/latest`)) as unknown as Ward;
}

const ENGINEERS: Policy = {
  ...DEFAULT_POLICY,
  version: 'engineers',
  roles: [...DEFAULT_POLICY.roles, 'engineer'],
  rules: [...DEFAULT_POLICY.rules, { id: 'engineers', effect: 'permit', roles: ['engineer'], actions: ['session.open', 'status.read'] }],
};

/** A monitor that goes from bed to bed, a probe that fell silent, and a gateway that is gone. */
const FLEET: FleetNow = (tenant) => {
  if (tenant !== 'clinic') return { gateways: [], devices: [] };
  const device = { kind: 'device', since: null } as const;
  return {
    gateways: [{ kind: 'gateway', id: 'gw-icu', state: 'lost', since: TEST_NOW }],
    devices: [
      { ...device, id: 'monitor-1', state: 'silent', patient: 'pat-icu-01' },
      { ...device, id: 'monitor-1', state: 'live', patient: 'pat-icu-02' },
      { ...device, id: 'probe-1', state: 'silent', patient: 'pat-icu-02' },
    ],
  };
};

const fleetSite = (): Promise<Served> =>
  served({
    registry: REGISTRY.replace(
      '\nwards:',
      '\n  - { identity: ai-engineer, tenant: clinic, kind: person, role: engineer, patients: [] }\nwards:',
    ),
    policy: () => ENGINEERS,
    fleet: FLEET,
  });

for (const way of WAYS) {
  const { revision } = way;

  test(`${revision}: one vital sign, also by a part of its panel; a key that is none is told from one that nobody measured`, async () => {
    verifies('MCP-RESOURCES');
    await using hub = await site();
    await hub.measure();
    await hub.measure({ vital: 'spo2', value: 97 });
    const client = await hub.client(way);
    const of = async (key: string) => latestSchema.parse(await client.read(`vitals://patient/pat-icu-01/latest/${key}`)).vitals;
    assert.deepEqual(
      (await of('spo2')).map(({ vital, value }) => [vital, value]),
      [['spo2', 97]],
    );
    assert.deepEqual(await of('rr'), []);
    assert.equal(await codeOf(of('no-such')), 'MCP-URI');
    assert.equal(await codeOf(client.read('vitals://patient/pat-none/latest/spo2')), 'NOT-FOUND');
  });

  test(`${revision}: a trend by window and points`, async () => {
    verifies('MCP-RESOURCES');
    await using hub = await site();
    for (const value of [70, 80]) {
      await hub.measure({ value });
      hub.clock.advance(60_000);
    }
    const client = await hub.client(way);
    const trend = trendSchema.parse(await client.read('vitals://patient/pat-icu-01/trend/hr?window=1h&points=6'));
    const [series] = trend.series;
    assert.deepEqual([series?.summary.n, series?.summary.min, series?.summary.max, series?.summary.mean], [2, 70, 80, 75]);
    assert.ok((Date.parse(trend.to) - Date.parse(trend.from)) / 3_600_000 < 2);
    const day = trendSchema.parse(await client.read('vitals://patient/pat-icu-01/trend/hr'));
    assert.ok((Date.parse(day.to) - Date.parse(day.from)) / 3_600_000 >= 24);
    assert.equal(await codeOf(client.read('vitals://patient/pat-icu-01/trend/hr?window=2h')), 'MCP-URI');
    assert.equal(await codeOf(client.read('vitals://patient/pat-icu-01/trend/hr?points=6&window=1h')), 'NOT-FOUND');
  });

  test(`${revision}: alerts and gaps are told when they come, and read without a word of a device`, async () => {
    verifies('MCP-RESOURCES', 'ALERTS-TOLD');
    await using hub = await site();
    const client = await hub.client(way);
    const [alerts, gaps] = ['vitals://patient/pat-icu-01/alerts', 'vitals://patient/pat-icu-01/gaps'];
    const updates = await client.subscribe([alerts, gaps]);
    await updates.count(gaps, 1);
    await hub.alert();
    await updates.until(({ uri, version }) => uri === alerts && version > 0);
    const now = hub.clock.now();
    await gap(hub.hub, { reason: 'space', lost: 'continuous', from: now - 9000, to: now - 8000, rows: 3, values: 9, vitals: ['hr'] });
    await updates.until(({ uri, version }) => uri === gaps && version > 0);
    const read = await client.read(alerts);
    assert.equal(alertsSchema.parse(read).open, 1);
    assert.doesNotMatch(JSON.stringify(read), /SpO2 LOW/);
    const { gaps: rows, notice } = (await client.read(gaps)) as { gaps: Record<string, unknown>[]; notice: string };
    assert.match(notice, /does not mean that nothing is missing/);
    const [{ from, to, values, vitals, device } = {}] = rows;
    assert.deepEqual(
      [Date.parse(String(from)), Date.parse(String(to)), values, vitals, device],
      [now - 9000, now - 8000, 9, ['hr'], 'monitor-1'],
    );
    assert.equal(await codeOf(client.read('vitals://patient/pat-none/gaps')), 'NOT-FOUND');
  });

  test(`${revision}: a ward shows everybody whom the caller may see, worst data first`, async () => {
    verifies('MCP-RESOURCES', 'FOLLOW-GROUPS');
    await using hub = await site();
    await hub.measure({ bed: 'ICU-02', value: 99 });
    const client = await hub.client(way);
    const first = await ward(client);
    assert.deepEqual(
      first.patients.map(({ patient, quality }) => [patient, quality]),
      [
        ['pat-icu-01', 'no-data'],
        ['pat-icu-02', 'current'],
      ],
    );
    assert.equal(first.patientsTotal, 2);
    assert.equal(first.patients[1]?.vitals[0]?.value, 99);
    hub.clock.advance(3_600_000);
    await hub.measure({ value: 71 });
    const later = await ward(client);
    assert.deepEqual(
      later.patients.map(({ patient, quality, vitals }) => [patient, quality, vitals[0]?.value]),
      [
        ['pat-icu-02', 'none-current', null],
        ['pat-icu-01', 'current', 71],
      ],
    );
    const nurse = await hub.client(way, 'ai-nurse');
    assert.deepEqual(
      (await ward(nurse)).patients.map(({ patient }) => patient),
      ['pat-icu-01'],
    );
    const [none, hidden] = [await codeOf(ward(client, 'south')), await codeOf(ward(client, 'no-such'))];
    assert.deepEqual([none, hidden], ['NOT-FOUND', 'NOT-FOUND']);
  });

  test(`${revision}: a ward that does not fit comes in pages: everybody once, worst data first, each page saying that there is more`, async () => {
    verifies('MCP-PAGES');
    const limits = { software: { resultBytes: 1_700 } };
    await using hub = await served({ registry: REGISTRY, policy: () => ({ ...DEFAULT_POLICY, limits }) });
    for (const [i, vital] of ['hr', 'spo2', 'rr', 'temp'].entries()) {
      await hub.measure({ vital, value: 40 + i });
      await hub.measure({ vital, value: 40 + i, bed: 'ICU-02' });
    }
    const client = await hub.client(way);
    const pages: WardPage[] = [];
    for (let uri: string | undefined = 'vitals://ward/north/latest'; uri !== undefined; uri = pages.at(-1)?.nextUri) {
      assert.ok(pages.length < 5);
      pages.push((await client.read(uri)) as unknown as WardPage);
    }
    assert.ok(pages.length > 1, 'all of it fits into one page, so nothing is tested');
    assert.deepEqual(
      pages.map(({ truncated }) => truncated),
      pages.map((_, i) => i < pages.length - 1),
    );
    assert.deepEqual(pages.flatMap(({ patients }) => patients.map(({ patient }) => patient)).sort(), ['pat-icu-01', 'pat-icu-02']);
    assert.ok(pages.every(({ patientsTotal, zone }) => patientsTotal === 2 && zone === 'UTC'));
    assert.equal(await codeOf(client.read('vitals://ward/north/latest?cursor=AAAA')), 'MCP-CURSOR');
    assert.equal(await codeOf(client.read(`vitals://ward/north/latest?cursor=${'A'.repeat(3000)}`)), 'NOT-FOUND');
  });

  test(`${revision}: a ward that is followed is recorded by its name, at its beginning and its end, with nobody in it`, async () => {
    verifies('FOLLOW-GROUPS');
    await using hub = await site();
    const uri = 'vitals://ward/north/latest';
    const client = await hub.client(way, 'ai-north');
    const updates = await client.subscribe([uri]);
    await updates.count(uri, 1);
    await hub.measure();
    await updates.until(({ version }) => version > 0);
    assert.equal(await codeOf(client.subscribe(['vitals://ward/south/latest'])), 'NOT-FOUND');
    await hub.service[Symbol.asyncDispose]();
    const told = (await evidenceOf(hub.hub.store)).filter(({ action, outcome }) => action === 'vitals.subscribe' && outcome === 'allowed');
    assert.deepEqual(
      told.map(({ reason, patient, patients, detail }) => [reason, patient, patients, detail?.args]),
      [
        ['granted', null, undefined, { ward: 'north' }],
        ['closed', null, undefined, { ward: 'north' }],
      ],
    );
    assert.ok((told[1]?.count ?? 0) >= 2);
  });

  test(`${revision}: the worklist of a panel, of those whom the caller may see`, async () => {
    verifies('MCP-RESOURCES', 'DUE-WORKLIST');
    await using hub = await site();
    const client = await hub.client(way);
    const list = (await client.read('vitals://panel/heart/worklist')) as unknown as {
      patients: number;
      rows: { patient: string; vital: string; state: string }[];
      truncated: boolean;
    };
    assert.deepEqual([list.patients, list.truncated], [2, false]);
    assert.deepEqual(
      list.rows.map(({ patient, vital }) => [patient, vital]),
      [
        ['pat-home-01', 'weight'],
        ['pat-icu-01', 'weight'],
      ],
    );
    const nurse = await hub.client(way, 'ai-north');
    assert.equal((await nurse.read('vitals://panel/heart/worklist')).patients, 1);
    assert.equal(await codeOf(client.read('vitals://panel/no-such/worklist')), 'NOT-FOUND');
  });

  test(`${revision}: the list of patients and a worklist come in pages by their URIs, in one order, and other cursors are refused`, async () => {
    verifies('MCP-PAGES', 'DUE-WORKLIST');
    let resultBytes = 800;
    const policy = () => ({ ...DEFAULT_POLICY, limits: { software: { resultBytes } } });
    await using hub = await served({ registry: REGISTRY, policy, clinical: expecting });
    const client = await hub.client(way);
    const pagesOf = async (base: string): Promise<Page[]> => {
      const pages: Page[] = [];
      for (let uri: string | undefined = base; uri !== undefined; uri = pages.at(-1)?.nextUri) {
        assert.ok(pages.length < 9);
        pages.push((await client.read(uri)) as unknown as Page);
      }
      assert.deepEqual(
        pages.map(({ truncated, nextCursor }) => [truncated, nextCursor !== undefined]),
        pages.map((_, i) => [i < pages.length - 1, i < pages.length - 1]),
      );
      assert.ok(pages.length > 1, `all of ${base} fits into one page, so nothing is tested`);
      return pages;
    };
    const [everybody, panel] = ['vitals://patients', 'vitals://panel/heart/worklist'];
    const listed = (await pagesOf(everybody)).flatMap(({ patients }) => (patients as { patient: string }[]).map(({ patient }) => patient));
    assert.deepEqual(listed, listed.toSorted());
    assert.equal(new Set(listed).size, ((await client.read(everybody)) as { total: number }).total);
    const ofList = (await pagesOf(everybody))[0]?.nextCursor;
    resultBytes = 1_700;
    const worklist = await pagesOf(panel);
    assert.deepEqual(
      worklist.flatMap(({ rows = [] }) => rows.map(({ patient }) => patient)),
      ['pat-home-01', 'pat-home-01', 'pat-icu-01', 'pat-icu-01'],
    );
    assert.deepEqual(
      worklist.map(({ patients, omitted }) => [patients, omitted]),
      [
        [2, 2],
        [2, 0],
      ],
    );
    const ofPanel = worklist[0]?.nextCursor;
    const foreign = [`${everybody}?cursor=${ofPanel}`, `${panel}?cursor=${ofList}`, `${everybody}?cursor=AAAA`, `${panel}?cursor=AAAA`];
    for (const uri of foreign) assert.equal(await codeOf(client.read(uri)), 'MCP-CURSOR', uri);
    const nurse = await hub.client(way, 'ai-north');
    assert.equal(await codeOf(nurse.read(`${panel}?cursor=${ofPanel}`)), 'MCP-CURSOR', 'of somebody who sees others');
    for (const uri of [`${everybody}?cursor=${ofList}`, `${panel}?cursor=${ofPanel}`])
      assert.equal(await codeOf(client.subscribe([uri])), 'MCP-NOT-FOLLOWED');
  });

  test(`${revision}: a FHIR Observation by the id that answers give; of whoever is out of reach it looks like none`, async () => {
    verifies('MCP-RESOURCES');
    await using hub = await site();
    await hub.measure();
    await hub.measure({ bed: 'ICU-02', value: 99 });
    const client = await hub.client(way);
    const idOf = async (patient: string) =>
      latestSchema.parse(await client.read(`vitals://patient/${patient}/latest`)).vitals[0]?.observation ?? '';
    const [own, other] = [await idOf('pat-icu-01'), await idOf('pat-icu-02')];
    const read = (await client.read(`fhir://Observation/${own}`)) as { resourceType: string; id: string; valueQuantity: { value: number } };
    assert.deepEqual([read.resourceType, read.id, read.valueQuantity.value], ['Observation', own, 72]);
    const nurse = await hub.client(way, 'ai-nurse');
    assert.equal((await nurse.read(`fhir://Observation/${own}`)).id, own);
    const [hidden, none] = [await codeOf(nurse.read(`fhir://Observation/${other}`)), await codeOf(nurse.read('fhir://Observation/none'))];
    assert.deepEqual([hidden, none], ['NOT-FOUND', 'NOT-FOUND']);
    const stranger = await hub.client(way, 'ai-other');
    assert.equal(await codeOf(stranger.read(`fhir://Observation/${own}`)), 'NOT-FOUND');
  });

  test(`${revision}: lists name the groups of whom the caller may see`, async () => {
    verifies('MCP-RESOURCES');
    await using hub = await site();
    const groups = async (identity: string) =>
      (await (await hub.client(way, identity)).resources()).filter((uri) => /\/\/(ward|panel)\//.test(uri));
    assert.deepEqual(await groups('ai-monitor'), ['vitals://ward/north/latest', 'vitals://panel/heart/worklist']);
    assert.deepEqual(await groups('ai-other'), []);
  });

  test(`${revision}: whoever is masked has no groups, and reads an Observation by its own name for it alone`, async () => {
    verifies('MCP-RESOURCES', 'MASK-PSEUDONYMS');
    await using hub = await served({ registry: MASKING_REGISTRY, policy: () => MASKING_POLICY });
    await hub.measure();
    const [quality, research, real] = [
      await hub.client(way, 'ai-ward'),
      await hub.client(way, 'ai-research'),
      await hub.client(way, 'ai-monitor'),
    ];
    const { patients } = (await research.read('vitals://patients')) as { patients: { uri: string; vitals: string[] }[] };
    const uri = patients.find(({ vitals }) => vitals.length > 0)?.uri ?? '';
    const own = latestSchema.parse(await research.read(uri)).vitals[0]?.observation ?? '';
    assert.match(own, /^masked-/);
    const shown = await research.read(`fhir://Observation/${own}`);
    assert.equal(shown.id, own);
    assert.doesNotMatch(JSON.stringify(shown), /gw-icu|pat-icu|monitor-1|2026/);
    const id = latestSchema.parse(await real.read('vitals://patient/pat-icu-01/latest')).vitals[0]?.observation ?? '';
    for (const [client, asked] of [
      [research, id],
      [quality, own],
      [quality, id],
      [real, own],
    ] as const)
      assert.equal(await codeOf(client.read(`fhir://Observation/${asked}`)), 'NOT-FOUND', asked);
    for (const masked of [quality, research]) {
      assert.equal(await codeOf(masked.read('vitals://ward/north/latest')), 'NOT-FOUND');
      assert.equal(await codeOf(masked.subscribe(['vitals://ward/north/latest'])), 'NOT-FOUND');
      assert.deepEqual(
        (await masked.resources()).filter((name) => name.includes('ward')),
        [],
      );
    }
    const gaps = (await research.read(uri.replace('/latest', '/gaps'))) as { masked: string };
    assert.equal(gaps.masked, 'deidentified');
  });

  test(`${revision}: how many live and do not is for everybody; which ones, for roles that may read the status, and nobody is named`, async () => {
    verifies('MCP-FLEET');
    await using hub = await fleetSite();
    await hub.measure();
    const [engineer, nurse, other] = [
      await hub.client(way, 'ai-engineer'),
      await hub.client(way, 'ai-nurse'),
      await hub.client(way, 'ai-other'),
    ];
    const { gateways, devices } = await nurse.read('hub://health');
    assert.deepEqual(
      [gateways, devices],
      [
        { live: 0, silent: 0, lost: 1, unknown: 0 },
        { live: 1, silent: 1, lost: 0, unknown: 0 },
      ],
    );
    assert.deepEqual((await other.read('hub://health')).devices, { live: 0, silent: 0, lost: 0, unknown: 0 });
    assert.equal(await codeOf(nurse.read('fleet://agents')), 'ACCESS-DENIED');
    assert.equal((await nurse.resources()).includes('fleet://agents'), false);
    const fleet = (await engineer.read('fleet://agents')) as { sources: { id: string; state: string }[] };
    assert.deepEqual(
      fleet.sources.map(({ id, state }) => [id, state]),
      [
        ['gw-icu', 'lost'],
        ['probe-1', 'silent'],
        ['monitor-1', 'live'],
      ],
    );
    assert.doesNotMatch(JSON.stringify(fleet), /pat-/);
    assert.equal(await codeOf(engineer.read('vitals://patient/pat-icu-01/latest')), 'ACCESS-DENIED');
    assert.equal(await codeOf(nurse.subscribe(['hub://health'])), 'MCP-NOT-FOLLOWED');
  });

  test(`${revision}: the status of a device is of the patients whom the caller may see, without values`, async () => {
    verifies('MCP-FLEET');
    await using hub = await fleetSite();
    await hub.measure({ value: 71 });
    await hub.measure({ bed: 'ICU-02', value: 99 });
    const read = async (identity: string, device: string) => {
      const client = await hub.client(way, identity);
      return (await client.read(`vitals://device/${device}/status`)) as { patients: { patient: string; devices: object[] }[] };
    };
    const names = ({ patients }: Awaited<ReturnType<typeof read>>) => patients.map(({ patient }) => patient);
    const all = await read('ai-monitor', 'monitor-1');
    assert.deepEqual(names(all), ['pat-icu-01', 'pat-icu-02']);
    assert.match(JSON.stringify(all), /"vital":"hr"/);
    assert.doesNotMatch(JSON.stringify(all), /"value"/);
    assert.deepEqual(names(await read('ai-nurse', 'monitor-1')), ['pat-icu-01']);
    assert.deepEqual(
      [await codeOf(read('ai-nurse', 'probe-1')), await codeOf(read('ai-nurse', 'no-such')), await codeOf(read('ai-other', 'monitor-1'))],
      ['NOT-FOUND', 'NOT-FOUND', 'NOT-FOUND'],
    );
  });
  test(`${revision}: a device is followed by its name: decided by whom it gave what is current, recorded at its beginning and its end`, async () => {
    verifies('FOLLOW-DEVICES');
    await using hub = await fleetSite();
    await hub.measure();
    const uri = 'vitals://device/monitor-1/status';
    const nurse = await hub.client(way, 'ai-nurse');
    const updates = await nurse.subscribe([uri]);
    await updates.count(uri, 1);
    const told = { tenant: 'clinic', kind: 'sources', vitals: [], at: TEST_NOW } as const;
    hub.hub.feed.publish({ ...told, patient: 'pat-icu-02', devices: ['monitor-1'] });
    hub.hub.feed.publish({ ...told, patient: 'pat-icu-01', devices: ['monitor-1'] });
    await updates.count(uri, 2);
    for (const [identity, device] of [
      ['ai-nurse', 'probe-1'],
      ['ai-nurse', 'no-such'],
      ['ai-other', 'monitor-1'],
    ] as const) {
      const client = await hub.client(way, identity);
      assert.equal(await codeOf(client.subscribe([`vitals://device/${device}/status`])), 'NOT-FOUND', `${identity} ${device}`);
    }
    await hub.service[Symbol.asyncDispose]();
    const entries = (await evidenceOf(hub.hub.store)).filter(({ action }) => action === 'vitals.subscribe');
    const [granted, denied] = [
      entries.filter(({ outcome }) => outcome === 'allowed'),
      entries.filter(({ outcome }) => outcome === 'denied'),
    ];
    assert.deepEqual(
      granted.map(({ reason, patient, detail }) => [reason, patient, detail?.args]),
      [
        ['granted', null, { device: 'monitor-1' }],
        ['closed', null, { device: 'monitor-1' }],
      ],
    );
    assert.equal(granted[1]?.count, 2);
    assert.deepEqual(
      denied.map(({ reason, detail }) => [reason, detail?.args]),
      Array.from({ length: 3 }, () => ['unknown', undefined]),
    );
  });

  test(`${revision}: whoever is masked follows a device by its own name for it, and by no other`, async () => {
    verifies('FOLLOW-DEVICES', 'MASK-PSEUDONYMS');
    const device = { kind: 'device', id: 'monitor-1', state: 'live', since: null, patient: 'pat-icu-01' } as const;
    await using hub = await served({
      ...{ registry: MASKING_REGISTRY, policy: () => MASKING_POLICY },
      fleet: () => ({ gateways: [], devices: [device] }),
    });
    await hub.measure();
    const research = await hub.client(way, 'ai-research');
    const { patients } = (await research.read('vitals://patients')) as { patients: { uri: string; vitals: string[] }[] };
    const latest = latestSchema.parse(await research.read(patients.find(({ vitals }) => vitals.length > 0)?.uri ?? ''));
    const uri = `vitals://device/${latest.vitals[0]?.device}/status`;
    const updates = await research.subscribe([uri]);
    await updates.count(uri, 1);
    hub.hub.feed.publish({ tenant: 'clinic', patient: 'pat-icu-01', kind: 'sources', vitals: [], devices: ['monitor-1'], at: TEST_NOW });
    await updates.count(uri, 2);
    assert.equal(await codeOf(research.subscribe(['vitals://device/monitor-1/status'])), 'NOT-FOUND');
  });
}
