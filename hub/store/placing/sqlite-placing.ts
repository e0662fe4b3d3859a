import type { Instant } from '../../../shared/clock.ts';
import type { AssignedId } from '../../../shared/movement.ts';
import type { Database } from '../../../shared/storage/database.ts';
import type { GroupCommit } from '../../../shared/storage/group-commit.ts';
import type { AuditEvent } from '../../access/access.ts';
import { appendAudit } from '../../audit/audit-log.ts';
import { newPatientId } from '../../patients/public-id.ts';
import { turn } from '../walks.ts';
import { gatewaysOf } from './gateways-sqlite.ts';
import { keepChanges, placingVersion, refuseOld } from './keep-sqlite.ts';
import type { BatchPlacing, DeviceMove, Person, PlacingStore, ReassignStep } from './placing.ts';
import { reassignSome } from './reassign-sqlite.ts';
import { PLACING_SQL } from './statements.ts';

interface Parts {
  database: Database;
  commits: GroupCommit;
  storeId: string;
}

/** What an SQLite store does so that rows follow their patients. */
export class SqlitePlacing implements PlacingStore {
  readonly #database: Database;
  readonly #commits: GroupCommit;
  readonly #storeId: string;

  constructor({ database, commits, storeId }: Parts) {
    this.#database = database;
    this.#commits = commits;
    this.#storeId = storeId;
  }

  async placingVersion(tenant: string): Promise<number> {
    return this.#database.read(() => placingVersion(this.#database, tenant));
  }

  async personsOf(tenant: string, records: readonly AssignedId[]): Promise<readonly string[]> {
    const known = this.#database.read(() => records.map((record) => personOf(this.#database, tenant, record)));
    if (known.every((id) => id !== undefined)) return known;
    return await this.#commits.run((database) =>
      records.map((record) => personOf(database, tenant, record) ?? added(database, tenant, record)),
    );
  }

  async *persons(): AsyncGenerator<Person> {
    for await (const { key: _, ...person } of this.#pages<Person>(PLACING_SQL.persons)) yield person;
  }

  moveDevice(move: DeviceMove, placing: Required<BatchPlacing>, evidence: readonly AuditEvent[]): Promise<void> {
    const { tenant, gateway, device, bed, at, idType = null } = move;
    return this.#commits.run((database) => {
      refuseOld(database, tenant, placing.version);
      database.prepare<(string | number | null)[]>(PLACING_SQL.addDeviceMove).run(tenant, gateway, device, bed, at, idType);
      keepChanges(database, tenant, placing.changes([]));
      appendAudit(database, this.#storeId, evidence);
    });
  }

  async *deviceMoves(): AsyncGenerator<DeviceMove> {
    for await (const { key: _, idType, ...move } of this.#pages<DeviceMove>(PLACING_SQL.deviceMoves))
      yield idType ? { ...move, idType } : move;
  }

  async gatewaysOf(tenant: string, device: string): Promise<readonly string[]> {
    return await gatewaysOf(this.#database, tenant, device);
  }

  reassign(at: Instant, evidence: (step: Pick<ReassignStep, 'done' | 'amended'>) => readonly AuditEvent[]): Promise<ReassignStep> {
    return this.#commits.run((database) => {
      const step = reassignSome(database, at, () => performance.now());
      const { done, amended } = step;
      if (done.length + amended.length > 0) appendAudit(database, this.#storeId, evidence({ done, amended }));
      return step;
    });
  }

  async *#pages<T>(sql: string): AsyncGenerator<T & { key: number }> {
    for (let after = 0; ; ) {
      const page = this.#database.read(() => this.#database.prepare<[number], T & { key: number }>(sql).all(after));
      yield* page;
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
      await turn();
    }
  }
}

function personOf(database: Pick<Database, 'prepare'>, tenant: string, { authority, value }: AssignedId): string | undefined {
  return database.prepare<[string, string, string], { id: string }>(PLACING_SQL.personOf).get(tenant, authority, value)?.id;
}

function added(database: Pick<Database, 'prepare'>, tenant: string, { authority, value }: AssignedId): string {
  const id = newPatientId();
  database.prepare<[string, string, string, string]>(PLACING_SQL.addPerson).run(tenant, authority, value, id);
  return id;
}
