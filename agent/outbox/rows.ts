import type { Instant } from '../../shared/clock.ts';
import type { Gap } from '../../shared/gap.ts';
import { decodeRecord, encodeRecord, type ReadingRecord } from '../../shared/reading.ts';
import type { RowKey } from '../../shared/uplink/key.ts';
import type { OutboxRow } from './outbox.ts';
import type { GapSource } from './places.ts';
import { CLASS_NUMBERS } from './schema.ts';

/** What of a record says whose it is, and how it is treated. */
export type RowOrigin = GapSource & Pick<ReadingRecord, 'class'> & { gap?: Pick<Gap, 'lost'> };

/** A record as it goes into the file. */
export interface NewRow {
  origin: RowOrigin;
  class: number;
  receivedAt: Instant;
  body: Buffer;
}

export function newRow(record: ReadingRecord): NewRow {
  return { origin: record, class: CLASS_NUMBERS[record.class], receivedAt: record.receivedAt, body: encodeRecord(record) };
}

/** A row as it comes out of the file. */
export interface StoredRow extends RowKey {
  receivedAt: Instant;
  body: Buffer;
}

/** Undefined for a row that cannot be read. */
export function readRow({ seq, epoch, receivedAt, body }: StoredRow): OutboxRow | undefined {
  try {
    const record = decodeRecord(body);
    return { seq, epoch, receivedAt, class: record.class, record };
  } catch {
    // OUTBOX-DAMAGED-ROW is the only thing it throws; the caller sets the row aside under that code.
    return undefined;
  }
}
