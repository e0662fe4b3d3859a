import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import { PROMPTS } from '../../../hub/mcp/surface/prompts.ts';
import { TOOLS } from '../../../hub/mcp/surface/tools.ts';
import { TEMPLATES } from '../../../hub/mcp/uris.ts';
import { ERRORS, type ErrorCode } from '../../../shared/errors.ts';
import { headerText } from '../../../shared/mcp-line/messages.ts';
import { verifies } from '../../requirements.ts';
import { inputSchema } from './every-surface.ts';
import { INITIALIZE, LINE_SERVICE, modern, openSession, type RawHttp, rawHttp } from './support.ts';
import { type Served, served } from './tools/served.ts';

/** Somebody's, whom the hub does not know; in no answer, whoever asks with it. */
const NAME = 'Zylphaquist';
const OFTEN = { callsPerMinute: 1_000_000, readsPerMinute: 1_000_000, callsPerDay: 1_000_000, callsPerMonth: 1_000_000 };
const PATIENT = 'pat-icu-01';
const METHODS = [
  ...['tools/call', 'tools/list', 'prompts/get', 'prompts/list', 'resources/read', 'resources/list', 'resources/templates/list'],
  ...['completion/complete', 'subscriptions/listen', 'resources/subscribe', 'resources/unsubscribe'],
];

type Ask = (method: string, params: Record<string, unknown>) => Promise<string>;

