import type { Instant } from '../shared/clock.ts';
import type { ErrorCode } from '../shared/errors.ts';
import type { ReadingRecord } from '../shared/reading.ts';

/** A part that could not be taken: counted, kept in quarantine where it may hold data, and reported with its reason. */
export interface Rejected {
  code: ErrorCode;
  /** Which part: `OBX[3]`, `metrics.spo2`, `frame`. Never its content. */
  part: string;
  /** Size of what was rejected, in bytes. */
  bytes: number;
  /** The bytes themselves where they may hold a measurement (quarantine); nothing for plain noise. */
  raw?: Uint8Array;
}

/** What came out of one frame, message or payload. A bad part never costs the good parts. */
export interface Decoded {
  records: ReadingRecord[];
  rejected: Rejected[];
  /** What the device must be told once `records` are on disk (and what instead, when they could not be stored). */
  reply?: { stored: Uint8Array; failed: Uint8Array };
}

/** What the configuration of a source adds to the bytes. */
export interface DecodeContext {
  /** Name of the source. */
  source: string;
  /** IANA zone of device times that carry none. */
  zone: string;
  /** The gateway's fixed patient, bed and device names, from the configuration. */
  patient?: { value: string; authority: string };
  bed?: string;
  deviceId?: string;
  /** Marks everything as test data (HTEST). */
  test: boolean;
  /** Devices this source takes; undefined takes all. */
  devices?: readonly string[];
  maxFrameBytes: number;
}

/** Turns a byte stream of one connection or line into decoded parts. Pure: the time of receipt is handed in. */
export interface StreamDecoder {
  push(chunk: Uint8Array, receivedAt: Instant): Decoded[];
  end(receivedAt: Instant): Decoded[];
}

/** One way of reading bytes, by name: a serial device, HL7 v2, or a mapping of MQTT payloads. */
export interface Profile {
  /** `nonin-df8`, `masimo-ascii1`, `hl7`, `mqtt-vitalmesh-home`. */
  name: string;
  kind: 'serial' | 'hl7' | 'mqtt';
  vendor: string;
  models: readonly string[];
  protocol: string;
  /** Where the format is written down. */
  source: string;
  decoder(context: DecodeContext): StreamDecoder;
}
