import { type DecodeContext, type Decoded, discardedPart, type Hl7Profile, type Rejected, type StreamDecoder } from '../decoding.ts';
import type { FramingEvent } from '../framing/framing.ts';
import { mllp } from '../framing/mllp.ts';
import { Connection } from '../hl7/connection.ts';

/** 0B and 1C 0D around a message. */
const ENVELOPE_BYTES = 3;

/**
 * HL7 messages in MLLP blocks as a network sender brings them. Stricter than reading a file: bytes outside a block are never a
 * message. A sender of an oversized message is told so, or it would send the same one for ever. A block without a header is no
 * message, and there is nobody to tell: those of one piece are one rejected part, of which the first is kept.
 */
export function hl7Stream(profile: Hl7Profile, context: DecodeContext): StreamDecoder {
  const framer = mllp(context.maxFrameBytes);
  const connection = new Connection();
  const decode = (events: FramingEvent[], receivedAt: number): Decoded[] => {
    const parts: Decoded[] = [];
    let headless: Rejected | undefined;
    for (const event of events) {
      const part = decodeEvent(event, receivedAt);
      const [rejected] = part.rejected;
      if (rejected?.code !== 'HL7-NO-MSH') {
        parts.push(part);
        headless = undefined;
      } else if (headless) headless.bytes += rejected.bytes + ENVELOPE_BYTES;
      else {
        headless = { ...rejected, bytes: rejected.bytes + ENVELOPE_BYTES };
        parts.push({ records: [], rejected: [headless] });
      }
    }
    return parts;
  };
  const decodeEvent = (event: FramingEvent, receivedAt: number): Decoded => {
    if ('frame' in event) return profile.read(event.frame, receivedAt, context, connection);
    const { discarded } = event;
    connection.lose();
    return discarded.head ? profile.refuseOversized(discarded, receivedAt) : { records: [], rejected: [discardedPart(discarded)] };
  };
  return {
    push: (chunk, receivedAt) => decode(framer.push(chunk), receivedAt),
    end: (receivedAt) => decode(framer.end(), receivedAt),
    get held() {
      return framer.held;
    },
  };
}
