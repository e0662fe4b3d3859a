import { connect, type Socket } from 'node:net';
import { asVitalmeshError, VitalmeshError } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';
import { closeOnError, readLine } from './lines.ts';
import { errorOf, GREETING, LOCAL_LIMITS, OPENING_REPLY, parseLine, proofOf, requestText, writeLine } from './local-wire.ts';

/** What a connection to the switch is for. */
export type LocalRequest =
  | { op: 'attach'; identity: Identity }
  | { op: 'dial'; service: string; identity: Identity }
  | { op: 'accept'; circuit: string };

/**
 * Connects to the switch and makes the request. The socket comes back paused, the next byte to be read is the first behind the
 * switch's reply. Throws what the switch refused with, OVERLAY-UNREACHABLE when it is not there or goes away, the signal's reason.
 */
export async function openLocalSocket(socketPath: string, request: LocalRequest, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  closeOnError(socket);
  try {
    await connected(socket, signal);
    const { nonce } = parseLine(GREETING, await answer(socket, signal));
    writeLine(socket, openingOf(request, nonce));
    const reply = parseLine(OPENING_REPLY, await answer(socket, signal));
    if ('error' in reply) throw errorOf(reply);
    return socket;
  } catch (error) {
    socket.destroy();
    throw asVitalmeshError(error);
  }
}

function connected(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => signal.removeEventListener('abort', onAbort);
    const onAbort = (): void => {
      stop();
      reject(signal.reason);
    };
    socket.once('connect', () => {
      stop();
      resolve();
    });
    socket.once('error', (cause) => {
      stop();
      reject(new VitalmeshError('OVERLAY-UNREACHABLE', { cause }));
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
}

async function answer(socket: Socket, signal: AbortSignal): Promise<string> {
  const line = await readLine(socket, LOCAL_LIMITS.controlLineBytes, signal);
  if (line === undefined) throw new VitalmeshError('OVERLAY-UNREACHABLE', { detail: 'the switch went away' });
  return line;
}

function openingOf(request: LocalRequest, nonce: string): object {
  if (request.op === 'accept') return request;
  const { identity, ...rest } = request;
  return { ...rest, ...proofOf(identity, nonce, requestText(request)) };
}
