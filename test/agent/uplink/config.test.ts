import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AgentConfig, agentConfigSchema } from '../../../agent/config.ts';
import { destinationOf, tellsTime } from '../../../agent/uplink/config.ts';
import { configJsonSchema, parseConfig } from '../../../shared/config.ts';
import { asVitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';

const REST = `
outbox: { path: outbox.db, keyFile: outbox.key }
operator: { socket: operator.sock }
sources: [{ type: serial, name: ox, port: /dev/ttyUSB0, profile: nonin-df8 }]
`;
const HUB_SIDE = 'identity: gateway.json\noverlay: { type: local, socket: switch.sock }\n';

const parse = (text: string): AgentConfig => parseConfig(agentConfigSchema, `${text}${REST}`, { name: 'agent.yaml' });

/** What is wrong, one a line. */
function problems(text: string): string[] {
  try {
    parse(text);
    return [];
  } catch (thrown) {
    const { code, detail = '' } = asVitalmeshError(thrown);
    assert.equal(code, 'CONFIG-INVALID');
    return detail.split('\n');
  }
}

test('a FHIR server needs an address and the name of the gateway, and nothing of a network', () => {
  const { to, uplink } = destinationOf(parse('uplink: { type: fhir-server, url: https://fhir.example/r4, gateway: home-7 }\n'));
  assert.equal(to, 'fhir-server');
  assert.deepEqual(uplink, { type: 'fhir-server', url: 'https://fhir.example/r4', gateway: 'home-7', batchEntries: 100 });
});

test('without a type, and with it, a hub is meant; it needs identity and overlay', () => {
  for (const type of ['', 'type: hub, ']) {
    const destination = destinationOf(parse(`${HUB_SIDE}uplink: { ${type}hub: [hub-1] }\n`));
    assert.ok(destination.to === 'hub');
    assert.deepEqual(
      [destination.identity, destination.uplink.hub, destination.uplink.service],
      ['gateway.json', ['hub-1'], 'vitals-ingest'],
    );
  }
  assert.deepEqual(problems('uplink: { hub: [hub-1] }\n'), [
    'agent.yaml:1: identity: missing; expected string',
    'agent.yaml:1: overlay: missing; expected object',
  ]);
  assert.throws(() => destinationOf({ uplink: { service: 's', hub: ['hub-1'] } }), { code: 'CONFIG-INVALID' });
});

test('what is received before the time is known waits for it only where the way to the data’s end tells the time', () => {
  verifies('NO-CLOCK-RETIMED');
  const tells = (text: string): boolean => tellsTime(destinationOf(parse(text)));
  assert.equal(tells('identity: gateway.json\noverlay: { type: ziti }\nuplink: { hub: [hub-1] }\n'), true);
  assert.equal(tells(`${HUB_SIDE}uplink: { hub: [hub-1] }\n`), false);
  const fhir = 'type: fhir-server, url: https://fhir.example/r4, gateway: home-7';
  assert.equal(tells(`uplink: { ${fhir} }\n`), false);
  assert.equal(tells(`uplink: { ${fhir}, tls: { caFile: ca.pem } }\n`), true);
});

test('patient data leaves this machine over TLS only, and no address holds a secret', () => {
  verifies('FHIR-SERVER-SECRETS');
  const withUrl = (url: string): string[] => problems(`uplink: { type: fhir-server, gateway: g, url: "${url}" }\n`);
  for (const url of [
    'https://fhir.example',
    'https://10.0.0.7:8443/fhir/r4/',
    'http://127.0.0.1:8080/fhir',
    'http://localhost:8080/fhir',
    'http://[::1]/fhir',
  ])
    assert.deepEqual(withUrl(url), [], url);
  const refused = [
    ...[
      'http://fhir.example/r4',
      'http://10.0.0.7/fhir',
      'http://localhost.fhir.example/r4',
      'http://0.0.0.0/fhir',
      'http://127.0.0.1.nip.io/',
    ],
    ...[
      'https://user@fhir.example/r4',
      'https://user:password1@fhir.example/r4',
      'https://fhir.example/r4?key=1',
      'https://fhir.example/r4#a',
    ],
    ...['ftp://fhir.example', 'fhir.example/r4', ''],
  ];
  for (const url of refused) {
    const [problem = '', ...more] = withUrl(url);
    assert.match(problem, /^agent\.yaml:1: uplink\.url: expected https:\/\/host\/base/, url);
    assert.deepEqual(more, []);
    assert.doesNotMatch(problem, /password1/);
  }
});

test('what does not fit together is named with its place', () => {
  verifies('CONFIG-ERRORS-HELP');
  const cases: [string, string, RegExp][] = [
    ['', 'tokenfile: t', /uplink\.tokenfile: unknown key; did you mean 'tokenFile'\?/],
    ['', 'tls: { certFile: c.pem }', /uplink\.tls\.keyFile: missing; a certificate needs its key/],
    ['', 'tls: { keyFile: k.pem }', /uplink\.tls\.certFile: missing; a key needs its certificate/],
    ['', 'batchEntries: 0', /uplink\.batchEntries: expected at least 1/],
    ['', 'token: abc', /uplink\.token: unknown key/],
    ['identity: gateway.json\n', '', /identity: expected only with a hub/],
    ['overlay: { type: ziti }\n', '', /overlay: expected only with a hub/],
  ];
  for (const [head, more, expected] of cases) {
    const [problem = 'none', ...others] = problems(
      `${head}uplink: { type: fhir-server, url: https://fhir.example, gateway: g, ${more} }\n`,
    );
    assert.match(problem, expected);
    assert.deepEqual(others, []);
  }
  const plain = 'uplink: { type: fhir-server, url: http://localhost/fhir, gateway: g, tls: { caFile: ca.pem } }\n';
  assert.deepEqual(problems(plain), ['agent.yaml:1: uplink.tls: expected only with an https:// url']);
  for (const name of ['', 'a b', 'x'.repeat(37), 'ä', 'a/b'])
    assert.match(
      problems(`uplink: { type: fhir-server, url: https://fhir.example, gateway: "${name}" }\n`)[0] ?? '',
      /uplink\.gateway: expected 1 to 36/,
    );
  assert.match(problems(`${HUB_SIDE}uplink: { type: server, hub: [hub-1] }\n`)[0] ?? '', /uplink(\.type)?: no known type/);
});

test('the schema for editors knows both', () => {
  const schema = JSON.stringify(configJsonSchema(agentConfigSchema));
  assert.match(schema, /fhir-server/);
  assert.match(schema, /vitals-ingest/);
});
