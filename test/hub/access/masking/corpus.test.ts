import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { explainCliCommands } from '../../../../hub/access/explain/cli.ts';
import { auditCliCommands } from '../../../../hub/audit/cli.ts';
import { backupCommands } from '../../../../hub/backup/cli.ts';
import { hubProgram } from '../../../../hub/cli.ts';
import { readingsCliCommands } from '../../../../hub/clinical/amend/cli.ts';
import { clinicalCliCommands } from '../../../../hub/clinical/cli.ts';
import { inspectionCliCommands } from '../../../../hub/inspection/cli.ts';
import { patientsCliCommands } from '../../../../hub/patients/cli.ts';
import type { CommandGroup } from '../../../../shared/command-line.ts';
import { verifies } from '../../../requirements.ts';
import { connectModern } from '../../../support/mcp-clients.ts';
import { MARKERS, type MarkerName, markersIn, SAFE_HARBOR } from '../../../support/planted-identifiers.ts';
import { INITIALIZE, rawHttp, SERVICE } from '../../mcp/support.ts';
import { PRINTED_BY_THE_CLI } from './outputs/operator.ts';
import { COVERED, OUTPUTS } from './outputs.ts';
import { plantedSite } from './planted-site.ts';

test('no planted identifier of any of the eighteen kinds leaves by any output that exists', async () => {
  verifies('MASK-CORPUS', 'MASK-ALLOW-LIST', 'LOG-CLEAN');
  await using site = await plantedSite();
  assert.ok(site.planted.stored >= 9 && site.planted.refused >= 2, JSON.stringify(site.planted));
  const said = new Map<string, MarkerName[]>();
  for (const { name, may, run } of OUTPUTS) {
    const text = await run(site);
    assert.ok(text.length > 1, `${name} says nothing`);
    const found = markersIn(text);
    said.set(name, found);
    const leaked = found.filter((one) => !may?.markers.includes(one));
    const kinds = leaked.map((one) => `${one} (${SAFE_HARBOR[MARKERS[one].kind]})`);
    assert.deepEqual(kinds, [], `${name} lets out ${kinds.join(', ')}`);
  }
  // That they were there to leave: as they were stored, and where a limited data set has them.
  const stored = new Set(said.get('operator export'));
  for (const name of [
    'name',
    'town',
    'bed',
    'measured',
    'typedPhone',
    'serial',
    'homeSerial',
    'mac',
    'eui',
    'account',
    'record',
    'visit',
    'wave',
  ] as const)
    assert.ok(stored.has(name), `${name} was not planted`);
  assert.deepEqual(said.get('mcp 2026-07-28 ai-quality: resource vitals://patients'), ['ward', 'measured']);
  assert.ok(said.get('operator status')?.includes('bed'), 'no place was refused');
  assert.ok(site.log.length > 2);
});

test('the markers are of all eighteen kinds, and are found in whatever form they stand', () => {
  verifies('MASK-CORPUS');
  assert.deepEqual([...new Set(Object.values(MARKERS).map(({ kind }) => kind))].sort(), Object.keys(SAFE_HARBOR).sort());
  for (const [name, { text }] of Object.entries(MARKERS)) {
    for (const form of [text, text.toUpperCase(), encodeURIComponent(text), Buffer.from(`1${text}`).toString('base64url'), `"x":"${text}"`])
      assert.ok(markersIn(`before ${form} behind`).includes(name as MarkerName), form);
  }
  assert.deepEqual(markersIn('masked-gu5uhnukihg2nye7hrs6 spo2 97 %'), []);
});

test('whatever is registered has its row among the outputs: a tool, a resource, a prompt, a method of the door, a command', async () => {
  verifies('MASK-CORPUS');
  await using site = await plantedSite();
  await using client = await connectModern(site.as('ai-research'), SERVICE);
  const registered = [
    ...(await client.tools()).map(({ name }) => `tool ${name}`),
    ...(await client.templates()).map((template) => `template ${template}`),
    ...(await client.resources()).filter((uri) => !uri.includes('/patient/')).map((uri) => `resource ${uri}`),
  ];
  await using http = rawHttp(site.as('ai-research'));
  const { capabilities } = (
    JSON.parse(/\{.*\}/.exec(await (await http.post(INITIALIZE)).text())?.[0] ?? '') as { result: { capabilities: object } }
  ).result;
  for (const capability of Object.keys(capabilities))
    if (capability !== 'tools' && capability !== 'resources') registered.push(`capability ${capability}`);
  assert.deepEqual(
    registered.filter((name) => !COVERED.mcp.includes(name)),
    [],
    'MCP says more than the corpus looks at (outputs.ts)',
  );

  const methods = Object.keys(site.hub.door);
  assert.ok(methods.includes('latest'), 'methods are members of the door itself');
  assert.deepEqual(
    methods.filter((name) => !COVERED.door.includes(name)),
    [],
    'the door has methods that the corpus does not call (outputs.ts)',
  );

  assert.deepEqual(Object.keys(site.operator).sort(), COVERED.operator.toSorted(), 'operator commands (outputs.ts)');
});

/** What main.ts makes the commands of; more of them than these must join `plantedSite` or the program below. */
const OPERATOR_ROOMS = [
  'auditOperatorCommands',
  'backupOperatorCommands',
  'clinicalOperatorCommands',
  'explainOperatorCommands',
  'handOperatorCommands',
  'hubOperatorCommands',
  'inspectionCommands',
  'patientsOperatorCommands',
  'readingsOperatorCommands',
  'rightsOperatorCommands',
];
const CLI_ROOMS = [
  'auditCliCommands',
  'backupCommands',
  'clinicalCliCommands',
  'explainCliCommands',
  'hubProgram',
  'inspectionCliCommands',
  'patientsCliCommands',
  'readingsCliCommands',
];

test('every room whose commands the hub takes in is known to the corpus, and every command has what it prints', () => {
  verifies('MASK-CORPUS');
  const main = readFileSync(new URL('../../../../hub/main.ts', import.meta.url), 'utf8');
  const rooms = new Set(
    [...main.matchAll(/\b(\w+(?:Commands|Program))\(/g)].map(([, name]) => name ?? '').filter((name) => name !== 'runProgram'),
  );
  assert.deepEqual([...rooms].sort(), [...OPERATOR_ROOMS, ...CLI_ROOMS].sort());

  const none = {} as never;
  const program = hubProgram(none, {
    ...backupCommands(none),
    ...inspectionCliCommands(none),
    ...explainCliCommands(none),
    ...auditCliCommands(none),
    ...patientsCliCommands(none),
    ...readingsCliCommands(none),
    ...clinicalCliCommands(),
  });
  assert.deepEqual(commandsOf(program).sort(), Object.keys(PRINTED_BY_THE_CLI).sort(), 'commands of vitalmesh-hub (outputs.ts)');
});

function commandsOf({ commands }: CommandGroup, before = ''): string[] {
  return Object.entries(commands).flatMap(([name, command]) =>
    'commands' in command ? commandsOf(command, `${before}${name} `) : [`${before}${name}`],
  );
}
