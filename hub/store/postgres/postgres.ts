import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type Clock, type Instant, systemClock } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Metrics } from '../../../shared/metrics.ts';
import type { Lineage, StoreEpoch, StorePosition } from '../../../shared/uplink/lineage.ts';
import type { AuditEvent } from '../../access/access.ts';
import { type Anchor, remainsOf } from '../../audit/anchors.ts';
import { type ChainedEntry, type StoredCheckpoint, verifyAudit } from '../../audit/chain.ts';
import type { EvidenceFilter, EvidenceRecord, UnreadEntry } from '../../audit/evidence.ts';
import type { FeedPlaces } from '../../audit/feed/place.ts';
import type { IndexedSubject } from '../../audit/indexed.ts';
import { type EvidenceOrder, type EvidenceStep, RETAIN_PAGE } from '../../audit/retention.ts';
import type { KeptUsage, UsageSince } from '../../audit/usage.ts';
import { AGE_UNKNOWN } from '../../clinical/staleness.ts';
import type { Binding, KeptBinding, UnknownStretch } from '../../registry/bindings.ts';
import type { AmendStore } from '../amend/amend.ts';
import type { ErasingStore } from '../erasing/erasing.ts';
import { Findings } from '../findings.ts';
import { isOutdated, lossIn } from '../loss.ts';
import type { PlacingStore } from '../placing/placing.ts';
import type { RetentionOrder, RetentionStep } from '../retention.ts';
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
} from '../store.ts';
import type { Trend, TrendQuery } from '../trend.ts';
import { valuesIn } from '../trend-series.ts';
import type { StoreVerdict, VerifyProgress } from '../verdict.ts';
import { type DatabaseAddress, readAddressFile } from './address.ts';
import { PostgresAmend } from './amend.ts';
import { PostgresFeedPlaces } from './audit-feed.ts';
import { AUDIT_PG } from './audit-statements.ts';
import { keepBindings } from './bindings.ts';
import { type Commit, Commits } from './commits.ts';
import { Connections, checkServer, refusePooler, type SessionLimits } from './connections.ts';
import { beginEpoch, followMark, readLineage } from './epochs.ts';
import { PostgresErasing } from './erasing.ts';
import { walkEvidence } from './evidence.ts';
import { readAnchors, retainEvidence } from './evidence-retention.ts';
import { Known } from './known.ts';
import { isUnknownOpen, noteLoss } from './losses.ts';
import { checkSchema, migrateAs } from './migrate.ts';
import { PostgresPlacing } from './placing.ts';
import { readTrend, readVersions } from './read-trend.ts';
import * as reads from './reads.ts';
import { retainSome } from './retain.ts';
import { keepServed } from './served-tools.ts';
import { PG } from './statements.ts';
import { inTransaction, Transaction } from './transaction.ts';
import { Unsure } from './unsure.ts';
import { readUsage } from './usage.ts';
import { verifyStore } from './verify.ts';
import { HOLD_WEEKS } from './weeks.ts';
import { writeBatch } from './write-batch.ts';

export interface PostgresStoreOptions {
  address: DatabaseAddress;
  /** Who owns the schema and brings it up to date; without one it must be up to date. */
  owner?: DatabaseAddress;
  metrics: Metrics;
  log: Logger;
  clock?: Clock;
  limits?: SessionLimits;
}

/** Opens the store in a PostgreSQL database that hubs may share. Throws STORAGE-*. */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const { address, owner, log, limits } = options;
  if (owner) await migrateAs(owner, address.user);
  const prepare = async (client: pg.ClientBase): Promise<void> => {
    await refusePooler(client);
    await checkServer(client);
    await checkSchema(client);
    await followMark(client);
  };
  const connections = new Connections({ address, log, prepare, ...(limits && { limits }) });
  try {
    const { storeId, tenants } = await connections.with(async (client) => {
      const transaction = new Transaction(client);
      const [head] = await transaction.query<{ storeId: string }>(PG.head);
      return { storeId: head?.storeId ?? '', tenants: await transaction.query<{ id: string; stored: boolean }>(PG.tenants) };
    });
    return new PostgresStore(options, connections, storeId, tenants);
  } catch (thrown) {
    await connections[Symbol.asyncDispose]();
    throw thrown;
  }
}

