import assert from 'node:assert/strict';
import type { DecodeContext, Decoded } from '../../../../agent/decoding.ts';
import { DIALECTS } from '../../../../agent/hl7/dialects/index.ts';
import { hl7Profile } from '../../../../agent/hl7/read.ts';
import type { DeviceAlert } from '../../../../shared/alert.ts';
import { CONTEXT, outcome, RECEIVED_AT } from '../../decode/decoding.ts';

export interface Read {
  /** `spo2=97`, `spo2=!unknown`, flags behind. */
  readings: string[];
  alerts: DeviceAlert[];
  /** `CODE part`, a `+` behind what is kept. */
  rejected: string[];
}

/** What these parts say, in short. */
export function said(parts: readonly Decoded[]): Read {
  const { records } = outcome(parts);
  return {
    readings: records.flatMap(({ readings }) =>
      readings.map(({ vital, value, absent, flags = [] }) => [`${vital}=${value ?? `!${absent}`}`, ...flags].join(' ')),
    ),
    alerts: records.flatMap(({ alerts = [] }) => alerts),
    rejected: parts.flatMap(({ rejected }) => rejected.map(({ code, part, raw }) => `${code} ${part}${raw ? '+' : ''}`)),
  };
}

/** Segments as the bytes of a message. */
export function bytesOf(segments: readonly string[]): Buffer {
  return Buffer.from(segments.map((segment) => `${segment}\r`).join(''), 'latin1');
}

/** Reads one message of these segments by itself. */
export function readBy(name: string, segments: readonly string[], context: Partial<DecodeContext> = {}): Read {
  const dialect = DIALECTS.find((one) => one.name === name);
  assert.ok(dialect, name);
  return said([hl7Profile(dialect).read(bytesOf(segments), RECEIVED_AT, { ...CONTEXT, ...context })]);
}
