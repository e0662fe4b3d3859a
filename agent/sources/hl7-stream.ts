import { type DecodeContext, type Decoded, discardedPart, type Hl7Profile, type StreamDecoder } from '../decoding.ts';
import type { FramingEvent } from '../framing/framing.ts';
import { mllp } from '../framing/mllp.ts';

/**
 * HL7 messages in MLLP blocks as a network sender brings them. Stricter than reading a file: bytes outside a block are never a
 * message. A sender of an oversized message is told so, or it would send the same one for ever.
 */
export function hl7Stream(profile: Hl7Profile, context: DecodeContext): StreamDecoder {
  const framer = mllp(context.maxFrameBytes);
  const decode = (events: FramingEvent[], receivedAt: number): Decoded[] =>
    events.map((event) => {
      if ('frame' in event) return profile.read(event.frame, receivedAt, context);
      const { discarded } = event;
      if (discarded.head) return profile.refuseOversized(discarded, receivedAt);
      return { records: [], rejected: [discardedPart(discarded)] };
    });
  return {
    push: (chunk, receivedAt) => decode(framer.push(chunk), receivedAt),
    end: (receivedAt) => decode(framer.end(), receivedAt),
  };
}
