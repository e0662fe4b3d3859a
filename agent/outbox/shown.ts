import type { Instant } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode } from '../../shared/errors.ts';
import type { Gap } from '../../shared/gap.ts';
import { decodeRecord, encodeRecord, type Reading, type ReadingRecord, type RowClass } from '../../shared/reading.ts';
import { blankerFor } from '../capture/blank.ts';
import type { OutboxRow, QuarantinedContent, QuarantineEntry } from './outbox.ts';

/** A line of `outbox list`: what an entry is, and nothing of what it holds. */
export interface ListedEntry {
  /** `q12` in quarantine, `r34` a row that waits. */
  id: string;
  /** UTC ms: when it was put into quarantine, or when the row was received. */
  at: Instant;
  /** Of a row; null for bytes that could not be decoded. */
  class: RowClass | null;
  /** Why it is in quarantine; null for a row that waits. */
  code: ErrorCode | null;
  source: string;
  part: string;
  bytes: number;
  /** Of a gap: why data are missing, which, and of which period; null for everything else, and for a gap in quarantine until it is shown. */
  gap: Gap | null;
}

/** What an entry holds: a record, bytes as text or base64; or why it is not shown. */
export type ShownContent =
  | { record: ReadingRecord | BlankedRecord }
  | { text: string }
  | { base64: string; keptBytes: number }
  | { withheld: ErrorCode };

/** An entry with what it holds. */
export interface ShownEntry extends ListedEntry {
  identifiers: 'blanked' | 'kept';
  content: ShownContent;
}

/** A record without what may say whose it is, or what a person or device wrote as text. */
export interface BlankedRecord {
  profile: string;
  class: RowClass;
  receivedAt: Instant;
  test: boolean;
  device: { id: string; idType: string };
  /** Which hints it holds, and how long they are. */
  subject: Record<string, string>;
  readings: Omit<Reading, 'limits'>[];
  /** How many there are of each other content. */
  alerts: number;
  waves: number;
  movement: boolean;
  /** Of a gap, what it tells: nothing in it says whose it is. */
  gap?: Gap;
}

export function listedEntry({ id, ...entry }: QuarantineEntry): ListedEntry {
  const { at, class: rowClass, code, source, part, bytes } = entry;
  return { id: `q${id}`, at, class: rowClass, code, source, part, bytes, gap: null };
}

export function listedRow({ seq, receivedAt, class: rowClass, record }: OutboxRow): ListedEntry {
  const bytes = encodeRecord(record).length;
  return { id: `r${seq}`, at: receivedAt, class: rowClass, code: null, source: record.source, part: 'row', bytes, gap: record.gap ?? null };
}

/** An entry of quarantine as an operator sees it. */
export function shownEntry(entry: QuarantinedContent, withIdentifiers: boolean): ShownEntry {
  const content = isRecord(entry) ? shownBody(entry.body, withIdentifiers) : shownBytes(entry, withIdentifiers);
  const gap = 'record' in content ? (content.record.gap ?? null) : null;
  return { ...listedEntry(entry), gap, identifiers: withIdentifiers ? 'kept' : 'blanked', content };
}

/** A row that waits, as an operator sees it. */
export function shownRow(row: OutboxRow, withIdentifiers: boolean): ShownEntry {
  const record = withIdentifiers ? row.record : blankedRecord(row.record);
  return { ...listedRow(row), identifiers: withIdentifiers ? 'kept' : 'blanked', content: { record } };
}

/** Readings that could never be sent, and copies of rows as evidence, are records, too. */
function isRecord({ class: rowClass, part }: QuarantineEntry): boolean {
  return rowClass !== null || part === 'record' || /^row [0-9a-z]+\.\d+$/.test(part);
}

function shownBody(body: Uint8Array, withIdentifiers: boolean): ShownContent {
  try {
    const record = decodeRecord(body);
    return { record: withIdentifiers ? record : blankedRecord(record) };
  } catch (thrown) {
    return withIdentifiers ? bytesAs(body) : { withheld: asVitalmeshError(thrown).code };
  }
}

/** Blanked by the form that they came in; where that is not known, nothing is shown. */
function shownBytes({ body, origin, part }: QuarantinedContent, withIdentifiers: boolean): ShownContent {
  if (withIdentifiers) return bytesAs(body);
  // A value out of a frame has lost what says that it is a serial number.
  const isWhole = origin?.kind === 'hl7' || part === 'frame' || part === 'line';
  if (!origin || !isWhole) return { withheld: 'CAPTURE-SOURCE' };
  try {
    return bytesAs(blankerFor({ kind: origin.kind, name: origin.profile }).blank(body));
  } catch (thrown) {
    return { withheld: asVitalmeshError(thrown).code };
  }
}

function bytesAs(body: Uint8Array): ShownContent {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const text = bytes.toString('utf8');
  const isText = !/[\u0000-\u0008\u000e-\u001f\u007f\ufffd]/.test(text);
  return isText ? { text } : { base64: bytes.toString('base64'), keptBytes: bytes.length };
}

function blankedRecord(record: ReadingRecord): BlankedRecord {
  const { profile, class: rowClass, receivedAt, test, device, subject, readings, alerts = [], waves = [], movement, gap } = record;
  const hints = { patient: subject.patient?.value, authority: subject.patient?.authority, visit: subject.visit, bed: subject.bed };
  return {
    ...{ profile, class: rowClass, receivedAt, test },
    device: { id: blanked(device.id), idType: device.idType },
    subject: Object.fromEntries(Object.entries(hints).flatMap(([name, value]) => (value ? [[name, blanked(value)]] : []))),
    readings: readings.map(({ limits: _, ...reading }) => reading),
    ...{ alerts: alerts.length, waves: waves.length, movement: movement !== undefined },
    ...(gap && { gap }),
  };
}

/** As a capture does it: digits become 9, everything else X, and the length stays. */
function blanked(text: string): string {
  return text.replace(/\d/g, '9').replace(/[^9]/gu, 'X');
}
