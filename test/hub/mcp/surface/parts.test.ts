import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROMPTS } from '../../../../hub/mcp/surface/prompts.ts';
import { TOOLS } from '../../../../hub/mcp/surface/tools.ts';
import { verifies } from '../../../requirements.ts';
import { CONNECTORS, type TestClient } from '../../../support/mcp-clients.ts';
import { modern, rawHttp, SERVICE, startEndpoint } from '../support.ts';

/** Everything that is offered, by each method that offers it. */
async function offered(client: TestClient): Promise<unknown> {
  return {
    resources: await client.resources(),
    templates: await client.templates(),
    tools: (await client.tools()).map(({ name, outputSchema }) => ({ name, outputSchema })),
    prompts: (await client.prompts()).map(({ name, arguments: args }) => ({ name, args })),
    completed: await client.completePatient('pat-'),
    argument: await client.completeArgument('summarize_patient', 'patient', 'pat-'),
  };
}

test('built for one request or for a session, the surface offers the same', async () => {
  verifies('MCP-BOTH-ERAS');
  await using endpoint = await startEndpoint();
  const all: unknown[] = [];
  for (const connect of Object.values(CONNECTORS)) {
    await using client = await connect(endpoint.as('ai-all'), SERVICE);
    all.push(await offered(client));
  }
  const [one, ...others] = all;
  assert.ok(others.length > 0);
  for (const other of others) assert.deepEqual(other, one);
});

test('a request is served with what it is about, and discovery tells of all', async () => {
  verifies('MCP-BOTH-ERAS');
  await using endpoint = await startEndpoint();
  await using http = rawHttp(endpoint.as('ai-all'));
  const ask = async (method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> => {
    const { result } = (await (await http.post(modern(method, params))).json()) as { result?: Record<string, unknown> };
    return result ?? assert.fail(method);
  };
  const named = (list: unknown): unknown[] => (list as { name: string }[]).map(({ name }) => name);
  assert.deepEqual(named((await ask('tools/list')).tools), named(TOOLS));
  assert.deepEqual(named((await ask('prompts/list')).prompts).sort(), named(PROMPTS).sort());
  const { capabilities } = (await ask('server/discover')) as { capabilities: object };
  for (const capability of ['completions', 'logging', 'prompts', 'resources', 'tools'])
    assert.ok(Object.hasOwn(capabilities, capability), capability);
});
