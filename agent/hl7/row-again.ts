import { isAscii } from 'node:buffer';
import { deviceOf } from './device.ts';
import type { ObxRules } from './dialect.ts';
import type { Hl7Message } from './message.ts';
import { NULL } from './obx.ts';
import { componentOf, type Segment, trimmed } from './segment.ts';
import { isLeftAside } from './segment-names.ts';

/** Longer than any row of numbers with what stands before it. */
const MAX_BYTES = 16 * 1024;
/** Of waves and of larger parts; what is longer is not kept whole. */
const MAX_PART_BYTES = 64 * 1024;
/** Segments that are looked at for one row, in either direction. */
const MOST_LOOKED_AT = 2000;
/** The last one of each holds for what follows. */
const IN_FORCE: ReadonlySet<string> = new Set(['PID', 'PV1', 'OBR']);
const [CR, LF] = [13, 10];
const UTF_8 = /^(?:UNICODE(?: UTF-8)?|UTF-?8)$/;

/** What gives the row its meaning, by number of its segment; 0 for none. */
interface Before {
  pid: number;
  pv1: number;
  obr: number;
  /** Of the device that the row is of (MDS). */
  device: number;
  /** The row of its group in which OBX-18 stands once. */
  once: number;
  /** Rows that the row is contained in, of its group. */
  containing: number[];
}

/** Which rows say of what device others are. */
export interface Telling {
  /** Whether OBX-18 of a row with a value holds for those behind it. */
  isOnce: boolean;
  /** Whether a row is of a device or of a part of one. */
  isStructure(row: Segment): boolean;
}

/** In a message of readings. */
export function tellingOfReadings({ deviceOnce }: Pick<ObxRules, 'deviceOnce'>): Telling {
  return { isOnce: deviceOnce === true, isStructure };
}

/**
 * One row of a message as a message of its own, which is read as the row was read in the whole one: MSH, PID, PV1 and OBR in force, the rows of
 * the device and of what contains it, and at the end the row; `beneath`: it is a wave, with so many rows that say how it was sampled. Undefined
 * where that cannot be said for certain, or is too large.
 */
export function rowAgain(
  message: Hl7Message,
  index: number,
  { deviceOnce }: Pick<ObxRules, 'deviceOnce'>,
  beneath?: number,
): Uint8Array | undefined {
  const path = trimmed(message.segment(index).field(4));
  const before = message.hidden(0) === undefined ? lookBack(message, index, path) : undefined;
  if (!before) return undefined;
  const { pid, pv1, obr, containing } = before;
  const device = before.device > 0 ? before.device : lookAhead(message, index, path);
  // Named behind the row, where no group begins: the time of that row would hold for this one, too.
  if (device === undefined || (device > index && obr === 0)) return undefined;
  const isOfGroup = device > obr && device < index;
  const group = [...containing, deviceOnce ? before.once : 0, isOfGroup ? device : 0];
  const places = [pid, isOfGroup ? 0 : device, pv1, obr, ...new Set(group.sort((a, b) => a - b))].filter((at) => at > 0);
  const rows = range(index, index + 1 + (beneath ?? 0));
  if (!rows.slice(1).every((at) => isSound(message, at))) return undefined;
  return joinedBytes(message, [0, ...places, ...rows], beneath === undefined ? MAX_BYTES : MAX_PART_BYTES);
}

/**
 * Segments `from` up to `to` of a message as a message of their own: behind MSH and, unless they begin with a PID, behind the PID, PV1 and OBR in force and
 * every row of a device or of a part of one since that PID. Undefined where that cannot be said for certain, or is too large.
 */
export function partAgain(message: Hl7Message, from: number, to: number, telling: Telling): Uint8Array | undefined {
  const before = message.hidden(0) === undefined ? contextOf(message, from, telling) : undefined;
  if (!before || range(from, to).some((at) => message.isHeader(at)) || !isLastOfDevices(message, to, telling)) return undefined;
  return joinedBytes(message, [0, ...before, ...range(from, to)], MAX_PART_BYTES);
}

function contextOf(message: Hl7Message, from: number, telling: Telling): number[] | undefined {
  const found: number[] = [];
  const last = new Set<string>();
  if (message.name(from) === 'PID') return found;
  for (let at = from - 1; at > 0 && !last.has('PID'); at -= 1) {
    if (from - at > MOST_LOOKED_AT || !isSound(message, at)) return undefined;
    const name = message.name(at);
    if (name === 'OBX') {
      const row = message.segment(at);
      const isOnce = telling.isOnce && !last.has('OBR') && !last.has('device') && row.field(2) !== '' && deviceOf(row) !== 'none';
      if (isOnce) last.add('device');
      if (isOnce || telling.isStructure(row)) found.push(at);
    } else if (IN_FORCE.has(name) && !last.has(name)) {
      found.push(at);
      last.add(name);
    }
  }
  return found.reverse();
}

