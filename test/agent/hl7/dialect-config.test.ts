import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { agentConfigSchema, decodeContext } from '../../../agent/config.ts';
import { prepareSource } from '../../../agent/sources/create-source.ts';
import { formatAgentStatus } from '../../../agent/status.ts';
import { UnknownCodes } from '../../../agent/unknown-codes.ts';
import { parseConfig } from '../../../shared/config.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-dialect-config-'));
after(() => rmSync(folder, { recursive: true }));

const HEAD = `identity: gateway.json
outbox: { path: outbox.db, keyFile: outbox.key }
overlay: { type: local, socket: switch.sock }
uplink: { hub: [hub-1] }
operator: { socket: operator.sock }
sources:
`;
const SITE = `name: hl7-site
vendor: Test
models: [one]
protocol: HL7
source: this test
codes: [{ code: '1', vital: hr }]
`;

function site(name: string, more = ''): string {
  const path = join(folder, name);
  writeFileSync(path, SITE + more);
  return path;
}

/** The agent's configuration with this source. */
function configured(source: string) {
  return parseConfig(agentConfigSchema, `${HEAD}  - ${source}\n`, { name: 'agent.yaml' });
}

function problem(made: () => unknown): string {
  try {
    made();
  } catch (error) {
    assert.ok(error instanceof VitalmeshError);
    return `${error.code} ${error.detail}`;
  }
  return '';
}

/** What is wrong with a source once its files are read. */
function prepared(source: string): string {
  return problem(() => {
    const config = configured(source);
    for (const one of config.sources) prepareSource(config, one, 'gateway-1');
  });
}

const server = (profile: string, more = ''): string =>
  `{ type: mllp-server, name: icu, host: 127.0.0.1, port: 0, profile: ${profile}${more} }`;
const client = (profile: string, more = ''): string => `{ type: mllp-client, name: icu, host: 127.0.0.1, profile: ${profile}${more} }`;

test('the profile of an HL7 source is a dialect or the path of a dialect file, read before the source is made', () => {
  assert.equal(prepared(server(site('good.yaml'))), '');
  assert.match(prepared(server(join(folder, 'none.yaml'))), /^CONFIG-UNREADABLE /);
  assert.match(prepared(server(site('bad.yaml', 'unit: []\n'))), /^MAPPING-INVALID bad\.yaml:7: unit: unknown key; did you mean 'units'/);
});

test('a dialect without a dictionary of its own is no profile, and says what is', () => {
  verifies('NOTHING-INVENTED');
  for (const name of ['hl7-capsule', 'hl7-generic'])
    assert.match(
      problem(() => configured(server(name))),
      new RegExp(`profile: expected the path of a dialect file \\(\\.yaml\\) with base: ${name}`),
    );
});

test('who calls whom is what the dialect file says', () => {
  const waits = site('waits.yaml', 'listensAt: 6000\n');
  assert.equal(prepared(client(waits)), '');
  assert.match(prepared(server(waits)), /^CONFIG-INVALID sources: icu: type: expected mllp-client/);
  assert.match(prepared(client(site('calls.yaml'), ', port: 6000')), /^CONFIG-INVALID sources: icu: type: expected mllp-server/);
});

test('waves are read only where a source says so', () => {
  for (const [more, waves] of [
    ['', undefined],
    [', waves: false', undefined],
    [', waves: true', true],
  ] as const) {
    const config = configured(server('hl7-pcd01', more));
    const [source] = config.sources;
    assert.ok(source);
    assert.equal(decodeContext(config, source).waves, waves);
  }
});

test('codes that are not in the table are counted, the most frequent first, and bounded', () => {
  verifies('NO-SILENT-DROP');
  const unknown = new UnknownCodes();
  const part = (code: string) => ({ code: 'DECODE-UNKNOWN-CODE', part: 'OBX[1]', bytes: 1, unknown: code }) as const;
  unknown.count([part('7'), part('2047'), part('2047'), { code: 'HL7-ASIDE', part: 'OBX[2]', bytes: 1 }]);
  assert.deepEqual(unknown.counts, [
    { code: '2047', count: 2 },
    { code: '7', count: 1 },
  ]);
  unknown.count(Array.from({ length: 1000 }, (_, i) => part(`x${i}`)));
  assert.equal(unknown.counts.length, 101);
  assert.deepEqual(unknown.counts[0], { code: '(others)', count: 902 });
});

test('status shows them below the source', () => {
  const source = {
    name: 'icu',
    type: 'mllp-server',
    state: 'running',
    code: null,
    endpoint: '127.0.0.1:1',
    records: 0,
    readings: 0,
    rejected: 9,
    lastRecordAt: null,
  } as const;
  const status = {
    ...{ version: '0', pid: 1, startedAt: 0, now: 0, clock: null, overlay: 'connected', controller: null, routers: [] },
    ...{ observations: 0, metrics: {} },
    identity: { id: 'g', name: 'g', notAfter: 0, enrolled: true },
    uplink: { state: 'idle', code: null, hub: null, lastAnswerAt: null },
    outbox: { pending: 0, delivered: 0, quarantined: 0, oldestPendingAt: null, fileBytes: 0, usedBytes: 0, limitBytes: 1, code: null },
    sources: [{ ...source, unknownCodes: [{ code: '2047', count: 9 }] }],
  };
  const text = formatAgentStatus(status as unknown as Parameters<typeof formatAgentStatus>[0]);
  assert.match(text, /icu +mllp-server running at 127\.0\.0\.1:1: 0 readings, 9 rejected, last never\n +not in the table: 2047 \(9\)/);
});
