import assert from 'node:assert/strict';
import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { type AgentPrograms, agentProgram } from '../../agent/cli.ts';
import type { AgentConfig } from '../../agent/config.ts';
import { programs } from '../../agent/main.ts';
import { type AgentStatus, formatAgentStatus } from '../../agent/status.ts';
import { runProgram } from '../../shared/command-line.ts';
import { silentLogger } from '../../shared/log.ts';
import { createOperatorServer } from '../../shared/operator/server.ts';
import { verifies } from '../requirements.ts';
import { AgentSite } from '../support/agent-site.ts';
import { TestAuthority } from '../support/certificates.ts';

const MONITORS = { type: 'mllp-server', name: 'monitors', host: '127.0.0.1', port: 0 };

/** Runs one command in this process. */
async function call(
  argv: readonly string[],
  changes: Partial<AgentPrograms> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const code = await runProgram(agentProgram({ ...programs, ...changes }), argv, { stdin: Readable.from([]), stdout, stderr });
  return { code, stdout: await text(stdout.end()), stderr: await text(stderr.end()) };
}

const STATUS: AgentStatus = {
  version: '0.1.0',
  pid: 4711,
  identity: {
    id: 'gateway-1',
    notAfter: 1_090_000 + 243 * 86_400_000,
    renewal: { state: 'waiting', nextAt: 2_000_000, lastRenewedAt: null, code: null },
  },
  startedAt: 1_000_000,
  now: 1_090_000,
  clock: null,
  overlay: 'ready',
  controller: '10.0.0.4:1280',
  signIn: 'oidc',
  routers: [
    { name: 'router-1', address: '10.0.0.5:3022', connected: true, code: null },
    { name: 'router\u001b[2J-2', address: '10.0.0.6:3022', connected: false, code: 'OVERLAY-TIMEOUT' },
  ],
  uplink: {
    state: 'connected',
    since: 1_010_000,
    code: null,
    hub: { identity: 'hub-1', storeId: 'store-1', configRevision: 'r1', clockOffsetMs: -12 },
    lastConnectedAt: 1_005_000,
    inFlight: 0,
    lastAnswerAt: 1_085_000,
  },
  outbox: {
    epoch: '0000000000000',
    storeId: null,
    pending: 3,
    oldestPendingAt: 1_060_000,
    untimed: 0,
    delivered: 40,
    quarantined: 1,
    fileBytes: 1_572_864,
    usedBytes: 1_740_000,
    limitBytes: 2_097_152,
    setAside: [],
    writtenBytes: { today: 0, yesterday: 0 },
    code: 'OUTBOX-NEARLY-FULL',
  },
  sources: [
    {
      name: 'monitors',
      type: 'mllp-server',
      state: 'running',
      code: null,
      endpoint: '10.0.0.1:2575',
      records: 40,
      readings: 320,
      rejected: 2,
      lastRecordAt: 1_089_000,
    },
    {
      name: 'ox',
      type: 'serial',
      state: 'waiting',
      code: 'SOURCE-OPEN',
      endpoint: '/dev/ttyUSB0',
      records: 0,
      readings: 0,
      rejected: 0,
      lastRecordAt: null,
    },
  ],
  observations: 300,
  metrics: {},
};

test('status for people fits the states that matter', () => {
  verifies('STATUS-SOURCE-CODE', 'OVERLAY-ROUTER-STATUS');
  assert.equal(
    formatAgentStatus(STATUS),
    [
      'Agent      0.1.0, process 4711, running for 90 s',
      'Identity   gateway-1, certificate for 243 days',
      'Overlay    ready',
      'Controller 10.0.0.4:1280 served last, signed in by OIDC',
      'Routers    router-1 at 10.0.0.5:3022: connected',
      '           router [2J-2 at 10.0.0.6:3022: not connected, OVERLAY-TIMEOUT (The overlay did not answer in time)',
      'Uplink     connected, hub hub-1, its clock -12 ms, last answer 5 s ago',
      'Outbox     3 rows pending, the oldest from 30 s ago, 40 delivered, 1 in quarantine, OUTBOX-NEARLY-FULL (The outbox is filled to 80 percent)',
      '           1.5 MiB on disk, filled to 82 % of 2.0 MiB, 300 observations since the start',
      'monitors   mllp-server running at 10.0.0.1:2575: 320 readings, 2 rejected, last 1 s ago',
      'ox         serial waiting at /dev/ttyUSB0, SOURCE-OPEN (A source could not be opened): 0 readings, 0 rejected, last never',
    ].join('\n'),
  );
  const alone = formatAgentStatus({
    ...STATUS,
    uplink: { ...STATUS.uplink, state: 'waiting', code: 'OVERLAY-NO-TERMINATOR', hub: null, lastAnswerAt: null },
  });
  assert.match(alone, /^Uplink {5}waiting, OVERLAY-NO-TERMINATOR \(Nobody hosts the service at the moment\), last answer never$/m);
  const [, ox] = STATUS.sources;
  assert.ok(ox);
  const open = formatAgentStatus({ ...STATUS, sources: [{ ...ox, code: null }] });
  assert.match(open, /^ox {9}serial waiting at \/dev\/ttyUSB0, open but nothing came yet: 0 readings/m);
});

