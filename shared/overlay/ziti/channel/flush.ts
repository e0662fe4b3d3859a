import type { Duplex } from 'node:stream';

/**
 * Ends a socket in order: waits until everything written is out and the other side has closed too, `limitMs` at most, then destroys it. What
 * still arrives is read and dropped, because a socket closed with unread bytes is reset, and a reset can overtake what was sent.
 */
export function flushed(socket: Duplex, limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) {
      resolve();
      return;
    }
    const limit = setTimeout(() => socket.destroy(), limitMs);
    socket.once('close', () => {
      clearTimeout(limit);
      resolve();
    });
    socket.resume();
    socket.end();
  });
}
