import { request } from 'node:http';
import { isErrorCode, VitalmeshError } from '../errors.ts';
import { MAX_LINE_BYTES, type OperatorLine } from './protocol.ts';

/**
 * Calls a command of a running process and gives its rows as they come. Throws OPERATOR-NOT-RUNNING when nobody answers or the
 * answer was cut off, OPERATOR-BUSY when somebody is there and takes no more calls, and the process's own coded error when it refused.
 */
export async function* callOperator(socketPath: string, command: string, args: Record<string, unknown> = {}): AsyncGenerator<unknown> {
  let ended = false;
  for await (const line of lines(socketPath, command, JSON.stringify(args))) {
    const answer = JSON.parse(line) as OperatorLine;
    if ('error' in answer) {
      const { code, detail } = answer.error;
      throw new VitalmeshError(isErrorCode(code) ? code : 'INTERNAL', detail === undefined ? {} : { detail });
    }
    if ('row' in answer) yield answer.row;
    else ended = true;
  }
  if (!ended) throw new VitalmeshError('OPERATOR-NOT-RUNNING', { detail: 'the answer was cut off' });
}

/** Calls a command that gives exactly one row. */
export async function askOperator(socketPath: string, command: string, args: Record<string, unknown> = {}): Promise<unknown> {
  let row: unknown;
  for await (const next of callOperator(socketPath, command, args)) row = next;
  return row;
}

/** True for the error of a call to a socket behind which there is nobody: the file of that process may be opened then. */
export function nobodyRuns(error: unknown, socketPath: string): boolean {
  return error instanceof VitalmeshError && error.code === 'OPERATOR-NOT-RUNNING' && error.detail === socketPath;
}

/** Only a socket that is not there, or has nobody behind it, means that no process runs: others act on that. */
function unanswered(socketPath: string, cause: NodeJS.ErrnoException): VitalmeshError {
  const { code = 'no answer' } = cause;
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return new VitalmeshError('OPERATOR-NOT-RUNNING', { detail: socketPath, cause });
  if (BUSY.has(code)) return new VitalmeshError('OPERATOR-BUSY', { detail: socketPath, cause });
  return new VitalmeshError('OPERATOR-NOT-RUNNING', { detail: `${socketPath} (${code})`, cause });
}

/** A connection that was made and closed again, or waits in a full queue (connect(2), Unix sockets). */
const BUSY: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'EAGAIN']);

async function* lines(socketPath: string, command: string, body: string): AsyncGenerator<string> {
  const response = await new Promise<AsyncIterable<Buffer>>((resolve, reject) => {
    const outgoing = request(
      { socketPath, agent: false, path: `/${command}`, method: 'POST', headers: { 'content-length': Buffer.byteLength(body) } },
      resolve,
    );
    outgoing.on('error', (cause) => reject(unanswered(socketPath, cause)));
    outgoing.end(body);
  });
  let rest: Buffer[] = [];
  let restBytes = 0;
  try {
    for await (const chunk of response) {
      let from = 0;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
        yield Buffer.concat([...rest, chunk.subarray(from, at)]).toString('utf8');
        rest = [];
        restBytes = 0;
        from = at + 1;
      }
      rest.push(chunk.subarray(from));
      restBytes += chunk.length - from;
      if (restBytes > MAX_LINE_BYTES) throw new VitalmeshError('OPERATOR-NOT-RUNNING', { detail: 'a line of the answer is too long' });
    }
  } catch (cause) {
    if (cause instanceof VitalmeshError) throw cause;
    throw new VitalmeshError('OPERATOR-NOT-RUNNING', { detail: 'the answer was cut off', cause });
  }
}