test('where a FHIR server takes the data, the status says which, and nothing of a network', () => {
  verifies('STATUS-SILENCE-SHOWN');
  const hub = { identity: 'https://fhir.example/r4', storeId: null, configRevision: null, clockOffsetMs: 250 };
  const rows = (uplink: Partial<AgentStatus['uplink']>): string[] => {
    const network = { identity: null, overlay: null, controller: null, signIn: null, routers: [] };
    const text = formatAgentStatus({
      ...STATUS,
      ...network,
      fhirServer: 'https://fhir.example/r4',
      uplink: { ...STATUS.uplink, hub, ...uplink },
    });
    return text.split('\n').slice(1, 3);
  };
  assert.deepEqual(rows({}), ['FHIR server https://fhir.example/r4', 'Uplink      connected, its clock +250 ms, last answer 5 s ago']);
  const lost = rows({ state: 'waiting', code: 'FHIR-BUSY' })[1];
  assert.equal(
    lost,
    'Uplink      waiting, FHIR-BUSY (The FHIR server answers that it cannot take data now), last connected at 1970-01-01T00:16:45.000+00:00, last answer 5 s ago',
  );
  const never = rows({ state: 'waiting', code: 'FHIR-SERVER', hub: null, lastConnectedAt: null, lastAnswerAt: null })[1];
  assert.match(never ?? '', /^Uplink {6}waiting, FHIR-SERVER \(.*\), last answer never$/);
});

test('a hub that is lost is told as what was', () => {
  verifies('STATUS-SILENCE-SHOWN');
  const lost = { ...STATUS.uplink, state: 'waiting', code: 'OVERLAY-UNREACHABLE' } as const;
  const row = (uplink: AgentStatus['uplink']): string | undefined => /^Uplink.*$/m.exec(formatAgentStatus({ ...STATUS, uplink }))?.[0];
  assert.equal(
    row(lost),
    'Uplink     waiting, OVERLAY-UNREACHABLE (The overlay network cannot be reached), last connected to hub-1 at 1970-01-01T00:16:45.000+00:00, last answer 5 s ago',
  );
  assert.equal(
    row({ ...lost, state: 'connecting', code: null }),
    'Uplink     connecting, last connected to hub-1 at 1970-01-01T00:16:45.000+00:00, last answer 5 s ago',
  );
  assert.match(row({ ...lost, lastConnectedAt: null }) ?? '', /reached\), last answer 5 s ago$/);
});

test('status is asked of the running agent, and its absence has an exit code of its own', async () => {
  verifies('OPERATOR-SOCKET');
  using site = await AgentSite.make([MONITORS]);
  const gone = await call(['status', '--config', site.config]);
  assert.equal(gone.code, 3);
  assert.match(gone.stderr, /^OPERATOR-NOT-RUNNING: /);
  const operator = createOperatorServer({ socketPath: site.operator, commands: { status: () => [STATUS] }, log: silentLogger });
  await operator.start(new AbortController().signal);
  const shown = await call(['status', '--config', site.config]);
  const json = await call(['status', '--config', site.config, '--json']);
  await operator[Symbol.asyncDispose]();
  assert.equal(shown.stdout, `${formatAgentStatus(STATUS)}\n`);
  assert.deepEqual(JSON.parse(json.stdout), STATUS);
});

test('run gets the checked configuration', async () => {
  using site = await AgentSite.make([MONITORS]);
  let given: AgentConfig | undefined;
  const { code } = await call(['run', '--config', site.config], {
    run: async (config) => {
      given = config;
    },
  });
  assert.equal(code, 0);
  assert.equal(given?.outbox.path, site.outbox);
});

