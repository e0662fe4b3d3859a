import { VitalmeshError } from '../../../shared/errors.ts';
import type { AuditEvent } from '../../access/access.ts';
import { type ErasureRow, tombstoneOf } from '../erasing/erase-sqlite.ts';
import type {
  ErasingStore,
  ErasureBegun,
  ErasureCounts,
  ErasureEnd,
  ErasureOrder,
  ErasureStep,
  LegalHold,
  StoredRollup,
} from '../erasing/erasing.ts';
import { type ErasedPeople, type IsErased, type Tombstone, whoWasErased } from '../erasing/tombstone.ts';
import type { Unplaced } from '../erasing/unplaced.ts';
import { type EventRow, eventOf } from '../event-row.ts';
import type { StoredEvent } from '../store.ts';
import type { Commit } from './commits.ts';
import { adopt, beginErasure, endErasure, erasedOf, eraseRows, isKnown, keyOf } from './erase.ts';
import { namesOf, namesOfOthers } from './erasing-names.ts';
import { ERASING_PG } from './erasing-statements.ts';
import { gatherSome, unplaced } from './erasing-unplaced.ts';
import type { Transaction } from './transaction.ts';

/** What lends transactions to erasures. */
export interface ErasingPlace {
  refreshTenants(): Promise<void>;
  allTenants(): readonly string[];
  read<T>(work: (transaction: Transaction) => Promise<T>, tenant?: string): Promise<T>;
  commit<T>(work: (commit: Commit) => Promise<T>, tenant: string): Promise<T>;
}

/** What a store in PostgreSQL does for and about one person. */
export class PostgresErasing implements ErasingStore {
  readonly #place: ErasingPlace;
  /** Of the erasure that is under way, once begun in this process. */
  #unplaced: (Unplaced & { tenant: string; key: number }) | undefined;

  constructor(place: ErasingPlace) {
    this.#place = place;
  }

