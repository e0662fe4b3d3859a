import type { Instant } from '../../shared/clock.ts';
import type { Reading, ReadingRecord, RowClass } from '../../shared/reading.ts';
import {
  type DecodeContext,
  type Decoded,
  discardedPart,
  type LineSettings,
  type Rejected,
  type SerialProfile,
  type StreamDecoder,
} from '../decoding.ts';
import type { Framing, FramingEvent } from '../framing/framing.ts';

/** What every device table says before its own form begins. */
export interface DeviceHeader {
  /** Name of the profile: `nonin-df8`. */
  name: string;
  vendor: string;
  models: readonly string[];
  protocol: string;
  /** As the manual sets the serial line. */
  line: LineSettings;
  /** Where the format is written down. */
  source: string;
  framing: Framing;
  /** `continuous` for a stream of values, `spot` for single measurements, which outlive the former when space runs out. */
  class: RowClass;
}

/** What a frame said. */
export interface FrameContent {
  readings: Reading[];
  rejected: Rejected[];
  /** The device's own serial number, if the frame names it. */
  serial?: string;
}

/** A profile out of a device table and a pure function that reads one frame. */
export function deviceProfile(
  header: DeviceHeader,
  readFrame: (frame: Uint8Array, receivedAt: Instant, context: DecodeContext) => FrameContent,
): SerialProfile {
  const { name, vendor, models, protocol, line, source, framing } = header;
  const decodeFrame = (frame: Uint8Array, receivedAt: Instant, context: DecodeContext): Decoded => {
    const { readings, rejected, serial } = readFrame(frame, receivedAt, context);
    if (readings.length === 0) return { records: [], rejected };
    const device = deviceOf(serial, context);
    if (context.devices && !context.devices.includes(device.id)) {
      return { records: [], rejected: [{ code: 'DECODE-DEVICE-UNKNOWN', part: 'frame', bytes: frame.length, raw: new Uint8Array(frame) }] };
    }
    const record: ReadingRecord = {
      source: context.source,
      profile: name,
      device: { ...device, vendor, ...(models.length === 1 ? { model: models[0] } : {}) },
      receivedAt,
      subject: { ...(context.patient ? { patient: context.patient } : {}), ...(context.bed ? { bed: context.bed } : {}) },
      test: context.test,
      class: header.class,
      readings,
    };
    return { records: [record], rejected };
  };
  const decoder = (context: DecodeContext): StreamDecoder => {
    const framer = framing(context.maxFrameBytes);
    const decoded = (events: FramingEvent[], receivedAt: Instant) =>
      events.map((event) =>
        'frame' in event ? decodeFrame(event.frame, receivedAt, context) : { records: [], rejected: [discardedPart(event.discarded)] },
      );
    return {
      push: (chunk, receivedAt) => decoded(framer.push(chunk), receivedAt),
      end: (receivedAt) => decoded(framer.end(), receivedAt),
    };
  };
  return { name, kind: 'serial', vendor, models, protocol, source, line, decoder };
}

/** What the device itself says it is goes before the name that the configuration gave the line. */
function deviceOf(serial: string | undefined, context: DecodeContext): Pick<ReadingRecord['device'], 'id' | 'idType'> {
  return serial === undefined ? { id: context.deviceId ?? context.source, idType: 'config' } : { id: serial, idType: 'serial' };
}
