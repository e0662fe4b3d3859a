import { join } from 'node:path';
import type { Principal } from '../../../../hub/access/access.ts';
import type { CallContext, Door } from '../../../../hub/access/door.ts';
import { entryEvent } from '../../../../hub/audit/feed/event.ts';
import { jsonLine } from '../../../../hub/audit/feed/json-line.ts';
import { syslogMessage } from '../../../../hub/audit/feed/syslog-message.ts';
import { parseInstant } from '../../../../shared/clock.ts';
import { asVitalmeshError } from '../../../../shared/errors.ts';
import { EVENT_KINDS } from '../../../../shared/event.ts';
import { evidenceOf } from '../../../support/evidence.ts';
import { gathered, TEST_NOW } from '../../../support/hub.ts';
import { CONNECTORS, type TestClient } from '../../../support/mcp-clients.ts';
import { MARKERS, type MarkerName } from '../../../support/planted-identifiers.ts';
import { modern, rawHttp, SERVICE } from '../../mcp/support.ts';
import type { PlantedSite } from './planted-site.ts';

/**
 * One way in which something leaves the hub. Whatever is registered anywhere (tools, resources, operator commands, methods of the door) has a row here, or the test fails: a
 * new output joins by adding its row.
 */
export interface Output {
  /** Under which name it is registered. */
  name: string;
  /** What may stand in it by design, and why. */
  may?: { markers: readonly MarkerName[]; why: string };
  /** All that it says. */
  run(site: PlantedSite): Promise<string>;
}

const LIMITED = {
  markers: ['ward', 'measured', 'measuredMs'],
  why: 'a limited data set has real times and the ward (45 CFR 164.514(e)(2))',
} as const;
const AS_STORED = {
  markers: Object.keys(MARKERS) as MarkerName[],
  why: 'whoever holds the hub’s machine exports what is stored, as the devices sent it',
};

const MCP: CallContext = { channel: 'mcp-2026' };
const AT_MACHINE: CallContext = { channel: 'operator' };

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

