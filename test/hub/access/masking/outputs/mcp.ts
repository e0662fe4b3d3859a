import { CONNECTORS, type TestClient } from '../../../../support/mcp-clients.ts';
import { MARKERS } from '../../../../support/planted-identifiers.ts';
import { modern, rawHttp, SERVICE } from '../../../mcp/support.ts';
import type { PlantedSite } from '../planted-site.ts';
import { failure, LIMITED, type Output } from './output.ts';

type Connect = (typeof CONNECTORS)[keyof typeof CONNECTORS];

/** Runs with a client of this caller. */
async function asClient(
  site: PlantedSite,
  identity: string,
  connect: Connect,
  run: (client: TestClient) => Promise<unknown>,
): Promise<string> {
  await using client = await connect(site.as(identity), SERVICE);
  return JSON.stringify(await run(client));
}

async function names(client: TestClient): Promise<string[]> {
  const { patients } = (await client.read('vitals://patients')) as { patients: { patient: string }[] };
  return patients.map(({ patient }) => patient);
}

/** A tool of each patient that the client may see. */
async function ofEach(client: TestClient, tool: string, args: Record<string, unknown> = {}): Promise<unknown[]> {
  return await Promise.all((await names(client)).map((patient) => client.call(tool, { patient, ...args })));
}

/** What there is of each patient whom a client may see, under their name. */
async function readEach(client: TestClient, what: readonly string[]): Promise<unknown[]> {
  const uris = (await names(client)).flatMap((name) => what.map((one) => `vitals://patient/${name}/${one}`));
  return await Promise.all(uris.map((uri) => client.read(uri)));
}

/** What a client of MCP can be told, by what it is registered as. */
export const SAID_TO_CLIENTS: Readonly<Record<string, (client: TestClient, site: PlantedSite) => Promise<unknown>>> = {
  'list of resources': (client) => client.resources(),
  'list of templates': (client) => client.templates(),
  'list of tools': (client) => client.tools(),
  'resource vitals://patients': (client) => client.read('vitals://patients'),
  'template vitals://patient/{id}/latest': async (client) =>
    await Promise.all((await names(client)).map((name) => client.read(`vitals://patient/${name}/latest`))),
  'template vitals://patient/{id}/latest/{vital}': (client) => readEach(client, ['latest/hr', 'latest/nibp', 'latest/spo2']),
  'template vitals://patient/{id}/trend/{vital}{?window,points}': (client) =>
    readEach(client, ['trend/hr?window=30d&points=200', 'trend/nibp']),
  'template vitals://patient/{id}/alerts': (client) => readEach(client, ['alerts']),
  'template vitals://patient/{id}/gaps': (client) => readEach(client, ['gaps']),
  'template vitals://ward/{ward}/latest{?cursor}': async (client) => [
    await failure(client.read('vitals://ward/none/latest')),
    await failure(client.subscribe(['vitals://ward/none/latest'])),
  ],
  'template vitals://panel/{panel}/worklist{?cursor}': async (client) => [
    await failure(client.read('vitals://panel/none/worklist')),
    await failure(client.read('vitals://panel/none/worklist?cursor=AAAA')),
  ],
  'template vitals://patients{?cursor}': async (client) => [
    await client.read(`vitals://patients?cursor=${Buffer.from('1').toString('base64url')}`),
    await failure(client.read('vitals://patients?cursor=AAAA')),
  ],
  'resource hub://health': (client) => client.read('hub://health'),
  'resource fleet://agents': (client) => failure(client.read('fleet://agents')),
  'template vitals://device/{id}/status': async (client) => {
    const latest = (await readEach(client, ['latest'])) as { vitals: { device: string }[] }[];
    const devices = new Set(latest.flatMap(({ vitals }) => vitals.map(({ device }) => device)));
    const uris = [...devices, MARKERS.eui.text].map((device) => `vitals://device/${device}/status`);
    return await Promise.all(uris.flatMap((uri) => [failure(client.read(uri)), failure(client.subscribe([uri]).then(() => 'subscribed'))]));
  },
  'template fhir://Observation/{id}': async (client) => {
    const latest = (await readEach(client, ['latest'])) as { vitals: { observation: string }[] }[];
    const ids = latest.flatMap(({ vitals }) => vitals.map(({ observation }) => observation));
    return await Promise.all(ids.map((id) => client.read(`fhir://Observation/${id}`)));
  },
  'tool find_patients': (client) => client.call('find_patients', {}),
  'tool get_latest_vitals': async (client) =>
    await Promise.all((await names(client)).map((patient) => client.call('get_latest_vitals', { patient }))),
  'tool get_patient_overview': async (client) => await ofEach(client, 'get_patient_overview', {}),
  'tool list_outside_limits': async (client) => [
    ...(await ofEach(client, 'list_outside_limits', { limits: 'device' })),
    ...(await ofEach(client, 'list_outside_limits', { limits: 'site' })),
    await client.call('list_outside_limits', { limits: 'site', ward: MARKERS.ward.text }),
  ],
  'tool get_group_overview': (client) => client.call('get_group_overview', { ward: MARKERS.ward.text }),
  'tool get_worklist': async (client) => [
    await client.call('get_worklist', { ward: MARKERS.ward.text }),
    await client.call('get_worklist', { panel: MARKERS.name.text }),
  ],
  'tool get_vitals_trend': async (client) => [
    ...(await ofEach(client, 'get_vitals_trend', { vital: 'hr', hours: 240, points: 96, compare: 'previous' })),
    ...(await ofEach(client, 'get_vitals_trend', { vital: MARKERS.name.text })),
    ...(await ofEach(client, 'get_vitals_trend', { vital: 'nibp', device: MARKERS.serial.text })),
  ],
  'tool get_alerts': async (client) => await ofEach(client, 'get_alerts', { include_free_text: true }),
  'tool get_device_status': async (client) => [
    ...(await ofEach(client, 'get_device_status')),
    ...(await ofEach(client, 'get_device_status', { device: MARKERS.serial.text })),
  ],
  'tool wait_for_change': async (client) => [
    await client.call('wait_for_change', { patients: await names(client), timeout_seconds: 1 }),
    await client.call('wait_for_change', { patients: await names(client), vitals: [MARKERS.name.text], timeout_seconds: 1 }),
  ],
  'tool describe_vital': (client) => client.call('describe_vital', { search: MARKERS.name.text }),
  'capability prompts': async (client) => [
    await client.prompts(),
    await client.completeArgument('summarize_patient', 'patient', ''),
    await client.completeArgument('ward_round', 'ward', ''),
    await client.completeArgument('rpm_weekly_review', 'panel', ''),
    await Promise.all(
      (await names(client)).flatMap((patient) => ['summarize_patient', 'explain_alert'].map((name) => client.prompt(name, { patient }))),
    ),
    await failure(client.prompt('ward_round', { ward: MARKERS.name.text })),
  ],
  'capability logging': async (_, site) => {
    await using http = rawHttp(site.as('ai-research'));
    const said = ['vitals://patients', `vitals://patient/${MARKERS.patient.text}-01/latest`].map(async (uri) => {
      const asked = modern('resources/read', { uri });
      const params = asked.params as { _meta: object };
      const noted = { ...params, _meta: { ...params._meta, 'io.modelcontextprotocol/logLevel': 'debug' } };
      return await (await http.post({ ...asked, params: noted })).text();
    });
    return await Promise.all(said);
  },
  'capability completions': async (client) => [await client.completePatient(''), await client.completePatient('pat')],
  'notification resources/updated': async (client, site) => {
    const uris = (await names(client)).map((name) => `vitals://patient/${name}/latest`);
    const updates = await client.subscribe(['vitals://patients', ...uris]);
    for (const uri of uris) await updates.count(uri, 1);
    await site.change();
    for (const uri of uris) await updates.count(uri, 2);
    return updates.seen;
  },
  errors: async (client) => [
    await failure(client.read(`vitals://patient/${MARKERS.patient.text}-01/latest`)),
    await failure(client.read('vitals://patient/masked-aaaaaaaaaaaaaaaaaaaa/latest')),
    await client.call('get_latest_vitals', { patient: `${MARKERS.patient.text}-02` }),
    await client.call('find_patients', { cursor: 'AAAA' }),
    await failure(client.subscribe([`vitals://patient/${MARKERS.patient.text}-01/latest`])),
  ],
};

