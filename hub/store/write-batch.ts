import { hash } from 'node:crypto';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Database } from '../../shared/storage/database.ts';
import { type ObservationKey, parseObservationId } from '../../shared/uplink/key.ts';
import { mayBeCurrent } from '../clinical/sort-time.ts';
import { packReceived } from './observation-row.ts';
import { SQL } from './statements.ts';
import type { Arrival, ArrivalResult, ArrivedBatch, Refusal } from './store.ts';

/** Writes a batch within the transaction of the caller; one result an arrival, in order. */
export function writeBatch(database: Pick<Database, 'prepare'>, batch: ArrivedBatch): ArrivalResult[] {
  const writer = new BatchWriter(database, batch);
  const results = batch.arrivals.map((arrival) => writer.arrive(arrival));
  for (const refusal of batch.refusals) writer.quarantine(refusal);
  writer.finish();
  return results;
}

/** An arrival that is new, with the key of who wrote it. */
interface New {
  arrival: Arrival;
  writer: number;
  id: ObservationKey;
}

/** The state of one batch while it is written. Keys are looked up once a batch and not kept, because a transaction may be undone. */
class BatchWriter {
  readonly #database: Pick<Database, 'prepare'>;
  readonly #batch: ArrivedBatch;
  readonly #writers = new Map<string, number>();
  readonly #new = new Map<string, New[]>();
  readonly #addSeen;
  #stored = 0;
  #held = 0;
  #quarantined = 0;

  constructor(database: Pick<Database, 'prepare'>, batch: ArrivedBatch) {
    this.#database = database;
    this.#batch = batch;
    this.#addSeen = database.prepare<[number, number, number, Uint8Array]>(SQL.addSeen);
  }

  arrive(arrival: Arrival): ArrivalResult {
    const id = parseObservationId(arrival.id);
    // Whoever calls has taken the agent out of it; another id here is a defect.
    if (id === undefined) throw new VitalmeshError('INTERNAL', { detail: 'an observation id without its parts' });
    const writer = this.#writer(id.agent, id.epoch);
    const contentHash = hash('sha256', arrival.received, 'buffer');
    if (this.#addSeen.run(writer, id.seq, id.index, contentHash).changes === 0) {
      const seen = this.#database.prepare<[number, number, number], { hash: Buffer }>(SQL.seenHash).get(writer, id.seq, id.index);
      if (seen?.hash.equals(contentHash)) {
        this.#held += 1;
        return 'held';
      }
      this.quarantine({ id: arrival.id, code: 'UPLINK-KEY-REUSED', rule: 'same key, other content', received: arrival.received });
      return 'reused';
    }
    const ofPatient = this.#new.get(arrival.patient);
    if (ofPatient) ofPatient.push({ arrival, writer, id });
    else this.#new.set(arrival.patient, [{ arrival, writer, id }]);
    return 'stored';
  }

  quarantine({ id, code, rule, received }: Refusal): void {
    const { at, tenant, gateway } = this.#batch;
    const added = this.#database
      .prepare<[number, string, string, string, string, string, Uint8Array, string]>(SQL.addQuarantine)
      .run(at, tenant, gateway, id, code, rule, hash('sha256', received, 'buffer'), received);
    this.#quarantined += Number(added.changes);
  }

  finish(): void {
    for (const [patient, rows] of this.#new) this.#store(patient, rows);
    if (this.#stored + this.#held + this.#quarantined === 0) return;
    this.#database
      .prepare<[string, number, number, number]>(SQL.addTotals)
      .run(this.#batch.tenant, this.#stored, this.#held, this.#quarantined);
  }

  /** What is new of one patient. */
  #store(id: string, rows: readonly New[]): void {
    const { tenant, gateway, at, sentAt } = this.#batch;
    const patient = this.#keyOf(SQL.findPatient, SQL.addPatient, tenant, id);
    const batch = this.#nextKey(SQL.nextBatch);
    const firstKey = this.#nextKey(SQL.nextObservation);
    const received = packReceived(rows.map(({ arrival }) => arrival.received));
    this.#database
      .prepare<[number, string, string, number, number | null, number, number, Uint8Array]>(SQL.addBatch)
      .run(batch, tenant, gateway, at, sentAt, firstKey, firstKey + rows.length - 1, received);
    const addObservation = this.#database.prepare<(string | number | null)[]>(SQL.addObservation);
    const setLatest = this.#database.prepare<(string | number)[]>(SQL.setLatest);
    for (const [i, { arrival: a, writer, id }] of rows.entries()) {
      const key = firstKey + i;
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
      );
      if (mayBeCurrent(a.flags, a.status)) setLatest.run(patient, a.vital, a.device, a.sortTime, at, key);
    }
    this.#database.prepare<[number, number]>(SQL.touchPatient).run(at, patient);
    this.#stored += rows.length;
  }

  #nextKey(sql: string): number {
    return this.#database.prepare<[], { key: number }>(sql).get()?.key ?? 1;
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