async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    return { unexpected: await call };
  } catch (error) {
    const { message, data } = error as { message?: string; data?: unknown };
    return { message, data };
  }
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
const SAID_TO_CLIENTS: Readonly<Record<string, (client: TestClient, site: PlantedSite) => Promise<unknown>>> = {
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
  'template vitals://ward/{ward}/latest': async (client) => [
    await failure(client.read('vitals://ward/none/latest')),
    await failure(client.subscribe(['vitals://ward/none/latest'])),
  ],
  'template vitals://panel/{panel}/worklist': async (client) => await failure(client.read('vitals://panel/none/worklist')),
  'resource hub://health': (client) => client.read('hub://health'),
  'resource fleet://agents': (client) => failure(client.read('fleet://agents')),
  'template vitals://device/{id}/status': async (client) => {
    const latest = (await readEach(client, ['latest'])) as { vitals: { device: string }[] }[];
    const devices = new Set(latest.flatMap(({ vitals }) => vitals.map(({ device }) => device)));
    return await Promise.all([...devices].map((device) => failure(client.read(`vitals://device/${device}/status`))));
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
  'tool wait_for_change': async (client) =>
    await client.call('wait_for_change', { patients: await names(client), vitals: [MARKERS.name.text], timeout_seconds: 1 }),
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
function mcpOutputs(): Output[] {
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
function refusalOutputs(): Output[] {
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

type DoorCall = (door: Door, who: Principal) => Promise<unknown>;

async function everybody(door: Door, who: Principal, call: (name: string) => Promise<unknown>): Promise<unknown[]> {
  return await Promise.all((await door.listPatients(who, MCP)).map(({ patient }) => call(patient)));
}

/** Each method of the door, as somebody who is masked calls it. */
const SAID_AT_THE_DOOR: Readonly<Record<string, DoorCall>> = {
  listPatients: (door, who) => door.listPatients(who, MCP),
  latest: (door, who) => everybody(door, who, (name) => door.latest(who, name, MCP)),
  trend: (door, who) =>
    everybody(door, who, async (name) => {
      const { asOf, vitals } = await door.latest(who, name, MCP);
      const to = (parseInstant(asOf)?.at ?? 0) + 1000;
      return await Promise.all(vitals.map(({ vital }) => door.trend(who, name, { vital, from: to - 3_600_000, to, points: 12 }, MCP)));
    }),
  alerts: (door, who) => everybody(door, who, (name) => door.alerts(who, name, MCP)),
  gaps: (door, who) => everybody(door, who, (name) => door.gaps(who, name, MCP)),
  observation: (door, who) =>
    everybody(door, who, async (name) => {
      const { vitals } = await door.latest(who, name, MCP);
      return await Promise.all(vitals.map(({ observation }) => door.observation(who, observation, MCP)));
    }),
  history: (door, who) =>
    everybody(door, who, async (name) => {
      const { vitals } = await door.latest(who, name, MCP);
      return await Promise.all(
        vitals.map(async ({ vital, device, at }) => {
          const versions = await door.history(who, name, { vital, device, effective: parseInstant(at)?.at ?? 0 }, MCP);
          if (versions.length === 0) throw new Error('nothing was found by what was shown');
          return versions;
        }),
      );
    }),
  openSubscription: (door, who) => everybody(door, who, (name) => door.openSubscription(who, [name], MCP)),
  closeSubscription: (door, who) => everybody(door, who, (name) => door.closeSubscription(who, [{ patient: name, delivered: 1 }], MCP)),
  health: (door, who) => door.health(who, MCP),
  fleet: (door, who) => failure(door.fleet(who, MCP)),
  counts: (door, who) => failure(door.counts(who, MCP)),
  requireScope: (door, who) => failure(door.requireScope(who, 'vitals.read', MCP)),
  turnAway: (door) => door.turnAway([{ tenant: 'clinic', principal: 'ai-stranger', role: 'none' }], 'corpus', MCP),
};

/** Of the door's methods, those that say nothing to a caller: what the hub asks for itself. */
export const ASKED_BY_THE_HUB = ['maySee', 'maySeeAnyOf', 'groupsOf', 'devicePatients', 'may', 'patientBehind', 'maskOf'] as const;

/** Of those who are masked: who reads, and who takes data away. */
const DEIDENTIFIED = { reader: 'ai-research', extractor: 'ai-extract' };
const LIMITED_ONES = { reader: 'ai-quality', extractor: 'ai-extract-2' };

function doorOutputs(): Output[] {
  const principal = ({ hub }: PlantedSite, identity: string): Principal => {
    const found = hub.registry.principal(identity);
    if (!found) throw new Error(`${identity} is not listed`);
    return found;
  };
  return [DEIDENTIFIED, LIMITED_ONES].flatMap(({ reader, extractor }): Output[] => {
    const may = reader === 'ai-quality' ? { may: LIMITED } : {};
    const resources = async (site: PlantedSite, kinds: readonly (typeof EVENT_KINDS)[number][]) => {
      const who = principal(site, extractor);
      if (kinds.length === 0) return gathered(await site.hub.door.export(who, {}, AT_MACHINE));
      return await Promise.all(kinds.map(async (kind) => gathered(await site.hub.door.exportEvents(who, { kind }, AT_MACHINE))));
    };
    return [
      ...Object.entries(SAID_AT_THE_DOOR).map(
        ([name, call]): Output => ({
          name: `door ${reader}: ${name}`,
          ...may,
          run: async (site) => JSON.stringify((await call(site.hub.door, principal(site, reader))) ?? null),
        }),
      ),
      { name: `door ${reader}: export`, ...may, run: async (site) => JSON.stringify(await resources(site, [])) },
      { name: `door ${reader}: exportEvents`, ...may, run: async (site) => JSON.stringify(await resources(site, EVENT_KINDS)) },
    ];
  });
}

/** What the evidence has: nothing that the hub does not know itself. */
const EVIDENCE = {
  markers: ['patient', 'gateway', 'measured', 'measuredMs', 'eui', 'mac', 'serial', 'homeSerial', 'bed', 'ward', 'town'],
  why: 'whose data it was and where they lay (sealed), what was shown by id and version, and of which device it was asked',
} as const;

const REPLAY = {
  markers: [...EVIDENCE.markers, 'typedPhone'] as const,
  why: `${EVIDENCE.why}; values as devices sent them, whatever was typed there, as whoever holds the hub’s machine exports them`,
} as const;

const PATIENT = `${MARKERS.patient.text}-01`;

/** Each command of the operator's socket, with arguments that make it say most. */
const ASKED_BY_OPERATORS: Readonly<Record<string, { args: (site: PlantedSite) => object[]; may?: Output['may'] }>> = {
  status: {
    args: () => [{}],
    may: {
      markers: ['gateway', 'bed', 'town', 'measuredMs'],
      why: 'gateways, and places that one named, with when, and nobody is bound to: an operator has to find them',
    },
  },
  export: { args: () => [{}, ...EVENT_KINDS.map((kind) => ({ kind })), { patient: PATIENT }], may: AS_STORED },
  trend: {
    args: () => [{ tenant: 'clinic', patient: PATIENT, vital: 'spo2', from: TEST_NOW - 60_000, to: TEST_NOW + 1000 }],
    may: AS_STORED,
  },
  history: {
    args: () => [{ tenant: 'clinic', patient: PATIENT, vital: 'spo2', device: MARKERS.eui.text, effective: TEST_NOW - 2000 }],
    may: AS_STORED,
  },
  'clinical-alerts': { args: () => [{ tenant: 'clinic', patient: PATIENT }], may: AS_STORED },
  'clinical-support': { args: () => [{ tenant: 'clinic', patient: PATIENT }], may: AS_STORED },
  'clinical-due': { args: () => [{ tenant: 'clinic', patient: PATIENT }], may: AS_STORED },
  'clinical-worklist': { args: () => [{ tenant: 'clinic', ward: MARKERS.ward.text }], may: AS_STORED },
  verify: { args: () => [{}] },
  backup: {
    args: ({ folder }) => [{ to: join(folder, 'store.backup') }],
    may: { markers: ['measuredMs'], why: 'when it was made' },
  },
  rekey: { args: () => [{}] },
  'access-explain': {
    args: () => [
      { tenant: 'clinic', as: 'ai-research', action: 'vitals.read', patient: PATIENT },
      { tenant: 'clinic', as: 'ai-research', action: 'vitals.read', patient: MARKERS.name.text },
    ],
    may: { markers: ['patient', 'gateway', 'bed', 'town', 'ward'], why: 'whom and where it was asked about' },
  },
  'audit-list': { args: () => [{ tenant: 'clinic' }], may: EVIDENCE },
  'audit-export': {
    args: () => [
      { tenant: 'clinic', format: 'fhir' },
      { tenant: 'clinic', format: 'json' },
    ],
    may: EVIDENCE,
  },
  'audit-replay': { args: () => [{ tenant: 'clinic', principal: 'ai-quality' }], may: REPLAY },
  'audit-report': { args: () => [{ tenant: 'clinic', patient: PATIENT }], may: EVIDENCE },
  'audit-verify': { args: () => [{}], may: { markers: ['measuredMs'], why: 'since when entries are not signed: when they were written' } },
  'audit-acknowledge': { args: () => [{ alarm: 'AUDIT-NOTE-LOST' }] },
  'audit-status': { args: () => [{}] },
  'audit-resend': { args: () => [{ from: 1 }] },
  'patients-where': { args: () => [{ tenant: 'clinic' }], may: AS_STORED },
  'patients-place': { args: () => [{ tenant: 'clinic', act: 'admit', who: { patient: PATIENT }, bed: MARKERS.bed.text }] },
  'patients-undo': { args: () => [{ tenant: 'clinic', statement: MARKERS.name.text }] },
  'patients-import': {
    args: () => [
      { tenant: 'clinic', trial: true, rows: [{ line: 1, bed: MARKERS.bed.text, authority: '', value: MARKERS.record.text }] },
      { tenant: 'clinic', trial: false, rows: [{ line: 1, bed: MARKERS.bed.text, authority: '', value: MARKERS.record.text }] },
    ],
    may: { markers: ['measuredMs'], why: 'since when they lie there, which here is the hub’s time' },
  },
  'patients-device': { args: () => [{ tenant: 'clinic', device: MARKERS.eui.text, bed: MARKERS.bed.text }] },
  'patients-show': {
    args: () => [
      { tenant: 'clinic', numbers: true },
      { tenant: 'clinic', patient: PATIENT, numbers: false },
      { tenant: 'clinic', bed: MARKERS.bed.text, numbers: true },
    ],
    may: AS_STORED,
  },
  'patients-corrections': { args: () => [{ tenant: 'clinic' }] },
  'readings-amend': {
    args: () => [
      {
        tenant: 'clinic',
        kind: 'void',
        selection: { patient: PATIENT, from: TEST_NOW - 60_000, to: TEST_NOW - 59_000 },
        reason: 'other',
        trial: true,
      },
      { tenant: 'clinic', kind: 'void', selection: { observations: [MARKERS.name.text] }, reason: 'other', trial: false },
      { tenant: 'clinic', kind: 'void', selection: { observations: ['x'] }, reason: MARKERS.name.text, trial: false },
    ],
    may: { markers: ['patient'], why: 'whose readings an operator at the machine corrects, by the id that they gave' },
  },
  'readings-undo': { args: () => [{ tenant: 'clinic', amendment: MARKERS.name.text }] },
  'readings-show': { args: () => [{ tenant: 'clinic', observation: MARKERS.name.text }] },
  'readings-list': { args: () => [{ tenant: 'clinic', patient: PATIENT }] },
  'patient-export': { args: () => [{ tenant: 'clinic', patient: PATIENT }], may: AS_STORED },
  'patient-hold': { args: () => [{ tenant: 'clinic', patient: PATIENT, reason: 'CASE-1' }] },
  'patient-holds': {
    args: () => [{ tenant: 'clinic' }],
    may: { markers: ['patient', 'measuredMs'], why: 'who is under legal hold, and since when' },
  },
  'patient-erase': {
    args: () => [
      { tenant: 'clinic', patient: PATIENT, confirm: PATIENT, reason: 'DSR-1' },
      { tenant: 'clinic', patient: PATIENT, confirm: MARKERS.name.text, reason: 'DSR-1' },
      { tenant: 'clinic', patient: PATIENT, confirm: PATIENT, reason: MARKERS.name.text },
    ],
    may: { markers: ['gateway'], why: 'where registry.yaml names the patient, for the operator to take it out' },
  },
  'patient-tombstones': { args: () => [{ tenant: 'clinic', reason: 'CASE-1' }] },
  'patient-release': { args: () => [{ tenant: 'clinic', patient: PATIENT, reason: 'CASE-1' }] },
  'access-list': {
    args: () => [{ tenant: 'clinic' }],
    may: { markers: ['patient', 'gateway', 'ward'], why: 'who is listed, and for whom' },
  },
};

function operatorOutputs(): Output[] {
  return Object.entries(ASKED_BY_OPERATORS).map(([name, { args, may }]) => ({
    name: `operator ${name}`,
    ...(may && { may }),
    run: async (site) => {
      const said: unknown[] = [];
      for (const given of args(site)) said.push(await answerTo(site, name, given));
      return JSON.stringify(said);
    },
  }));
}

async function answerTo({ operator }: PlantedSite, name: string, args: object): Promise<unknown> {
  const answer: unknown[] = [];
  try {
    for await (const item of operator[name]?.(args as Record<string, unknown>, 'local:1000', new AbortController().signal) ?? [])
      answer.push(item);
  } catch (thrown) {
    const { code, message, detail, advice } = asVitalmeshError(thrown);
    return [...answer, { code, message, detail, advice }];
  }
  return answer;
}

/** What the hub says to nobody in particular; read when all else was run. */
function ownOutputs(): Output[] {
  return [
    {
      name: 'answers to gateways and FHIR clients',
      may: { markers: ['gateway'], why: 'each is told of what it sent by the id that it gave it' },
      run: async ({ planted }) => JSON.stringify(planted.answers),
    },
    { name: 'metrics', run: async ({ hub }) => JSON.stringify(hub.metrics.snapshot()) },
    {
      name: 'log',
      may: { markers: ['gateway'], why: 'gateways and callers are named by their identities' },
      run: async ({ log }) => log.join(''),
    },
    {
      name: 'live feed of the evidence',
      may: { markers: ['gateway', 'measured'], why: 'who did it, by its identity; and when, which here is when it was measured' },
      run: async ({ hub: { store } }) => {
        const entries = await gathered(store.audit());
        const events = entries.map((entry) => entryEvent(entry, undefined, { storeId: store.storeId, subjects: true }));
        return events.map((event) => `${jsonLine(event)}${syslogMessage(event, { host: 'hub', pid: 1 })}`).join('');
      },
    },
    {
      name: 'evidence',
      may: EVIDENCE,
      run: async ({ hub }) => JSON.stringify(await evidenceOf(hub.store)),
    },
  ];
}

/** Every output that exists. The order is that in which they are run. */
export const OUTPUTS: readonly Output[] = [...mcpOutputs(), ...refusalOutputs(), ...doorOutputs(), ...operatorOutputs(), ...ownOutputs()];

/** What has a row, by where it is registered. */
export const COVERED = {
  mcp: Object.keys(SAID_TO_CLIENTS),
  door: [...Object.keys(SAID_AT_THE_DOOR), 'export', 'exportEvents', ...ASKED_BY_THE_HUB],
  operator: Object.keys(ASKED_BY_OPERATORS),
};

/**
 * The commands of `vitalmesh-hub`: each prints what an operator command answers, or the same of a store whose hub does not run, or nothing that comes out of a store.
 */
export const PRINTED_BY_THE_CLI: Readonly<Record<string, keyof typeof ASKED_BY_OPERATORS | 'nothing of the store'>> = {
  run: 'nothing of the store',
  check: 'nothing of the store',
  status: 'status',
  export: 'export',
  trend: 'trend',
  history: 'history',
  verify: 'verify',
  backup: 'backup',
  restore: 'nothing of the store',
  rekey: 'rekey',
  'access explain': 'access-explain',
  'access list': 'access-list',
  'access policy': 'nothing of the store',
  'clinical alerts': 'clinical-alerts',
  'clinical support': 'clinical-support',
  'clinical due': 'clinical-due',
  'clinical worklist': 'clinical-worklist',
  'audit list': 'audit-list',
  'audit show': 'audit-list',
  'audit export': 'audit-export',
  'audit replay': 'audit-replay',
  'audit report': 'audit-report',
  'audit verify': 'audit-verify',
  'audit resend': 'audit-resend',
  'audit status': 'audit-status',
  'audit acknowledge': 'audit-acknowledge',
  'patients id': 'nothing of the store',
  'patients where': 'patients-where',
  'patients import': 'patients-import',
  'patients admit': 'patients-place',
  'patients move': 'patients-place',
  'patients swap': 'patients-place',
  'patients discharge': 'patients-place',
  'patients merge': 'patients-place',
  'patients unmerge': 'patients-place',
  'patients undo': 'patients-undo',
  'patients assign-device': 'patients-device',
  'patients show': 'patients-show',
  'patients corrections': 'patients-corrections',
  'readings void': 'readings-amend',
  'readings reassign': 'readings-amend',
  'readings confirm': 'readings-amend',
  'readings undo': 'readings-undo',
  'readings show': 'readings-show',
  'readings list': 'readings-list',
  'patients export': 'patient-export',
  'patients erase': 'patient-erase',
  'patients hold': 'patient-hold',
  'patients holds': 'patient-holds',
  'patients release': 'patient-release',
  'patients accept-list': 'patient-tombstones',
};
