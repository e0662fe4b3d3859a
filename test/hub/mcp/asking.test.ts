import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InMemoryServerEventBus } from '@modelcontextprotocol/server';
import type { Extension } from '../../../hub/mcp/extension.ts';
import type { Asking } from '../../../hub/mcp/surface/asking.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { eventData } from '../../../shared/mcp-line/server-sent.ts';
import { verifies } from '../../requirements.ts';
import { type Endpoint, modern, openSession, type RawHttp, rawHttp, startEndpoint } from './support.ts';

/** A tool whose call lasts until it is taken back, and one that tells how far it is. */
function longReads(): { extension: Extension; began: Promise<void>; ended: Promise<unknown> } {
  const began = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<unknown>();
  const held = async ({ signal }: Asking) => {
    began.resolve();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    ended.resolve(signal.reason);
    return { content: [] };
  };
  const extension: Extension = {
    server: {},
    register: (server, own) => {
      server.registerTool('hold', {}, (request) => held(own.asking(request)));
      server.registerTool('go_along', {}, async (request) => {
        const { progress } = own.asking(request);
        for (const done of [0, 1, 1, 2, 3, 1000, 1000]) await progress(done, 1000);
        return { content: [] };
      });
    },
    asks: false,
    ownOrigin: false,
    isStill: () => false,
    changes: new InMemoryServerEventBus(),
  };
  return { extension, began: began.promise, ended: ended.promise };
}

interface Message {
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
}

/** Every message of an answer, be it one of JSON or a stream of them. */
async function messagesOf(answer: Response): Promise<Message[]> {
  if (answer.headers.get('content-type')?.includes('json')) return [(await answer.json()) as Message];
  const messages: Message[] = [];
  if (answer.body) for await (const data of eventData(answer.body)) messages.push(JSON.parse(data) as Message);
  return messages;
}

interface Way {
  /** A call of a tool, or another request, with `meta` in its `_meta`. */
  ask(method: string, params: Record<string, unknown>, meta?: Record<string, unknown>): Promise<Response>;
  post: RawHttp['post'];
}

async function legacyWay(http: RawHttp): Promise<Way> {
  const headers = { 'mcp-session-id': await openSession(http), 'mcp-protocol-version': '2025-11-25' };
  return {
    ask: (method, params, meta) => http.post({ jsonrpc: '2.0', id: 7, method, params: { ...params, _meta: meta } }, headers),
    post: (body) => http.post(body, headers),
  };
}

function modernWay(http: RawHttp): Way {
  const ask: Way['ask'] = (method, params, meta) => {
    const body = modern(method, params, 7);
    const { _meta } = body.params as { _meta: Record<string, unknown> };
    Object.assign(_meta, meta);
    return http.post(body);
  };
  return { ask, post: http.post };
}

const REVISIONS = [
  { revision: '2025-11-25', way: legacyWay },
  { revision: '2026-07-28', way: async (http: RawHttp) => modernWay(http) },
];

const LATEST = { name: 'get_latest_vitals', arguments: { patient: 'pat-0001' } };
const NOBODY = { name: 'get_latest_vitals', arguments: { patient: 'pat-9999' } };
const LOG_LEVEL = 'io.modelcontextprotocol/logLevel';

/** What a client was told of its request, by level. */
function notesIn(messages: readonly Message[]): [unknown, Record<string, unknown>][] {
  return messages
    .filter(({ method }) => method === 'notifications/message')
    .map(({ params = {} }) => [params.level, params.data as Record<string, unknown>]);
}

