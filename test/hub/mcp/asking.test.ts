import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InMemoryServerEventBus } from '@modelcontextprotocol/server';
import type { Extension } from '../../../hub/mcp/extension.ts';
import type { Asking } from '../../../hub/mcp/surface/asking.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { eventData } from '../../../shared/mcp-line/server-sent.ts';
import { verifies } from '../../requirements.ts';
import { lines, type Message } from './line/lines.ts';
import { type Endpoint, INITIALIZE, modern, openSession, rawHttp, startEndpoint } from './support.ts';

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

/** Every message of an answer, be it one of JSON or a stream of them. */
async function messagesOf(answer: Response): Promise<Message[]> {
  if (answer.headers.get('content-type')?.includes('json')) return [(await answer.json()) as Message];
  const messages: Message[] = [];
  if (answer.body) for await (const data of eventData(answer.body)) messages.push(JSON.parse(data) as Message);
  return messages;
}

/** How one client asks, one question at a time. */
interface Way extends AsyncDisposable {
  /** A call of a tool, or another request, with `meta` in its `_meta`; all that comes of it. */
  ask(method: string, params: Record<string, unknown>, meta?: Record<string, unknown>): Promise<Message[]>;
  /** The question that is under way is given up. */
  cancel(): Promise<void>;
}

const ID = 7;
const CANCELLED = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: ID, reason: 'text of a caller' } };

function questionOf(revision: Revision, method: string, params: Record<string, unknown>, meta?: Record<string, unknown>): object {
  if (revision === '2025-11-25') return { jsonrpc: '2.0', id: ID, method, params: { ...params, _meta: meta } };
  const body = modern(method, params, ID);
  Object.assign((body.params as { _meta: object })._meta, meta);
  return body;
}

async function byHttp(revision: Revision, endpoint: Endpoint): Promise<Way> {
  const http = rawHttp(endpoint.as('ai-all'));
  const isOld = revision === '2025-11-25';
  const headers: Record<string, string> = isOld ? { 'mcp-session-id': await openSession(http), 'mcp-protocol-version': revision } : {};
  return {
    ask: async (...question) => messagesOf(await http.post(questionOf(revision, ...question), headers)),
    cancel: async () => {
      // Of 2026-07-28 a question is given up by going away.
      if (isOld) assert.equal((await http.post(CANCELLED, headers)).status, 202);
      else await http[Symbol.asyncDispose]();
    },
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

async function byLine(revision: Revision, endpoint: Endpoint): Promise<Way> {
  const client = await lines(endpoint);
  if (revision === '2025-11-25') {
    client.say(INITIALIZE);
    await client.hearAnswer(INITIALIZE.id);
    client.say({ jsonrpc: '2.0', method: 'notifications/initialized' });
  }
  return {
    ask: async (...question) => {
      client.say(questionOf(revision, ...question));
      return await client.hearAnswer(ID);
    },
    cancel: async () => client.say(CANCELLED),
    [Symbol.asyncDispose]: async () => void client.stream.destroy(),
  };
}

type Revision = '2025-11-25' | '2026-07-28';
const WIRES = { HTTP: byHttp, line: byLine };
const WAYS = (['2025-11-25', '2026-07-28'] as const).flatMap((revision) =>
  Object.entries(WIRES).map(([wire, open]) => ({ revision, wire, open: (endpoint: Endpoint) => open(revision, endpoint) })),
);

const LATEST = { name: 'get_latest_vitals', arguments: { patient: 'pat-0001' } };
const NOBODY = { name: 'get_latest_vitals', arguments: { patient: 'pat-9999' } };
const LOG_LEVEL = 'io.modelcontextprotocol/logLevel';

/** What a client was told of its request, by level. */
function notesIn(messages: readonly Message[]): [unknown, Record<string, unknown>][] {
  return messages
    .filter(({ method }) => method === 'notifications/message')
    .map(({ params = {} }) => [params.level, params.data as Record<string, unknown>]);
}

for (const { revision, wire, open } of WAYS) {
  test(`${revision} by ${wire}: a client is told how its request went from the level on that it asked for, and of no patient`, async () => {
    verifies('MCP-NOTES');
    await using endpoint = await startEndpoint();
    await using way = await open(endpoint);
    const asking = async (level: string | undefined, params: Record<string, unknown>, method = 'tools/call') => {
      if (level !== undefined && revision === '2025-11-25') await way.ask('logging/setLevel', { level });
      const answers = await way.ask(method, params, level === undefined ? {} : { [LOG_LEVEL]: level });
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

  test(`${revision} by ${wire}: a long read tells how far it is, growing, to whoever asked`, async () => {
    verifies('MCP-LONG-READS');
    await using endpoint = await startEndpoint({ extension: longReads().extension });
    await using way = await open(endpoint);
    const told = async (meta: Record<string, unknown>) =>
      (await way.ask('tools/call', { name: 'go_along', arguments: {} }, meta))
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

  test(`${revision} by ${wire}: a call that its client gives up is stopped, with a code of ours, and so is one whose client is gone`, async () => {
    verifies('MCP-LONG-READS');
    for (const how of ['given up', 'gone']) {
      // Of 2025-11-25 by HTTP a client that is gone comes back to its session.
      if (how === 'gone' && revision === '2025-11-25' && wire === 'HTTP') continue;
      const { extension, began, ended } = longReads();
      await using endpoint = await startEndpoint({ extension });
      await using way = await open(endpoint);
      const answer = way.ask('tools/call', { name: 'hold', arguments: {} }).catch(() => undefined);
      await began;
      if (how === 'given up') await way.cancel();
      else await way[Symbol.asyncDispose]();
      assertTakenBack(await ended);
      await way[Symbol.asyncDispose]();
      await answer;
    }
  });
}

test('2025-11-25 by HTTP: the response of a question that was taken back ends at once, without an answer, and another may have its id', async () => {
  verifies('MCP-GIVEN-UP');
  const { extension, began, ended } = longReads();
  await using endpoint = await startEndpoint({ extension });
  await using way = await byHttp('2025-11-25', endpoint);
  const held = way.ask('tools/call', { name: 'hold', arguments: {} });
  await began;
  await way.cancel();
  assert.deepEqual(
    (await held).filter((message) => 'result' in message || 'error' in message),
    [],
  );
  assertTakenBack(await ended);
  // Of what is not under way, and of what is no id, there is nothing to end.
  await way.cancel();
  const [answer] = await way.ask('tools/list', {});
  assert.ok(answer && 'result' in answer);
});

function assertTakenBack(reason: unknown): void {
  assert.ok(reason instanceof VitalmeshError);
  assert.equal(reason.code, 'MCP-CANCELLED');
}
