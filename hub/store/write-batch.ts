import { hash } from 'node:crypto';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Database } from '../../shared/storage/database.ts';
import { type ObservationKey, parseObservationId } from '../../shared/uplink/key.ts';
import { isRevision, isWithdrawal } from '../clinical/sort-time.ts';
import { AmendedArrivals } from './amend/arrivals-sqlite.ts';
import type { AmendedArrival } from './amend/rules.ts';
import { erasedPeople } from './erasing/erased-sqlite.ts';
import { hushed, isOfErased } from './erasing/hushed.ts';
import { packReceived } from './observation-row.ts';
import { PlacedRows } from './placing/keep-sqlite.ts';
import { trimQuarantine } from './quarantine-room.ts';
import { isInRange, lastSeenRow, removedUpTo } from './seen-ranges.ts';
import { StandingVersions } from './standing.ts';
import { SQL } from './statements.ts';
import {
  type Arrival,
  type ArrivalResult,
  type ArrivedBatch,
  type BatchOutcome,
  type EventArrival,
  isEvent,
  type Refusal,
} from './store.ts';

/** Writes a batch within the transaction of the caller. */
export function writeBatch(database: Pick<Database, 'prepare'>, batch: ArrivedBatch): Omit<BatchOutcome, 'committed'> {
  const writer = new BatchWriter(database, batch);
  const results = batch.arrivals.map((arrival) => writer.arrive(arrival));
  for (const refusal of batch.refusals) writer.quarantine(refusal);
  return { results, ...writer.finish() };
}

/** An arrival that is new, with the key of who wrote it. */
interface New {
  arrival: Arrival;
  writer: number;
  id: ObservationKey;
  /** Where people had decided about it before it came. */
  amended?: AmendedArrival | undefined;
}

/** Why what comes under the key of something that was removed is something else. */
export const LATER_THAN_REMOVED = 'same key, received later than what was removed';

/** The state of one batch while it is written. Keys are looked up once a batch and not kept, because a transaction may be undone. */
class BatchWriter {
  readonly #database: Pick<Database, 'prepare'>;
  readonly #batch: ArrivedBatch;
  readonly #writers = new Map<string, number>();
  readonly #ranges = new Map<number, number>();
  readonly #new = new Map<string, New[]>();
  readonly #standing;
  readonly #addSeen;
  readonly #erased;
  readonly #placed;
  readonly #amended;
  #stored = 0;
  #events = 0;
  #held = 0;
  #quarantined = 0;

  constructor(database: Pick<Database, 'prepare'>, batch: ArrivedBatch) {
    this.#database = database;
    this.#batch = batch;
    this.#standing = new StandingVersions(database, batch);
    this.#addSeen = database.prepare<[number, number, number, Uint8Array]>(SQL.addSeen);
    this.#erased = erasedPeople(database, batch.tenant);
    this.#placed = new PlacedRows(database, batch.tenant);
    this.#amended = new AmendedArrivals(database, batch);
  }

