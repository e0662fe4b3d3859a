import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonLines, TOO_LONG } from '../../../shared/mcp-line/json-lines.ts';
import { headerText, lineMessage } from '../../../shared/mcp-line/messages.ts';
import { eventData } from '../../../shared/mcp-line/server-sent.ts';
import { verifies } from '../../requirements.ts';

/** Bytes cut anywhere. */
const cuts = (bytes: Buffer, at: readonly number[]): Buffer[] => {
  const edges = [0, ...at.map((n) => n % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
};

async function* stream(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function whole(data: AsyncIterable<string>): Promise<string[]> {
  const got: string[] = [];
  for await (const one of data) got.push(one);
  return got;
}

const line = fc.string({ maxLength: 30, unit: 'grapheme' }).filter((text) => !/[\r\n]/.test(text));

test('lines come out whole however their bytes are cut, and one that is too long costs itself alone', async () => {
  verifies('MCP-LINE');
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 12 }), fc.boolean(), async (lines, at, windows) => {
      const bytes = Buffer.from([...lines, 'unfinished'].join(windows ? '\r\n' : '\n'));
      const got: unknown[] = [];
      for await (const one of jsonLines(stream(cuts(bytes, at)), 40)) got.push(one === TOO_LONG ? TOO_LONG : one.toString('utf8'));
      const whole = lines.filter((text) => text !== '');
      assert.deepEqual(
        got,
        whole.map((text) => (Buffer.byteLength(text) + (windows ? 1 : 0) > 40 ? TOO_LONG : text)),
      );
    }),
    { numRuns: 300 },
  );
});

test('how long a line may be is asked at the beginning of each', async () => {
  verifies('MCP-LINE-BOUNDED');
  let most = 3;
  const got: unknown[] = [];
  for await (const one of jsonLines(stream(cuts(Buffer.from('abcd\nabc\nabcd\nabcd\n'), [2, 7, 12])), () => most)) {
    got.push(one === TOO_LONG ? TOO_LONG : one.toString('utf8'));
    most = got.length === 2 ? 4 : 3;
  }
  assert.deepEqual(got, [TOO_LONG, 'abc', 'abcd', TOO_LONG]);
});

test('the data of an event stream come out whole however its bytes are cut', async () => {
  verifies('MCP-LINE');
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      fc.constantFrom('\n', '\r\n', '\r'),
      async (data, at, end) => {
        const text = data.map((one) => `: comment${end}event: message${end}data: ${one}${end}${end}`).join('');
        const body = ReadableStream.from(cuts(Buffer.from(`${text}data: unfinished`), at).map((chunk) => new Uint8Array(chunk)));
        assert.deepEqual(await whole(eventData(body)), data);
      },
    ),
    { numRuns: 300 },
  );
  const two = ReadableStream.from([new TextEncoder().encode('data: a\ndata:b\n\n')]);
  assert.deepEqual(await whole(eventData(two)), ['a\nb']);
});

test('what is no single message is none, and of one is known what carries it', () => {
  for (const odd of [null, 1, 'x', [], [{}]]) assert.equal(lineMessage(odd), undefined);
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };
  const read = lineMessage({ id: 3, method: 'resources/read', params: { uri: 'vitals://patients', _meta: meta } });
  assert.deepEqual(
    [read?.id, read?.method, read?.name, read?.revision, read?.isAnswer],
    [3, 'resources/read', 'vitals://patients', '2026-07-28', false],
  );
  assert.equal(lineMessage({ id: 3, result: {} })?.isAnswer, true);
  assert.equal(headerText('vitals://patients'), 'vitals://patients');
  for (const text of ['é', ' a', '=?base64?YQ==?=', 'a\nb', '']) assert.match(headerText(text), /^=\?base64\?.*\?=$/);
});
