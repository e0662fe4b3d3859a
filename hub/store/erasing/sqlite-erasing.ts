import { VitalmeshError } from '../../../shared/errors.ts';
import type { Database } from '../../../shared/storage/database.ts';
import type { GroupCommit } from '../../../shared/storage/group-commit.ts';
import type { AuditEvent } from '../../access/access.ts';
import { appendAudit } from '../../audit/audit-log.ts';
import { type EventRow, eventOf } from '../event-row.ts';
import { SQL } from '../statements.ts';
import type { StoredEvent } from '../store.ts';
import { turn, type Walks } from '../walks.ts';
import { adopt, beginErasure, type ErasureRow, endErasure, eraseRows, erasureOf, isKnown, tombstoneOf } from './erase-sqlite.ts';
import { erasedPeople } from './erased-sqlite.ts';
import type {
  ErasingStore,
  ErasureBegun,
  ErasureCounts,
  ErasureEnd,
  ErasureOrder,
  ErasureStep,
  LegalHold,
  StoredRollup,
} from './erasing.ts';
import { namesOf, namesOfOthers } from './names-sqlite.ts';
import { ERASING_SQL } from './statements.ts';
import { type ErasedPeople, type IsErased, type Tombstone, whoWasErased } from './tombstone.ts';
import type { Unplaced } from './unplaced.ts';
import { gatherSome, unplaced } from './unplaced-sqlite.ts';

interface Parts {
  database: Database;
  commits: GroupCommit;
  walks: Walks;
  storeId: string;
}

/** What an SQLite store does for and about one person. */
export class SqliteErasing implements ErasingStore {
  readonly #database: Database;
  readonly #commits: GroupCommit;
  readonly #walks: Walks;
  readonly #storeId: string;
  /** Of the erasure that is under way, once begun in this process. */
  #unplaced: (Unplaced & { key: number }) | undefined;
  /** Nothing of who was erased is in the log. */
  #isLogClean = true;

  constructor({ database, commits, walks, storeId }: Parts) {
    this.#database = database;
    this.#commits = commits;
    this.#walks = walks;
    this.#storeId = storeId;
  }

