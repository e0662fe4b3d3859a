import type { Instant } from '../../../shared/clock.ts';
import type { AssignedId } from '../../../shared/movement.ts';
import type { AuditEvent } from '../../access/access.ts';
import { newPatientId } from '../../patients/public-id.ts';
import type { BatchPlacing, DeviceMove, Person, PlacingStore, ReassignStep } from '../placing/placing.ts';
import type { Commit } from './commits.ts';
import { gatewaysOf } from './placing-gateways.ts';
import { keepChanges, placingVersion, refuseOld } from './placing-keep.ts';
import { reassignSome } from './placing-reassign.ts';
import { PLACING_PG } from './placing-statements.ts';
import { PG } from './statements.ts';
import type { Transaction } from './transaction.ts';

/** What lends transactions to it. */
export interface PlacingPlace {
  refreshTenants(): Promise<void>;
  allTenants(): readonly string[];
  read<T>(work: (transaction: Transaction) => Promise<T>, tenant?: string): Promise<T>;
  commit<T>(work: (commit: Commit) => Promise<T>, tenant: string): Promise<T>;
}

/** What a store in PostgreSQL does so that rows follow their patients. */
export class PostgresPlacing implements PlacingStore {
  readonly #place: PlacingPlace;

  constructor(place: PlacingPlace) {
    this.#place = place;
  }

  placingVersion(tenant: string): Promise<number> {
    return this.#place.read((transaction) => placingVersion(transaction, tenant), tenant);
  }

  async personsOf(tenant: string, records: readonly AssignedId[]): Promise<readonly string[]> {
    const known = await this.#place.read((transaction) => idsOf(transaction, tenant, records), tenant);
    if (known.every((id) => id !== undefined)) return known;
    return await this.#place.commit(async (commit) => {
      // Whoever goes through the persons goes from tenant to tenant.
      await commit.query(PG.addTenant, [tenant, false]);
      const ids: string[] = [];
      for (const record of records) ids.push(await personOf(commit, tenant, record));
      return ids;
    }, tenant);
  }

  async *persons(): AsyncGenerator<Person> {
    for await (const { key: _, ...person } of this.#pages<Person>(PLACING_PG.persons)) yield person;
  }

  moveDevice(move: DeviceMove, placing: Required<BatchPlacing>, evidence: readonly AuditEvent[]): Promise<void> {
    const { tenant, gateway, device, bed, at, idType = null } = move;
    return this.#place.commit(async (commit) => {
      await refuseOld(commit, tenant, placing.version);
      await commit.query(PG.addTenant, [tenant, false]);
      await commit.query(PLACING_PG.addDeviceMove, [tenant, gateway, device, bed, at, idType]);
      await keepChanges(commit, tenant, placing.changes([]));
      commit.append(evidence);
    }, tenant);
  }

  async *deviceMoves(): AsyncGenerator<DeviceMove> {
    for await (const { key: _, idType, ...move } of this.#pages<DeviceMove>(PLACING_PG.deviceMoves))
      yield idType ? { ...move, idType } : move;
  }

  async gatewaysOf(tenant: string, device: string): Promise<readonly string[]> {
    return await this.#place.read((transaction) => gatewaysOf(transaction, tenant, device), tenant);
  }

  /** Of the first tenant of which anything is due; that is looked for without holding the head. */
  async reassign(at: Instant, evidence: (step: Pick<ReassignStep, 'done' | 'amended'>) => readonly AuditEvent[]): Promise<ReassignStep> {
    const due = await this.#tenantsDue();
    const [tenant] = due;
    if (tenant === undefined) return { moved: 0, currencies: [], changed: [], done: [], amended: [], more: false };
    const step = await this.#place.commit(async (commit) => {
      const did = await reassignSome(commit, tenant, at);
      const { done, amended } = did;
      if (done.length + amended.length > 0) commit.append(evidence({ done, amended }));
      return did;
    }, tenant);
    return { ...step, more: step.more || due.length > 1 };
  }

  async #tenantsDue(): Promise<string[]> {
    await this.#place.refreshTenants();
    const due: string[] = [];
    for (const tenant of this.#place.allTenants()) {
      const found = await this.#place.read((transaction) => transaction.query(PLACING_PG.oldestDue, [tenant]), tenant);
      if (found.length > 0) due.push(tenant);
    }
    return due;
  }

  async *#pages<T extends object>(sql: string): AsyncGenerator<T & { key: number }> {
    await this.#place.refreshTenants();
    for (const tenant of this.#place.allTenants()) {
      for (let after = 0; ; ) {
        const page = await this.#place.read((transaction) => transaction.query<T & { key: number }>(sql, [tenant, after]), tenant);
        yield* page;
        const last = page.at(-1);
        if (last === undefined) break;
        after = last.key;
      }
    }
  }
}

async function idsOf(transaction: Transaction, tenant: string, records: readonly AssignedId[]): Promise<(string | undefined)[]> {
  const ids: (string | undefined)[] = [];
  for (const { authority, value } of records)
    ids.push((await transaction.query<{ id: string }>(PLACING_PG.personOf, [tenant, authority, value]))[0]?.id);
  return ids;
}

/** Of one that was never heard of a new one is made. */
async function personOf(commit: Commit, tenant: string, record: AssignedId): Promise<string> {
  const [known] = await idsOf(commit, tenant, [record]);
  if (known !== undefined) return known;
  const id = newPatientId();
  await commit.query(PLACING_PG.addPerson, [tenant, record.authority, record.value, id]);
  return id;
}