/** As `openPostgresStore`, from files of mode 0600 that hold the URLs. */
export async function openFromFiles(
  { urlFile, ownerUrlFile }: { urlFile: string; ownerUrlFile?: string | undefined },
  options: Omit<PostgresStoreOptions, 'address' | 'owner'>,
): Promise<PostgresStore> {
  const address = readAddressFile(urlFile);
  return await openPostgresStore({ ...options, address, ...(ownerUrlFile !== undefined && { owner: readAddressFile(ownerUrlFile) }) });
}

export class PostgresStore implements Store {
  readonly storeId: string;
  /** Names this process among the hubs of the database. */
  readonly hub = randomBytes(8).toString('hex');
  readonly address: DatabaseAddress;
  readonly #connections: Connections;
  readonly #commits: Commits;
  readonly #known: Known;
  readonly erasing: ErasingStore = new PostgresErasing(this);
  readonly placing: PlacingStore = new PostgresPlacing(this);
  readonly amend: AmendStore = new PostgresAmend(this);
  readonly feedPlaces: FeedPlaces = new PostgresFeedPlaces({
    hub: this.hub,
    read: (work) => this.read(work),
    commit: (work) => this.#commits.run(work),
  });
  /** Losses that were noted since the opening without knowing which they are, by position. */
  readonly #uncertain = new Set<number>();
  #evidenceHolds = 0;
  /** All of them, those too of which nothing is stored. */
  #tenants = new Set<string>();
  /** What of its own this process must look up to know, and tell. */
  readonly unsure = new Unsure();

  /** Use `openPostgresStore`. */
  constructor(
    { address, metrics, clock = systemClock }: PostgresStoreOptions,
    connections: Connections,
    storeId: string,
    tenants: readonly { id: string; stored: boolean }[],
  ) {
    this.storeId = storeId;
    this.address = address;
    this.#connections = connections;
    const known = new Known(clock);
    this.#known = known;
    const failed = (unsureFrom: number | undefined): void => {
      known.forget();
      if (unsureFrom !== undefined) this.unsure.note(unsureFrom);
    };
    const begun = (commit: Commit): Promise<void> => known.follow(commit);
    this.#commits = new Commits({ connections, hub: this.hub, storeId, begun, failed, metrics, clock });
    this.#learn(tenants);
  }

  async storeBatch(batch: ArrivedBatch): Promise<BatchOutcome> {
    const outcome = await this.#commits.run(
      // The commit itself is made, for it may have begun the epoch.
      async (commit) => (isOutdated(batch, commit.position) ? undefined : await writeBatch(commit, batch, this.#known)),
      batch.arrivals.length + batch.refusals.length + 1,
    );
    if (outcome === undefined) throw new VitalmeshError('UPLINK-EPOCH');
    this.#tenants.add(batch.tenant);
    return outcome;
  }

  lineage(): Promise<Lineage> {
    return this.read(readLineage);
  }

  async noticeLoss(told: readonly StorePosition[], at: Instant): Promise<boolean> {
    const isQuick = await this.read(async (transaction) => lossIn(await readLineage(transaction), told) === undefined);
    if (isQuick) return await this.read(isUnknownOpen);
    return await this.#commits.run(async (commit) => {
      await noteLoss(commit, told, at, this.#uncertain);
      return await isUnknownOpen(commit);
    });
  }

  beginStoreEpoch(): Promise<StoreEpoch> {
    return this.#commits.run(beginEpoch);
  }

