import { Duplex } from 'node:stream';
import { VitalmeshError } from '../../shared/errors.ts';

const PUBLISH = 3;
/** Set in the first byte of a PUBLISH for QoS 2, and for the 3 that does not exist. */
const QOS_2 = 0b100;

/**
 * Cuts the payload out of PUBLISH packets that are too large, before the MQTT client collects them in memory. The client sees such a
 * packet with an empty payload and can acknowledge it, so that the broker does not send it for ever; `takeOversized` says which.
 * Other packets above the limit, lengths that are not MQTT, and QoS 2 throw SOURCE-LOST. (MQTT 3.1.1 and 5.0, 2.1 and 3.3.)
 */
export class MqttPacketGuard {
  readonly #maxBytes: number;
  readonly #version5: boolean;
  /** Packets without an identifier (QoS 0) that were left out entirely; nobody waits for an answer to them. */
  readonly #leftOut: (bytes: number) => void;
  readonly #oversized = new Map<number, number>();
  /** Beginning of a packet: type, length, and for an oversized PUBLISH also topic and identifier. */
  #head: number[] = [];
  #passBytes = 0;
  #skipBytes = 0;

  constructor(maxBytes: number, version5: boolean, leftOut: (bytes: number) => void) {
    this.#maxBytes = maxBytes;
    this.#version5 = version5;
    this.#leftOut = leftOut;
  }

  /** Size of the packet of this identifier if its payload was cut out; asked once. */
  takeOversized(messageId: number | undefined): number | undefined {
    if (messageId === undefined) return undefined;
    const bytes = this.#oversized.get(messageId);
    this.#oversized.delete(messageId);
    return bytes;
  }

  /** The bytes that the client may see. Throws SOURCE-LOST. */
  push(chunk: Buffer): Buffer[] {
    const out: Buffer[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#passBytes > 0) {
        const end = Math.min(chunk.length, at + this.#passBytes);
        out.push(chunk.subarray(at, end));
        this.#passBytes -= end - at;
        at = end;
      } else if (this.#skipBytes > 0) {
        const end = Math.min(chunk.length, at + this.#skipBytes);
        this.#skipBytes -= end - at;
        at = end;
      } else {
        this.#head.push(chunk[at] ?? 0);
        at += 1;
        this.#judge(out);
      }
    }
    return out;
  }

  /** Decides about the packet as soon as enough of its head is there. */
  #judge(out: Buffer[]): void {
    const length = remainingLength(this.#head);
    if (!length) return;
    const [first = 0] = this.#head;
    // The client would answer PUBREC at once, and the message be ours before it is on disk. Subscriptions ask for QoS 1 at most.
    if (first >> 4 === PUBLISH && (first & QOS_2) !== 0) {
      throw new VitalmeshError('SOURCE-LOST', { detail: 'the broker sends with a higher QoS than was asked for' });
    }
    if (length.value <= this.#maxBytes) {
      out.push(Buffer.from(this.#head));
      this.#passBytes = length.value;
      this.#head = [];
      return;
    }
    if (first >> 4 !== PUBLISH) throw new VitalmeshError('SOURCE-LOST', { detail: 'a packet of the broker is too large' });
    this.#judgePublish(first, length, out);
  }

  #judgePublish(first: number, { value, end }: Length, out: Buffer[]): void {
    if (this.#head.length < end + 2) return;
    const topicBytes = ((this.#head[end] ?? 0) << 8) | (this.#head[end + 1] ?? 0);
    const hasId = (first & 0b110) !== 0;
    const headerBytes = 2 + topicBytes + (hasId ? 2 : 0);
    if (headerBytes > value) throw new VitalmeshError('SOURCE-LOST', { detail: 'a packet of the broker is malformed' });
    if (this.#head.length < end + headerBytes) return;
    if (hasId) {
      const header = Buffer.from(this.#head.slice(end));
      this.#oversized.set(header.readUInt16BE(headerBytes - 2), value);
      // MQTT 5 has properties behind the identifier; they go with the payload.
      const properties = this.#version5 ? [0] : [];
      out.push(Buffer.from([first, ...variableLength(headerBytes + properties.length)]), header, Buffer.from(properties));
    } else this.#leftOut(value);
    this.#skipBytes = value - headerBytes;
    this.#head = [];
  }
}

interface Length {
  value: number;
  /** Index of the first byte behind the length. */
  end: number;
}

/** The remaining length behind the first byte (MQTT 3.1.1, 2.2.3), or undefined while it is not complete. */
function remainingLength(head: readonly number[]): Length | undefined {
  let value = 0;
  for (let i = 1; i < head.length; i += 1) {
    const byte = head[i] ?? 0;
    value += (byte & 0x7f) * 128 ** (i - 1);
    if ((byte & 0x80) === 0) return { value, end: i + 1 };
    if (i === 4) throw new VitalmeshError('SOURCE-LOST', { detail: 'a packet of the broker is malformed' });
  }
  return undefined;
}

function variableLength(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const more = rest >= 128 ? 0x80 : 0;
    bytes.push((rest % 128) | more);
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return bytes;
}

/** A connection whose incoming side goes through a guard. Destroying either end destroys the other. */
export function guardedStream(socket: Duplex, guard: MqttPacketGuard): Duplex {
  const stream = new Duplex({
    read: () => {
      socket.resume();
    },
    write: (chunk, _encoding, done) => {
      socket.write(chunk, done);
    },
    final: (done) => {
      socket.end(done);
    },
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const part of guard.push(chunk)) if (part.length > 0 && !stream.push(part)) socket.pause();
    } catch (error) {
      stream.destroy(error as Error);
    }
  });
  socket.on('end', () => stream.push(null));
  socket.on('error', (error) => stream.destroy(error));
  socket.on('close', () => stream.destroy());
  return stream;
}
