import assert from 'node:assert/strict';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { answerAbsent } from '../../../provisioning/bridge/absent.ts';
import { vitalmeshProgram } from '../../../provisioning/cli.ts';
import { runProgram } from '../../../shared/command-line.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';

const ASKED = [
  { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} },
  { jsonrpc: '2.0', method: 'notifications/initialized' },
  { jsonrpc: '2.0', id: 'two', method: 'tools/list' },
].map((message) => `${JSON.stringify(message)}\n`);

interface Answer {
  id: unknown;
  error: { message: string; data: { code: string } };
}

test('a bridge whose identity cannot be read answers each question of its host with why, no notification, and exits with 1', async () => {
  verifies('MCP-BRIDGE');
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const argv = ['bridge', '--identity', join(import.meta.dirname, 'nope.json'), '--log', 'error'];
  const code = runProgram(vitalmeshProgram, argv, { stdin, stdout, stderr });
  stdin.end(ASKED.join(''));
  assert.equal(await code, 1);
  const answers = (await text(stdout.end()))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
  const said = await text(stderr.end());
  assert.deepEqual(
    answers.map(({ id, error }) => [id, said.startsWith(`${error.data.code}: `)]),
    [
      [1, true],
      ['two', true],
    ],
    said,
  );
});

test('a host that asks nothing and closes nothing is waited for so long and no longer, and a signal ends that', async () => {
  verifies('MCP-BRIDGE');
  const thrown = new VitalmeshError('OVERLAY-DENIED');
  const open = () => ({ stdin: new PassThrough(), stdout: new PassThrough() });
  assert.equal(await answerAbsent(thrown, { ...open(), lingerMs: 1 }, new AbortController().signal), thrown);
  assert.equal(await answerAbsent(thrown, open(), AbortSignal.abort()), thrown);
});

test('of a host that takes none of the answers little is read, and it is waited for no longer than any other', async () => {
  verifies('MCP-BRIDGE');
  let taken = 0;
  const left = Promise.withResolvers<void>();
  async function* stdin(): AsyncGenerator<Uint8Array> {
    try {
      for (; taken < 10_000; taken += 1) yield Buffer.from(`${JSON.stringify({ jsonrpc: '2.0', id: taken, method: 'tools/list' })}\n`);
    } finally {
      left.resolve();
    }
  }
  const thrown = new VitalmeshError('OVERLAY-DENIED');
  const ends = { stdin: stdin(), stdout: new PassThrough(), lingerMs: 500 };
  assert.equal(await answerAbsent(thrown, ends, new AbortController().signal), thrown);
  await left.promise;
  assert.ok(taken > 0 && taken < 1_000, `${taken} lines were read`);
});
