import type { FrameSource } from '../../../shared/overlay/ziti/channel/contract.ts';
import { encodeFrame } from '../../../shared/overlay/ziti/wire/encode.ts';
import { type Frame, HEAD_BYTES, MAGIC, u32 } from '../../../shared/overlay/ziti/wire/frame.ts';
import { CONTENT, HEADER } from '../../../shared/overlay/ziti/wire/ids.ts';
import { stateClosed } from './answers.ts';
import type { RouterChannel } from './channel.ts';
import type { RouterLimits, RouterStats } from './limits.ts';

interface Payload {
  body: Buffer;
  flags: number | undefined;
  /** Whether the bytes in front of the body are those of its own frame, and may be written over. */
  inPlace: boolean;
}

/** Smaller bodies are copied: that is cheap, and does not hold on to the large chunk in which they came. */
const IN_PLACE_BYTES = 4096;
/** What a payload counts at least, for memory; a window of empty payloads would have no end. */
const PAYLOAD_BYTES = 64;

/**
 * One direction of a circuit: from the channel that its payloads come in by to the one where they go out. As in the real router
 * the window is 4 MiB; what is beyond it is dropped and sent again after a while, and meanwhile the whole channel that it came by
 * stands still. Whoever bounds what it has under way never gets there.
 */
export class Flow implements FrameSource {
  readonly #egress: RouterChannel;
  readonly #connId: number;
  readonly #limits: RouterLimits;
  readonly #stats: RouterStats;
  readonly #closed: () => void;
  #waiting: Payload[] = [];
  #first = 0;
  #bytes = 0;
  #dropped: { payload: Payload; ingress: Disposable; timer: NodeJS.Timeout } | undefined;
  #closing: string | undefined;
  #over = false;

  /** `closed` is called when the end was sent behind everything that waited. */
  constructor(egress: RouterChannel, connId: number, closed: () => void) {
    this.#egress = egress;
    this.#connId = connId;
    this.#limits = egress.limits;
    this.#stats = egress.stats;
    this.#closed = closed;
  }

  /** Takes the Data frame of a circuit, which came by `ingress`. */
  push(frame: Frame, ingress: RouterChannel): void {
    if (this.#over || this.#closing !== undefined) return;
    const payload = payloadOf(frame);
    if (this.#hasRoom(payload)) this.#enqueue(payload);
    else this.#drop(payload, ingress.stream.hold(), this.#limits.resendMs);
  }

  /** Ends the direction behind everything that waits. */
  close(reason: string): void {
    if (this.#over || this.#closing !== undefined) return;
    this.#closing = reason;
    this.#egress.stream.wantsToSend(this);
  }

  /** Ends the direction without anything more. */
  abandon(): void {
    this.#over = true;
    this.#count(-this.#bytes);
    this.#waiting = [];
    clearTimeout(this.#dropped?.timer);
    this.#dropped?.ingress[Symbol.dispose]();
    this.#dropped = undefined;
  }

  nextFrame(nextSequence: () => number): Buffer | undefined {
    if (this.#over) return undefined;
    const payload = this.#shift();
    if (payload) {
      this.#stats.payloads += 1;
      return dataFrame(payload, this.#connId, nextSequence());
    }
    if (this.#closing === undefined || this.#dropped) return undefined;
    const last = encodeFrame(stateClosed(this.#connId, this.#closing), nextSequence());
    this.abandon();
    this.#closed();
    return last;
  }

  #hasRoom({ body }: Payload): boolean {
    const size = sizeOf(body);
    // A single payload may be larger than the window.
    const fits = this.#bytes === 0 || this.#bytes + size <= this.#limits.windowBytes;
    // Whoever reads has nothing that waits, and goes on while those who do not have taken the memory of all.
    if (this.#egress.waitingBytes === 0) return fits;
    const { channelBytes, routerBytes } = this.#limits;
    return fits && this.#egress.waitingBytes + size <= channelBytes && this.#stats.waitingBytes + size <= routerBytes;
  }

  /** So many bytes more wait, or less. */
  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#egress.waitingBytes += bytes;
    this.#stats.waitingBytes += bytes;
  }

  #enqueue(payload: Payload): void {
    this.#waiting.push(payload);
    this.#count(sizeOf(payload.body));
    this.#egress.stream.wantsToSend(this);
  }

  #drop(payload: Payload, ingress: Disposable, waitMs: number): void {
    this.#stats.drops += 1;
    const timer = setTimeout(() => this.#resend(payload, ingress, waitMs), waitMs);
    this.#dropped = { payload, ingress, timer };
  }

  #resend(payload: Payload, ingress: Disposable, waitedMs: number): void {
    if (!this.#hasRoom(payload)) {
      this.#drop(payload, ingress, Math.min(waitedMs * this.#limits.resendGrowth, this.#limits.resendMaxMs));
      return;
    }
    this.#dropped = undefined;
    this.#enqueue(payload);
    ingress[Symbol.dispose]();
  }

  #shift(): Payload | undefined {
    const payload = this.#waiting[this.#first];
    if (!payload) return undefined;
    this.#first += 1;
    if (this.#first === this.#waiting.length) {
      this.#waiting = [];
      this.#first = 0;
    } else if (this.#first >= 1024) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    this.#count(-sizeOf(payload.body));
    return payload;
  }
}

function sizeOf(body: Buffer): number {
  return Math.max(body.length, PAYLOAD_BYTES);
}

function payloadOf({ headers, body }: Frame): Payload {
  const flags = u32(headers, HEADER.flags);
  if (body.length < IN_PLACE_BYTES) return { body: Buffer.from(body), flags, inPlace: false };
  // Its frame had these headers too, so that its head is at least as long as the one that is going to be written.
  const connId = headers.get(HEADER.connId);
  return { body, flags, inPlace: connId?.buffer === body.buffer };
}

/**
 * The Data frame as it goes out: the connection id of the other side, the flags, and nothing else (openziti-wire.md §6). The head
 * is written in front of the body, over the one with which it came, so that no payload byte is moved.
 */
function dataFrame({ body, flags, inPlace }: Payload, connId: number, sequence: number): Buffer {
  const headersLength = flags === undefined ? 12 : 24;
  const bodyOffset = HEAD_BYTES + headersLength;
  const whole = bodyOffset + body.length;
  const frame = inPlace ? Buffer.from(body.buffer, body.byteOffset - bodyOffset, whole) : Buffer.allocUnsafe(whole);
  frame.writeUInt32LE(MAGIC, 0);
  frame.writeInt32LE(CONTENT.data, 4);
  frame.writeInt32LE(sequence, 8);
  frame.writeUInt32LE(headersLength, 12);
  frame.writeUInt32LE(body.length, 16);
  // Readers must take headers in any order; the real router's is random.
  const connIdFirst = flags === undefined || (sequence & 1) === 0;
  writeU32Header(frame, connIdFirst ? HEAD_BYTES : HEAD_BYTES + 12, HEADER.connId, connId);
  if (flags !== undefined) writeU32Header(frame, connIdFirst ? HEAD_BYTES + 12 : HEAD_BYTES, HEADER.flags, flags);
  if (!inPlace) frame.set(body, bodyOffset);
  return frame;
}

function writeU32Header(frame: Buffer, at: number, id: number, value: number): void {
  frame.writeInt32LE(id, at);
  frame.writeUInt32LE(4, at + 4);
  frame.writeUInt32LE(value, at + 8);
}
