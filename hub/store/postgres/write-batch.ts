import { hash } from 'node:crypto';
import { VitalmeshError } from '../../../shared/errors.ts';
import { type ObservationKey, parseObservationId } from '../../../shared/uplink/key.ts';
import type { AmendedArrival } from '../amend/rules.ts';
import { hushed, isOfErased } from '../erasing/hushed.ts';
import type { ErasedPeople } from '../erasing/tombstone.ts';
import { packReceived } from '../observation-row.ts';
import {
  type Arrival,
  type ArrivalResult,
  type ArrivedBatch,
  type BatchOutcome,
  type EventArrival,
  isEvent,
  type Refusal,
} from '../store.ts';
import { LATER_THAN_REMOVED } from '../write-batch.ts';
import { amendedArrivals } from './amend-arrivals.ts';
import type { Commit } from './commits.ts';
import { isTold, noteTold } from './event-told.ts';
import type { Known } from './known.ts';
import { keepChanges, placedColumns, refuseOld } from './placing-keep.ts';
import { PG } from './statements.ts';
import { makeWeeks } from './weeks.ts';
import { type NewRow, ObservationWriter, type OfPatient } from './write-observations.ts';

/** Writes a batch and its evidence within a commit. */
export async function writeBatch(commit: Commit, batch: ArrivedBatch, known: Known): Promise<BatchOutcome> {
  await makeWeeks(commit, batch, known.weeks);
  await commit.as(batch.tenant);
  return await new BatchWriter(commit, batch, known).write();
}

/** An arrival with its key, the key of who wrote it, and its digest. */
interface Row {
  /** As people had decided before it came, and as it came. */
  arrival: Arrival | EventArrival;
  given: Arrival | EventArrival;
  amended?: AmendedArrival;
  id: ObservationKey;
  writer: number;
  digest: Buffer;
}

/** Until when what was removed of a writer was received at the latest; infinite when that is not known. */
type RemovedUpTo = number;

class BatchWriter {
  readonly #commit: Commit;
  readonly #batch: ArrivedBatch;
  readonly #known: Known;

  constructor(commit: Commit, batch: ArrivedBatch, known: Known) {
    this.#commit = commit;
    this.#batch = batch;
    this.#known = known;
  }

