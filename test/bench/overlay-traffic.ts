import { once } from 'node:events';
import type { Duplex } from 'node:stream';

/** What is written at once, everywhere. */
export const CHUNK_BYTES = 64 * 1024;

const HEAD_BYTES = 9;
/** First byte of a connection. */
const MODE = { echo: 0x65, sink: 0x73 } as const;
const READY = Buffer.of(0x72);
const DONE = Buffer.of(0x64);

/** Opens a connection to the far end, whatever lies between. */
export type Dial = () => Promise<Duplex>;

/**
 * The far end, the same on every way to it: a head of 9 bytes (mode, number of bytes) is answered by one byte; then each byte is sent
 * back, or the announced number of bytes is swallowed and answered by one byte.
 */
export function answerTraffic(connection: Duplex): void {
  let head = Buffer.alloc(0);
  let missing = 0;
  connection.on('error', () => connection.destroy());
  connection.on('end', () => connection.end());
  const swallow = (chunk: Buffer): void => {
    missing -= chunk.length;
    if (missing === 0) connection.write(DONE);
  };
  const begin = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    if (head.length < HEAD_BYTES) return;
    connection.off('data', begin);
    missing = head.readUIntBE(3, 6);
    connection.on('data', head[0] === MODE.echo ? (bytes: Buffer) => void connection.write(bytes) : swallow);
    connection.write(READY);
  };
  connection.on('data', begin);
}

/** A connection that sends each byte back, and has done so once. */
export async function openEcho(dial: Dial): Promise<Duplex> {
  return await begun(await dial(), MODE.echo, 0);
}

/** Milliseconds of that many round trips of one byte, one behind the other. */
export async function roundTrips(echo: Duplex, count: number): Promise<number[]> {
  const times: number[] = [];
  while (times.length < count) times.push(await roundTrip(echo));
  return times;
}

/** The same, for as long as `busy` takes. */
export async function roundTripsDuring(echo: Duplex, busy: Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  let done = false;
  const over = busy.finally(() => {
    done = true;
  });
  while (!done) times.push(await roundTrip(echo));
  await over;
  return times;
}

async function roundTrip(echo: Duplex): Promise<number> {
  const from = performance.now();
  const back = once(echo, 'data');
  echo.write(DONE);
  await back;
  return performance.now() - from;
}

/** MB/s from the first byte written until the far end has all of `totalBytes`, sent over so many connections at the same time. */
export async function bulk(dial: Dial, streams: number, totalBytes: number): Promise<number> {
  const each = totalBytes / streams;
  const connections = await Promise.all(Array.from({ length: streams }, async () => await begun(await dial(), MODE.sink, each)));
  const from = performance.now();
  await Promise.all(connections.map((connection) => send(connection, each)));
  const ms = performance.now() - from;
  await Promise.all(connections.map(hangUp));
  return totalBytes / 1000 / ms;
}

/** Milliseconds of that many dials, one behind the other; each is ended before the next. */
export async function dials(dial: Dial, count: number): Promise<number[]> {
  const times: number[] = [];
  while (times.length < count) {
    const from = performance.now();
    const connection = await dial();
    times.push(performance.now() - from);
    await hangUp(connection);
  }
  return times;
}

/** Ends a connection in order. */
export async function hangUp(connection: Duplex): Promise<void> {
  const closed = once(connection, 'close');
  connection.resume();
  connection.end();
  await closed;
}

async function begun(connection: Duplex, mode: number, bytes: number): Promise<Duplex> {
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = mode;
  head.writeUIntBE(bytes, 3, 6);
  const ready = once(connection, 'data');
  connection.write(head);
  await ready;
  return connection;
}

async function send(connection: Duplex, bytes: number): Promise<void> {
  const chunk = Buffer.alloc(CHUNK_BYTES, 0x5a);
  const done = once(connection, 'data');
  for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
    if (!connection.write(left < CHUNK_BYTES ? chunk.subarray(0, left) : chunk)) await once(connection, 'drain');
  }
  await done;
}
