import type { Clock, Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { Cipher } from '../../shared/storage/connection.ts';
import type { Copied, CopyOptions } from '../../shared/storage/copy.ts';
import { type Database, openDatabase } from '../../shared/storage/database.ts';
import { GroupCommit } from '../../shared/storage/group-commit.ts';
import type { Lineage, StoreEpoch, StorePosition } from '../../shared/uplink/lineage.ts';
import type { AuditEvent } from '../access/access.ts';
import { type Anchor, remainsOf } from '../audit/anchors.ts';
import { AUDIT_SQL, appendAudit, headOf, keepCheckpoint, readAudit, readCheckpoints, readEvidence } from '../audit/audit-log.ts';
import { type ChainedEntry, type StoredCheckpoint, verifyAudit } from '../audit/chain.ts';
import type { EvidenceFilter, EvidenceRecord, UnreadEntry } from '../audit/evidence.ts';
import type { FeedPlaces } from '../audit/feed/place.ts';
import { SqliteFeedPlaces } from '../audit/feed/sqlite-places.ts';
import type { IndexedSubject } from '../audit/indexed.ts';
import { readAnchors, retainEvidence } from '../audit/retain-evidence.ts';
import { type EvidenceOrder, type EvidenceStep, RETAIN_PAGE } from '../audit/retention.ts';
import { type KeptUsage, readUsage, type UsageSince } from '../audit/usage.ts';
import { AGE_UNKNOWN } from '../clinical/staleness.ts';
import { type Binding, before, bindingsFrom, type KeptBinding, NO_END, type UnknownStretch, withUnknown } from '../registry/bindings.ts';
import type { AmendStore } from './amend/amend.ts';
import { SqliteAmend } from './amend/sqlite-amend.ts';
import type { ErasingStore } from './erasing/erasing.ts';
import { SqliteErasing } from './erasing/sqlite-erasing.ts';
import { Findings } from './findings.ts';
import { beginStoreEpoch, lineageOf, positionOf } from './lineage.ts';
import { isOutdated, lossIn } from './loss.ts';
import { noteLoss } from './note-loss.ts';
import { keepChanges, refuseOld } from './placing/keep-sqlite.ts';
import type { PlacingStore } from './placing/placing.ts';
import { SqlitePlacing } from './placing/sqlite-placing.ts';
import { readLatest } from './read-latest.ts';
import { readTrend } from './read-trend.ts';
import { readVersions } from './read-versions.ts';
import { retainSome } from './retain.ts';
import type { RetentionOrder, RetentionStep } from './retention.ts';
import { STORE_MIGRATIONS } from './schema.ts';
import { keepServed } from './served-tools.ts';
import { SQL } from './statements.ts';
import type {
  ArrivedBatch,
  BatchOutcome,
  Currency,
  EventFilter,
  Evidence,
  HistoryQuery,
  ObservationFilter,
  Store,
  StoreCounts,
  StoredEvent,
  StoredObservation,
  StoredPatient,
  StoredReading,
  StoredVersion,
} from './store.ts';
import type { Trend, TrendQuery } from './trend.ts';
import { valuesIn } from './trend-series.ts';
import type { StoreVerdict, VerifyProgress } from './verdict.ts';
import { verifyStore } from './verify.ts';
import { KEYS_A_PAGE, turn, Walks } from './walks.ts';
import { writeBatch } from './write-batch.ts';

export interface SqliteStoreOptions {
  path: string;
  /** Path of the file that holds the data key; this or `key`. */
  keyFile?: string;
  /** 32 bytes. */
  key?: Buffer;
  metrics: Metrics;
  clock?: Clock;
  /** AES-256 unless told. */
  cipher?: Cipher;
}

/** The same pages change with each batch: of a log of this length moving it is half the work that it is of a short one. Eight megabytes. */
const LOG_PAGES = 2000;

/** Opens the hub's encrypted SQLite store, or makes one. One process owns the file. Throws STORAGE-* as `openDatabase` does. */
export function openSqliteStore({ metrics, ...options }: SqliteStoreOptions): Store {
  const database = openDatabase({ ...options, migrations: STORE_MIGRATIONS, cacheKib: 32 * 1024, logPages: LOG_PAGES, erases: true });
  try {
    return new SqliteStore(database, new GroupCommit(database, { name: 'store', metrics, ...(options.clock && { clock: options.clock }) }));
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

class SqliteStore implements Store {
  readonly storeId: string;
  readonly #database: Database;
  readonly #commits: GroupCommit;
  readonly #walks: Walks;
  readonly erasing: ErasingStore;
  readonly placing: PlacingStore;
  readonly amend: AmendStore;
  readonly feedPlaces: FeedPlaces;
  /** The present one of its lineage. */
  #epoch: string;
  /** Losses that were noted since the opening without knowing which they are, by position. */
  readonly #uncertain = new Set<number>();

  constructor(database: Database, commits: GroupCommit) {
    this.#database = database;
    this.#commits = commits;
    this.#walks = new Walks(database);
    this.storeId = database.read(() => database.prepare<[], { value: string }>(SQL.storeId).get()?.value ?? '');
    this.erasing = new SqliteErasing({ database, commits, walks: this.#walks, storeId: this.storeId });
    this.placing = new SqlitePlacing({ database, commits, storeId: this.storeId });
    this.amend = new SqliteAmend({ database, commits, storeId: this.storeId });
    this.feedPlaces = new SqliteFeedPlaces({ database, commits, storeId: this.storeId });
    this.#epoch = database.write(() => beginStoreEpoch(database)).epoch;
  }

  storeBatch(batch: ArrivedBatch): Promise<BatchOutcome> {
    return this.#commits.run(
      (database) => {
        const { tenant, placing } = batch;
        if (isOutdated(batch, { epoch: this.#epoch })) throw new VitalmeshError('UPLINK-EPOCH');
        if (placing) refuseOld(database, tenant, placing.version);
        const outcome = writeBatch(database, batch);
        keepChanges(database, tenant, placing?.changes?.(outcome.results));
        const evidence = batch.evidence(outcome.results);
        // Without an entry of its own a batch would share its position with the one before it.
        if (evidence.length === 0) throw new VitalmeshError('INTERNAL', { detail: 'a batch without evidence' });
        appendAudit(database, this.storeId, evidence);
        return { ...outcome, committed: { epoch: this.#epoch, position: positionOf(database) } };
      },
      batch.arrivals.length + batch.refusals.length + 1,
    );
  }

  async lineage(): Promise<Lineage> {
    return this.#database.read(() => lineageOf(this.#database));
  }

  async noticeLoss(told: readonly StorePosition[], at: Instant): Promise<boolean> {
    const isOpen = (): boolean => this.#database.prepare<[], { found: number }>(SQL.isUnknownOpen).get() !== undefined;
    const isQuick = this.#database.read(() => lossIn(lineageOf(this.#database), told) === undefined);
    if (isQuick) return this.#database.read(isOpen);
    return await this.#commits.run((database) => {
      noteLoss(database, told, at, this.#uncertain);
      return isOpen();
    });
  }

  async beginStoreEpoch(): Promise<StoreEpoch> {
    const begun = await this.#commits.run(beginStoreEpoch);
    this.#epoch = begun.epoch;
    return begun;
  }

  copyTo(path: string, options?: CopyOptions): Promise<Copied> {
    return this.#database.copyTo(path, options);
  }

  distrust(storedAfter: Instant): Promise<void> {
    return this.#commits.run((database) => {
      database.prepare<[number, number]>(SQL.distrust).run(AGE_UNKNOWN, storedAfter);
    });
  }

  record(events: readonly AuditEvent[]): Promise<void> {
    return this.#commits.run((database) => appendAudit(database, this.storeId, events), events.length);
  }

  serveTools(tenant: string, fingerprint: string, evidence: (was: string | null) => AuditEvent): Promise<void> {
    return this.#commits.run((database) => {
      const was = keepServed(database, tenant, fingerprint);
      if (was !== fingerprint) appendAudit(database, this.storeId, [evidence(was)]);
    });
  }

  latest(tenant: string, patient: string, evidence: Evidence<StoredReading[]>): Promise<StoredReading[]> {
    return this.#witnessed(
      (database) => readLatest(database, tenant, patient),
      (rows) => evidence(rows.length, rows),
    );
  }

  observations(tenant: string, filter: ObservationFilter, evidence: Evidence): Promise<AsyncIterable<StoredObservation>> {
    const { patient, since = 0 } = filter;
    return this.#witnessed(
      (database) => {
        const first = database.prepare<[string, number], { key: number }>(SQL.firstSince).get(tenant, since)?.key ?? 0;
        const last = database.prepare<[], { key: number }>(SQL.lastObservation).get()?.key ?? 0;
        const counted =
          patient === undefined
            ? database.prepare<[string, number, string, number], { rows: number }>(SQL.countTenant).get(tenant, since, tenant, since)
            : database.prepare<[string, string, number], { rows: number }>(SQL.countPatient).get(tenant, patient, since);
        return { rows: counted?.rows ?? 0, walk: { [Symbol.asyncIterator]: () => this.#walks.observations(tenant, filter, first, last) } };
      },
      ({ rows }) => evidence(rows, undefined),
    ).then(({ walk }) => walk);
  }

  /** A short one in one commit with its evidence; a long one in turns, its evidence behind it. */
  async trend(tenant: string, query: TrendQuery, evidence: Evidence<Trend>): Promise<Trend> {
    const short = await this.#commits.run((database) => {
      const step = readTrend(database, tenant, query).next();
      if (step.done) appendAudit(database, this.storeId, [evidence(valuesIn(step.value), step.value)]);
      return step.done ? step.value : undefined;
    });
    if (short) return short;
    using _held = this.#walks.hold();
    const reading = readTrend(this.#database, tenant, query);
    for (;;) {
      const step = this.#database.read(() => reading.next());
      if (step.done) {
        await this.record([evidence(valuesIn(step.value), step.value)]);
        return step.value;
      }
      await turn();
    }
  }

  history(tenant: string, query: HistoryQuery, evidence: Evidence<StoredVersion[]>): Promise<StoredVersion[]> {
    return this.#witnessed(
      (database) => readVersions(database, tenant, query),
      (versions) => evidence(versions.length, versions),
    );
  }

  events(tenant: string, filter: EventFilter, evidence: Evidence): Promise<AsyncIterable<StoredEvent>> {
    const { since = 0, kind = null, patient = null } = filter;
    return this.#witnessed(
      (database) => {
        const wanted = [kind, kind, patient, patient] as const;
        const counted = database
          .prepare<[string, number, ...typeof wanted], { rows: number }>(SQL.countEvents)
          .get(tenant, since, ...wanted);
        const last = database.prepare<[], { key: number }>(SQL.lastEvent).get()?.key ?? 0;
        const walk = { [Symbol.asyncIterator]: () => this.#walks.events(tenant, since, wanted, last) };
        return { rows: counted?.rows ?? 0, walk };
      },
      ({ rows }) => evidence(rows, undefined),
    ).then(({ walk }) => walk);
  }

  patients(tenant: string, evidence: Evidence<StoredPatient[]>): Promise<StoredPatient[]> {
    return this.#witnessed(
      (database) => {
        const patients = new Map<string, StoredPatient & { vitals: string[] }>();
        for (const row of database.prepare<[string], PatientRow>(SQL.patients).all(tenant)) {
          const patient = patients.get(row.id) ?? { patient: row.id, lastStoredAt: row.lastStoredAt, vitals: [] };
          patients.set(row.id, patient);
          if (row.vital !== null && patient.vitals.at(-1) !== row.vital) patient.vitals.push(row.vital);
        }
        return [...patients.values()];
      },
      (rows) => evidence(rows.length, rows),
    );
  }

  counts(tenant: string, evidence: Evidence<StoreCounts>): Promise<StoreCounts> {
    return this.#witnessed(
      (database) => {
        const totals = database.prepare<[string], Omit<StoreCounts, 'patients' | 'unplaced'>>(SQL.totals).get(tenant);
        const patients = database.prepare<[string], { patients: number }>(SQL.countPatients).get(tenant)?.patients ?? 0;
        const unplaced = database.prepare<[string], { unplaced: number }>(SQL.countUnplaced).get(tenant)?.unplaced ?? 0;
        return { ...(totals ?? { observations: 0, events: 0, duplicates: 0, quarantined: 0 }), patients, unplaced };
      },
      (counts) => evidence(1, counts),
    );
  }

  async *currencies(): AsyncGenerator<Currency> {
    yield* this.#database.read(() => this.#database.prepare<[], Currency>(SQL.currencies).all());
  }

  tenants(): readonly string[] {
    return this.#database.read(() => this.#database.prepare<[], { tenant: string }>(SQL.tenants).all()).map(({ tenant }) => tenant);
  }

  rebind(next: readonly Binding[], at: Instant, isTimeKnown = true): Promise<readonly KeptBinding[]> {
    return this.#commits.run((database) => {
      const kept = database.prepare<[], KeptBinding>(SQL.bindings).all();
      const unknown = (): UnknownStretch[] => database.prepare<[], UnknownStretch>(SQL.unknown).all();
      const isNew = kept.length === 0 && unknown().length === 0;
      const bindings = bindingsFrom(kept, next, isNew ? 0 : at);
      const set = database.prepare<[string, string, string, string, string | null, Instant]>(SQL.setBinding);
      const unchanged = new Set(kept.map((binding) => JSON.stringify(fieldsOf(binding))));
      for (const fields of bindings.map(fieldsOf)) if (!unchanged.has(JSON.stringify(fields))) set.run(...fields);
      const { from, until } = before(at);
      if (isNew) database.prepare<[Instant, Instant, null]>(SQL.addUnknown).run(from, NO_END, null);
      if (isTimeKnown) database.prepare<[Instant, Instant, Instant]>(SQL.endUnknown).run(until, at, at);
      return withUnknown(bindings, unknown());
    }, next.length);
  }

  async unknownBindings(): Promise<readonly UnknownStretch[]> {
    return this.#database.read(() => this.#database.prepare<[], UnknownStretch>(SQL.unknown).all());
  }

  async *audit(): AsyncGenerator<ChainedEntry> {
    for (const entry of readAudit(this.#database)) {
      yield entry;
      // Others have their turn now and then.
      if (entry.seq % KEYS_A_PAGE === 0) await turn();
    }
  }

  async *evidence(tenant: string, filter: EvidenceFilter, unread?: (entry: UnreadEntry) => void): AsyncGenerator<EvidenceRecord> {
    for (const page of readEvidence(this.#database, this.storeId, tenant, filter, unread)) {
      yield* page;
      await turn();
    }
  }

  async usage(tenant: string, principal: string, since: UsageSince): Promise<KeptUsage> {
    return this.#database.read(() => readUsage(this.#database, tenant, principal, since));
  }

  async auditHead(): Promise<Pick<ChainedEntry, 'seq' | 'hash'>> {
    return this.#database.read(() => headOf(this.#database, this.storeId));
  }

  async auditSubjects(tenant: string, fromSeq: number, toSeq: number): Promise<IndexedSubject[]> {
    return this.#database.read(() =>
      this.#database.prepare<[number, number, string], IndexedSubject>(AUDIT_SQL.subjects).all(fromSeq, toSeq, tenant),
    );
  }

  async auditHash(seq: number): Promise<Uint8Array | undefined> {
    return this.#database.read(() => this.#database.prepare<[number], { hash: Uint8Array }>(AUDIT_SQL.hash).get(seq)?.hash);
  }

  async auditBehind(after: number, limit: number): Promise<readonly ChainedEntry[]> {
    return this.#database.read(() => this.#database.prepare<[number, number], ChainedEntry>(AUDIT_SQL.behind).all(after, limit));
  }

  keepCheckpoint(checkpoint: StoredCheckpoint): Promise<void> {
    return this.#commits.run((database) => keepCheckpoint(database, checkpoint));
  }

  async *checkpoints(): AsyncGenerator<StoredCheckpoint> {
    for (const page of readCheckpoints(this.#database)) {
      yield* page;
      await turn();
    }
  }

  async anchors(): Promise<Anchor[]> {
    return this.#database.read(() => readAnchors(this.#database));
  }

  async retainEvidence(order: EvidenceOrder): Promise<EvidenceStep> {
    if (this.#walks.areUnderWay) return { removed: {}, more: true };
    return await this.#commits.run((database) => retainEvidence(database, this.storeId, order), RETAIN_PAGE);
  }

  holdEvidence(): Disposable {
    return this.#walks.hold();
  }

  async retain(order: RetentionOrder): Promise<RetentionStep> {
    if (this.#walks.areUnderWay) return { removed: {}, more: true };
    return this.#commits.run((database) => retainSome(database, order, () => performance.now()));
  }

  async verify(progress?: (at: VerifyProgress) => void): Promise<StoreVerdict> {
    using _held = this.#walks.hold();
    const findings = new Findings();
    const reading = this.#database.read(() => verifyStore(this.#database, findings));
    let step = this.#database.read(() => reading.next());
    for (; !step.done; step = this.#database.read(() => reading.next())) {
      progress?.(step.value);
      await turn();
    }
    const chain = await verifyAudit(this.audit(), this.storeId, [], remainsOf(await this.anchors()));
    if (!chain.intact) findings.add('VERIFY-AUDIT', `entry ${chain.seq}: ${chain.fault}`);
    const counts = { ...step.value, evidence: chain.intact ? chain.entries : chain.seq - 1 };
    return { storeId: this.storeId, counts, findings: findings.list() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#commits.close();
    this.#database.close();
  }

  /** A read and the evidence of it, in one transaction. */
  #witnessed<T>(read: (database: Database) => T, evidence: (result: T) => AuditEvent): Promise<T> {
    return this.#commits.run((database) => {
      const result = read(database);
      appendAudit(database, this.storeId, [evidence(result)]);
      return result;
    });
  }
}

function fieldsOf({ gateway, kind, name, tenant, patient, since }: KeptBinding): [string, string, string, string, string | null, Instant] {
  return [gateway, kind, name, tenant, patient, since];
}

interface PatientRow {
  id: string;
  lastStoredAt: number | null;
  vital: string | null;
}
