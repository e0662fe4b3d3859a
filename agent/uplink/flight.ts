import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Resource } from '../../shared/fhir.ts';
import { BUNDLE_BYTES } from '../../shared/uplink/kinds.ts';
import type { StorePosition } from '../../shared/uplink/lineage.ts';
import type { EntryOutcome } from '../../shared/uplink/protocol.ts';
import type { OutboxRow } from '../outbox/outbox.ts';
import type { BatchLink } from './contract.ts';

/** One observation on its way, as JSON text of its batch entry. */
export interface Entry {
  flight: RowFlight;
  id: string;
  text: string;
  /** Size of `text` in UTF-8, with the comma behind it. */
  bytes: number;
}

/** What is to be done with a row when all of its entries were answered. */
export type Verdict = { is: 'held' } | { is: 'refused'; code: ErrorCode } | { is: 'collided' } | { is: 'again'; code: ErrorCode };

/** A row of the outbox on its way to the hub: its entries may travel in several batches, and be answered in any order. */
export class RowFlight {
  readonly row: OutboxRow;
  /** Ids of the entries that the hub holds. */
  readonly stored: string[] = [];
  /** How many of its resources the hub holds under an older key; they are not sent. */
  storedBefore = 0;
  /** Where the last of its entries was committed, as far as the hub says so. */
  committed: StorePosition | undefined;
  #unanswered = 0;
  #refused: ErrorCode | undefined;
  #again: ErrorCode | undefined;
  #collided = false;

  constructor(row: OutboxRow) {
    this.row = row;
  }

  /** How many of its resources the hub holds, as far as was answered. */
  get held(): number {
    return this.stored.length + this.storedBefore;
  }

  expect(entries: number): void {
    this.#unanswered += entries;
  }

  /** Notes the outcome of one entry, and where it was committed; the verdict once it was the last. */
  answer({ id, status, code }: EntryOutcome, at?: StorePosition): Verdict | undefined {
    this.#unanswered -= 1;
    if (status === 200 || status === 201) {
      this.stored.push(id);
      // The hub holds the row for certain where it holds the last of its parts.
      if (at && at.position >= (this.committed?.position ?? 0)) this.committed = at;
    } else if (status === 503) this.#again ??= code ?? 'INGEST-UNAVAILABLE';
    else if (status === 409 && (code ?? 'UPLINK-KEY-REUSED') === 'UPLINK-KEY-REUSED') this.#collided = true;
    else this.#refused ??= code ?? 'INGEST-INVALID';
    return this.#unanswered === 0 ? this.#verdict() : undefined;
  }

  /** The worst counts: what has to be sent again is not finished, and what is finished but partly refused must be looked at. */
  #verdict(): Verdict {
    if (this.#again !== undefined) return { is: 'again', code: this.#again };
    if (this.#collided) return { is: 'collided' };
    if (this.#refused !== undefined) return { is: 'refused', code: this.#refused };
    return { is: 'held' };
  }
}

/** Limits of one batch. */
export interface BatchLimits {
  entries: number;
  bytes: number;
}

/** The entries of a row, or why it has none: what `normalize` threw, or OUTBOX-DAMAGED-ROW when it gave nothing. */
export function entriesOf(
  flight: RowFlight,
  normalize: (row: OutboxRow) => Resource[],
  { entryText }: Pick<BatchLink, 'entryText'>,
): Entry[] | VitalmeshError {
  try {
    const resources = normalize(flight.row);
    if (resources.length === 0) return new VitalmeshError('OUTBOX-DAMAGED-ROW', { detail: 'a row without an observation' });
    return resources.map((resource) => {
      const text = entryText(resource);
      return { flight, id: resource.id, text, bytes: Buffer.byteLength(text) + 1 };
    });
  } catch (thrown) {
    return asVitalmeshError(thrown);
  }
}

/** True when the entry fits into no batch at all. */
export function isOversized(entry: Entry, { bytes }: BatchLimits): boolean {
  return entry.bytes + BUNDLE_BYTES > bytes;
}

/** Entries waiting to be sent, in order, cut into batches within the limits. */
export class Departures {
  readonly #limits: BatchLimits;
  #entries: Entry[] = [];
  #bytes = BUNDLE_BYTES;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** True when there is enough for a batch that cannot grow. */
  get full(): boolean {
    return this.#entries.length >= this.#limits.entries || this.#bytes >= this.#limits.bytes;
  }

  push(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += entry.bytes;
    }
  }

  /** The next batch: as many entries as fit, at most `entries`, and no empty one while there are any. */
  take(entries = this.#limits.entries): Entry[] {
    let bytes = BUNDLE_BYTES;
    let count = 0;
    for (const entry of this.#entries) {
      if (count === entries || (count > 0 && bytes + entry.bytes > this.#limits.bytes)) break;
      bytes += entry.bytes;
      count += 1;
    }
    const batch = this.#entries.slice(0, count);
    this.#entries = this.#entries.slice(count);
    this.#bytes -= bytes - BUNDLE_BYTES;
    return batch;
  }
}
