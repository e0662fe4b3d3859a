import type { Instant } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode } from '../../shared/errors.ts';
import { type DecodeContext, type Decoded, discardedPart, type Hl7Profile } from '../decoding.ts';
import type { DiscardedRun, FramingEvent } from '../framing/framing.ts';
import { hl7File } from '../framing/hl7-file.ts';
import { type AckError, type AckOutcome, acknowledge } from './ack.ts';
import { Hl7Message, headerOf } from './message.ts';
import { readOru } from './oru.ts';
import type { Segment } from './segment.ts';

const VERSION = /^2\.[1-8](?:\.\d)?$/;
const PROFILE = 'hl7-pcd01';

/** Reads one message (without MLLP framing) and says what its sender is to be told. Never throws for what bytes hold. */
export function readHl7(bytes: Uint8Array, receivedAt: Instant, context: DecodeContext): Decoded {
  let message: Hl7Message;
  try {
    message = new Hl7Message(bytes);
  } catch (thrown) {
    return refuse(asVitalmeshError(thrown).code, headerOf(bytes), bytes, receivedAt);
  }
  const { header } = message;
  const type = header.component(9, 1);
  // Acknowledging an acknowledgement would never end.
  if (type === 'ACK' || type === 'MCF') return { records: [], rejected: [{ code: 'HL7-TYPE', part: 'message', bytes: bytes.length }] };
  if (!VERSION.test(header.component(12, 1).trim())) return refuse('HL7-VERSION', header, bytes, receivedAt);
  if (type !== 'ORU' || !['R01', ''].includes(header.component(9, 2))) return refuse('HL7-TYPE', header, bytes, receivedAt);

  const { records, rejected, errors } = readOru(message, receivedAt, context, PROFILE);
  const outcome: AckOutcome = records.length === 0 && errors.some(({ code }) => code === 'DECODE-DEVICE-UNKNOWN') ? 'reject' : 'accept';
  return { records, rejected, reply: new Reply(header, outcome, errors, receivedAt) };
}

/** Only the answer that is given is built. */
class Reply {
  readonly #build: (outcome: AckOutcome) => Uint8Array;
  readonly #outcome: AckOutcome;
  #stored: Uint8Array | undefined;

  constructor(header: Segment | undefined, outcome: AckOutcome, errors: readonly AckError[], at: Instant) {
    this.#outcome = outcome;
    this.#build = (which) => acknowledge(header, which, which === 'error' ? [{ code: 'STORAGE-IO' }] : errors, at);
  }

  get stored(): Uint8Array {
    this.#stored ??= this.#build(this.#outcome);
    return this.#stored;
  }

  /** A refusal stays one, whatever happens to what was refused. */
  get failed(): Uint8Array {
    return this.#outcome === 'reject' ? this.stored : this.#build('error');
  }
}

/** What to answer for a message that was discarded for its size: its sender waits, and must not send it again. */
function refuseOversized(run: DiscardedRun, receivedAt: Instant): Decoded {
  const reply = run.head && new Reply(headerOf(run.head), 'reject', [{ code: 'DECODE-OVERSIZED' }], receivedAt);
  return { records: [], rejected: [discardedPart(run)], ...(reply ? { reply } : {}) };
}

function refuse(code: ErrorCode, header: Segment | undefined, bytes: Uint8Array, receivedAt: Instant): Decoded {
  return {
    records: [],
    rejected: [{ code, part: 'message', bytes: bytes.length, raw: new Uint8Array(bytes) }],
    reply: new Reply(header, 'reject', [{ code }], receivedAt),
  };
}

/** HL7 v2 ORU^R01 as IHE PCD-01 (DEC) shapes it, with MDC or MDIL codes, over MLLP or from a file. */
export const hl7Pcd01: Hl7Profile = {
  name: PROFILE,
  kind: 'hl7',
  vendor: 'IHE PCD',
  models: ['PCD-01 senders: monitors and gateways'],
  protocol: 'HL7 v2.1 to 2.8 ORU^R01 over MLLP, numbers under MDC codes',
  source: 'IHE PCD Technical Framework, volume 2, PCD-01; HL7 v2.6 chapters 2 and 7',
  read: readHl7,
  refuseOversized,
  decoder(context) {
    const framer = hl7File(context.maxFrameBytes);
    const decoded = (events: FramingEvent[], receivedAt: Instant) =>
      events.map((event) => ('frame' in event ? readHl7(event.frame, receivedAt, context) : refuseOversized(event.discarded, receivedAt)));
    return {
      push: (chunk, receivedAt) => decoded(framer.push(chunk), receivedAt),
      end: (receivedAt) => decoded(framer.end(), receivedAt),
    };
  },
};