  arrive(given: Arrival | EventArrival): ArrivalResult {
    const amended = isEvent(given) ? undefined : this.#amended.of(given);
    const arrival = amended?.patient ? { ...given, patient: amended.patient } : given;
    const id = parseObservationId(arrival.id);
    // Whoever calls has taken the agent out of it; another id here is a defect.
    if (id === undefined) throw new VitalmeshError('INTERNAL', { detail: 'an observation id without its parts' });
    const writer = this.#writer(id.agent, id.epoch);
    const contentHash = hash('sha256', arrival.received, 'buffer');
    if (amended?.patient === null || (this.#erased && [given, arrival].some((one) => this.#erased && isOfErased(one, this.#erased))))
      return this.#refuseErased(arrival, isInRange(this.#database, writer, id.seq, id.index));
    if (id.seq <= this.#lastRange(writer) && isInRange(this.#database, writer, id.seq, id.index)) {
      // Its content is not known any more, but until when it was received at the latest.
      if (arrival.receivedAt <= (removedUpTo(this.#database, writer) ?? Number.POSITIVE_INFINITY)) {
        this.#held += 1;
        return 'held';
      }
      return this.#reuse(arrival, LATER_THAN_REMOVED);
    }
    if (this.#addSeen.run(writer, id.seq, id.index, contentHash).changes === 0) {
      const seen = this.#database.prepare<[number, number, number], { hash: Buffer }>(SQL.seenHash).get(writer, id.seq, id.index);
      if (seen?.hash.equals(contentHash)) {
        this.#held += 1;
        return 'held';
      }
      return this.#reuse(arrival, 'same key, other content');
    }
    if (isEvent(arrival)) {
      this.#addEvent(arrival, writer, id);
      return 'stored';
    }
    const ofPatient = this.#new.get(arrival.patient);
    if (ofPatient) ofPatient.push({ arrival, writer, id, amended });
    else this.#new.set(arrival.patient, [{ arrival, writer, id, amended }]);
    return 'stored';
  }

  /** What is known already was of this person before they were erased: it comes again, and its sender may forget it. */
  #refuseErased({ id }: Arrival | EventArrival, isKnown: boolean): 'held' | 'erased' {
    if (!isKnown) this.quarantine({ id, code: 'INGEST-ERASED', rule: 'erased: nothing of it is kept', received: '' });
    else this.#held += 1;
    return isKnown ? 'held' : 'erased';
  }

  #reuse({ id, received }: Arrival | EventArrival, rule: string): 'reused' {
    this.quarantine({ id, code: 'UPLINK-KEY-REUSED', rule, received });
    return 'reused';
  }

  quarantine(refusal: Refusal): void {
    const { at, tenant, gateway } = this.#batch;
    const { id, code, rule, received, digest } = hushed(refusal, gateway, this.#erased);
    const added = this.#database
      .prepare<[number, string, string, string, string, string, Uint8Array, string]>(SQL.addQuarantine)
      .run(at, tenant, gateway, id, code, rule, digest, received);
    this.#quarantined += Number(added.changes);
  }

  /** Stores what is new. */
  finish(): Pick<BatchOutcome, 'currencies' | 'doubts' | 'dropped'> {
    for (const [patient, rows] of this.#new) this.#store(patient, rows);
    const { tenant, gateway, quarantine } = this.#batch;
    const dropped = quarantine && this.#quarantined > 0 ? trimQuarantine(this.#database, tenant, gateway, quarantine) : 0;
    if (this.#stored + this.#events + this.#held + this.#quarantined > 0) this.#total(dropped);
    return { currencies: this.#standing.currencies(), doubts: this.#standing.doubts, dropped };
  }

  #total(dropped: number): void {
    this.#database
      .prepare<[string, number, number, number, number]>(SQL.addTotals)
      .run(this.#batch.tenant, this.#stored, this.#held, this.#quarantined - dropped, this.#events);
  }

  #addEvent(event: EventArrival, writer: number, { seq, index }: ObservationKey): void {
    const { kind, patient, device, effective, offsetMin, receivedAt, sortTime, until = null, test, received } = event;
    const { tenant, gateway, at } = this.#batch;
    const when = [effective, offsetMin, receivedAt, sortTime, until, at];
    const row = [kind, tenant, gateway, patient, writer, seq, index, device, ...when, test ? 1 : 0];
    this.#database
      .prepare<(string | number | null | Uint8Array)[]>(SQL.addEvent)
      .run(...row, packReceived([received]), ...this.#placed.keysOf(event.placed));
    this.#events += 1;
  }

  /** What is new of one patient. */
  #store(patientId: string, rows: readonly New[]): void {
    const { tenant, gateway, at, sentAt } = this.#batch;
    const patient = this.#keyOf(SQL.findPatient, SQL.addPatient, tenant, patientId);
    const batch = this.#nextKey(SQL.nextBatch);
    const firstKey = this.#nextKey(SQL.nextObservation);
    const received = packReceived(rows.map(({ arrival }) => arrival.received));
    this.#database
      .prepare<[number, string, string, number, number | null, number, number, number, Uint8Array]>(SQL.addBatch)
      .run(batch, tenant, gateway, at, sentAt, firstKey, firstKey + rows.length - 1, rows.length, received);
    const addObservation = this.#database.prepare<(string | number | null)[]>(SQL.addObservation);
    const standing = this.#standing.of(patient, patientId);
    for (const [i, { arrival: a, writer, id, amended }] of rows.entries()) {
      const key = firstKey + i;
      const version = { key, arrival: a, amended: amended?.amended ?? 0, writer, id };
      const mayStand = standing.mayStand(version);
      addObservation.run(
        key,
        batch,
        patient,
        writer,
        id.seq,
        id.index,
        a.vital,
        a.device,
        a.value,
        a.unit,
        a.absent,
        a.components.length === 0 ? null : JSON.stringify(a.components),
        a.flags.length === 0 ? null : a.flags.join(' '),
        a.effective,
        a.offsetMin,
        a.receivedAt,
        a.sortTime,
        a.test ? 1 : 0,
        a.freshAt,
        a.place,
        isWithdrawal(a.status) ? -1 : Number(mayStand),
        Number(isRevision(a.status)),
        Number(a.status === 'preliminary'),
        ...(amended ? this.#amended.stored(version, amended, this.#placed.keysOf(a.placed)) : this.#placed.keysOf(a.placed)),
        version.amended,
      );
      standing.stored(version);
    }
    standing.finish();
    this.#database.prepare<[number, number]>(SQL.touchPatient).run(at, patient);
    this.#stored += rows.length;
  }

  #nextKey(sql: string): number {
    return this.#database.prepare<[], { key: number }>(sql).get()?.key ?? 1;
  }

  /** The greatest row of a writer of which anything was removed; 0 for none, as it is while the writer is at work. */
  #lastRange(writer: number): number {
    let last = this.#ranges.get(writer);
    if (last === undefined) {
      last = lastSeenRow(this.#database, writer) ?? 0;
      this.#ranges.set(writer, last);
    }
    return last;
  }

  #writer(agent: string, epoch: string): number {
    const name = `${agent} ${epoch}`;
    let key = this.#writers.get(name);
    if (key === undefined) {
      key = this.#keyOf(SQL.findWriter, SQL.addWriter, agent, epoch);
      this.#writers.set(name, key);
    }
    return key;
  }

  #keyOf(find: string, add: string, first: string, second: string): number {
    const found = this.#database.prepare<[string, string], { key: number }>(find).get(first, second);
    return found?.key ?? Number(this.#database.prepare<[string, string]>(add).run(first, second).lastInsertRowid);
  }
}
