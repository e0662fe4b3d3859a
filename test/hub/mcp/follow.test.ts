import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countedAs, type Follow, followable, followed, groupsTouched, hears, wantedOf } from '../../../hub/mcp/follow.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';
import type { TestClient } from '../../support/mcp-clients.ts';
import { eventually, principal, startEndpoint, view, vital, WAYS } from './support.ts';

const WARD = 'vitals://ward/north/latest';
const PANEL = 'vitals://panel/heart/worklist';
const HOUR_MS = 3_600_000;

function codeOf(call: () => unknown): string {
  try {
    call();
    return 'none';
  } catch (thrown) {
    return thrown instanceof VitalmeshError ? thrown.code : 'other';
  }
}

/** The code with which a subscription is refused. */
async function refusal(client: TestClient, uri: string): Promise<string> {
  return await client.subscribe([uri]).then(
    () => 'subscribed',
    (thrown: { data?: { code?: string } }) => thrown.data?.code ?? 'closed',
  );
}

test('what a URI tells of: its patient, of a vital sign, its group, or nothing', () => {
  verifies('FOLLOW-TOPICS');
  assert.deepEqual(followed('vitals://patients'), { of: 'list' });
  const spo2 = followed('vitals://patient/p/latest/spo2');
  assert.deepEqual([spo2.of, spo2.of === 'patient' && spo2.vital], ['patient', 'spo2']);
  assert.equal(
    codeOf(() => followed('vitals://patient/p/nothing')),
    'NOT-FOUND',
  );
  assert.equal(
    codeOf(() => followed('fhir://Observation/x')),
    'MCP-NOT-FOLLOWED',
  );
  assert.equal(
    codeOf(() => followed('vitals://patient/p/latest/no-such')),
    'MCP-URI',
  );
  for (const query of ['window=2h', 'points=0', 'points=201', 'points=1e2', 'window=toString'])
    assert.equal(
      codeOf(() => followed(`vitals://patient/p/trend/hr?${query}`)),
      'MCP-URI',
      query,
    );
  assert.equal(followable('fhir://Observation/x'), undefined);
  assert.deepEqual(wantedOf(['vitals://patient/p/latest', 'vitals://patient/p/gaps', WARD, PANEL, WARD, 'vitals://patients']), {
    patients: ['p'],
    groups: [{ ward: 'north' }, { panel: 'heart' }],
    devices: [],
    vitals: [],
  });
  assert.deepEqual(wantedOf(['vitals://device/m%201/status']).devices, ['m 1']);
  assert.deepEqual(wantedOf(['vitals://patient/p/latest/spo2', 'vitals://patient/p/trend/spo2']).vitals, ['spo2']);
});

test('a resource is counted as one, however it is spelled, and what is not there or not to be seen as none', () => {
  verifies('LIMITS-ONE-SPELLING');
  const door = {
    patientBehind: (_: unknown, name: string) => ({ p: 'own-1', 'other name': 'own-1', q: 'own-2' })[name],
    deviceBehind: (_: unknown, name: string) => (name === 'd' ? 'own-d' : undefined),
    maySeeAnyOf: (_: unknown, group: object) => 'ward' in group && group.ward === 'north',
  };
  const counted = (uri: string) => countedAs(uri, principal('ai-all'), door);
  const trends = [1, 2, 200].flatMap((points) => ['1h', '24h'].map((window) => `trend/spo2?window=${window}&points=${points}`));
  const ofOne = ['p', 'other%20name'].flatMap((name) => trends.map((trend) => `vitals://patient/${name}/${trend}`));
  assert.equal(new Set(ofOne.map(counted)).size, 1);
  const apart = ['p/latest', 'p/latest/hr', 'p/latest/spo2', 'p/trend/hr', 'p/trend/spo2', 'p/alerts', 'p/gaps', 'q/latest'];
  const known = [...apart.map((path) => `vitals://patient/${path}`), WARD, 'vitals://device/d/status', 'vitals://patients'];
  assert.equal(new Set(known.map(counted)).size, known.length);
  assert.equal(known.map(counted).includes(undefined), false);
  for (const uri of [
    `${WARD}?cursor=x`,
    `${PANEL}?cursor=x`,
    'vitals://patients?cursor=x',
    'vitals://ward/south/latest',
    PANEL,
    'vitals://device/x/status',
    'vitals://patient/x/latest',
    'x',
    '',
  ])
    assert.equal(counted(uri), undefined, uri);
  for (const base of [WARD, PANEL, 'vitals://patients'])
    assert.equal(
      codeOf(() => followed(`${base}?cursor=x`)),
      'MCP-NOT-FOLLOWED',
      base,
    );
});

