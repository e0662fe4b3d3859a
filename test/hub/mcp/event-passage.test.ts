import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { test } from 'node:test';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { EventPassage } from '../../../hub/mcp/event-passage.ts';
import { verifies } from '../../requirements.ts';

const ACKNOWLEDGED = 'event: message\ndata: {"ack":true}\n\n';
const BIG = JSON.stringify('x'.repeat(100_000));

/** The end of the SDK: what it says in the stream, and whether it was told that nobody reads it. */
class Said {
  readonly cancelled = Promise.withResolvers<void>();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  readonly answer = new Response(
    new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => this.cancelled.resolve(),
    }),
    { headers: { 'content-type': 'text/event-stream' } },
  );

  say(text: string): void {
    this.#controller?.enqueue(new TextEncoder().encode(text));
  }

  close(): void {
    this.#controller?.close();
  }

  fail(): void {
    this.#controller?.error(new Error('the stream failed'));
  }
}

interface Stream {
  said: Said;
  passage: EventPassage;
  response: ServerResponse;
  reader: Reader;
  /** Resolves at the next time that there is room. */
  room(): Promise<void>;
  /** Lets the SDK's answer go on its way. */
  lead(): void;
}

/** What the reader of a connection has got so far, without the framing of HTTP; it reads when it is asked to. */
class Reader {
  readonly #stream: Duplex;
  #text = '';

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  async until(holds: (body: string) => boolean): Promise<string> {
    while (!holds(this.body)) {
      const chunk: Buffer | null = this.#stream.read();
      if (chunk) this.#text += chunk.toString('latin1');
      else if (this.#stream.readableEnded) assert.fail(`it ended with ${this.body.slice(0, 500)}`);
      else await new Promise((resolve) => this.#stream.once('readable', resolve).once('end', resolve));
    }
    return this.body;
  }

  /** Without head and lengths of chunks. */
  get body(): string {
    const [, ...rest] = this.#text.split('\r\n\r\n');
    return rest
      .join('\r\n\r\n')
      .split('\r\n')
      .filter((part) => !/^[0-9a-f]*$/.test(part))
      .join('');
  }
}

async function opened({ acknowledged }: { acknowledged: boolean }): Promise<Stream> {
  const [ours, theirs] = duplexPair();
  const said = new Said();
  const server = createServer();
  const asked = new Promise<Stream>((resolve) => {
    server.on('request', (request, response) => {
      let waiting = Promise.withResolvers<void>();
      const passage = new EventPassage(response, 60_000, () => {
        waiting.resolve();
        waiting = Promise.withResolvers<void>();
      });
      const lead = Promise.withResolvers<void>();
      const fetch = async (): Promise<Response> => {
        await lead.promise;
        return passage.lead(said.answer, { acknowledged });
      };
      void toNodeHandler({ fetch })(request, response, {});
      resolve({ said, passage, response, reader: new Reader(theirs), room: () => waiting.promise, lead: () => lead.resolve() });
    });
  });
  server.emit('connection', ours);
  theirs.write('POST / HTTP/1.1\r\nhost: hub\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}');
  return await asked;
}

test('a stream that is acknowledged takes nothing before that; then all goes on whole, in order, past the SDK', async () => {
  verifies('MCP-STREAM-PACED');
  const { said, passage, reader, room, lead } = await opened({ acknowledged: true });
  assert.equal(passage.ready, false);
  const roomy = room();
  lead();
  assert.equal(await reader.until((body) => body.endsWith('\n\n')), ': open\n\n');
  said.say(': keepalive\n\n');
  await reader.until((body) => body.includes('keepalive'));
  assert.equal(passage.ready, false, 'a comment acknowledges nothing');
  said.say(ACKNOWLEDGED);
  await roomy;
  assert.ok(passage.ready);
  passage.send('{"n":1}');
  said.say(': keepalive\n\n');
  passage.send('{"n":2}');
  const body = await reader.until((text) => text.includes('"n":2') && text.split('keepalive').length === 3);
  assert.ok(body.startsWith(`: open\n\n: keepalive\n\n${ACKNOWLEDGED}event: message\ndata: {"n":1}\n\n`), body);
  passage.cut();
});

test('a stream that needs no acknowledgement takes messages as soon as its head has gone', async () => {
  verifies('MCP-STREAM-PACED');
  const { passage, reader, room, lead } = await opened({ acknowledged: false });
  const roomy = room();
  lead();
  await roomy;
  passage.send('{"n":1}');
  assert.equal(await reader.until((body) => body.includes('"n":1')), ': open\n\nevent: message\ndata: {"n":1}\n\n');
  passage.cut();
});

test('a reader that does not read makes it not ready, and is told of again when there is room; nothing is lost', async () => {
  verifies('MCP-STREAM-PACED');
  const { passage, reader, room, lead } = await opened({ acknowledged: false });
  const begun = room();
  lead();
  await begun;
  let sent = 0;
  while (passage.ready) {
    passage.send(BIG);
    sent += 1;
    assert.ok(sent < 100, 'it is full at some time');
  }
  const roomy = room();
  await reader.until((body) => body.split('data: ').length === sent + 1 && body.endsWith('\n\n'));
  await roomy;
  assert.ok(passage.ready);
  passage.cut();
});

test('its end comes last, ends the part of the SDK, and nothing is written behind it; also where it ended before it began', async () => {
  verifies('MCP-STREAM-PACED');
  for (const isEarly of [false, true]) {
    const { said, passage, reader, room, lead, response } = await opened({ acknowledged: false });
    const begun = room();
    if (!isEarly) {
      lead();
      await begun;
      passage.send('{"n":1}');
    }
    passage.end({ end: true });
    assert.equal(passage.ready && isEarly, false);
    passage.send('{"n":2}');
    passage.end({ end: 'again' });
    lead();
    await said.cancelled.promise;
    const body = await reader.until((text) => text.includes('"end"'));
    const first = isEarly ? '' : 'event: message\ndata: {"n":1}\n\n';
    assert.equal(body, `: open\n\n${first}event: message\ndata: {"end":true}\n\n`);
    if (!response.writableFinished) await new Promise((resolve) => response.once('finish', resolve));
  }
});

test('when the SDK ends it, or fails, it is over', async () => {
  verifies('MCP-STREAM-PACED');
  for (const over of ['close', 'fail'] as const) {
    const { said, passage, room, lead, response } = await opened({ acknowledged: false });
    const begun = room();
    lead();
    await begun;
    const errors: unknown[] = [];
    response.on('error', (error) => errors.push(error));
    const finished = new Promise((resolve) => response.once('finish', resolve));
    said[over]();
    await finished;
    passage.send('{"n":1}');
    passage.end();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(errors, [], over);
  }
});
