import type { Reading } from '../../shared/reading.ts';
import type { SerialProfile } from '../decoding.ts';
import { type DeviceHeader, deviceProfile } from './device.ts';
import { absentReason, flagsOf, type StatusMeaning } from './status.ts';

/** A piece of a number: byte of the frame, highest and lowest bit of it. */
export type BitRun = readonly [byte: number, high: number, low: number];

/** A number of the frame: one byte, or pieces with the most significant first. `missing` is what the device sends for no value. */
export type BinaryReading = { vital: string; missing: number } & ({ byte: number } | { bits: readonly BitRun[] });

/** A device that sends frames of bytes. */
export interface BinaryDevice extends DeviceHeader {
  /** `none`: frames carry no time, so the time of receipt counts and readings are marked clockless. */
  clock: 'none';
  status: readonly { byte: number; bit: number; means: StatusMeaning }[];
  readings: readonly BinaryReading[];
}

/** A device as a table of bytes and bits, to be checked line by line against its manual. Bytes count from 0, bit 7 is the highest. */
export function defineDevice(device: BinaryDevice): SerialProfile {
  return deviceProfile(device, (frame) => {
    const said = device.status.filter(({ byte, bit }) => (byteAt(frame, byte) >> bit) & 1).map(({ means }) => means);
    const flags = ['clockless' as const, ...flagsOf(said)];
    const readings = device.readings.map((row): Reading => {
      const value = 'byte' in row ? byteAt(frame, row.byte) : bitsAt(frame, row.bits);
      return value === row.missing ? { vital: row.vital, absent: absentReason(said), flags } : { vital: row.vital, value, flags };
    });
    return { readings, rejected: [] };
  });
}

function byteAt(frame: Uint8Array, index: number): number {
  return frame[index] ?? 0;
}

function bitsAt(frame: Uint8Array, runs: readonly BitRun[]): number {
  let value = 0;
  for (const [byte, high, low] of runs) {
    const width = high - low + 1;
    value = (value << width) | ((byteAt(frame, byte) >> low) & ((1 << width) - 1));
  }
  return value;
}