test('a change of a vital sign is told of that, and of the panel that it is a part of; one without any is told of all', () => {
  verifies('FOLLOW-TOPICS');
  const of = (vital: string): Follow => ({ of: 'patient', patient: 'p', hears: ['stored', 'sources'], vital });
  assert.equal(hears(of('spo2'), { kind: 'stored', vitals: ['hr'] }), false);
  assert.equal(hears(of('spo2'), { kind: 'stored', vitals: ['hr', 'spo2'] }), true);
  assert.equal(hears(of('nibp_s'), { kind: 'stored', vitals: ['nibp'] }), true);
  assert.equal(hears(of('spo2'), { kind: 'sources', vitals: [] }), true);
  assert.equal(hears(of('spo2'), { kind: 'late', vitals: ['spo2'] }), false);
  assert.deepEqual(groupsTouched({ ward: 'a b', panels: ['x'] }, { ward: 'c', panels: ['x', 'y'] }), [
    'ward a b',
    'panel x',
    'ward c',
    'panel y',
  ]);
});

for (const { revision, connect, service } of WAYS) {
  test(`${revision}: one subscription tells of everybody in a ward, and of nobody whom the caller may not see`, async () => {
    verifies('FOLLOW-GROUPS');
    await using endpoint = await startEndpoint();
    for (const patient of ['pat-0001', 'pat-0002']) endpoint.door.patients.set(patient, view(patient, { ward: 'north' }));
    endpoint.door.patients.set('pat-0003', view('pat-0003', { ward: 'south' }));
    await using all = await connect(endpoint.as('ai-all'), service);
    await using one = await connect(endpoint.as('ai-one'), service);
    const [ofAll, ofOne] = [await all.subscribe([WARD]), await one.subscribe([WARD])];
    await ofAll.count(WARD, 1);
    await ofOne.count(WARD, 1);
    endpoint.change('pat-0003');
    endpoint.change('pat-0002');
    await ofAll.until(({ version }) => version === 2);
    endpoint.change('pat-0001', { kind: 'stale' });
    await ofAll.until(({ version }) => version === 3);
    await ofOne.until(({ version }) => version === 3);
    const versions = ({ seen }: typeof ofAll) => [...new Set(seen.map(({ version }) => version))];
    assert.deepEqual(
      [versions(ofAll), versions(ofOne)],
      [
        [0, 2, 3],
        [0, 3],
      ],
    );
    assert.deepEqual(
      endpoint.door.of('openSubscription').map(({ patients }) => patients),
      [['ward north'], ['ward north']],
    );
  });

  test(`${revision}: whoever leaves a group is told of where they were, and comes in where they are`, async () => {
    verifies('FOLLOW-GROUPS');
    await using endpoint = await startEndpoint();
    endpoint.door.patients.set('pat-0001', view('pat-0001', { ward: 'north' }));
    endpoint.door.patients.set('pat-0002', view('pat-0002', { ward: 'south' }));
    await using client = await connect(endpoint.as('ai-all'), service);
    const south = 'vitals://ward/south/latest';
    const updates = await client.subscribe([WARD, south]);
    await updates.count(south, 1);
    endpoint.door.patients.set('pat-0001', view('pat-0001', { ward: 'south' }));
    endpoint.change('pat-0001', { kind: 'patients', vitals: [], was: { ward: 'north' } });
    await updates.until(({ uri, version }) => uri === WARD && version === 1);
    await updates.until(({ uri, version }) => uri === south && version === 1);
  });

  test(`${revision}: a group in which the caller may see nobody, and one that there is not, look the same; what cannot be followed says so`, async () => {
    verifies('FOLLOW-GROUPS', 'FOLLOW-TOPICS');
    await using endpoint = await startEndpoint();
    endpoint.door.patients.set('pat-0002', view('pat-0002', { ward: 'north' }));
    await using client = await connect(endpoint.as('ai-one'), service);
    const refusal = async (uri: string) => {
      const thrown: unknown = await client.subscribe([uri]).then(
        () => 'subscribed',
        (error: unknown) => error,
      );
      const { code, data } = thrown as { code: number; data: { code: string; advice: string } };
      return { code, data };
    };
    const [hidden, none, never] = [
      await refusal(WARD),
      await refusal('vitals://ward/no-such/latest'),
      await refusal('fhir://Observation/a'),
    ];
    assert.deepEqual(hidden, none);
    assert.equal(hidden.data.code, 'NOT-FOUND');
    assert.deepEqual([never.code, never.data.code], [-32602, 'MCP-NOT-FOLLOWED']);
    assert.match(never.data.advice, /subscribe to/);
  });

  test(`${revision}: a device is followed wherever it goes: its silence and return, and no value; it ends where nobody is left whom its reader may see`, async () => {
    verifies('FOLLOW-DEVICES');
    await using endpoint = await startEndpoint();
    const uri = 'vitals://device/nonin-1/status';
    endpoint.door.patients.set('pat-0002', view('pat-0002', { vitals: [vital({ device: 'cuff-1' })] }));
    await using client = await connect(endpoint.as('ai-one'), service);
    const updates = await client.subscribe([uri]);
    await updates.count(uri, 1);
    endpoint.change('pat-0001', { kind: 'stored' });
    endpoint.change('pat-0001', { kind: 'sources', vitals: [], devices: ['other-1'] });
    endpoint.change('pat-0001', { kind: 'sources', vitals: [], devices: ['nonin-1'] });
    await updates.until(({ version }) => version === 3);
    endpoint.change('pat-0001', { kind: 'stale', devices: ['nonin-1'] });
    await updates.until(({ version }) => version === 4);
    endpoint.change('pat-0001', { kind: 'patients', vitals: [] });
    await updates.until(({ version }) => version === 5);
    assert.deepEqual([...new Set(updates.seen.map(({ version }) => version))], [0, 3, 4, 5]);
    assert.deepEqual(
      endpoint.door.of('openSubscription').map(({ patients }) => patients),
      [['device nonin-1']],
    );
    endpoint.door.patients.set('pat-0002', view('pat-0002', { vitals: [vital()] }));
    endpoint.door.patients.set('pat-0001', view('pat-0001', { vitals: [] }));
    endpoint.change('pat-0002', { kind: 'sources', vitals: [], devices: ['nonin-1'] });
    const closed = await endpoint.door.until(({ call }) => call === 'closeSubscription');
    assert.deepEqual([closed.patients, (closed.delivered ?? 0) >= 4], [['device nonin-1'], true]);
    await using again = await connect(endpoint.as('ai-one'), service);
    assert.equal(await refusal(again, uri), 'NOT-FOUND');
  });

  test(`${revision}: whoever follows a device of which nothing is left, because its patient was erased, is told by the end of it`, async () => {
    verifies('FOLLOW-DEVICES');
    await using endpoint = await startEndpoint({ patients: ['pat-0001'] });
    const uri = 'vitals://device/nonin-1/status';
    await using client = await connect(endpoint.as('ai-all'), service);
    await (await client.subscribe([uri])).count(uri, 1);
    endpoint.door.patients.delete('pat-0001');
    endpoint.change('pat-0001', { kind: 'erased', vitals: [] });
    await endpoint.door.until(({ call, patients }) => call === 'closeSubscription' && patients.includes('device nonin-1'));
  });

  test(`${revision}: a worklist is told of what is due, of who came and went and who was erased, and of no value`, async () => {
    verifies('FOLLOW-GROUPS', 'DUE-TOLD');
    await using endpoint = await startEndpoint({ limits: { groupCoalesceMs: HOUR_MS } });
    endpoint.door.panels.set('pat-0001', ['heart']);
    await using client = await connect(endpoint.as('ai-all'), service);
    const updates = await client.subscribe([PANEL]);
    await updates.count(PANEL, 1);
    endpoint.change('pat-0001');
    endpoint.change('pat-0001', { kind: 'stale' });
    endpoint.change('pat-0002', { kind: 'due', vitals: ['weight'] });
    endpoint.change('pat-0001', { kind: 'due', vitals: ['weight'] });
    await updates.until(({ version }) => version === 4);
    endpoint.change('pat-0002', { kind: 'erased', vitals: [], was: { panels: ['heart'] } });
    await updates.until(({ version }) => version === 5);
    assert.deepEqual([...new Set(updates.seen.map(({ version }) => version))], [0, 4, 5]);
  });

  test(`${revision}: several resources of one patient are told each of its own, and stand in the evidence once`, async () => {
    verifies('FOLLOW-TOPICS', 'ALERTS-TOLD');
    await using endpoint = await startEndpoint({ limits: { coalesceMs: 0 } });
    const of = (what: string) => `vitals://patient/pat-0001/${what}`;
    const uris = ['latest', 'latest/hr', 'trend/spo2', 'gaps'].map(of);
    const client = await connect(endpoint.as('ai-one'), service);
    const updates = await client.subscribe(uris);
    await updates.count(of('gaps'), 1);
    endpoint.change('pat-0001', { vitals: ['hr'] });
    endpoint.change('pat-0001', { kind: 'late', vitals: ['spo2'] });
    endpoint.change('pat-0001', { kind: 'gap', vitals: [] });
    await updates.until(({ uri, version }) => uri === of('gaps') && version === 3);
    const told = updates.seen.filter(({ version }) => version > 0).map(({ uri, version }) => `${version} ${uri}`);
    assert.deepEqual(
      [...new Set(told)].sort(),
      [`1 ${of('latest')}`, `1 ${of('latest/hr')}`, `2 ${of('trend/spo2')}`, `3 ${of('gaps')}`, `3 ${of('trend/spo2')}`].sort(),
    );
    await client.close();
    endpoint.registry.delete('ai-one');
    const closed = await endpoint.door.until(({ call }) => call === 'closeSubscription');
    assert.deepEqual(closed.patients, ['pat-0001']);
    await eventually(() => endpoint.service.status().subscriptions === 0);
  });

  test(`${revision}: of a group a reader gets one notification in an interval of its own`, async () => {
    verifies('FOLLOW-GROUPS');
    await using endpoint = await startEndpoint({ limits: { coalesceMs: 0, groupCoalesceMs: HOUR_MS } });
    endpoint.door.patients.set('pat-0001', view('pat-0001', { ward: 'north' }));
    endpoint.registry.set('ai-one', principal('ai-one', { patients: ['pat-0001'] }));
    await using client = await connect(endpoint.as('ai-one'), service);
    const latest = 'vitals://patient/pat-0001/latest';
    const updates = await client.subscribe([WARD, latest]);
    await updates.count(WARD, 1);
    await updates.count(latest, 1);
    endpoint.change('pat-0001');
    await updates.until(({ uri, version }) => uri === latest && version === 1);
    endpoint.change('pat-0001', { kind: 'sources', vitals: [] });
    await updates.until(({ uri, version }) => uri === WARD && version === 2);
    assert.equal(
      updates.of(WARD).some(({ version }) => version === 1),
      false,
    );
  });
}
