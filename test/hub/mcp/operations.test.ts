import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACTIONS } from '../../../hub/access/access.ts';
import { scopesToAsk } from '../../../hub/mcp/challenge.ts';
import { operationsOf, scopesOf } from '../../../hub/mcp/operations.ts';
import { verifies } from '../../requirements.ts';
import { CONNECTORS } from '../../support/mcp-clients.ts';
import { RESOURCE } from '../../support/tokens.ts';
import { SERVICE, startEndpoint } from './support.ts';

for (const [revision, connect] of Object.entries(CONNECTORS)) {
  test(`${revision}: what every tool and resource that is served does to data is known before it is called`, async () => {
    verifies('TOKEN-SCOPES');
    await using endpoint = await startEndpoint();
    await using client = await connect(endpoint.as('ai-all'), SERVICE);
    const calls = [
      ...(await client.tools()).map(({ name }) => ({ method: 'tools/call', params: { name } })),
      ...(await client.resources()).map((uri) => ({ method: 'resources/read', params: { uri } })),
    ];
    assert.ok(calls.length >= 4);
    for (const call of calls) assert.equal(operationsOf(call).length, 1, JSON.stringify(call));
  });
}

test('what a request does is told of it, and of what is no message nothing', () => {
  const read = { method: 'resources/read', params: { uri: 'vitals://patient/pat-0001/latest' } };
  const list = { method: 'resources/list' };
  assert.deepEqual(
    [read, list, { method: 'tools/list' }].map((message) => operationsOf(message)),
    [['vitals.read'], ['patients.list'], []],
  );
  for (const odd of [
    null,
    1,
    'x',
    [],
    [read],
    {},
    { method: 'constructor' },
    { method: 'tools/call', params: { name: '__proto__' } },
    { method: 1 },
  ])
    assert.deepEqual(operationsOf(odd), [], JSON.stringify(odd));
});

test('the scopes of an operation are all that it needs at once, in the context of who asks; an issuer’s own names stand in their place', () => {
  verifies('TOKEN-CHALLENGE');
  assert.deepEqual(scopesOf('person', ['patients.list', 'vitals.read']), ['user/Observation.rs?category=vital-signs']);
  assert.deepEqual(scopesOf('software', ['vitals.subscribe']), ['system/Observation.r?category=vital-signs']);
  assert.deepEqual(scopesOf('person', []), []);
  for (const action of ACTIONS.filter((name) => /^(store|audit|registry)\./.test(name)))
    assert.deepEqual(scopesOf('software', [action]), [], action);
  const resource = { resource: RESOURCE, issuers: [], scopes: { person: ['api://vitals/Vitals.Read'] } };
  assert.deepEqual(scopesToAsk(resource, 'person', ['vitals.read']), ['api://vitals/Vitals.Read']);
  assert.deepEqual(scopesToAsk(resource, 'software'), ['system/Observation.rs?category=vital-signs']);
  assert.deepEqual(scopesToAsk(resource, undefined), []);
});
