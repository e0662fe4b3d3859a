import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type AgentConfig, agentConfigSchema, decodeContext, loadAgentConfig } from '../../agent/config.ts';
import { outboxLimits } from '../../agent/outbox/config.ts';
import { prepareSource } from '../../agent/sources/create-source.ts';
import { configJsonSchema, parseConfig } from '../../shared/config.ts';
import type { VitalmeshError } from '../../shared/errors.ts';
import { verifies } from '../requirements.ts';
import { testEnvironment } from './sources/support.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const environment = testEnvironment();

const HEAD = `
identity: gateway.json
outbox: { path: outbox.db, keyFile: outbox.key }
overlay: { type: local, socket: switch.sock }
uplink: { hub: [hub-1] }
operator: { socket: operator.sock }
`;
const SERIAL = '{ type: serial, name: oximeter, port: /dev/ttyUSB0, profile: nonin-df8 }';

function parse(sources: readonly string[], head = HEAD): AgentConfig {
  return parseConfig(agentConfigSchema, `${head}sources:\n${sources.map((source) => `  - ${source}\n`).join('')}`, { name: 'agent.yaml' });
}

/** The problems that are found in a configuration, one a line. */
function problems(sources: readonly string[], head = HEAD): string[] {
  try {
    parse(sources, head);
  } catch (error) {
    assert.equal((error as VitalmeshError).code, 'CONFIG-INVALID');
    return (error as VitalmeshError).detail?.split('\n') ?? [];
  }
  return [];
}

test('a placeholder in the place of an identity id is no id', () => {
  const head = HEAD.replace('hub-1', 'hub-1, HUB-IDENTITY-ID');
  assert.deepEqual(problems([SERIAL], head), [
    'agent.yaml:5: uplink.hub[1]: still a placeholder; expected an identity id, as `vitalmesh enroll` prints it',
  ]);
});

test('the limits of the outbox', () => {
  verifies('OUTBOX-LIMITS');
  const limitsOf = (limits: string) => parse([SERIAL], HEAD.replace('outbox.key }', `outbox.key, limits: ${limits} }`)).outbox.limits;
  const usual = outboxLimits(parse([SERIAL]).outbox.limits);
  assert.deepEqual(usual, { limits: { maxBytes: 2 * 1024 ** 3, maxAgeMs: {} }, keepDeliveredMs: 7 * 86_400_000 });
  const { limits, keepDeliveredMs } = outboxLimits(limitsOf('{ maxBytes: 16777216, maxAgeHours: { waveform: 2 }, keepDeliveredHours: 0 }'));
  assert.deepEqual([limits, keepDeliveredMs], [{ maxBytes: 16_777_216, maxAgeMs: { waveform: 7_200_000 } }, 0]);
  assert.match(problems([SERIAL], HEAD.replace('outbox.key }', 'outbox.key, limits: { maxBytes: 1000 } }')).join(), /limits\.maxBytes/);
  // What is never given up has no age.
  assert.match(problems([SERIAL], HEAD.replace('outbox.key }', 'outbox.key, limits: { maxAgeHours: { alert: 1 } } }')).join(), /alert/);
});

test('what is left out has its default', () => {
  const config = parse([
    SERIAL,
    '{ type: mllp-server, name: monitors, host: 10.0.0.1, port: 2575 }',
    '{ type: mqtt, name: home, url: mqtt://hub, mapping: mqtt-home-hub }',
  ]);
  assert.ok(config.uplink.type !== 'fhir-server');
  assert.equal(config.uplink.service, 'vitals-ingest');
  assert.equal(config.zone, 'UTC');
  assert.equal(config.test, false);
  assert.equal(config.log.level, 'info');
  const [serial, mllp, mqtt] = config.sources;
  assert.ok(serial?.type === 'serial' && serial.maxFrameBytes === 1024 * 1024 && serial.silenceMs === 60_000);
  assert.ok(mllp?.type === 'mllp-server' && mllp.profile === 'hl7-pcd01' && mllp.idleTimeoutMs === 3_600_000);
  assert.ok(mqtt?.type === 'mqtt' && mqtt.protocolVersion === 4);
});

test('a source adds its own patient, bed, zone and devices to the bytes', () => {
  const config = parse(
    [
      '{ type: serial, name: oximeter, port: "tcp://moxa:4001", profile: nonin-df8, device: NONIN-0001, patient: { value: P-0001 }, zone: Asia/Tokyo }',
      '{ type: mllp-server, name: monitors, host: 10.0.0.1, port: 2575, bed: BED-1, devices: [MON-0001], maxFrameBytes: 4096 }',
    ],
    `${HEAD}zone: Europe/Berlin\ntest: true\n`,
  );
  const [serial, mllp] = config.sources;
  assert.ok(serial && mllp);
  assert.deepEqual(decodeContext(config, serial), {
    source: 'oximeter',
    zone: 'Asia/Tokyo',
    test: true,
    maxFrameBytes: 1024 * 1024,
    patient: { value: 'P-0001', authority: '' },
    deviceId: 'NONIN-0001',
  });
  assert.deepEqual(decodeContext(config, mllp), {
    source: 'monitors',
    zone: 'Europe/Berlin',
    test: true,
    maxFrameBytes: 4096,
    bed: 'BED-1',
    devices: ['MON-0001'],
  });
});

