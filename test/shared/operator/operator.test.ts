import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { VitalmeshError } from '../../../shared/errors.ts';
import { silentLogger } from '../../../shared/log.ts';
import { askOperator, callOperator } from '../../../shared/operator/client.ts';
import { createOperatorServer, type OperatorCommand, type OperatorServerOptions } from '../../../shared/operator/server.ts';
import { verifies } from '../../requirements.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vm-op-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const socket = (): string => join(folder, 'run', 'operator.sock');
const commands: Record<string, OperatorCommand> = {
  who: (args, principal) => [{ principal, args }],
  many: function* () {
    for (let n = 0; n < 5000; n += 1) yield { n, pad: 'x'.repeat(100) };
  },
  refuse: () => {
    throw new VitalmeshError('ACCESS-DENIED', { detail: 'no' });
  },
  breaks: function* () {
    yield 1;
    throw new TypeError('secret text of a foreign error');
  },
};

async function running(more: Partial<OperatorServerOptions> = {}) {
  const server = createOperatorServer({ socketPath: socket(), commands, log: silentLogger, ...more });
  await server.start(new AbortController().signal);
  return server;
}

test('a command is called as local:<uid> through a socket of mode 0600', async () => {
  verifies('OPERATOR-SOCKET');
  await using _server = await running();
  assert.deepEqual(await askOperator(socket(), 'who', { a: 1 }), { principal: `local:${process.getuid?.()}`, args: { a: 1 } });
  assert.equal(statSync(socket()).mode & 0o777, 0o600);
  assert.equal(statSync(join(folder, 'run')).mode & 0o777, 0o700);
});

test('many rows stream, in order and whole', async () => {
  await using _server = await running();
  let n = 0;
  for await (const row of callOperator(socket(), 'many')) assert.equal((row as { n: number }).n, n++);
  assert.equal(n, 5000);
});

test('refusals keep their code; a defect tells its code and nothing of its text', async () => {
  await using _server = await running();
  await assert.rejects(askOperator(socket(), 'refuse'), { code: 'ACCESS-DENIED', detail: 'no' });
  await assert.rejects(askOperator(socket(), 'nothing'), { code: 'OPERATOR-COMMAND' });
  await assert.rejects(askOperator(socket(), 'toString'), { code: 'OPERATOR-COMMAND' });
  await assert.rejects(
    askOperator(socket(), 'breaks'),
    (error: VitalmeshError) => error.code === 'INTERNAL' && !String(error).includes('secret'),
  );
});

test('an answer cut off is an error, not an end', async () => {
  const path = join(folder, 'cut.sock');
  const liar = createServer((peer) => {
    peer.on('error', () => peer.destroy());
    peer.once('data', () => peer.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"row":1}\n'));
  });
  await new Promise<void>((resolve) => liar.listen(path, resolve));
  await assert.rejects(askOperator(path, 'who'), { code: 'OPERATOR-NOT-RUNNING' });
  liar.close();
});

test('nobody there', async () => {
  await assert.rejects(askOperator(socket(), 'who'), { code: 'OPERATOR-NOT-RUNNING' });
});

test('a second process is refused while the first answers; the file of a dead one is replaced', async () => {
  {
    await using _first = await running();
    await assert.rejects(running(), { code: 'OPERATOR-SOCKET' });
    assert.ok(await askOperator(socket(), 'who'));
  }
  writeFileSync(socket(), '');
  await using _second = await running();
  assert.ok(await askOperator(socket(), 'who'));
});

test('a folder that others may enter, or a path too long, is refused', async () => {
  await (await running())[Symbol.asyncDispose]();
  chmodSync(join(folder, 'run'), 0o755);
  await assert.rejects(running(), { code: 'OPERATOR-SOCKET' });
  const long = createOperatorServer({ socketPath: join(folder, 'x'.repeat(120)), commands, log: silentLogger });
  await assert.rejects(long.start(new AbortController().signal), { code: 'OPERATOR-SOCKET' });
});

test('bad requests are refused and the next one is served', async () => {
  await using _server = await running();
  for (const body of ['{', '[]', `"${'x'.repeat(70_000)}"`]) {
    const text = await new Promise<string>((resolve, reject) => {
      const outgoing = request({ socketPath: socket(), path: '/who', method: 'POST' }, async (response) => {
        let all = '';
        for await (const chunk of response) all += chunk;
        resolve(all);
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
    assert.match(text, /"code":"USAGE"/);
  }
  assert.ok(await askOperator(socket(), 'who'));
});

/** Calls for an answer of which it takes nothing; resolves when it has been let go. */
function unread(): { leave: () => void; gone: Promise<void> } {
  const peer = createConnection(socket());
  peer.on('error', () => undefined).pause();
  peer.write('POST /endless HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}');
  return { leave: () => peer.destroy(), gone: new Promise((resolve) => peer.once('close', () => resolve())) };
}

test('answers that nobody reads leave the next caller a reason, not silence, and are ended', { timeout: 20_000 }, async () => {
  let begun = 0;
  let ended = 0;
  const failures: unknown[] = [];
  const log = { ...silentLogger, warn: (fields: object) => failures.push('err' in fields ? fields.err : 'stalled') } as typeof silentLogger;
  const endless = async function* () {
    begun += 1;
    try {
      for (;;) {
        await new Promise(setImmediate);
        yield { pad: 'x'.repeat(60_000) };
      }
    } finally {
      ended += 1;
    }
  };
  await using _server = await running({ commands: { ...commands, endless }, log, stallMs: 300 });
  const callers = Array.from({ length: 16 }, unread);
  while (begun < 16) await new Promise(setImmediate);
  await assert.rejects(askOperator(socket(), 'who'), { code: 'OPERATOR-BUSY', retryable: true });
  while (ended < 16) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(await askOperator(socket(), 'who'));
  assert.deepEqual(
    [...new Set(failures.map((error) => (error instanceof VitalmeshError ? error.code : error)))],
    ['OPERATOR-BUSY', 'stalled'],
  );
  for (const { leave } of callers) leave();
});

test('a connection that is closed without an answer is not taken for a process that does not run', async () => {
  const path = join(folder, 'full.sock');
  const full = createServer((peer) => peer.on('error', () => undefined).destroy());
  await new Promise<void>((resolve) => full.listen(path, resolve));
  await assert.rejects(askOperator(path, 'who'), { code: 'OPERATOR-BUSY' });
  full.close();
});

test('a command that waits is told when its caller went away', { timeout: 20_000 }, async () => {
  const ended = Promise.withResolvers<void>();
  const waits: OperatorCommand = async function* (_args, _principal, gone) {
    yield 'begun';
    if (!gone?.aborted) await new Promise((resolve) => gone?.addEventListener('abort', resolve));
    ended.resolve();
  };
  await using _server = await running({ commands: { waits } });
  const rows = callOperator(socket(), 'waits');
  assert.equal((await rows.next()).value, 'begun');
  await rows.return(undefined);
  await ended.promise;
});
