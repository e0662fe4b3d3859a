import { encodeRecord } from '../../shared/reading.ts';
import { parseObservationId } from '../../shared/uplink/key.ts';
import type { Outbox, OutboxRow } from '../outbox/outbox.ts';
import type { Entry, RowFlight } from './flight.ts';
import { Stretches } from './stretches.ts';

/** As many rows of an incident are copied into quarantine as evidence. */
const EVIDENCE_ROWS = 10;

/** A row that collides under new keys again and again does so for another reason than a restored disk. */
const MAX_TRIES = 3;

/** Rows waiting for new keys; beyond this the rest is left where it is until these have theirs. */
const MAX_WAITING = 10_000;

/**
 * Rows whose keys the hub knows with other content (architecture §3.2: a restored disk image, a resumed snapshot, a cloned card).
 * They get new keys, and with them every pending row; so first each row that the hub may already hold under its old key has to be
 * answered, or it would be stored a second time under the new one. Lives as long as the process, over all connections.
 */
export class Collisions {
  readonly #waiting = new Map<number, RowFlight>();
  /** How often a row, by `seq`, has been given new keys. */
  readonly #tries = new Map<number, number>();
  /** Of rows that were stored in part: the indexes that the hub holds under an older key. */
  readonly #stored = new Map<number, ReadonlySet<number>>();
  /** Every `seq` that a lane has passed: what is pending of these may have been sent. */
  readonly #passed = new Stretches();

  get size(): number {
    return this.#waiting.size;
  }

  has(seq: number): boolean {
    return this.#waiting.has(seq);
  }

  /** All rows with a `seq` greater than `after`, up to `through`, were sent or are not pending. */
  passed({ after, through }: { after: number; through: number }): void {
    this.#passed.add(after, through);
  }

  /** The row is no longer pending. */
  finished({ seq }: OutboxRow): void {
    this.#tries.delete(seq);
    this.#stored.delete(seq);
  }

  add(flight: RowFlight): void {
    this.#waiting.set(flight.row.seq, flight);
  }

  /** False for a row that had better wait for its new key: this process wrote it and never sent it. */
  maySend(row: OutboxRow, epoch: string): boolean {
    if (this.#waiting.size === 0) return true;
    return this.#waiting.size < MAX_WAITING && (this.#passed.has(row.seq) || row.epoch !== epoch);
  }

  /** The entries of a row that the hub does not hold under an older key. */
  without(entries: readonly Entry[]): readonly Entry[] {
    const stored = this.#stored.get(entries[0]?.flight.row.seq ?? 0);
    return stored === undefined ? entries : entries.filter(({ id }) => !stored.has(parseObservationId(id)?.index ?? -1));
  }

  /** Gives all pending rows keys under a new epoch, and keeps evidence of what collided. Rejects with STORAGE-*, to be called again. */
  async resolve(outbox: Outbox): Promise<void> {
    const flights = [...this.#waiting.values()];
    const hopeless = flights.filter(({ row }) => (this.#tries.get(row.seq) ?? 0) >= MAX_TRIES);
    await Promise.all([
      ...flights
        .slice(0, EVIDENCE_ROWS)
        .map(({ row }) =>
          outbox.quarantineBytes(row.record.source, 'UPLINK-KEY-REUSED', `row ${row.epoch}.${row.seq}`, encodeRecord(row.record)),
        ),
      outbox.quarantine(
        hopeless.map(({ row }) => row),
        'UPLINK-KEY-REUSED',
      ),
    ]);
    await outbox.rekey();
    for (const { row, stored } of flights) {
      this.#tries.set(row.seq, (this.#tries.get(row.seq) ?? 0) + 1);
      const indexes = stored.map((id) => parseObservationId(id)?.index ?? -1);
      this.#stored.set(row.seq, new Set([...(this.#stored.get(row.seq) ?? []), ...indexes]));
    }
    for (const { row } of hopeless) this.finished(row);
    this.#waiting.clear();
  }
}