test('a source that is marked as a test marks what it sends, and no other source', () => {
  verifies('TEST-MARKED');
  const config = parse([SERIAL.replace(' }', ', test: true }'), SERIAL.replace('oximeter', 'other')]);
  assert.deepEqual(
    config.sources.map((source) => decodeContext(config, source).test),
    [true, false],
  );
});

test('errors name the line, the path, what was expected and the nearest word', () => {
  verifies('CONFIG-ERRORS-HELP');
  const cases: [string, RegExp][] = [
    [
      '{ type: serial, name: ox, port: /dev/ttyS0, profile: nonin-df9 }',
      /^agent\.yaml:8: sources\[0\]\.profile: expected one of .*did you mean 'nonin-df[18]'\?$/,
    ],
    ['{ type: serial, name: ox, port: /dev/ttyS0, profile: hl7-pcd01 }', /sources\[0\]\.profile: expected one of masimo/],
    ['{ type: serial, name: ox, port: COM1, profile: nonin-df8 }', /sources\[0\]\.port: expected \/dev\/serial/],
    [
      '{ type: serial, name: ox, prot: /dev/ttyS0, profile: nonin-df8, port: /dev/ttyS0 }',
      /sources\[0\]\.prot: unknown key; did you mean 'port'\?/,
    ],
    [
      '{ type: serial, name: ox, port: /dev/ttyS0, profile: nonin-df8, line: { stopBits: 3 } }',
      /sources\[0\]\.line\.stopBits: expected one of 1, 2/,
    ],
    ['{ type: serial, name: ox y, port: /dev/ttyS0, profile: nonin-df8 }', /sources\[0\]\.name: expected a name/],
    ['{ type: serial, name: ox, port: /dev/ttyS0, profile: nonin-df8, bed: " BED-1" }', /sources\[0\]\.bed: expected an identifier/],
    [
      '{ type: serial, name: ox, port: /dev/ttyS0, profile: nonin-df8, zone: Mars/Olympus }',
      /sources\[0\]\.zone: expected an IANA time zone/,
    ],
    ['{ type: mllp-server, name: m, port: 2575 }', /sources\[0\]\.host: missing/],
    ['{ type: mllp-server, name: m, host: 10.0.0.1, port: 70000 }', /sources\[0\]\.port: expected at most 65535/],
    ['{ type: mqtt, name: h, url: mqtt://user:password1@hub, mapping: mqtt-home-hub }', /sources\[0\]\.url: expected mqtt:/],
    ['{ type: mqtt, name: h, url: http://hub, mapping: mqtt-home-hub }', /sources\[0\]\.url: expected mqtt:/],
    [
      '{ type: mqtt, name: h, url: mqtt://hub, mapping: mqtt-home-hb }',
      /sources\[0\]\.mapping: expected one of .*did you mean 'mqtt-home-hub'\?/,
    ],
    [
      '{ type: mqtt, name: h, url: mqtt://hub, mapping: mqtt-home-hub, tls: { servername: hub } }',
      /sources\[0\]\.tls: expected only with an mqtts/,
    ],
    [
      '{ type: mqtt, name: h, url: mqtt://hub, mapping: mqtt-home-hub, passwordFil: password1 }',
      /sources\[0\]\.passwordFil: unknown key; did you mean 'passwordFile'\?/,
    ],
    ['{ type: mqt, name: h }', /sources\[0\]\.type: no known type/],
  ];
  for (const [source, expected] of cases) {
    const found = problems([source]);
    assert.equal(found.length, 1, `${source}: ${found.join('; ')}`);
    assert.match(found[0] ?? '', expected);
    assert.doesNotMatch(found[0] ?? '', /password1/, 'values are never repeated');
  }
});