test('check reads every file that is named, and makes none', async () => {
  verifies('CONFIG-ERRORS-HELP');
  using site = await AgentSite.make([MONITORS]);
  const check = () => call(['check', '--config', site.config]);
  const { code, stdout, stderr } = await check();
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^The configuration is good\.\n/);
  assert.deepEqual(readdirSync(site.folder).sort(), ['agent.yaml', 'gateway-1.json']);

  const key = join(site.folder, 'outbox.key');
  writeFileSync(key, '00'.repeat(32), { mode: 0o644 });
  assert.match((await check()).stderr, /^STORAGE-KEY-FILE: .*mode 0644/);
  rmSync(key);
  writeFileSync(site.outbox, '');
  assert.match((await check()).stderr, /^STORAGE-KEY-FILE: .*is missing/);
  rmSync(site.outbox);
  chmodSync(join(site.folder, 'gateway-1.json'), 0o644);
  assert.match((await check()).stderr, /^IDENTITY-MODE: /);
  rmSync(join(site.folder, 'gateway-1.json'));
  const missing = await check();
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /^IDENTITY-FILE: .*\n {2}\S/, 'with what to do about it');
});

test('check reads the files of the sources', async () => {
  const broker = { type: 'mqtt', name: 'home', url: 'mqtts://127.0.0.1', mapping: 'mqtt-home-hub' };
  const found = async (source: object): Promise<string> => {
    using site = await AgentSite.make([source]);
    return (await call(['check', '--config', site.config])).stderr;
  };
  assert.match(await found({ ...broker, passwordFile: '/nowhere/password' }), /^SOURCE-CREDENTIALS: .*ENOENT/);
  assert.match(await found({ ...broker, mapping: '/nowhere/mapping.yaml' }), /^CONFIG-UNREADABLE: /);
  assert.match(await found({ ...broker, tls: { caFile: '/nowhere/ca.pem' } }), /^CONFIG-UNREADABLE: /);
  assert.equal(await found(broker), '');
});

test('check says of which HL7 sources nothing is known about alarms', async () => {
  verifies('ALERTS-SURELY');
  const told = async (source: object): Promise<string> => {
    using site = await AgentSite.make([source]);
    return (await call(['check', '--config', site.config])).stdout;
  };
  const { profile: _, ...unnamed } = { profile: '', ...MONITORS };
  const unknown =
    /^The configuration is good\.\nSource \S+ \((\S+)\): nothing is known of the alarms of its devices before one sent an alert \(PCD-04\)\.(.*)\n$/;
  const nothing = unknown.exec(await told(unnamed));
  assert.equal(nothing?.[1], 'hl7-pcd01');
  assert.match(nothing?.[2] ?? '', /without a profile/);
  assert.deepEqual(unknown.exec(await told({ ...MONITORS, profile: 'hl7-ge' }))?.slice(1), ['hl7-ge', '']);
  for (const profile of ['hl7-philips-iic', 'hl7-continua-wan', 'hl7-adt'])
    assert.equal(await told({ ...MONITORS, profile }), 'The configuration is good.\n', profile);
});

test('check refuses a certificate of its own that is over', async () => {
  using site = await AgentSite.make([MONITORS]);
  const authority = await TestAuthority.make();
  const [certFile, keyFile] = [join(site.folder, 'own.pem'), join(site.folder, 'own.key')];
  const listener = { ...MONITORS, tls: { certFile, keyFile } };
  using withTls = await AgentSite.make([listener]);
  const check = async (lastDay: number) => {
    const { cert, key } = await authority.issue('agent.test', { lastDay });
    writeFileSync(certFile, cert);
    writeFileSync(keyFile, key, { mode: 0o600 });
    return await call(['check', '--config', withTls.config]);
  };
  assert.equal((await check(30)).code, 0);
  const { code, stderr } = await check(-2);
  assert.equal(code, 1);
  assert.match(stderr, /^SOURCE-CERTIFICATE: .*own\.pem: expired at /);
});

test('a command that is called wrongly says how, with exit code 2', async () => {
  const unknown = await call(['chek']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /^USAGE: .*did you mean 'check'\?\n {2}See --help\.$/m);
  assert.equal((await call(['run'])).code, 2);
  assert.equal((await call(['run', '--confg', 'x'])).code, 2);
  const missing = await call(['run', '--config', '/nowhere/agent.yaml']);
  assert.deepEqual([missing.code, missing.stderr.startsWith('CONFIG-UNREADABLE: ')], [1, true]);
  assert.match((await call(['--help'])).stdout, /vitalmesh-agent run --config agent\.yaml/);
  assert.equal((JSON.parse((await call(['check', '--print-schema'])).stdout) as { type: string }).type, 'object');
  assert.match((await call(['decode', '--list'])).stdout, /nonin-df8/);
  assert.match((await call(['decode', '-h'])).stdout, /^vitalmesh-agent decode --profile NAME/);
});
