import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { test } from 'node:test';
import { VitalmeshError } from '../../../../../shared/errors.ts';
import { openChannel } from '../../../../../shared/overlay/ziti/channel/open.ts';
import { HELLO_GRANTED, hex, rawRouter } from '../../../../support/raw-router.ts';
import { network, opened, towards } from './opened.ts';

const HELLO = hex(`0306090c 00000000 ffffffff 2c000000 09000000 | ea030000 24000000
  66653838303534642d373835312d346166302d386566342d313466363739613262663263 | 68632e2e784d766576`);

test('the hello carries the session token and the identity id; the answer says who the router is', async () => {
  await using router = await rawRouter(network);
  const opening = openChannel(towards(router));
  const peer = await router.accept();
  assert.deepEqual(await peer.greet(), HELLO);
  await using channel = await opening;
  assert.equal(channel.routerId, 'GrQSyMojo');
  assert.equal(channel.routerVersion, 'v2.0.3|e86e337a1f36|local|linux|amd64');
  assert.equal(channel.supportsBindSuccess, true);
  assert.equal(channel.closed.aborted, false);
  peer.socket.resume();
});

test('a router that says nothing about itself is taken as it is', async () => {
  await using router = await rawRouter(network);
  const opening = openChannel(towards(router));
  const peer = await router.accept();
  await peer.frame();
  await peer.send(hex('0306090c 02000000 ffffffff 15000000 00000000 | 02000000 01000000 01 | 01000000 04000000 ffffffff'));
  await using channel = await opening;
  assert.deepEqual([channel.routerId, channel.routerVersion, channel.supportsBindSuccess], ['', '', false]);
  peer.socket.resume();
});

test('what follows in the same write as the answer to the hello is not lost', async () => {
  await using router = await rawRouter(network);
  const opening = openChannel(towards(router));
  const peer = await router.accept();
  await peer.frame();
  const latency = hex('0306090c 03000000 07000000 00000000 00000000');
  await peer.send(Buffer.concat([HELLO_GRANTED, latency, latency.subarray(0, 13)]));
  await using _channel = await opening;
  const answer = hex('0306090c 02000000 01000000 15000000 00000000 | 01000000 04000000 07000000 | 02000000 01000000 01');
  assert.deepEqual(await peer.frame(), answer);
  await peer.send(latency.subarray(13));
  assert.equal((await peer.frame()).readInt32LE(8), 2);
  peer.socket.resume();
});

