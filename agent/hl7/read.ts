import type { Instant } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode } from '../../shared/errors.ts';
import { type DecodeContext, type Decoded, discardedPart, type Hl7Profile } from '../decoding.ts';
import type { DiscardedRun, FramingEvent } from '../framing/framing.ts';
import { hl7File } from '../framing/hl7-file.ts';
import { type AckError, type AckOutcome, acknowledge } from './ack.ts';
import { readAdt } from './adt.ts';
import { Connection, mayNameSubject } from './connection.ts';
import { type Dialect, messageUse } from './dialect.ts';
import { Hl7Message, headerOf } from './message.ts';
import { type OruContent, readOru } from './oru.ts';
import { type Segment, trimmed } from './segment.ts';

const VERSION = /^2\.[1-8](?:\.\d)?$/;

/**
 * Reads one message (without MLLP framing) and says what its sender is to be told. Never throws for what bytes hold. `connection` is what
 * those before it on the same connection said about whose it is. `only` so many of the last segments: the others were read before.
 */
export function readHl7(
  dialect: Dialect,
  bytes: Uint8Array,
  receivedAt: Instant,
  context: DecodeContext,
  connection: Connection = new Connection(),
  only?: number,
): ReturnType<Hl7Profile['read']> {
  let message: Hl7Message;
  try {
    message = new Hl7Message(bytes);
  } catch (thrown) {
    connection.lose();
    return refuse(asVitalmeshError(thrown).code, headerOf(bytes), bytes, receivedAt);
  }
  const { header } = message;
  const isVersion = VERSION.test(trimmed(header.component(12, 1)));
  const use = isVersion ? messageUse(dialect, header) : undefined;
  // Only the message for it says whose the rest is; what names anybody elsewhere may be that one, damaged.
  if (dialect.subject && use !== 'subject' && mayNameSubject(message)) connection.lose();
  if (isAcknowledgement(header)) return { records: [], rejected: [{ code: 'HL7-TYPE', part: 'message', bytes: bytes.length }] };
  if (!isVersion) return refuse('HL7-VERSION', header, bytes, receivedAt);
  switch (use) {
    case 'readings':
    case 'alerts': {
      const own = dialect.subject ? connection.contextOf(context) : context;
      if (!own) return refuse('HL7-PATIENT-LOST', header, bytes, receivedAt);
      return answered(header, readOru(message, receivedAt, own, dialect, { use, only }), receivedAt);
    }
    case 'subject': {
      const subject = dialect.subject?.(message);
      if (!subject) {
        connection.lose();
        return refuse('HL7-PATIENT-LOST', header, bytes, receivedAt);
      }
      connection.say(subject);
      return answered(header, NOTHING, receivedAt);
    }
    case 'movement': {
      const content = readAdt(message, receivedAt, context, dialect.name);
      return answered(header, content, receivedAt, content.records.length === 0 ? 'reject' : 'accept');
    }
    case 'heartbeat':
      return answered(header, NOTHING, receivedAt);
    case 'aside':
      return answered(header, { ...NOTHING, rejected: [{ code: 'HL7-TYPE', part: 'message', bytes: bytes.length }] }, receivedAt);
    default:
      return refuse('HL7-TYPE', header, bytes, receivedAt);
  }
}

/** Acknowledging an acknowledgement would never end. */
function isAcknowledgement(header: Segment): boolean {
  const type = trimmed(header.component(9, 1)).toUpperCase();
  return type === 'ACK' || type === 'MCF';
}

const NOTHING: OruContent = { records: [], rejected: [], errors: [] };

function answered(
  header: Segment,
  { records, rejected, errors }: OruContent,
  receivedAt: Instant,
  outcome: AckOutcome = records.length === 0 && errors.some(({ code }) => code === 'DECODE-DEVICE-UNKNOWN') ? 'reject' : 'accept',
): ReturnType<Hl7Profile['read']> {
  return { records, rejected, reply: new Reply(header, outcome, errors, receivedAt), header };
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
  const header = run.head && headerOf(run.head);
  const isAnswered = run.head && !(header && isAcknowledgement(header));
  const reply = isAnswered && new Reply(header, 'reject', [{ code: 'DECODE-OVERSIZED' }], receivedAt);
  return { records: [], rejected: [discardedPart(run)], ...(reply ? { reply } : {}) };
}

function refuse(code: ErrorCode, header: Segment | undefined, bytes: Uint8Array, receivedAt: Instant): Decoded {
  const rejected = [{ code, part: 'message', bytes: bytes.length, raw: new Uint8Array(bytes) }];
  if (header && isAcknowledgement(header)) return { records: [], rejected };
  return { records: [], rejected, reply: new Reply(header, 'reject', [{ code }], receivedAt) };
}

/** A dialect as a way of reading bytes, over MLLP or from a file. */
export function hl7Profile(dialect: Dialect): Hl7Profile {
  const { name, vendor, models, protocol, source } = dialect;
  const read: Hl7Profile['read'] = (...args) => readHl7(dialect, ...args);
  return {
    ...{ name, kind: 'hl7', vendor, models, protocol, source, dialect },
    read,
    refuseOversized,
    decoder(context) {
      const framer = hl7File(context.maxFrameBytes);
      const connection = new Connection();
      const decodedEvent = (event: FramingEvent, receivedAt: Instant): Decoded => {
        if ('frame' in event) return read(event.frame, receivedAt, context, connection);
        connection.lose();
        return refuseOversized(event.discarded, receivedAt);
      };
      const decoded = (events: FramingEvent[], receivedAt: Instant) => events.map((event) => decodedEvent(event, receivedAt));
      return {
        push: (chunk, receivedAt) => decoded(framer.push(chunk), receivedAt),
        end: (receivedAt) => decoded(framer.end(), receivedAt),
      };
    },
  };
}
