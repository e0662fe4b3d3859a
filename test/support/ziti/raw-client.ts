import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import type { Identity } from '../../../shared/identity/identity.ts';

// A client of the edge protocol that shares no code with ours: bytes are put together and taken apart here, by openziti-wire.md §4.

/** A frame as it stands on the wire. */
export interface RawFrame {
  type: number;
  sequence: number;
  headers: Map<number, Buffer>;
  body: Buffer;
}

export interface RawHello {
  port: number;
  identity: Identity | undefined;
  ca: string;
  alpn?: string[];
  tls?: 'TLSv1.2' | 'TLSv1.3';
}

const LIMIT_MS = 40_000;

export function le32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0);
  return bytes;
}

/** `headers`: numbers are 4 bytes little-endian, strings UTF-8. */
export function frameBytes(
  type: number,
  sequence: number,
  headers: Record<number, number | string | Buffer> = {},
  body: Buffer | string = '',
): Buffer {
  const section = Buffer.concat(
    Object.entries(headers).flatMap(([id, value]) => {
      const bytes = typeof value === 'number' ? le32(value) : Buffer.from(value);
      return [le32(Number(id)), le32(bytes.length), bytes];
    }),
  );
  const content = Buffer.from(body);
  return Buffer.concat([
    Buffer.from('0306090c', 'hex'),
    le32(type),
    le32(sequence),
    le32(section.length),
    le32(content.length),
    section,
    content,
  ]);
}

/** The frames at the beginning of `bytes`, and what is left of it. */
export function takeFrames(bytes: Buffer): { frames: RawFrame[]; rest: Buffer } {
  const frames: RawFrame[] = [];
  let rest = bytes;
  while (rest.length >= 20) {
    assert.equal(rest.toString('hex', 0, 4), '0306090c');
    const [headersLength, bodyLength] = [rest.readUInt32LE(12), rest.readUInt32LE(16)];
    const end = 20 + headersLength + bodyLength;
    if (rest.length < end) break;
    const headers = new Map<number, Buffer>();
    for (let at = 20; at < 20 + headersLength; ) {
      const length = rest.readUInt32LE(at + 4);
      headers.set(rest.readInt32LE(at), rest.subarray(at + 8, at + 8 + length));
      at += 8 + length;
    }
    frames.push({
      type: rest.readInt32LE(4),
      sequence: rest.readInt32LE(8),
      headers,
      body: Buffer.from(rest.subarray(20 + headersLength, end)),
    });
    rest = rest.subarray(end);
  }
  return { frames, rest };
}

/** One TLS connection to a router. */
export class RawClient implements AsyncDisposable {
  readonly socket: TLSSocket;
  /** Resolves when the connection is over, with how. */
  readonly closed: Promise<'end' | 'reset'>;
  /** Every frame that ever came. */
  readonly received: RawFrame[] = [];
  #sequence = 0;
  #chunks: Buffer[] = [];
  #size = 0;
  #wanted = 20;
  #unread: RawFrame[] = [];
  readonly #waiting = new Set<() => void>();

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('end', () => resolve('end'));
      socket.once('close', () => resolve('reset'));
    });
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.once('close', () => this.#wake());
    socket.once('end', () => this.#wake());
  }

  static async connect({ port, identity, ca, alpn, tls }: RawHello): Promise<RawClient> {
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca,
      ...(identity && { key: identity.keyPem, cert: identity.certPem }),
      ...(alpn && { ALPNProtocols: alpn }),
      ...(tls && { minVersion: tls, maxVersion: tls }),
      // The certificate of a router in these tests is an identity's; who the router is, is for other tests.
      rejectUnauthorized: false,
    });
    socket.setNoDelay(true);
    const client = new RawClient(socket);
    await once(socket, 'secureConnect');
    return client;
  }

  /** Sends bytes as they are. */
  write(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** Sends a frame with the next sequence; returns that. */
  send(type: number, headers: Record<number, number | string | Buffer> = {}, body: Buffer | string = ''): number {
    this.#sequence += 1;
    this.write(frameBytes(type, this.#sequence, headers, body));
    return this.#sequence;
  }

  /** Sends a hello and takes its answer. */
  async hello(token: string): Promise<RawFrame> {
    this.write(frameBytes(0, -1, { 1002: token }, 'raw'));
    return this.next(2);
  }

  /** The next frame, which must have this content type. */
  async next(type?: number): Promise<RawFrame> {
    const until = Date.now() + LIMIT_MS;
    while (this.#unread.length === 0) {
      await this.#more(until, type);
    }
    const frame = this.#unread.shift();
    assert.ok(frame);
    if (type !== undefined) assert.equal(frame.type, type, `got ${frame.type}: ${frame.body.toString('latin1', 0, 100)}`);
    return frame;
  }

  /** Waits until a frame of this content type has come, and leaves it. */
  async arrival(type: number): Promise<void> {
    const until = Date.now() + LIMIT_MS;
    while (!this.#unread.some((frame) => frame.type === type)) await this.#more(until, type);
  }

  /** Waits until this many frames have come since the beginning. */
  async count(frames: number): Promise<void> {
    const until = Date.now() + LIMIT_MS;
    while (this.received.length < frames) await this.#more(until, undefined);
  }

  /** Frames that have come and nobody has taken. */
  get unread(): readonly RawFrame[] {
    return this.#unread;
  }

  /** Everything that was sent before has been served when it resolves; frames that came meanwhile stay unread. */
  async sync(): Promise<void> {
    const sequence = this.send(3, { 128: Buffer.alloc(8, 7) });
    const until = Date.now() + LIMIT_MS;
    const isReply = (frame: RawFrame): boolean => frame.type === 2 && frame.headers.get(1)?.readInt32LE() === sequence;
    while (!this.#unread.some(isReply)) await this.#more(until, 2);
    this.#unread = this.#unread.filter((frame) => !isReply(frame));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.closed) return;
    const closed = once(this.socket, 'close');
    this.socket.destroy();
    await closed;
  }

  async #more(until: number, type: number | undefined): Promise<void> {
    if (this.socket.destroyed || this.socket.readableEnded) assert.fail(`the connection is closed; wanted ${type}`);
    await new Promise<void>((resolve, reject) => {
      const woken = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(woken);
        reject(new assert.AssertionError({ message: `no frame ${type}` }));
      }, until - Date.now());
      this.#waiting.add(woken);
    });
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const woken of waiting) woken();
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#wanted) return;
    const { frames, rest } = takeFrames(Buffer.concat(this.#chunks));
    this.#chunks = [rest];
    this.#size = rest.length;
    this.#wanted = rest.length < 20 ? 20 : 20 + rest.readUInt32LE(12) + rest.readUInt32LE(16);
    this.received.push(...frames);
    this.#unread.push(...frames);
    if (frames.length > 0) this.#wake();
  }
}