for (const { revision, way } of REVISIONS) {
  test(`${revision}: a client is told how its request went from the level on that it asked for, and of no patient`, async () => {
    verifies('MCP-NOTES');
    await using endpoint = await startEndpoint();
    await using http = rawHttp(endpoint.as('ai-all'));
    const { ask } = await way(http);
    const asking = async (level: string | undefined, params: Record<string, unknown>, method = 'tools/call') => {
      if (level !== undefined && revision === '2025-11-25') await (await ask('logging/setLevel', { level })).text();
      const answers = await messagesOf(await ask(method, params, level === undefined ? {} : { [LOG_LEVEL]: level }));
      assert.ok(
        answers.some(({ method: told }) => told === undefined),
        'no answer came',
      );
      return notesIn(answers);
    };

    assert.deepEqual(await asking(undefined, LATEST), [], 'nobody asked');
    const [[level, data] = []] = await asking('debug', LATEST);
    assert.deepEqual([level, data?.asked, typeof data?.ms], ['debug', 'get_latest_vitals', 'number']);
    const [[, read] = []] = await asking('debug', { uri: 'vitals://patient/pat-0001/latest' }, 'resources/read');
    assert.equal(read?.asked, 'latest');
    assert.deepEqual(await asking('info', LATEST), []);
    for (const [params, method] of [
      [NOBODY, 'tools/call'],
      [{ uri: 'vitals://patient/pat-9999/latest' }, 'resources/read'],
    ] as const) {
      const notes = await asking('warning', params, method);
      assert.deepEqual(
        notes.map(([at, { code }]) => [at, code]),
        [['warning', 'NOT-FOUND']],
      );
      assert.doesNotMatch(JSON.stringify(notes), /pat-/);
    }
    assert.deepEqual(await asking('error', NOBODY), []);
  });

  test(`${revision}: a long read tells how far it is, growing, to whoever asked`, async () => {
    verifies('MCP-LONG-READS');
    await using endpoint = await startEndpoint({ extension: longReads().extension });
    await using http = rawHttp(endpoint.as('ai-all'));
    const { ask } = await way(http);
    const told = async (meta: Record<string, unknown>) =>
      (await messagesOf(await ask('tools/call', { name: 'go_along', arguments: {} }, meta)))
        .filter(({ method }) => method === 'notifications/progress')
        .map(({ params }) => params);
    assert.deepEqual(await told({}), []);
    const steps = await told({ progressToken: 'mine' });
    assert.deepEqual(
      [steps[0], steps.at(-1)],
      [0, 1000].map((progress) => ({ progressToken: 'mine', progress, total: 1000 })),
    );
    // The clock may let another one through in between, never one that does not grow.
    const values = steps.map((params) => Number(params?.progress));
    assert.deepEqual(
      values,
      [...new Set(values)].sort((a, b) => a - b),
    );
    assert.ok(values.length < 5);
  });
}

test('2025-11-25: a call that its client cancels is stopped, with a code of ours', async () => {
  verifies('MCP-LONG-READS');
  const { extension, began, ended } = longReads();
  await using endpoint = await startEndpoint({ extension });
  await using http = rawHttp(endpoint.as('ai-all'));
  const { ask, post } = await legacyWay(http);
  const answer = ask('tools/call', { name: 'hold', arguments: {} });
  await began;
  const params = { requestId: 7, reason: 'text of a caller' };
  assert.equal((await post({ jsonrpc: '2.0', method: 'notifications/cancelled', params })).status, 202);
  assertTakenBack(await ended);
  await http[Symbol.asyncDispose]();
  await answer.then((response) => response.text()).catch(() => undefined);
});

test('2026-07-28: a call whose client is gone is stopped, although nothing was said', async () => {
  verifies('MCP-LONG-READS');
  const { extension, began, ended } = longReads();
  await using endpoint: Endpoint = await startEndpoint({ extension });
  const http = rawHttp(endpoint.as('ai-all'));
  const answer = modernWay(http)
    .ask('tools/call', { name: 'hold', arguments: {} })
    .catch(() => undefined);
  await began;
  await http[Symbol.asyncDispose]();
  assertTakenBack(await ended);
  await answer;
});

function assertTakenBack(reason: unknown): void {
  assert.ok(reason instanceof VitalmeshError);
  assert.equal(reason.code, 'MCP-CANCELLED');
}