  async write(): Promise<BatchOutcome> {
    const { tenant, placing } = this.#batch;
    if (placing) await refuseOld(this.#commit, tenant, placing.version);
    const erased = await this.#known.erased(this.#commit, this.#batch.tenant);
    const amended = await amendedArrivals(this.#commit, this.#batch);
    const rows = await this.#rows(amended);
    const { results, reused } = await this.#see(rows, erased);
    const fresh = rows.filter((_, i) => results[i] === 'stored');
    const patients = await this.#byPatient(fresh);
    const events = fresh.flatMap(({ arrival, ...row }) => (isEvent(arrival) ? [{ arrival, ...row }] : []));
    const { currencies, changes, doubts } = await new ObservationWriter(this.#commit, this.#batch).store(patients);
    const firstEvent = events.length > 0 ? await this.#addEvents(events) : 0;
    const quarantined = await this.#quarantine([...reused, ...this.#batch.refusals], erased);
    const dropped = quarantined > 0 ? await this.#trimQuarantine() : 0;
    await this.#total(
      { observations: fresh.length - events.length, events: events.length, held: count(results, 'held'), quarantined },
      dropped,
    );
    await keepChanges(this.#commit, tenant, placing?.changes?.(results));
    const evidence = this.#batch.evidence(results);
    if (evidence.length === 0) throw new VitalmeshError('INTERNAL', { detail: 'a batch without evidence' });
    this.#commit.append(evidence);
    if (patients.length > 0) await this.#addBatches(patients, changes);
    if (events.some(({ arrival }) => isTold(arrival)))
      await noteTold(this.#commit, { tenant, at: this.#batch.at, firstKey: firstEvent, lastKey: firstEvent + events.length - 1 });
    return { results, currencies, doubts, dropped, committed: this.#commit.position };
  }

  async #rows(amended: ReadonlyMap<Arrival | EventArrival, AmendedArrival>): Promise<Row[]> {
    const parsed = this.#batch.arrivals.map((arrival) => {
      const id = parseObservationId(arrival.id);
      // Whoever calls has taken the agent out of it; another id here is a defect.
      if (id === undefined) throw new VitalmeshError('INTERNAL', { detail: 'an observation id without its parts' });
      return { arrival, id, digest: hash('sha256', arrival.received, 'buffer') };
    });
    const writers = await this.#writers(parsed.map(({ id }) => id));
    return parsed.map(({ arrival: given, ...row }): Row => {
      const by = amended.get(given);
      const arrival = by?.patient && !isEvent(given) ? { ...given, patient: by.patient } : given;
      return { ...row, given, arrival, writer: writers.get(`${row.id.agent} ${row.id.epoch}`) ?? 0, ...(by && { amended: by }) };
    });
  }

  async #writers(ids: readonly ObservationKey[]): Promise<Map<string, number>> {
    const wanted = new Map(ids.map(({ agent, epoch }) => [`${agent} ${epoch}`, { agent, epoch }]));
    const keys = new Map<string, number>();
    for (const [name, { agent, epoch }] of wanted) {
      const key = this.#known.writers.get(agent, epoch);
      if (key !== undefined) keys.set(name, key);
    }
    for (const sql of [PG.findWriters, PG.addWriters]) {
      const unknown = [...wanted].flatMap(([name, writer]) => (keys.has(name) ? [] : [writer]));
      if (unknown.length === 0) break;
      const arrays = [unknown.map(({ agent }) => agent), unknown.map(({ epoch }) => epoch)];
      for (const { key, agent, epoch } of await this.#commit.query<{ key: number; agent: string; epoch: string }>(sql, arrays)) {
        keys.set(`${agent} ${epoch}`, key);
        this.#commit.afterwards(() => this.#known.writers.set(agent, epoch, key));
      }
    }
    return keys;
  }

  /** Which of them are new. Those with a key that is known with other content come back as what is to be quarantined. */
  async #see(rows: readonly Row[], erased: ErasedPeople | undefined): Promise<{ results: ArrivalResult[]; reused: Refusal[] }> {
    const known = new Map<string, Buffer | RemovedUpTo | undefined>();
    const isRefused = ({ given, arrival, amended }: Row): boolean =>
      amended?.patient === null || (erased !== undefined && (isOfErased(given, erased) || isOfErased(arrival, erased)));
    const refused = new Set(rows.filter(isRefused));
    const first = rows.filter((row) => {
      if (refused.has(row) || known.has(keyOf(row))) return false;
      known.set(keyOf(row), undefined);
      return true;
    });
    const found = first.length === 0 ? [] : await this.#addSeen(first);
    for (const [i, row] of first.entries()) {
      const before = found[i];
      known.set(keyOf(row), before?.ranged ? (before.removedUpTo ?? Number.POSITIVE_INFINITY) : (before?.hash ?? undefined));
    }
    const reused: Refusal[] = [];
    const ranged = await this.#removed([...refused]);
    const results = rows.map((row): ArrivalResult => {
      if (refused.has(row)) {
        // What is known already was of this person before: it comes again, and its sender may forget it.
        if (ranged.has(keyOf(row))) return 'held';
        reused.push({ id: row.arrival.id, code: 'INGEST-ERASED', rule: 'erased: nothing of it is kept', received: '' });
        return 'erased';
      }
      const before = known.get(keyOf(row));
      if (before === undefined) {
        known.set(keyOf(row), row.digest);
        return 'stored';
      }
      const { id, received, receivedAt } = row.arrival;
      const isRemoved = typeof before === 'number';
      // Of what was removed the content is not known any more, but until when it was received at the latest.
      if (isRemoved ? receivedAt <= before : before.equals(row.digest)) return 'held';
      reused.push({ id, code: 'UPLINK-KEY-REUSED', rule: isRemoved ? LATER_THAN_REMOVED : 'same key, other content', received });
      return 'reused';
    });
    return { results, reused };
  }