  distrust(storedAfter: Instant): Promise<void> {
    return this.#commits.run(async (commit) => {
      for (const { id } of await commit.query<{ id: string }>(PG.tenants)) {
        await commit.as(id);
        await commit.query(PG.distrust, [AGE_UNKNOWN, id, storedAfter]);
      }
    });
  }

  record(events: readonly AuditEvent[]): Promise<void> {
    return this.#commits.run(async (commit) => commit.append(events), events.length);
  }

  async serveTools(tenant: string, fingerprint: string, evidence: (was: string | null) => AuditEvent): Promise<void> {
    await this.commit(async (commit) => {
      const was = await keepServed(commit, tenant, fingerprint);
      if (was !== fingerprint) commit.append([evidence(was)]);
    }, tenant);
  }

  latest(tenant: string, patient: string, evidence: Evidence<StoredReading[]>): Promise<StoredReading[]> {
    return this.#witnessed(
      tenant,
      (transaction) => reads.latest(transaction, tenant, patient),
      (rows) => evidence(rows.length, rows),
    );
  }

  async observations(tenant: string, filter: ObservationFilter, evidence: Evidence): Promise<AsyncIterable<StoredObservation>> {
    const { range } = await this.#witnessed(
      tenant,
      (transaction) => reads.countObservations(transaction, tenant, filter),
      ({ rows }) => evidence(rows, undefined),
    );
    return { [Symbol.asyncIterator]: () => reads.walkObservations(this, tenant, filter, range) };
  }

  trend(tenant: string, query: TrendQuery, evidence: Evidence<Trend>): Promise<Trend> {
    return this.#witnessed(
      tenant,
      (transaction) => readTrend(transaction, tenant, query),
      (trend) => evidence(valuesIn(trend), trend),
    );
  }

  history(tenant: string, query: HistoryQuery, evidence: Evidence<StoredVersion[]>): Promise<StoredVersion[]> {
    return this.#witnessed(
      tenant,
      (transaction) => readVersions(transaction, tenant, query),
      (versions) => evidence(versions.length, versions),
    );
  }

  retain(order: RetentionOrder): Promise<RetentionStep> {
    return retainSome(this, order);
  }

  async verify(progress?: (at: VerifyProgress) => void): Promise<StoreVerdict> {
    const findings = new Findings();
    const counts = await this.read((transaction) => verifyStore(transaction, findings, progress));
    using _held = this.holdEvidence();
    const chain = await verifyAudit(this.audit(), this.storeId, [], remainsOf(await this.anchors()));
    if (!chain.intact) findings.add('VERIFY-AUDIT', `entry ${chain.seq}: ${chain.fault}`);
    const evidence = chain.intact ? chain.entries : chain.seq - 1;
    return { storeId: this.storeId, counts: { ...counts, evidence }, findings: findings.list() };
  }

  async events(tenant: string, filter: EventFilter, evidence: Evidence): Promise<AsyncIterable<StoredEvent>> {
    const { range } = await this.#witnessed(
      tenant,
      (transaction) => reads.countEvents(transaction, tenant, filter),
      ({ rows }) => evidence(rows, undefined),
    );
    return { [Symbol.asyncIterator]: () => reads.walkEvents(this, tenant, filter, range) };
  }

  patients(tenant: string, evidence: Evidence<StoredPatient[]>): Promise<StoredPatient[]> {
    return this.#witnessed(
      tenant,
      (transaction) => reads.patients(transaction, tenant),
      (rows) => evidence(rows.length, rows),
    );
  }

  counts(tenant: string, evidence: Evidence<StoreCounts>): Promise<StoreCounts> {
    return this.#witnessed(
      tenant,
      (transaction) => reads.counts(transaction, tenant),
      (counts) => evidence(1, counts),
    );
  }

  async *currencies(): AsyncGenerator<Currency> {
    await this.refreshTenants();
    for (const tenant of this.allTenants())
      yield* await this.read((transaction) => transaction.query<Currency>(PG.currencies, [tenant]), tenant);
  }

  tenants(): readonly string[] {
    return [...this.#known.tenants].sort();
  }

  async rebind(next: readonly Binding[], at: Instant, isTimeKnown = true): Promise<readonly KeptBinding[]> {
    const kept = await this.#commits.run((commit) => keepBindings(commit, next, at, isTimeKnown), next.length);
    await this.refreshTenants();
    return kept;
  }

  unknownBindings(): Promise<readonly UnknownStretch[]> {
    return this.read((transaction) => transaction.query<UnknownStretch>(PG.unknown));
  }

  async *audit(): AsyncGenerator<ChainedEntry> {
    for (let after = 0; ; ) {
      const page = await this.read(async (transaction) => {
        await transaction.query(PG.allEvidence);
        return await transaction.query<ChainedEntry>(AUDIT_PG.audit, [after]);
      });
      yield* page;
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.seq;
    }
  }

  evidence(tenant: string, filter: EvidenceFilter, unread?: (entry: UnreadEntry) => void): AsyncGenerator<EvidenceRecord> {
    return walkEvidence((work) => this.read(work, tenant), this.storeId, tenant, filter, unread);
  }

  usage(tenant: string, principal: string, since: UsageSince): Promise<KeptUsage> {
    return this.read((transaction) => readUsage(transaction, tenant, principal, since), tenant);
  }

  auditSubjects(tenant: string, fromSeq: number, toSeq: number): Promise<IndexedSubject[]> {
    return this.read((transaction) => transaction.query<IndexedSubject>(AUDIT_PG.auditSubjects, [tenant, fromSeq, toSeq]), tenant);
  }

  async auditHash(seq: number): Promise<Uint8Array | undefined> {
    return await this.read(async (transaction) => {
      await transaction.query(PG.allEvidence);
      return (await transaction.query<{ hash: Uint8Array }>(AUDIT_PG.auditHash, [seq]))[0]?.hash;
    });
  }

  async auditBehind(after: number, limit: number): Promise<readonly ChainedEntry[]> {
    return await this.read(async (transaction) => {
      await transaction.query(PG.allEvidence);
      return await transaction.query<ChainedEntry>(AUDIT_PG.auditBehind, [after, limit]);
    });
  }

  async auditHead(): Promise<Pick<ChainedEntry, 'seq' | 'hash'>> {
    const [head] = await this.read((transaction) => transaction.query<Pick<ChainedEntry, 'seq' | 'hash'>>(AUDIT_PG.auditHead));
    if (head === undefined) throw new VitalmeshError('STORAGE-DAMAGED', { detail: 'the table head is empty' });
    return head;
  }

  async keepCheckpoint({ seq, note }: StoredCheckpoint): Promise<void> {
    await this.#commits.run(async (commit) => void (await commit.query(AUDIT_PG.addCheckpoint, [seq, note])));
  }

  async *checkpoints(): AsyncGenerator<StoredCheckpoint> {
    for (let after = 0; ; ) {
      const page = await this.read((transaction) => transaction.query<StoredCheckpoint>(AUDIT_PG.checkpoints, [after]));
      yield* page;
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.seq;
    }
  }

  anchors(): Promise<Anchor[]> {
    return this.read(readAnchors);
  }

  async retainEvidence(order: EvidenceOrder): Promise<EvidenceStep> {
    if (this.#evidenceHolds > 0) return { removed: {}, more: true };
    return await this.#commits.run((commit) => retainEvidence(commit, this.storeId, this.allTenants(), order), RETAIN_PAGE);
  }

  holdEvidence(): Disposable {
    this.#evidenceHolds += 1;
    return {
      [Symbol.dispose]: () => {
        this.#evidenceHolds -= 1;
      },
    };
  }

  /** Looks which tenants there are; other hubs add some. */
  async refreshTenants(): Promise<void> {
    this.#learn(await this.read((transaction) => transaction.query<{ id: string; stored: boolean }>(PG.tenants)));
  }

  /** Every tenant, those too of which nothing is stored yet. */
  allTenants(): readonly string[] {
    return [...this.#tenants].sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#commits.close();
    await this.#connections[Symbol.asyncDispose]();
  }

  /** Runs reads in one transaction, of one tenant or of none. What it sees stays while it lasts: no partition goes under it. */
  read<T>(work: (transaction: Transaction) => Promise<T>, tenant?: string): Promise<T> {
    const as = tenant === undefined ? '' : `; SET LOCAL vitalmesh.tenant = ${pg.escapeLiteral(tenant)}`;
    return this.#connections.with((client) =>
      inTransaction(client, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${HOLD_WEEKS}${as}`, () =>
        work(new Transaction(client, tenant)),
      ),
    );
  }

  /** Runs `work` in a transaction beside the commits, in which nothing waits for a lock longer than this. */
  apart<T>(lockMs: number, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#connections.with((client) =>
      inTransaction(client, `BEGIN; SET LOCAL lock_timeout = ${lockMs}`, () => work(new Transaction(client))),
    );
  }

  /** Resolves once every commit that was asked for before is there, or never will be: a server that lost its client may still be at it, and holds the head until then. */
  async resolved(): Promise<void> {
    await this.#commits.run(async () => undefined);
  }

  /** Runs `work` in a commit, in the name of a tenant. */
  commit<T>(work: (commit: Commit) => Promise<T>, tenant: string): Promise<T> {
    return this.#commits.run(async (commit) => {
      await commit.as(tenant);
      return await work(commit);
    });
  }

  /** A read, given out after the commit of its evidence; the head is not held while it reads. */
  async #witnessed<T>(tenant: string, work: (transaction: Transaction) => Promise<T>, evidence: (result: T) => AuditEvent): Promise<T> {
    const result = await this.read(work, tenant);
    await this.record([evidence(result)]);
    return result;
  }

  #learn(tenants: readonly { id: string; stored: boolean }[]): void {
    this.#tenants = new Set(tenants.map(({ id }) => id));
    for (const { id, stored } of tenants) if (stored) this.#known.tenants.add(id);
  }
}
