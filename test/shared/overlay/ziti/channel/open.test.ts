import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../../../shared/log.ts';
import { openChannel } from '../../../../../shared/overlay/ziti/channel/open.ts';
import { testNetwork } from '../../../../support/identities.ts';
import { hex, rawRouter } from '../../../../support/raw-router.ts';

test('hello', async () => {
  const network = await testNetwork();
  const identity = await network.identity('hc..xMvev');
  await using router = await rawRouter(network);
  const opening = openChannel({
    host: router.host,
    port: router.port,
    identity,
    sessionToken: 'fe88054d-7851-4af0-8ef4-14f679a2bf2c',
    log: silentLogger,
  });
  const peer = await router.accept();
  assert.equal(peer.socket.alpnProtocol, 'ziti-edge');
  assert.deepEqual(
    await peer.greet(),
    hex(`0306090c 00000000 ffffffff 2c000000 09000000 | ea030000 24000000
    66653838303534642d373835312d346166302d386566342d313466363739613262663263 | 68632e2e784d766576`),
  );
  const channel = await opening;
  assert.equal(channel.routerId, 'GrQSyMojo');
  assert.equal(channel.routerVersion, 'v2.0.3|e86e337a1f36|local|linux|amd64');
  channel.send({ type: 60785, headers: [[1000, 1]] });
  const closing = channel[Symbol.asyncDispose]();
  const rest = await peer.rest();
  await closing;
  assert.deepEqual(rest, hex('0306090c 71ed0000 01000000 0c000000 00000000 | e8030000 04000000 01000000'));
});