let site: Served;
let http: RawHttp;
const ways = new Map<string, Ask>();
before(async () => {
  site = await served({
    policy: () => ({ ...DEFAULT_POLICY, limits: { person: OFTEN, software: OFTEN } }),
    limits: { opensBurst: 10_000, opensPerMinute: 10_000 },
  });
  await site.measure();
  await site.alert();
  http = rawHttp(site.as('ai-monitor'));
  const session = { 'mcp-session-id': await openSession(http) };
  const text = async (answer: Promise<Response>): Promise<string> => {
    const response = await answer;
    assert.ok(response.status < 500, `HTTP ${response.status}`);
    return await firstOf(response);
  };
  let id = 0;
  ways.set('2026-07-28', (method, params) => {
    const name = params.uri ?? params.name;
    return text(http.post(modern(method, params), typeof name === 'string' ? { 'mcp-name': headerText(name) } : {}));
  });
  ways.set('2025-11-25', (method, params) => text(http.post({ jsonrpc: '2.0', id: ++id, method, params }, session)));
  ways.set('by line', await byLine(site));
});
after(async () => {
  await http[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

/** The first message of an answer; of a stream that was opened what it begins with. */
async function firstOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let read = '';
  for await (const chunk of response.body ?? []) {
    read += decoder.decode(chunk as Uint8Array, { stream: true });
    if (/^data: .*\n\n/m.test(read)) break;
  }
  return read;
}

/** A session over the line wire, one question at a time. */
async function byLine(from: Served): Promise<Ask> {
  const stream = await from.as('ai-monitor').dial(LINE_SERVICE);
  stream.on('error', () => undefined).setEncoding('utf8');
  const waiting = new Map<number, (line: string) => void>();
  let rest = '';
  stream.on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) waiting.get((JSON.parse(line) as { id: number }).id)?.(line);
  });
  let id = 1;
  const closed = new Promise<never>((_, reject) => stream.once('close', () => reject(new Error('the connection was closed'))));
  closed.catch(() => undefined);
  const ask: Ask = (method, params) => Promise.race([closed, asked(method, params)]);
  const asked: Ask = (method, params) =>
    new Promise((resolve) => {
      id += 1;
      waiting.set(id, resolve);
      stream.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    });
  await ask('initialize', INITIALIZE.params);
  stream.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`);
  return ask;
}

interface Answer {
  result?: { isError?: boolean; content?: { text?: string }[]; structuredContent?: unknown; _meta?: Record<string, unknown> };
  error?: { code: number; message: string; data?: { code?: string; advice?: string } };
}

function parsed(text: string): Answer {
  const json = /^data: (.*)$/m.exec(text)?.[1] ?? text;
  return JSON.parse(json) as Answer;
}

/** Throws unless an answer is one, or an error of our table with what to do; gives its code. */
function judged(text: string, about: string): string {
  assert.ok(!text.includes(NAME), `${about}: repeats what was sent: ${text.slice(0, 400)}`);
  const { result, error } = parsed(text);
  if (error) {
    const { code = '', advice } = error.data ?? {};
    assert.ok(Object.hasOwn(ERRORS, code), `${about}: ${text.slice(0, 400)}`);
    assert.notEqual(code, 'INTERNAL', about);
    assert.equal(advice, ERRORS[code as ErrorCode].advice);
    assert.ok(Number.isInteger(error.code) && error.code <= -32_000 && error.code >= -32_768, about);
    return code;
  }
  if (result?.isError !== true) return '';
  const code = String(result._meta?.['vitalmesh/code']);
  assert.ok(Object.hasOwn(ERRORS, code), `${about}: ${text.slice(0, 400)}`);
  assert.notEqual(code, 'INTERNAL', about);
  assert.ok(result.content?.[0]?.text?.includes(ERRORS[code as ErrorCode].advice), about);
  return code;
}

const named = fc.constantFrom(
  NAME,
  `${NAME} Ottilie`,
  `pat-${NAME}`,
  `${NAME}%20x`,
  `vitals://patient/${NAME}/latest`,
  `x://${'a'.repeat(9)}`.concat(''),
);
const known = fc.constantFrom(PATIENT, 'pat-icu-02', 'hr', 'nibp', 'spo2', '1h', 'heart', 'icu', '2026-11-21T10:00:00Z', 'monitor-1');
const odd = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', ' ', '\u0000', '__proto__', 'constructor', 'x'.repeat(600)),
);
const someText = fc.oneof(named, known, odd);
const someNumber = fc.oneof(
  fc.integer({ min: -5, max: 200 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -1, 1e308, 0.5),
);
const anything: fc.Arbitrary<unknown> = fc.oneof(
  someText,
  someNumber,
  fc.boolean(),
  fc.constant(null),
  fc.array(someText, { maxLength: 3 }),
  fc.dictionary(fc.oneof(named, fc.string({ maxLength: 8 })), fc.oneof(someText, someNumber), { maxKeys: 3 }),
);

interface Schema {
  type?: string;
  enum?: readonly unknown[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  items?: Schema;
}

/** As a schema of an argument says, in form. */
function like({ type, enum: values, items }: Schema): fc.Arbitrary<unknown> {
  if (values) return fc.constantFrom(...values);
  if (type === 'string') return someText;
  if (type === 'number' || type === 'integer') return someNumber;
  if (type === 'boolean') return fc.boolean();
  if (type === 'array') return fc.array(like(items ?? {}), { maxLength: 4 });
  if (type === 'object') return fc.dictionary(someText, someNumber, { maxKeys: 3 });
  return anything;
}

/** Arguments in the form of their schema, and off it: of another form, missing, or more than there are. */
function argumentsOf({ properties = {}, required = [] }: Schema): fc.Arbitrary<unknown> {
  // Of somebody who is there, more is looked at.
  const likely = (name: string, schema: Schema) =>
    name === 'patient' ? fc.oneof({ weight: 3, arbitrary: fc.constant(PATIENT) }, { weight: 1, arbitrary: someText }) : like(schema);
  const fields = Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, likely(name, schema)]));
  const loose = Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, fc.oneof(like(schema), anything)]));
  return fc.oneof(
    { weight: 4, arbitrary: fc.record(fields, { requiredKeys: [...required] }) },
    { weight: 3, arbitrary: fc.record({ ...loose, [NAME]: anything }, { requiredKeys: [] }) },
    { weight: 1, arbitrary: anything },
  );
}

/** Whoever waits does so no longer than it takes to see that it waits. */
function quick(tool: string, args: unknown): unknown {
  const isObject = typeof args === 'object' && args !== null && !Array.isArray(args);
  if (tool !== 'wait_for_change' || !isObject) return args;
  const { timeout_seconds: asked } = args as { timeout_seconds?: unknown };
  return asked === undefined || (typeof asked === 'number' && asked > 1) ? { ...args, timeout_seconds: 1 } : args;
}

