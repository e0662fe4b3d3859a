import type { Socket } from 'node:net';
import { VitalmeshError } from '../errors.ts';

const NEWLINE = 10;

/**
 * The next line of a paused socket, without its newline; undefined when the socket ends or closes first. The socket is paused again
 * and everything behind the newline is still to be read from it, so that whatever follows a line loses no byte.
 * Throws OVERLAY-PROTOCOL when the line is longer than `maxBytes`, and the signal's reason when it aborts.
 */
export function readLine(socket: Socket, maxBytes: number, signal?: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const stop = (): void => {
      socket.pause();
      socket.off('data', onData);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
      signal?.removeEventListener('abort', onAbort);
    };
    const onEnd = (): void => {
      stop();
      resolve(undefined);
    };
    const onAbort = (): void => {
      stop();
      reject(signal?.reason);
    };
    const onData = (chunk: Buffer): void => {
      const at = chunk.indexOf(NEWLINE);
      const part = at < 0 ? chunk : chunk.subarray(0, at);
      parts.push(part);
      size += part.length;
      if (size > maxBytes) {
        stop();
        reject(new VitalmeshError('OVERLAY-PROTOCOL', { detail: `a line is longer than ${maxBytes} bytes` }));
      } else if (at >= 0) {
        stop();
        const rest = chunk.subarray(at + 1);
        if (rest.length > 0) socket.unshift(rest);
        resolve(Buffer.concat(parts, size).toString('utf8'));
      }
    };
    if (socket.destroyed || socket.readableEnded) {
      resolve(undefined);
      return;
    }
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    signal?.addEventListener('abort', onAbort);
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    socket.resume();
  });
}

/** The lines of a socket until it ends or closes. Throws OVERLAY-PROTOCOL when one is longer than `maxBytes`. */
export async function* readLines(socket: Socket, maxBytes: number): AsyncGenerator<string> {
  for (let line = await readLine(socket, maxBytes); line !== undefined; line = await readLine(socket, maxBytes)) yield line;
}

/** A socket's error is always followed by its 'close', and that is what everybody here waits for; but an error nobody hears ends the process. */
export function closeOnError(socket: Socket): void {
  socket.on('error', () => socket.destroy());
}
