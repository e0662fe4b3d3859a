import type { DecodeContext, Decoded } from '../../../agent/decoding.ts';
import { hl7Pcd01 } from '../../support/hl7.ts';
import { CONTEXT, outcome, RECEIVED_AT } from '../decode/decoding.ts';

export const MSH = 'MSH|^~\\&|MON^00A037FFFE000001^EUI-64|ICU|||20261121100000+0100||ORU^R01^ORU_R01|M1|P|2.6';
export const PID = 'PID|||P-0001^^^HOSP^MR';
export const PV1 = 'PV1||I|ICU^101^BED-01';
export const OBR = 'OBR|1|||182777000^monitoring of patient^SCT|||20261121095958+0100';

/** One OBX from the fields that matter: code, value, unit, and others by number. */
export function obx(code: string, value: string, unit: string, fields: Readonly<Record<number, string>> = {}): string {
  const all: Record<number, string> = { 1: '1', 2: 'NM', 3: code, 4: '1.1.1.1', 5: value, 6: unit, 11: 'R', ...fields };
  const last = Math.max(...Object.keys(all).map(Number));
  return `OBX|${Array.from({ length: last }, (_, i) => all[i + 1] ?? '').join('|')}`;
}

export const SPO2 = '150456^MDC_PULS_OXIM_SAT_O2^MDC';
export const PERCENT = '262688^MDC_DIM_PERCENT^MDC';
export const MMHG = '266016^MDC_DIM_MMHG^MDC';

export function message(...segments: string[]): Buffer {
  return Buffer.from(segments.map((segment) => `${segment}\r`).join(''), 'latin1');
}

/** A message with the usual segments before its OBX. */
export function oru(...rows: string[]): Buffer {
  return message(MSH, PID, PV1, OBR, ...rows);
}

export function read(bytes: Uint8Array, context: Partial<DecodeContext> = {}): Decoded {
  return hl7Pcd01.read(bytes, RECEIVED_AT, { ...CONTEXT, ...context });
}

export function readings(bytes: Uint8Array, context: Partial<DecodeContext> = {}) {
  return outcome([read(bytes, context)]).records.flatMap((record) => record.readings);
}

export function rejections(bytes: Uint8Array, context: Partial<DecodeContext> = {}): string[] {
  return read(bytes, context).rejected.map(({ code, part }) => `${code} ${part}`);
}

/** The segments of a reply, without MLLP: each split into fields. */
export function reply(bytes: Uint8Array | undefined): string[][] {
  return Buffer.from(bytes ?? [])
    .toString('latin1')
    .split(/[\x0b\x1c\r]+/)
    .filter(Boolean)
    .map((segment) => segment.split('|'));
}

export const spo2 = (value: string, fields: Record<number, string> = {}): string => obx(SPO2, value, PERCENT, fields);
export const WHOSE = { patient: { value: 'P-9', authority: '' }, bed: 'B-9' };
/** Patient, bed, device and values of each record. */
export const stored = (bytes: Uint8Array, context = {}): unknown[] =>
  read(bytes, context).records.map(({ subject, device, readings: all }) => [
    subject.patient?.value,
    subject.bed,
    device.id,
    ...all.map(({ value }) => value),
  ]);
export const mdsRow = (device: string): string => `OBX|1||69965^MDS^MDC|1.0.0.0|||||||X|||||||${device}`;
export const PID_2 = 'PID|||P-0002^^^HOSP^MR';
