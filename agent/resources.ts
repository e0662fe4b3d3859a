import { VitalmeshError } from '../shared/errors.ts';
import type { Resource } from '../shared/fhir.ts';
import type { ReadingRecord } from '../shared/reading.ts';
import type { RowKey } from '../shared/uplink/key.ts';
import { type NormalizeOptions, normalize } from './normalize.ts';

/** A record as FHIR; always the same for the same record, key and zone. For records that `checkRecord` passed. */
export function resourcesOf(record: ReadingRecord, key: RowKey & { agent: string }, options: NormalizeOptions = {}): Resource[] {
  switch (record.class) {
    case 'spot':
    case 'continuous':
      return normalize(record, key, options);
    default:
      throw new VitalmeshError('OUTBOX-DAMAGED-ROW', { detail: record.class });
  }
}