/** Of each revision and each caller that is masked; the last row is every byte that was written to it. */
export function mcpOutputs(): Output[] {
  return Object.entries(CONNECTORS).flatMap(([revision, connect]) =>
    ['ai-research', 'ai-quality'].flatMap((identity) => {
      const may = identity === 'ai-quality' ? { may: LIMITED } : {};
      const said = Object.entries(SAID_TO_CLIENTS).map(
        ([name, run]): Output => ({
          name: `mcp ${revision} ${identity}: ${name}`,
          ...may,
          run: (site) => asClient(site, identity, connect, (client) => run(client, site)),
        }),
      );
      return [...said, { name: `mcp ${revision} ${identity}: wire`, ...may, run: async (site) => site.wire(identity) }];
    }),
  );
}

/** Somebody of another tenant, and somebody who is not listed. */
export function refusalOutputs(): Output[] {
  return Object.entries(CONNECTORS).flatMap(([revision, connect]): Output[] => [
    {
      name: `mcp ${revision}: denied`,
      may: { markers: ['measured'], why: 'the day on which its own, empty list was made' },
      run: (site) =>
        asClient(site, 'ai-denied', connect, async (client) => [
          ...(await Promise.all(
            ['resource vitals://patients', 'tool find_patients', 'errors'].map((name) => SAID_TO_CLIENTS[name]?.(client, site)),
          )),
          await client.resources(),
        ]),
    },
    {
      name: `mcp ${revision}: stranger`,
      run: async (site) => JSON.stringify(await failure(connect(site.as('ai-stranger'), SERVICE))) + site.wire('ai-stranger'),
    },
  ]);
}
