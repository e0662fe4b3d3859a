import assert from 'node:assert/strict';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { greet } from '../../../../../shared/overlay/ziti/channel/hello.ts';
import { FRAME_LIMITS, HELLO_LIMITS } from '../../../../../shared/overlay/ziti/wire/reader.ts';
import { verifies } from '../../../../requirements.ts';
import { HELLO_GRANTED, hex } from '../../../../support/raw-router.ts';

const LARGE_BODY = 5000;

test('a recorded answer is understood wherever it is cut, and what follows it is read under the limits of frames', async () => {
  verifies('OVERLAY-FRAMES');
  // Larger than a hello may be: it must be judged by the other limits even when its head came with the answer.
  const next = Buffer.concat([hex('0306090c 72ed0000 01000000 00000000 88130000'), Buffer.alloc(LARGE_BODY, 7)]);
  const stream = Buffer.concat([HELLO_GRANTED, next]);
  for (let cut = 0; cut <= HELLO_GRANTED.length + 30; cut += 1) {
    const [near, far] = duplexPair();
    far.resume();
    far.write(stream.subarray(0, cut));
    far.write(stream.subarray(cut));
    const greeting = await greet(near, {
      identityId: 'a',
      sessionToken: 'b',
      limits: { hello: HELLO_LIMITS, frame: FRAME_LIMITS },
      signal: new AbortController().signal,
    });
    const frames = [...greeting.early];
    near.on('data', (chunk: Buffer) => frames.push(...greeting.reader.push(chunk)));
    near.resume();
    far.end();
    await once(near, 'end');
    assert.equal(greeting.routerId, 'GrQSyMojo', `cut at ${cut}`);
    assert.deepEqual(
      frames.map(({ type, body }) => [type, body.length]),
      [[60786, LARGE_BODY]],
      `cut at ${cut}`,
    );
    near.destroy();
    far.destroy();
  }
});

test('a session token that the router says back comes into no error text, and into no version', async () => {
  verifies('LOG-CLEAN');
  const token = '2186e05d-784b-4c1e-9b52-0d4f9a3c7e11';
  const options = { identityId: 'a', sessionToken: token, limits: { hello: HELLO_LIMITS, frame: FRAME_LIMITS } };
  const answeredWith = (answer: Buffer): ReturnType<typeof greet> => {
    const [near, far] = duplexPair();
    far.resume();
    far.write(answer);
    return greet(near, { ...options, signal: new AbortController().signal });
  };
  const refusal = hex('0306090c 02000000 ffffffff 15000000 35000000 | 01000000 04000000 ffffffff | 02000000 01000000 00');
  await assert.rejects(answeredWith(Buffer.concat([refusal, Buffer.from(`no such session: ${token}`)])), {
    detail: 'the router refused the hello: no such session: …',
  });
  const head = hex('0306090c 02000000 ffffffff 41000000 00000000 | 01000000 04000000 ffffffff | 02000000 01000000 01 | 04000000 24000000');
  assert.equal((await answeredWith(Buffer.concat([head, Buffer.from(token)]))).routerVersion, '…');
});
