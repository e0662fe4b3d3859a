import type { Instant } from '../shared/clock.ts';
import type { ErrorCode } from '../shared/errors.ts';
import type { ReadingRecord } from '../shared/reading.ts';
import type { DiscardedRun } from './framing/framing.ts';
import type { Connection } from './hl7/connection.ts';
import type { Dialect } from './hl7/dialect.ts';
import type { Segment } from './hl7/segment.ts';

/** A part that could not be taken: counted, kept in quarantine where it may hold data, and reported with its reason. */
export interface Rejected {
  code: ErrorCode;
  /** Which part: `OBX[3]`, `metrics.spo2`, `frame`. Never its content. */
  part: string;
  /** Size of what was rejected, in bytes. */
  bytes: number;
  /** The bytes themselves where they may hold a measurement (quarantine); nothing for plain noise. */
  raw?: Uint8Array;
  /** The same with what gives it its meaning before it, so that it can be read again by itself: see `ReadAgain`. */
  again?: ReadAgain;
  /** The code that is not in the table, for the operator: `2047`, `unit 87`. Never a text. */
  unknown?: string;
}

/** A part of a message (a row, a wave, an alert, all up to the next patient) as a message of its own, of which only the last segments count. */
export interface ReadAgain {
  raw: Uint8Array;
  /** How many segments count; one unless told. */
  last?: number;
  /** Of the configuration, what was in force for the part where it names nobody itself. */
  subject: Pick<DecodeContext, 'patient' | 'bed'>;
}

/**
 * Which message it was, for senders that give each a name of its own and send again what was not acknowledged. Both are digests (the
 * first 128 bits of SHA-256, one character a byte): of whose message and its name, and of all of it.
 */
export interface MessageKey {
  name: string;
  content: string;
}

/** What came out of one frame, message or payload. A bad part never costs the good parts. */
export interface Decoded {
  records: ReadingRecord[];
  rejected: Rejected[];
  /** The message that `records` came in, where the same one sent again can be told from another. */
  message?: MessageKey;
  /** What the device must be told once `records` are on disk (and what instead, when they could not be stored). Empty: nothing is to be said. */
  reply?: { stored: Uint8Array; failed: Uint8Array };
}

/** What the configuration of a source adds to the bytes. */
export interface DecodeContext {
  /** Name of the source. */
  source: string;
  /** IANA zone of device times that carry none. */
  zone: string;
  /** The gateway's fixed patient, bed and device names, from the configuration. What the bytes themselves say goes first. */
  patient?: { value: string; authority: string };
  bed?: string;
  deviceId?: string;
  /** Marks everything as test data (HTEST). */
  test: boolean;
  /** Whether waves are read; they are much, and left aside unless told. */
  waves?: boolean;
  /** Whether what devices are made of (OBX-4) is told, once and at every change. */
  containment?: boolean;
  /** Devices this source takes; undefined takes all. */
  devices?: readonly string[];
  maxFrameBytes: number;
}

/** Turns a byte stream of one connection or line into decoded parts. Pure: the time of receipt is handed in. */
export interface StreamDecoder {
  push(chunk: Uint8Array, receivedAt: Instant): Decoded[];
  end(receivedAt: Instant): Decoded[];
  /** Where nothing but a pause ends a message: there was one. What is whole by then is given out. */
  quiet?(receivedAt: Instant): Decoded[];
  /** It takes the place of another one in the middle of a stream: nothing is known of what came before. */
  lose?(): void;
  /** Bytes kept of what has not ended yet, where many streams share one limit. */
  readonly held?: number;
}

/** How a serial line is set, as the device's manual says. */
export interface LineSettings {
  baudRate: number;
  dataBits: 7 | 8;
  parity: 'none' | 'even' | 'odd';
  stopBits: 1 | 2;
  /** RTS/CTS. */
  flowControl?: boolean;
}

interface ProfileBase {
  /** `nonin-df8`, `masimo-ascii1`, `hl7-pcd01`, `mqtt-home-hub`. */
  name: string;
  vendor: string;
  models: readonly string[];
  protocol: string;
  /** Where the format is written down. */
  source: string;
  /** For a stream of one line or connection, and for `decode`. */
  decoder(context: DecodeContext): StreamDecoder;
}

export interface SerialProfile extends ProfileBase {
  kind: 'serial';
  line: LineSettings;
}

export interface Hl7Profile extends ProfileBase {
  kind: 'hl7';
  dialect: Dialect;
  /**
   * Reads one message without its MLLP framing. `reply` is framed. Messages of one connection share its `connection`, which is told of
   * what was discarded between them, too; without one a message stands alone. `only` so many of its last segments: see `ReadAgain`. `header`: MSH as it came,
   * of a message that was read.
   */
  read(
    message: Uint8Array,
    receivedAt: Instant,
    context: DecodeContext,
    connection?: Connection,
    only?: number,
  ): Decoded & { header?: Segment };
  /** What to answer for a message that was discarded for its size, from its first bytes. */
  refuseOversized(run: DiscardedRun, receivedAt: Instant): Decoded;
}

export interface MqttProfile extends ProfileBase {
  kind: 'mqtt';
  /** The topics to subscribe to (MQTT 5, 4.7): `home/+/+/measurement`. */
  topicFilter: string;
  /** False when payloads carry no time: the time of receipt counts, so that a payload which was kept somewhere would come as current. */
  timed: boolean;
  /** Reads one payload. */
  decodePayload(topic: string, payload: Uint8Array, receivedAt: Instant, context: DecodeContext): Decoded;
}

/** One way of reading bytes, by name: a serial device, HL7 v2, or a mapping of MQTT payloads. */
export type Profile = SerialProfile | Hl7Profile | MqttProfile;

const DISCARD_CODES = {
  garbage: 'DECODE-GARBAGE',
  oversized: 'DECODE-OVERSIZED',
  truncated: 'DECODE-TRUNCATED',
  checksum: 'DECODE-CHECKSUM',
} as const satisfies Record<DiscardedRun['reason'], ErrorCode>;

/** A framer's discarded run as the part that it is for everybody behind it. */
export function discardedPart({ reason, bytes }: DiscardedRun): Rejected {
  return { code: DISCARD_CODES[reason], part: 'frame', bytes };
}

/**
 * Free text of a device as data: control characters become blanks, runs of blanks one, and nothing is longer than `maxLength`
 * characters. Undefined when nothing is left.
 */
export function cleanText(text: string, maxLength: number): string | undefined {
  const clean = text
    .slice(0, maxLength * 4)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  return clean === '' ? undefined : clean.slice(0, maxLength).toWellFormed().trimEnd();
}

/** Nearly every identifier there is; the test by Unicode classes costs many times as much. */
const PLAIN = /^[\x21-\x7e]+$/;
const UNCLEAN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\uFFFD]/u;

/** Longest identifiers that the wire takes (see `checkRecord`). */
export const MAX_IDENTIFIER = 128;
export const MAX_DEVICE_ID = 64;

/**
 * An identifier as a device or message gave it, or undefined when it cannot be one (empty, control characters, longer than
 * `maxLength`). Identifiers are never mended: a mended one could be somebody else's.
 */
export function identifier(text: string, maxLength: number): string | undefined {
  if (text.length <= maxLength && PLAIN.test(text)) return text;
  const trimmed = text.trim();
  return trimmed === '' || trimmed.length > maxLength || !trimmed.isWellFormed() || UNCLEAN.test(trimmed) ? undefined : trimmed;
}