for (const way of ['2026-07-28', '2025-11-25', 'by line'])
  test(`${way}: whatever a tool is called with, it answers as its schema says or with an error of the table, and repeats nothing`, async () => {
    verifies('MCP-ARGUMENTS', 'MCP-SCHEMAS');
    const ask = ways.get(way) ?? assert.fail();
    const codes = new Set<string>();
    for (const tool of TOOLS) {
      const schema = inputSchema(tool) as Schema;
      // A wait that succeeds takes its second; others refuse at once.
      const numRuns = tool.name === 'wait_for_change' ? 25 : 60;
      await fc.assert(
        fc.asyncProperty(argumentsOf(schema), async (given) => {
          const args = quick(tool.name, given);
          const text = await ask('tools/call', { name: tool.name, arguments: args });
          const about = `${tool.name} ${JSON.stringify(args)}`;
          const code = judged(text, about);
          codes.add(code);
          if (code === '') assert.ok(tool.output.strict().safeParse(parsed(text).result?.structuredContent).success, about);
        }),
        { numRuns, examples: [[{}], [null], [NAME], [[]]] },
      );
    }
    for (const code of ['', 'MCP-ARGUMENTS', 'NOT-FOUND', 'MCP-GROUP', 'MCP-PERIOD']) assert.ok(codes.has(code), `${code} never came`);
  });

for (const way of ['2026-07-28', '2025-11-25', 'by line'])
  test(`${way}: whatever a method is asked with, what comes back is an answer or an error of the table, and repeats nothing`, async () => {
    verifies('MCP-ARGUMENTS');
    const ask = ways.get(way) ?? assert.fail();
    const name = fc.oneof(fc.constantFrom(...TOOLS.map((tool) => tool.name), ...PROMPTS.map((prompt) => prompt.name)), anything);
    const uri = fc.oneof(fc.constantFrom(...Object.values(TEMPLATES), 'vitals://patients', 'hub://health'), anything);
    const ref = fc.oneof(
      fc.record({ type: fc.constantFrom('ref/prompt', 'ref/resource', NAME), name, uri }, { requiredKeys: ['type'] }),
      anything,
    );
    const argument = fc.oneof(fc.record({ name: fc.oneof(fc.constantFrom('id', 'patient', 'ward'), anything), value: anything }), anything);
    const params = fc.record(
      {
        ...{
          name,
          uri,
          ref,
          argument,
          cursor: anything,
          arguments: fc.oneof(anything, fc.dictionary(fc.constantFrom('patient', 'ward', 'hours'), someText)),
        },
        ...{
          notifications: fc.oneof(anything, fc.record({ resourceSubscriptions: fc.oneof(anything, fc.array(uri)) })),
          context: anything,
        },
      },
      { requiredKeys: [] },
    );
    const codes = new Set<string>();
    const served = METHODS.filter((method) => way !== '2026-07-28' || !/^resources\/(un)?subscribe$/.test(method));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...served), params, async (method, given) => {
        codes.add(judged(await ask(method, given), `${method} ${JSON.stringify(given)}`));
      }),
      { numRuns: 600 },
    );
    for (const code of ['', 'MCP-ARGUMENTS', 'NOT-FOUND']) assert.ok(codes.has(code), `${code} never came`);
    assert.equal(site.service.status().bound, true);
  });

test('a request whose headers disagree with its body, or that speaks a revision or a form that is not served, is refused in our words', async () => {
  verifies('MCP-ARGUMENTS');
  const uri = `vitals://patient/${NAME}/latest`;
  const read = modern('resources/read', { uri });
  const { params } = read as { params: { _meta: Record<string, unknown> } };
  const asked: [Record<string, unknown>, Record<string, string>, string][] = [
    [read, { 'mcp-name': 'vitals://patients' }, 'MCP-HEADERS'],
    [read, { 'mcp-name': '=?base64?!!?=' }, 'MCP-HEADERS'],
    [read, { 'mcp-method': NAME }, 'MCP-HEADERS'],
    [read, { 'mcp-protocol-version': '2099-01-01' }, 'MCP-HEADERS'],
    [{ ...read, params: { uri, _meta: { ...params._meta, 'io.modelcontextprotocol/protocolVersion': NAME } } }, {}, 'MCP-HEADERS'],
    [{ ...read, params: { uri, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } } }, {}, 'MCP-REQUEST'],
    [{ jsonrpc: NAME, id: 1, method: 'tools/list' }, {}, 'MCP-REQUEST'],
    [INITIALIZE, { accept: NAME }, 'MCP-REQUEST'],
    [INITIALIZE, { 'mcp-protocol-version': NAME }, 'MCP-METHOD'],
  ];
  for (const [body, headers, code] of asked) {
    const response = await http.post(body, headers);
    const about = `${JSON.stringify(body)} ${JSON.stringify(headers)}`;
    assert.equal(judged(await firstOf(response), about), code, about);
  }
});
