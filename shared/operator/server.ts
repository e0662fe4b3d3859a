import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { asVitalmeshError, VitalmeshError } from '../errors.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../log.ts';
import { MAX_ANSWERS, MAX_REQUEST_BYTES, MAX_SOCKET_PATH_BYTES, type OperatorLine } from './protocol.ts';

/** Who calls: the socket has mode 0600 in a folder of mode 0700, so it is the process's own user (or root). */
export type OperatorPrincipal = `local:${number}`;

/**
 * One operator command: gives rows one after the other; a single object is one row. `gone` is aborted when the caller went away: one that
 * waits for something must stop then.
 */
export type OperatorCommand = (
  args: Record<string, unknown>,
  principal: OperatorPrincipal,
  gone?: AbortSignal,
) => AsyncIterable<unknown> | Iterable<unknown>;

export interface OperatorServerOptions {
  socketPath: string;
  commands: Readonly<Record<string, OperatorCommand>>;
  log: Logger;
  /** How long a caller may leave an answer unread, 30,000 ms unless told. */
  stallMs?: number;
}

/**
 * The operator's door (architecture §3.7): HTTP on a Unix socket of mode 0600, `POST /<command>` with a JSON object, answered
 * by JSON lines. A socket file left by a dead process is replaced; one that answers is left alone (OPERATOR-SOCKET).
 */
export function createOperatorServer({ socketPath, commands, log, stallMs = 30_000 }: OperatorServerOptions): Service {
  let underWay = 0;
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000, keepAlive: false }, (request, response) => {
    underWay += 1;
    response.once('close', () => {
      underWay -= 1;
    });
    cutWhenStalled(response, stallMs, log);
    void answer(request, response, underWay > MAX_ANSWERS ? 'busy' : commands, log);
  });
  // More than answers, so that the caller that is one too many can be told.
  server.maxConnections = 4 * MAX_ANSWERS;
  return {
    name: 'operator socket',
    start: async () => {
      await prepare(socketPath);
      await listen(server, socketPath);
    },
    [Symbol.asyncDispose]: async () => {
      if (!server.listening) return;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function prepare(socketPath: string): Promise<void> {
  if (Buffer.byteLength(socketPath) > MAX_SOCKET_PATH_BYTES) {
    throw new VitalmeshError('OPERATOR-SOCKET', { detail: `the path is longer than ${MAX_SOCKET_PATH_BYTES} bytes` });
  }
  const folder = dirname(socketPath);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { mode, uid } = statSync(folder);
    if ((mode & 0o077) !== 0 || uid !== process.getuid?.())
      throw new VitalmeshError('OPERATOR-SOCKET', { detail: `${folder} must be yours with mode 0700` });
  } catch (error) {
    throw asVitalmeshError(error, 'OPERATOR-SOCKET');
  }
  if (await answers(socketPath)) throw new VitalmeshError('OPERATOR-SOCKET', { detail: `another process answers at ${socketPath}` });
  rmSync(socketPath, { force: true });
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(socketPath);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}

async function listen(server: Server, socketPath: string): Promise<void> {
  try {
    server.listen(socketPath);
    await once(server, 'listening');
    chmodSync(socketPath, 0o600);
  } catch (cause) {
    throw new VitalmeshError('OPERATOR-SOCKET', { detail: socketPath, cause });
  }
}

/** Ends an answer of which nothing was taken for so long; one that is still being made is waited for. */
function cutWhenStalled(response: ServerResponse, stallMs: number, log: Logger): void {
  response.setTimeout(stallMs, () => {
    if (response.writableLength === 0) return;
    log.warn({ stallMs }, 'operator answer was not taken in time');
    response.destroy();
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  commands: OperatorServerOptions['commands'] | 'busy',
  log: Logger,
): Promise<void> {
  response.setHeader('content-type', 'application/x-ndjson');
  try {
    await pipeline(Readable.from(answerLines(request, response, commands, log)), response);
  } catch (error) {
    // The caller went away before the end of the answer; there is nobody to tell.
    log.debug({ err: error }, 'operator answer was not taken');
  }
}

async function* answerLines(
  request: IncomingMessage,
  response: ServerResponse,
  commands: OperatorServerOptions['commands'] | 'busy',
  log: Logger,
): AsyncGenerator<string> {
  const line = (content: OperatorLine): string => `${JSON.stringify(content)}\n`;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    if (commands === 'busy') throw new VitalmeshError('OPERATOR-BUSY');
    const name = request.url?.slice(1) ?? '';
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (request.method !== 'POST' || !command) throw new VitalmeshError('OPERATOR-COMMAND');
    const args = await readArguments(request);
    for await (const row of command(args, `local:${process.getuid?.() ?? 0}`, gone.signal)) yield line({ row });
    yield line({ end: true });
  } catch (thrown) {
    // The end of an answer that its caller no longer takes is thrown in at the row it had come to.
    if (response.destroyed && !(thrown instanceof VitalmeshError)) throw thrown;
    const error = asVitalmeshError(thrown);
    log.warn({ err: error }, 'operator command failed');
    yield line({ error: { code: error.code, ...(error.detail === undefined ? {} : { detail: error.detail }) } });
  }
}

async function readArguments(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_REQUEST_BYTES) throw new VitalmeshError('USAGE', { detail: 'the request is too large' });
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}');
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new VitalmeshError('USAGE', { detail: 'the request is not JSON', cause });
  }
  throw new VitalmeshError('USAGE', { detail: 'the request is not an object' });
}
