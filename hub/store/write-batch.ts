import { createHash } from 'node:crypto';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Database } from '../../shared/storage/database.ts';
import { parseObservationId } from '../../shared/uplink/key.ts';
import { mayBeCurrent } from '../clinical/sort-time.ts';
import { SQL } from './statements.ts';
import type { Arrival, ArrivalResult, ArrivedBatch, Refusal } from './store.ts';

/** Writes a batch within the transaction of the caller; one result an arrival, in order. */
export function writeBatch(database: Database, batch: ArrivedBatch): ArrivalResult[] {
  const writer = new BatchWriter(database, batch);
  const results = batch.arrivals.map((arrival) => writer.arrive(arrival));
  for (const refusal of batch.refusals) writer.quarantine(refusal);
  writer.finish();
  return results;
}

/** The state of one batch while it is written. Keys of patients and writers are looked up once a batch and not kept, because a transaction may be undone. */
class BatchWriter {
  readonly #database: Database;
  readonly #batch: ArrivedBatch;
  readonly #batchKey: number;
  readonly #firstKey: number;
  readonly #patients = new Map<string, number>();
  readonly #writers = new Map<string, number>();
  readonly #addSeen;
  readonly #addObservation;
  readonly #setLatest;
  #nextKey: number;
  #held = 0;
  #quarantined = 0;

  constructor(database: Database, batch: ArrivedBatch) {
    this.#database = database;
    this.#batch = batch;
    this.#batchKey = this.#key(SQL.nextBatch);
    this.#firstKey = this.#key(SQL.nextObservation);
    this.#nextKey = this.#firstKey;
    this.#addSeen = database.prepare<[number, number, number, Uint8Array]>(SQL.addSeen);
    this.#addObservation = database.prepare<(string | number | null)[]>(SQL.addObservation);
    this.#setLatest = database.prepare<(string | number)[]>(SQL.setLatest);
  }

  arrive(arrival: Arrival): ArrivalResult {
    const id = parseObservationId(arrival.id);
    // Whoever calls has taken the agent out of it; another id here is a defect.
    if (id === undefined) throw new VitalmeshError('INTERNAL', { detail: 'an observation id without its parts' });
    const writer = this.#writer(id.agent, id.epoch);
    if (this.#addSeen.run(writer, id.seq, id.index, arrival.receivedHash).changes === 0) {
      const seen = this.#database.prepare<[number, number, number], { hash: Buffer }>(SQL.seenHash).get(writer, id.seq, id.index);
      if (seen?.hash.equals(arrival.receivedHash)) {
        this.#held += 1;
        return 'held';
      }
      this.quarantine({ id: arrival.id, code: 'UPLINK-KEY-REUSED', rule: 'same key, other content', received: arrival.received });
      return 'reused';
    }
    this.#store(arrival);
    return 'stored';
  }

  #store(a: Arrival): void {
    const key = this.#nextKey;
    this.#nextKey += 1;
    const patient = this.#patient(a.patient);
    this.#addObservation.run(
      key,
      this.#batchKey,
      patient,
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
      Object.keys(a.hints).length === 0 ? null : JSON.stringify(a.hints),
      JSON.stringify(a.resource),
    );
    if (mayBeCurrent(a.flags, a.resource.status)) this.#setLatest.run(patient, a.vital, a.device, a.sortTime, this.#batch.at, key);
  }

  quarantine({ id, code, rule, received }: Refusal): void {
    const { at, tenant, gateway } = this.#batch;
    const hash = createHash('sha256').update(received).digest();
    const added = this.#database
      .prepare<[number, string, string, string, string, string, Uint8Array, string]>(SQL.addQuarantine)
      .run(at, tenant, gateway, id, code, rule, hash, received);
    this.#quarantined += added.changes;
  }

  finish(): void {
    const { tenant, gateway, at, sentAt } = this.#batch;
    const stored = this.#nextKey - this.#firstKey;
    if (stored > 0) {
      this.#database
        .prepare<[number, string, string, number, number | null, number, number]>(SQL.addBatch)
        .run(this.#batchKey, tenant, gateway, at, sentAt, this.#firstKey, this.#nextKey - 1);
      const touch = this.#database.prepare<[number, number]>(SQL.touchPatient);
      for (const key of this.#patients.values()) touch.run(at, key);
    }
    if (stored + this.#held + this.#quarantined === 0) return;
    this.#database.prepare<[string, number, number, number]>(SQL.addTotals).run(tenant, stored, this.#held, this.#quarantined);
  }

  #key(sql: string): number {
    return this.#database.prepare<[], { key: number }>(sql).get()?.key ?? 1;
  }

  #patient(id: string): number {
    return this.#keyOf(this.#patients, id, SQL.findPatient, SQL.addPatient, this.#batch.tenant, id);
  }

  #writer(agent: string, epoch: string): number {
    return this.#keyOf(this.#writers, `${agent} ${epoch}`, SQL.findWriter, SQL.addWriter, agent, epoch);
  }

  #keyOf(known: Map<string, number>, name: string, find: string, add: string, first: string, second: string): number {
    let key = known.get(name);
    if (key !== undefined) return key;
    key = this.#database.prepare<[string, string], { key: number }>(find).get(first, second)?.key;
    key ??= Number(this.#database.prepare<[string, string]>(add).run(first, second).lastInsertRowid);
    known.set(name, key);
    return key;
  }
}