/** Whether no device is named behind it of this patient: what was measured before would be of that one. */
function isLastOfDevices(message: Hl7Message, to: number, telling: Telling): boolean {
  for (let at = to; at < message.segments && message.name(at) !== 'PID'; at += 1) {
    if (at - to > MOST_LOOKED_AT || !isSound(message, at)) return false;
    const row = message.name(at) === 'OBX' ? message.segment(at) : undefined;
    if (row && telling.isStructure(row) && deviceOf(row) !== 'none') return false;
  }
  return true;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** Undefined where a segment stands there that is none, or could be another patient's. */
function lookBack(message: Hl7Message, index: number, path: string): Before | undefined {
  const found: Before = { pid: 0, pv1: 0, obr: 0, device: 0, once: 0, containing: [] };
  let isNamed = false;
  for (let at = index - 1; at > 0; at -= 1) {
    if (index - at > MOST_LOOKED_AT || !isSound(message, at)) return undefined;
    const name = message.name(at);
    if (name === 'PID') {
      found.pid = at;
      break;
    }
    if (name === 'PV1') found.pv1 ||= at;
    else if (name === 'OBR') found.obr ||= at;
    if (name !== 'OBX') continue;
    const row = message.segment(at);
    const own = trimmed(row.field(4));
    if (isOfDevice(row, path)) found.device ||= at;
    if (found.obr > 0) continue;
    if (isStructure(row) && path.startsWith(`${own.replace(ZEROS, '')}.`)) found.containing.push(at);
    // The last one that names any device is the one that counts.
    if (isNamed || row.field(2) === '' || deviceOf(row) === 'none') continue;
    isNamed = true;
    if (mdsOf(own) === mdsOf(path)) found.once = at;
  }
  return found;
}

/** The row of the device behind the row: 0 for none, undefined where what stands there cannot be told. */
function lookAhead(message: Hl7Message, index: number, path: string): number | undefined {
  for (let at = index + 1; at < message.segments; at += 1) {
    if (at - index > MOST_LOOKED_AT || !isSound(message, at)) return undefined;
    const name = message.name(at);
    if (name === 'PID') return 0;
    const row = name === 'OBX' ? message.segment(at) : undefined;
    if (row && isOfDevice(row, path)) return deviceOf(row) === 'unreadable' ? 0 : at;
  }
  return 0;
}

const ZEROS = /(?:\.0)+$/;

/** The row of the device as a whole that `path` is in (OBX-4 `1`, `1.0.0.0`), and names it. */
function isOfDevice(row: Segment, path: string): boolean {
  const own = trimmed(row.field(4));
  return isStructure(row) && own.replace(ZEROS, '') === mdsOf(path) && mdsOf(path) !== '' && deviceOf(row) !== 'none';
}

function isStructure(row: Segment): boolean {
  const value = row.field(5);
  return trimmed(row.field(2)) === '' && (value === '' || value === NULL);
}

function mdsOf(path: string): string {
  return componentOf(path, 1, '.');
}

/** It is what its name says, and not of another message. */
function isSound(message: Hl7Message, at: number): boolean {
  const name = message.name(at);
  const isKnown = name === 'OBX' || name === 'OBR' || name === 'PID' || name === 'PV1' || isLeftAside(name);
  return isKnown && message.hidden(at) === undefined;
}

function joinedBytes(message: Hl7Message, places: readonly number[], most: number): Uint8Array | undefined {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (const at of places) {
    const piece = message.bytes(at, at + 1);
    // The other line end in a segment would end it, where a carriage return ends each.
    if (piece.includes(CR) || piece.includes(LF)) return undefined;
    size += piece.length + 1;
    if (size > most) return undefined;
    pieces.push(piece, Uint8Array.of(CR));
  }
  const bytes = Buffer.concat(pieces);
  return saysItsCharset(message, bytes) ? new Uint8Array(bytes) : undefined;
}

/** Whether a part of the message is decoded as all of it was: it is in UTF-8 where that had to be decoded, and MSH-18 stays. */
function saysItsCharset({ header, bytewise }: Hl7Message, bytes: Uint8Array): boolean {
  if (isAscii(bytes)) return true;
  const declared = trimmed(header.field(18));
  return bytewise ? declared !== '' : declared === '' || UTF_8.test(declared);
}
