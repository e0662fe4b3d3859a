import { type DecodeContext, type Decoded, discardedPart, type Hl7Profile, type Rejected, type StreamDecoder } from '../decoding.ts';
import type { DiscardedRun, FramingEvent } from '../framing/framing.ts';
import { hl7Unframed } from '../framing/hl7-lines.ts';
import { mllp, mllpContents } from '../framing/mllp.ts';
import { Connection } from '../hl7/connection.ts';
import { messageKey } from '../hl7/message-key.ts';

/** How messages stand in the stream: in MLLP blocks, or one behind the other. Told by the configuration, never found out. */
export type Hl7Framing = 'mllp' | 'none';

/** What is around a message: 0B and 1C 0D, or nothing. */
const ENVELOPE_BYTES: Readonly<Record<Hl7Framing, number>> = { mllp: 3, none: 0 };

/**
 * HL7 messages as a network sender brings them. Stricter than reading a file: in MLLP, bytes outside a block are never a
 * message. A sender of an oversized message is told so, or it would send the same one for ever. A block without a header is no
 * message, and there is nobody to tell: those of one piece are one rejected part, of which the first is kept. Whoever sends without
 * blocks is answered without them.
 */
export function hl7Stream(profile: Hl7Profile, context: DecodeContext, framing: Hl7Framing = 'mllp'): StreamDecoder {
  const unframed = framing === 'none' ? hl7Unframed(context.maxFrameBytes) : undefined;
  const framer = unframed ?? mllp(context.maxFrameBytes);
  const connection = new Connection();
  const envelope = ENVELOPE_BYTES[framing];
  const decode = (events: FramingEvent[], receivedAt: number): Decoded[] => {
    const parts: Decoded[] = [];
    let headless: Rejected | undefined;
    for (const event of events) {
      const part = decodeEvent(event, receivedAt);
      const [rejected] = part.rejected;
      if (rejected?.code !== 'HL7-NO-MSH') {
        parts.push(part);
        headless = undefined;
      } else if (headless) headless.bytes += rejected.bytes + envelope;
      else {
        headless = { ...rejected, bytes: rejected.bytes + envelope };
        parts.push({ records: [], rejected: [headless] });
      }
    }
    return parts;
  };
  const decodeEvent = (event: FramingEvent, receivedAt: number): Decoded => {
    const part = 'frame' in event ? decodeMessage(event.frame, receivedAt) : discard(event.discarded, receivedAt);
    if (unframed && part.reply) part.reply = new BareReply(part.reply);
    return part;
  };
  const decodeMessage = (message: Uint8Array, receivedAt: number): Decoded => {
    const { header, records, rejected, reply } = profile.read(message, receivedAt, context, connection);
    const part: Decoded = reply ? { records, rejected, reply } : { records, rejected };
    // What has nothing to store may come as often as it likes.
    if (!profile.dialect.uniqueControlIds || records.length === 0) return part;
    const { source, zone } = context;
    const key = messageKey(message, { profile: profile.name, source, zone, receivedAt }, header);
    if (key) part.message = key;
    return part;
  };
  const discard = (discarded: DiscardedRun, receivedAt: number): Decoded => {
    connection.lose();
    return discarded.head ? profile.refuseOversized(discarded, receivedAt) : { records: [], rejected: [discardedPart(discarded)] };
  };
  return {
    push: (chunk, receivedAt) => decode(framer.push(chunk), receivedAt),
    end: (receivedAt) => decode(framer.end(), receivedAt),
    ...(unframed && { quiet: (receivedAt: number) => decode(unframed.quiet(), receivedAt) }),
    lose: () => connection.lose(),
    get held() {
      return framer.held;
    },
  };
}

/** An answer without its MLLP blocks. Only the one that is given is made. */
class BareReply {
  readonly #reply: NonNullable<Decoded['reply']>;

  constructor(reply: NonNullable<Decoded['reply']>) {
    this.#reply = reply;
  }

  get stored(): Uint8Array {
    return mllpContents(this.#reply.stored);
  }

  get failed(): Uint8Array {
    return mllpContents(this.#reply.failed);
  }
}