  /** Which of them were stored and removed. */
  async #removed(rows: readonly Row[]): Promise<ReadonlySet<string>> {
    if (rows.length === 0) return new Set();
    const known = await this.#commit.query<{ i: number }>(PG.ranged, [
      rows.map(({ writer }) => writer),
      rows.map(({ id }) => id.seq),
      rows.map(({ id }) => id.index),
    ]);
    return new Set(known.flatMap(({ i }) => rows[i - 1] ?? []).map(keyOf));
  }

  #addSeen(rows: readonly Row[]): Promise<{ hash: Buffer | null; ranged: boolean; removedUpTo: number | null }[]> {
    return this.#commit.query(PG.see, [
      rows.map(({ writer }) => writer),
      rows.map(({ id }) => id.seq),
      rows.map(({ id }) => id.index),
      rows.map(({ digest }) => digest),
    ]);
  }

  /** The new observations, by patient in the order in which each first comes, with the keys under which they are stored. */
  async #byPatient(fresh: readonly Row[]): Promise<OfPatient[]> {
    const rows = new Map<string, Omit<NewRow, 'key'>[]>();
    for (const { arrival, id, writer, amended } of fresh) {
      if (isEvent(arrival)) continue;
      const of = rows.get(arrival.patient) ?? [];
      rows.set(arrival.patient, of);
      of.push({ arrival, id, writer, ...(amended && { amended }) });
    }
    if (rows.size === 0) return [];
    const keys = await this.#patients([...rows.keys()]);
    return [...rows].map(([patient, of]): OfPatient => {
      const firstKey = this.#commit.take('lastObservation', of.length);
      const batch = this.#commit.take('lastBatch', 1);
      return { patient, key: keys.get(patient) ?? 0, batch, rows: of.map((row, i) => ({ ...row, key: firstKey + i })) };
    });
  }

  async #patients(ids: readonly string[]): Promise<Map<string, number>> {
    const { tenant } = this.#batch;
    const keys = new Map<string, number>();
    for (const id of ids) {
      const key = this.#known.patients.get(tenant, id);
      if (key !== undefined) keys.set(id, key);
    }
    for (const sql of [PG.findPatients, PG.addPatients]) {
      const unknown = ids.filter((id) => !keys.has(id));
      if (unknown.length === 0) break;
      for (const { key, id } of await this.#commit.query<{ key: number; id: string }>(sql, [tenant, unknown])) {
        keys.set(id, key);
        this.#commit.afterwards(() => this.#known.patients.set(tenant, id, key));
      }
    }
    return keys;
  }

  async #addBatches(patients: readonly OfPatient[], gone: ReadonlyMap<string, readonly (readonly [string, string])[]>): Promise<void> {
    const { tenant, gateway, at, sentAt } = this.#batch;
    await this.#commit.query(PG.addBatches, [
      ...[tenant, gateway, at, sentAt, this.#commit.position.position, this.#commit.hub],
      patients.map(({ batch }) => batch),
      patients.map(({ key }) => key),
      patients.map(({ rows }) => rows[0]?.key ?? 0),
      patients.map(({ rows }) => rows.at(-1)?.key ?? 0),
      patients.map(({ rows }) => packReceived(rows.map(({ arrival }) => arrival.received))),
      patients.map(({ rows }) => JSON.stringify([...new Set(rows.map(({ arrival }) => arrival.vital))])),
      patients.map(({ patient }) => (gone.has(patient) ? JSON.stringify(gone.get(patient)) : null)),
    ]);
    this.#commit.tells = true;
  }

  /** Gives the key of the first. */
  async #addEvents(rows: readonly (Pick<Row, 'id' | 'writer'> & { arrival: EventArrival })[]): Promise<number> {
    const { tenant, gateway, at } = this.#batch;
    const firstKey = this.#commit.take('lastEvent', rows.length);
    await this.#commit.query(PG.addEvents, [
      ...[tenant, gateway, at],
      rows.map((_, i) => firstKey + i),
      rows.map(({ arrival }) => arrival.kind),
      rows.map(({ arrival }) => arrival.patient),
      rows.map(({ writer }) => writer),
      rows.map(({ id }) => id.seq),
      rows.map(({ id }) => id.index),
      rows.map(({ arrival }) => arrival.device),
      rows.map(({ arrival }) => arrival.effective),
      rows.map(({ arrival }) => arrival.offsetMin),
      rows.map(({ arrival }) => arrival.receivedAt),
      rows.map(({ arrival }) => arrival.sortTime),
      rows.map(({ arrival }) => arrival.until ?? null),
      rows.map(({ arrival }) => arrival.test),
      rows.map(({ arrival }) => packReceived([arrival.received])),
      ...(await placedColumns(
        this.#commit,
        tenant,
        rows.map(({ arrival }) => arrival),
      )),
    ]);
    return firstKey;
  }

  /** Gives how many are new. */
  async #quarantine(given: readonly Refusal[], erased: ErasedPeople | undefined): Promise<number> {
    if (given.length === 0) return 0;
    const { tenant, gateway, at } = this.#batch;
    const refusals = given.map((refusal) => hushed(refusal, gateway, erased));
    const added = await this.#commit.query(PG.addQuarantine, [
      ...[at, tenant, gateway],
      refusals.map(({ id }) => withoutNul(id)),
      refusals.map(({ code }) => code),
      refusals.map(({ rule }) => rule),
      refusals.map(({ digest }) => digest),
      refusals.map(({ received }) => withoutNul(received)),
    ]);
    return added.length;
  }

  /** Lets the oldest of the gateway go until the rest fits; gives how many went. */
  async #trimQuarantine(): Promise<number> {
    const { tenant, gateway, quarantine } = this.#batch;
    if (quarantine === undefined) return 0;
    return (await this.#commit.query(PG.trimQuarantine, [tenant, gateway, quarantine.rows, quarantine.bytes])).length;
  }

  async #total(of: { observations: number; events: number; held: number; quarantined: number }, dropped: number): Promise<void> {
    const { tenant } = this.#batch;
    const { observations, events, held, quarantined } = of;
    if (observations + events + held + quarantined === 0) return;
    await this.#commit.query(PG.addTotals, [tenant, observations, held, quarantined - dropped, events]);
    if (this.#known.tenants.has(tenant)) return;
    await this.#commit.query(PG.addTenant, [tenant, true]);
    this.#commit.afterwards(() => this.#known.tenants.add(tenant));
    this.#commit.tells = true;
  }
}

function keyOf({ writer, id }: Row): string {
  return `${writer} ${id.seq} ${id.index}`;
}

function count(results: readonly ArrivalResult[], wanted: ArrivalResult): number {
  return results.filter((result) => result === wanted).length;
}

/** PostgreSQL keeps any character but this one; only what was refused may hold it. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}