  hold({ tenant, patient, reason, principal, at }: LegalHold, evidence: AuditEvent): Promise<void> {
    return this.#commits.run((database) => {
      if (erasureOf(database, tenant, patient)) throw new VitalmeshError('PATIENT-ERASED');
      database.prepare<(string | number)[]>(ERASING_SQL.setHold).run(tenant, patient, reason, principal, at);
      appendAudit(database, this.#storeId, [evidence]);
    });
  }

  async holds(tenant: string): Promise<readonly LegalHold[]> {
    return this.#database.read(() => this.#database.prepare<[string], LegalHold>(ERASING_SQL.holds).all(tenant));
  }

  release(tenant: string, patient: string, reason: string, evidence: AuditEvent): Promise<void> {
    return this.#commits.run((database) => {
      if (database.prepare<[string, string, string]>(ERASING_SQL.dropHold).run(tenant, patient, reason).changes === 0)
        throw new VitalmeshError('PATIENT-NOT-HELD');
      database.prepare<[string, string]>(ERASING_SQL.lookAgain).run(tenant, patient);
      appendAudit(database, this.#storeId, [evidence]);
    });
  }

  beginErasure({ evidence, ...order }: ErasureOrder): Promise<ErasureBegun> {
    return this.#commits.run((database) => {
      const { row, gone } = beginErasure(database, order);
      const tombstone = tombstoneOf(row);
      appendAudit(database, this.#storeId, [evidence(tombstone)]);
      return { tombstone, gone };
    });
  }

  async eraseSome(evidence: (end: ErasureEnd) => AuditEvent): Promise<ErasureStep> {
    if (this.#walks.areUnderWay) return { more: true };
    const row = this.#database.read(() => underWay(this.#database));
    if (row === undefined) return this.#cleaned({});
    this.#isLogClean = false;
    const { ids, beds } = await this.#gathered(row);
    if (beds.length > 0) return { more: true };
    const isBare = await this.#commits.run((database) => {
      const now = underWay(database);
      return now?.key === row.key && eraseRows(database, now, ids, () => performance.now());
    });
    if (!isBare) return { more: true };
    // While the log holds what was removed, nobody may take it for done: a hub that is killed here comes back to this.
    if (!this.#database.emptyLog()) return { more: true };
    return await this.#commits.run((database): ErasureStep => {
      const row = underWay(database);
      if (row === undefined) return { more: true };
      const ended = endErasure(database, row);
      // Of one that is begun again there may be others.
      this.#unplaced = undefined;
      appendAudit(database, this.#storeId, [evidence(ended)]);
      return { ended, more: true };
    });
  }

  /** Has some rows under nobody that name the person become theirs, so that they go with them. */
  async #gathered(row: ErasureRow): Promise<Unplaced> {
    if (this.#unplaced?.key !== row.key) this.#unplaced = { key: row.key, ...(await unplaced(this.#database, row)) };
    const from = this.#unplaced;
    if (from.beds.length === 0) return from;
    const now = await this.#commits.run((database) => gatherSome(database, row, from, () => performance.now()));
    this.#unplaced = { key: row.key, ...now };
    return this.#unplaced;
  }

  /** Who it was stood in the row of the erasure until its end. */
  #cleaned(step: Omit<ErasureStep, 'more'>): ErasureStep {
    if (!this.#isLogClean) this.#isLogClean = this.#database.emptyLog();
    return { ...step, more: !this.#isLogClean };
  }

  async tombstones(): Promise<readonly Tombstone[]> {
    return this.#database.read(() => this.#database.prepare<[], ErasureRow>(ERASING_SQL.erasures).all().map(tombstoneOf));
  }

  async whoWasErased(): Promise<IsErased> {
    return whoWasErased(await this.tombstones());
  }

  async erasedPeople(tenant: string): Promise<ErasedPeople | undefined> {
    return this.#database.read(() => erasedPeople(this.#database, tenant));
  }

  adoptTombstones(tombstones: readonly Tombstone[], evidence: (tombstone: Tombstone, patient: string) => AuditEvent): Promise<number> {
    return this.#commits.run((database) => {
      let added = 0;
      for (const tombstone of tombstones) {
        const { isNew, patient } = adopt(database, tombstone);
        if (isNew) added += 1;
        if (patient !== undefined) appendAudit(database, this.#storeId, [evidence(tombstone, patient)]);
      }
      return added;
    });
  }

  async erasureCounts(): Promise<ErasureCounts> {
    const none = { erased: 0, underWay: 0, held: 0 };
    return this.#database.read(() => this.#database.prepare<[], ErasureCounts>(ERASING_SQL.erasureCounts).get() ?? none);
  }

  async knows(tenant: string, patient: string): Promise<boolean> {
    return this.#database.read(() => isKnown(this.#database, tenant, patient));
  }

  async isErased(tenant: string, patient: string): Promise<boolean> {
    return this.#database.read(() => erasureOf(this.#database, tenant, patient) !== undefined);
  }

  async *rollupsOf(tenant: string, patient: string): AsyncGenerator<StoredRollup> {
    using _held = this.#walks.hold();
    const key = this.#keyOf(tenant, patient);
    type Row = Omit<StoredRollup, 'test'> & { test: number };
    for (let after = ['', '', '', -1, Number.MIN_SAFE_INTEGER, 0]; ; ) {
      const page = this.#database.read(() => this.#database.prepare<(string | number)[], Row>(ERASING_SQL.rollupPage).all(key, ...after));
      for (const row of page) yield { ...row, test: row.test === 1 };
      const last = page.at(-1);
      if (last === undefined) return;
      after = [last.vital, last.device, last.part, last.test, last.start, last.widthMs];
      await turn();
    }
  }

  async *movements(tenant: string): AsyncGenerator<StoredEvent> {
    using _held = this.#walks.hold();
    for (let after = 0; ; ) {
      type Row = EventRow & { key: number };
      const page = this.#database.read(() => this.#database.prepare<[number], Row>(ERASING_SQL.movementPage).all(after));
      for (const row of page) if (row.tenant === tenant) yield eventOf(row);
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
      await turn();
    }
  }

  namesOf(tenant: string, patient: string): Promise<ReadonlyMap<string, number>> {
    return namesOf(this.#database, this.#walks, tenant, patient);
  }

  namesOfOthers(tenant: string, patient: string, names: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    return namesOfOthers(this.#database, this.#walks, { tenant, patient, names });
  }

  #keyOf(tenant: string, patient: string): number {
    return this.#database.read(
      () => this.#database.prepare<[string, string], { key: number }>(SQL.findPatient).get(tenant, patient)?.key ?? 0,
    );
  }
}

function underWay(database: Pick<Database, 'prepare'>): ErasureRow | undefined {
  return database.prepare<[], ErasureRow>(ERASING_SQL.erasuresUnderWay).get();
}
