import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, performServerHandshake, type ServerHttp2Session } from 'node:http2';
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import { test } from 'node:test';
import { type Carried, cut, keepAlive, ping } from '../../../shared/uplink/liveness.ts';
import { verifies } from '../../requirements.ts';
import { standStill } from '../../support/stand-still.ts';

const HOUR_MS = 3_600_000;

interface Pair extends AsyncDisposable {
  client: Carried & { session: ClientHttp2Session };
  server: Carried & { session: ServerHttp2Session };
}

async function pair(): Promise<Pair> {
  const listener: Server = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as { port: number };
  const near = tcpConnect(port, '127.0.0.1');
  const [far] = (await once(listener, 'connection')) as [Socket];
  const server = { session: performServerHandshake(far), raw: far };
  const client = { session: connect('http://peer', { createConnection: () => near }), raw: near };
  for (const { session, raw } of [client, server]) {
    session.on('error', () => undefined);
    raw.on('error', () => undefined);
  }
  await once(client.session, 'remoteSettings');
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      cut(client);
      cut(server);
      listener.close();
      await once(listener, 'close');
    },
  };
}

test('an answer that came while this process stood still counts, however late it is read', async () => {
  verifies('OVERLAY-SLEEP');
  await using both = await pair();
  const answered = ping(both.client.session, 100);
  standStill(400);
  assert.notEqual(await answered, undefined);
});

test('one that does not come is waited for no longer than the limit', async () => {
  await using stack = new AsyncDisposableStack();
  const mute = createServer().listen(0, '127.0.0.1');
  await once(mute, 'listening');
  stack.defer(() => void mute.close());
  const session = connect(`http://127.0.0.1:${(mute.address() as { port: number }).port}`);
  stack.defer(() => session.destroy());
  session.on('error', () => undefined);
  const [[socket]] = (await Promise.all([once(mute, 'connection'), once(session, 'connect')])) as [[Socket], unknown];
  stack.defer(() => void socket.destroy());
  assert.equal(await ping(session, 50), undefined);
});

test('a machine that woke asks the other side at once', async (t) => {
  verifies('OVERLAY-SLEEP');
  await using both = await pair();
  keepAlive(both.client, { everyMs: HOUR_MS, limitMs: HOUR_MS });
  const machine = Date.now;
  t.mock.method(Date, 'now', () => machine() + HOUR_MS);
  await once(both.server.session, 'ping');
});