test('who calls whom is as the dialect says', () => {
  verifies('DEVICE-CALLED', 'CONFIG-ERRORS-HELP');
  const pds = '{ type: mllp-client, name: m, host: 10.0.0.9, profile: hl7-mindray-pds }';
  const [mindray] = parse([pds]).sources;
  assert.ok(mindray?.type === 'mllp-client' && mindray.port === undefined && mindray.silenceMs === 120_000 && mindray.framing === 'mllp');
  assert.deepEqual(problems([pds.replace('mllp-client', 'mllp-server').replace('host:', 'port: 4601, host:')]), [
    'agent.yaml:8: sources[0].type: expected mllp-client: a sender of hl7-mindray-pds waits to be called',
  ]);
  assert.deepEqual(problems([pds.replace('hl7-mindray-pds', 'hl7-pcd01')]), [
    'agent.yaml:8: sources[0].type: expected mllp-server: a sender of hl7-pcd01 calls by itself',
  ]);
  assert.match(problems([pds.replace(', profile: hl7-mindray-pds', '')])[0] ?? '', /sources\[0\]\.profile: /);
  assert.match(problems([pds.replace(' }', ', framing: any }')])[0] ?? '', /sources\[0\]\.framing: expected one of mllp, none/);
});

test('a device that is called has the port of its manual unless told', () => {
  verifies('DEVICE-CALLED');
  const config = parse([
    '{ type: mllp-client, name: a, host: 10.0.0.9, profile: hl7-mindray-pds }',
    '{ type: mllp-client, name: b, host: 10.0.0.9, profile: hl7-nihon-kohden }',
    '{ type: mllp-client, name: c, host: 10.0.0.9, profile: hl7-mindray-pds, port: 4700 }',
  ]);
  const made = config.sources.map((source) => prepareSource(config, source, 'gateway-1')(environment).status());
  assert.deepEqual(
    made.map(({ endpoint, type, state }) => `${type} ${endpoint} ${state}`),
    ['mllp-client 10.0.0.9:4601 starting', 'mllp-client 10.0.0.9:7998 starting', 'mllp-client 10.0.0.9:4700 starting'],
  );
});

test('files of TLS are read before anything starts', () => {
  const [source] = parse([
    '{ type: mllp-server, name: m, host: 10.0.0.1, port: 2575, tls: { certFile: /nowhere/a.crt, keyFile: /nowhere/a.key } }',
  ]).sources;
  assert.ok(source);
  assert.throws(() => prepareSource(parse([SERIAL]), source, 'gateway-1'), { code: 'CONFIG-UNREADABLE' });
  assert.match(
    problems(['{ type: mllp-server, name: m, host: 10.0.0.1, port: 2575, tls: { certFile: a.crt } }'])[0] ?? '',
    /sources\[0\]\.tls\.keyFile: missing/,
  );
});

test('all problems are told at once', () => {
  verifies('CONFIG-ERRORS-HELP');
  const found = problems(
    ['{ type: serial, name: ox, port: COM1, profile: nonin }'],
    HEAD.replace('hub: [hub-1]', 'hub: [], sevice: x').replace('operator:', 'oprator:'),
  );
  assert.equal(found.length, 6, found.join('\n'));
});

test('names are unique', () => {
  const [found] = problems([SERIAL, SERIAL.replace('ttyUSB0', 'ttyUSB1')]);
  assert.match(found ?? '', /^agent\.yaml:9: sources\[1\]\.name: expected a name that no other source has$/);
});

test('two sources cannot listen at one port', () => {
  verifies('CONFIG-ERRORS-HELP');
  const listener = (name: string, port: number) => `{ type: mllp-server, name: ${name}, host: 127.0.0.1, port: ${port} }`;
  const found = problems([listener('a', 2575), listener('b', 2575), listener('c', 0), listener('d', 0)]);
  assert.equal(found.length, 1, found.join('\n'));
  assert.match(found[0] ?? '', /^agent\.yaml:9: sources\[1\]\.port: expected a port at which no other source listens$/);
});

test('a mapping may be a file of the operator', () => {
  const { sources } = parse(['{ type: mqtt, name: h, url: "mqtts://hub:8884", mapping: ./my-mapping.yaml }']);
  assert.ok(sources[0]?.type === 'mqtt' && sources[0].mapping === './my-mapping.yaml');
});

test('the environment overrides the file', () => {
  const file = join(folder, 'agent.yaml');
  writeFileSync(file, `${HEAD}sources:\n  - ${SERIAL}\n`);
  const config = loadAgentConfig(file, {
    VITALMESH_AGENT__outbox__path: '/data/outbox.db',
    VITALMESH_AGENT__SOURCES__0__PORT: 'tcp://moxa:4002',
  });
  assert.equal(config.outbox.path, '/data/outbox.db');
  assert.ok(config.sources[0]?.type === 'serial' && config.sources[0].port === 'tcp://moxa:4002');
});

test('the schema can be printed, and describes every key', () => {
  const schema = configJsonSchema(agentConfigSchema) as { properties: Record<string, unknown>; required: string[] };
  assert.ok(schema.required.includes('sources'));
  assert.ok(!schema.required.includes('zone'), 'what has a default may be left out');
  assert.match(JSON.stringify(schema.properties.sources), /mllp-server.*serial.*mqtt/);
});