  hold({ tenant, patient, reason, principal, at }: LegalHold, evidence: AuditEvent): Promise<void> {
    return this.#place.commit(async (commit) => {
      if ((await erasedOf(commit, tenant)).people.isPatient(patient)) throw new VitalmeshError('PATIENT-ERASED');
      await commit.query(ERASING_PG.setHold, [tenant, patient, reason, principal, at]);
      commit.append([evidence]);
    }, tenant);
  }

  holds(tenant: string): Promise<readonly LegalHold[]> {
    return this.#place.read((transaction) => transaction.query<LegalHold>(ERASING_PG.holds, [tenant]), tenant);
  }

  release(tenant: string, patient: string, reason: string, evidence: AuditEvent): Promise<void> {
    return this.#place.commit(async (commit) => {
      if ((await commit.query(ERASING_PG.dropHold, [tenant, patient, reason])).length === 0) throw new VitalmeshError('PATIENT-NOT-HELD');
      await commit.query(ERASING_PG.lookAgain, [tenant, patient]);
      commit.append([evidence]);
    }, tenant);
  }

  beginErasure({ evidence, ...order }: ErasureOrder): Promise<ErasureBegun> {
    return this.#place.commit(async (commit) => {
      const { row, gone } = await beginErasure(commit, order);
      const tombstone = tombstoneOf(row);
      commit.append([evidence(tombstone)]);
      return { tombstone, gone };
    }, order.tenant);
  }

  /** The server writes removed rows over when it vacuums, which only the owner of the tables may have done. */
  async eraseSome(evidence: (end: ErasureEnd) => AuditEvent): Promise<ErasureStep> {
    await this.#place.refreshTenants();
    for (const tenant of this.#place.allTenants()) {
      const [found] = await this.#place.read((transaction) => transaction.query<ErasureRow>(ERASING_PG.underWay, [tenant]), tenant);
      if (found === undefined) continue;
      const { ids, beds } = await this.#gathered(tenant, found);
      if (beds.length > 0) return { more: true };
      return await this.#place.commit(async (commit): Promise<ErasureStep> => {
        // Of hubs that do it at the same time the second finds what the first left.
        const [row] = await commit.query<ErasureRow>(ERASING_PG.underWay, [tenant]);
        if (row?.key !== found.key || !(await eraseRows(commit, row, ids))) return { more: true };
        const ended = await endErasure(commit, row);
        // Of one that is begun again there may be others.
        this.#unplaced = undefined;
        commit.append([evidence(ended)]);
        return { ended, more: true };
      }, tenant);
    }
    return { more: false };
  }

  /** As of an SQLite store. */
  async #gathered(tenant: string, row: ErasureRow): Promise<Unplaced> {
    const known = this.#unplaced?.tenant === tenant && this.#unplaced.key === row.key ? this.#unplaced : undefined;
    const from = known ?? (await unplaced(this.#place, row));
    const now = from.beds.length === 0 ? from : await this.#place.commit((commit) => gatherSome(commit, row, from), tenant);
    this.#unplaced = { ...now, tenant, key: row.key };
    return now;
  }

  async tombstones(): Promise<readonly Tombstone[]> {
    await this.#place.refreshTenants();
    const all: Tombstone[] = [];
    for (const tenant of this.#place.allTenants()) {
      const rows = await this.#place.read((transaction) => transaction.query<ErasureRow>(ERASING_PG.erasures, [tenant]), tenant);
      all.push(...rows.map(tombstoneOf));
    }
    return all;
  }

  async whoWasErased(): Promise<IsErased> {
    return whoWasErased(await this.tombstones());
  }

  async adoptTombstones(
    tombstones: readonly Tombstone[],
    evidence: (tombstone: Tombstone, patient: string) => AuditEvent,
  ): Promise<number> {
    let added = 0;
    for (const [tenant, own] of Map.groupBy(tombstones, (tombstone) => tombstone.tenant)) {
      added += await this.#place.commit(async (commit) => {
        let here = 0;
        for (const tombstone of own) {
          const { isNew, patient } = await adopt(commit, tombstone);
          if (isNew) here += 1;
          if (patient !== undefined) commit.append([evidence(tombstone, patient)]);
        }
        return here;
      }, tenant);
    }
    return added;
  }

  async erasureCounts(): Promise<ErasureCounts> {
    const total = { erased: 0, underWay: 0, held: 0 };
    for (const tenant of this.#place.allTenants()) {
      const of = await this.#place.read(async (transaction) => {
        const [erased] = await transaction.query<Omit<ErasureCounts, 'held'>>(ERASING_PG.counts, [tenant]);
        const [held] = await transaction.query<Pick<ErasureCounts, 'held'>>(ERASING_PG.countHolds, [tenant]);
        return { erased: erased?.erased ?? 0, underWay: erased?.underWay ?? 0, held: held?.held ?? 0 };
      }, tenant);
      total.erased += of.erased;
      total.underWay += of.underWay;
      total.held += of.held;
    }
    return total;
  }

  knows(tenant: string, patient: string): Promise<boolean> {
    return this.#place.read((transaction) => isKnown(transaction, tenant, patient), tenant);
  }

  erasedPeople(tenant: string): Promise<ErasedPeople | undefined> {
    return this.#place.read(async (transaction) => {
      const { people } = await erasedOf(transaction, tenant);
      return people.isEmpty ? undefined : people;
    }, tenant);
  }

  isErased(tenant: string, patient: string): Promise<boolean> {
    return this.#place.read(async (transaction) => (await erasedOf(transaction, tenant)).people.isPatient(patient), tenant);
  }

  async *rollupsOf(tenant: string, patient: string): AsyncGenerator<StoredRollup> {
    type Row = Omit<StoredRollup, 'test'> & { test: number };
    for (let after: (string | number | boolean)[] = ['', '', '', false, Number.MIN_SAFE_INTEGER, 0]; ; ) {
      const page = await this.#place.read(
        async (transaction) => transaction.query<Row>(ERASING_PG.rollupPage, [await keyOf(transaction, tenant, patient), ...after]),
        tenant,
      );
      for (const row of page) yield { ...row, test: row.test === 1 };
      const last = page.at(-1);
      if (last === undefined) return;
      after = [last.vital, last.device, last.part, last.test === 1, last.start, last.widthMs];
    }
  }

  async *movements(tenant: string): AsyncGenerator<StoredEvent> {
    for (let after = 0; ; ) {
      type Row = EventRow & { key: number };
      const page = await this.#place.read((transaction) => transaction.query<Row>(ERASING_PG.movementPage, [tenant, after]), tenant);
      for (const row of page) yield eventOf(row);
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  namesOf(tenant: string, patient: string): Promise<ReadonlyMap<string, number>> {
    return namesOf(this.#place, tenant, patient);
  }

  namesOfOthers(tenant: string, patient: string, names: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    return namesOfOthers(this.#place, { tenant, patient, names });
  }
}