const REFUSALS: readonly [name: string, answer: Buffer, code: string, detail: RegExp][] = [
  [
    'a refusal, whose text is made fit to print',
    hex('0306090c 02000000 ffffffff 15000000 08000000 | 01000000 04000000 ffffffff | 02000000 01000000 00 | 6e6f0a1b5b6d6521'),
    'OVERLAY-UNREACHABLE',
    /refused the hello: no \[me!$/,
  ],
  [
    'a refusal without a text',
    hex('0306090c 02000000 ffffffff 0c000000 00000000 | 01000000 04000000 ffffffff'),
    'OVERLAY-UNREACHABLE',
    /no reason given/,
  ],
  [
    'a refusal for good',
    hex(`0306090c 02000000 ffffffff 21000000 00000000 | 01000000 04000000 ffffffff | 02000000 01000000 00
      | 0d000000 04000000 02000000`),
    'OVERLAY-SIGN-IN',
    /refused the hello/,
  ],
  ['no frame', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'OVERLAY-PROTOCOL', /no frame begins here/],
  ['an unknown version of the channel', hex('0306090a 01000000 03000000 00000000 00000000'), 'OVERLAY-PROTOCOL', /another version/],
  ['another kind of frame', hex('0306090c 71ed0000 01000000 00000000 00000000'), 'OVERLAY-PROTOCOL', /stateClosed/],
  [
    'the reply to something else',
    hex('0306090c 02000000 01000000 15000000 00000000 | 01000000 04000000 07000000 | 02000000 01000000 01'),
    'OVERLAY-PROTOCOL',
    /answered the hello with result/,
  ],
  [
    'headers beyond what a hello may have',
    hex('0306090c 02000000 ffffffff 01400000 00000000'),
    'OVERLAY-PROTOCOL',
    /headers of 16385 bytes/,
  ],
  ['a body beyond what a hello may have', hex('0306090c 02000000 ffffffff 00000000 61100000'), 'OVERLAY-PROTOCOL', /a body of 4193 bytes/],
];

for (const [name, answer, code, detail] of REFUSALS) {
  test(`a hello is answered with ${name}`, async () => {
    await using router = await rawRouter(network);
    const opening = openChannel(towards(router));
    const peer = await router.accept();
    await Promise.all([
      peer.frame().then(() => peer.send(answer)),
      assert.rejects(opening, (error: unknown) => {
        assert.ok(error instanceof VitalmeshError);
        assert.equal(error.code, code);
        assert.match(error.detail ?? '', detail);
        return true;
      }),
    ]);
    assert.equal((await peer.rest()).length, 0);
  });
}

for (const answered of [0, 1, 20, HELLO_GRANTED.length - 1]) {
  test(`a router that closes behind ${answered} bytes of its answer`, async () => {
    await using router = await rawRouter(network);
    const opening = openChannel(towards(router));
    const peer = await router.accept();
    await peer.frame();
    peer.socket.end(HELLO_GRANTED.subarray(0, answered));
    await assert.rejects(opening, { code: 'OVERLAY-UNREACHABLE', detail: 'the router closed the connection before it answered the hello' });
  });
}

test('a session that the router does not know: the hello succeeds, then the channel ends without a word', async () => {
  await using router = await rawRouter(network);
  const opening = openChannel(towards(router));
  const peer = await router.accept();
  await peer.frame();
  peer.socket.end(HELLO_GRANTED);
  const channel = await opening;
  if (!channel.closed.aborted) await once(channel.closed, 'abort');
  assert.equal(channel.closed.reason.code, 'OVERLAY-UNREACHABLE');
});

test('a router that never answers the hello', async () => {
  await using router = await rawRouter(network);
  const opening = openChannel({ ...towards(router), connectTimeoutMs: 200 });
  await assert.rejects(opening, { code: 'OVERLAY-TIMEOUT' });
  const peer = await router.accept();
  assert.deepEqual(await peer.rest(), HELLO);
});

test('a port where nobody shakes hands', async () => {
  await using port = await listening(createServer((socket) => socket.resume()));
  await assert.rejects(openChannel({ ...towards(port), connectTimeoutMs: 100 }), { code: 'OVERLAY-TIMEOUT' });
});

test('a port where nobody listens, and one that is none', async () => {
  const port = await listening(createServer());
  await port[Symbol.asyncDispose]();
  await assert.rejects(openChannel(towards(port)), { code: 'OVERLAY-UNREACHABLE', detail: /ECONNREFUSED/ });
  await assert.rejects(openChannel({ ...towards(port), port: 70_000 }), { code: 'OVERLAY-UNREACHABLE', detail: /ERR_SOCKET_BAD_PORT/ });
});

test('whoever gives up while a channel opens leaves nothing open', async () => {
  await using router = await rawRouter(network);
  const before = AbortSignal.abort();
  await assert.rejects(openChannel({ ...towards(router), signal: before }), { code: 'OVERLAY-CLOSED' });
  const during = new AbortController();
  const handshaking = openChannel({ ...towards(router), signal: during.signal });
  during.abort();
  await assert.rejects(handshaking, { code: 'OVERLAY-CLOSED' });
  const behind = new AbortController();
  const greeting = openChannel({ ...towards(router), signal: behind.signal });
  const peer = await router.accept();
  await peer.frame();
  behind.abort();
  await assert.rejects(greeting, { code: 'OVERLAY-CLOSED' });
  assert.equal((await peer.rest()).length, 0);
});

test('a signal that opened a channel does not end it', async () => {
  const opener = new AbortController();
  await using pair = await opened({ signal: opener.signal });
  opener.abort();
  assert.equal(pair.channel.closed.aborted, false);
});

async function listening(server: Server): Promise<{ host: string; port: number } & AsyncDisposable> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}
