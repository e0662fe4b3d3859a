import { decodeRecord, encodeRecord } from '../../../shared/reading.ts';
import type { OutboxRow } from '../outbox.ts';
import type { PackedRows } from './protocol.ts';

/** Encoded anew rather than cloned: what is handed out may differ from what is stored, and a clone costs the caller twice as much. */
export function packRows(rows: readonly OutboxRow[]): PackedRows {
  const encoded = rows.map(({ record }) => encodeRecord(record));
  const all = new Uint8Array(encoded.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const body of encoded) {
    all.set(body, at);
    at += body.length;
  }
  return { rows: rows.map(({ record: _, ...row }) => row), lengths: encoded.map(({ length }) => length), bodies: all.buffer };
}

export function unpackRows({ rows, lengths, bodies }: PackedRows): OutboxRow[] {
  let at = 0;
  return rows.map((row, i) => {
    const record = decodeRecord(new Uint8Array(bodies, at, lengths[i]));
    at += lengths[i] ?? 0;
    return { ...row, record };
  });
}
