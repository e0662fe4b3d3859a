import { hash, randomBytes } from 'node:crypto';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Resource } from '../../../shared/fhir.ts';
import type { AssignedId } from '../../../shared/movement.ts';
import { canonicalJson } from '../../ingest/canonical.ts';
import { type ErasureRow, isNamed, tombstoneOf } from '../erasing/erase-sqlite.ts';
import { type ErasureEnd, type ErasureOrder, NOTHING_REMOVED, type Removed } from '../erasing/erasing.ts';
import { withoutParties } from '../erasing/movement-parties.ts';
import { ErasedPeople, heldKin, heldTombstone, type Marked, markOf, namesAny, type Tombstone } from '../erasing/tombstone.ts';
import { type EventRow, eventOf } from '../event-row.ts';
import { packReceived, unpackReceived } from '../observation-row.ts';
import type { CurrencyChange } from '../store.ts';
import { AMEND_PG } from './amend-statements.ts';
import type { Commit } from './commits.ts';
import { ERASING_PG } from './erasing-statements.ts';
import { PLACING_PG } from './placing-statements.ts';
import { RETENTION_PG } from './retention-statements.ts';
import { addToRanges, type RemovedKey } from './seen-ranges.ts';
import { PG } from './statements.ts';
import type { Transaction } from './transaction.ts';

/** The people of a tenant who were erased; `isSettled` unless one of them is under way, of whom more may become known. The transaction is of the tenant. */
export async function erasedOf(transaction: Transaction, tenant: string): Promise<{ people: ErasedPeople; isSettled: boolean }> {
  type Row = { secret: Buffer; mark: Buffer; at: number; others: string; isUnderWay: boolean };
  const rows = await transaction.query<Row>(ERASING_PG.erasedOf, [tenant]);
  const people = new ErasedPeople(
    tenant,
    rows.map(({ others, ...row }) => ({ ...row, others: JSON.parse(others) as string[] })),
  );
  return { people, isSettled: rows.every(({ isUnderWay }) => !isUnderWay) };
}

/** The row of a person who was erased; undefined for all others. */
async function erasureOf(transaction: Transaction, tenant: string, patient: string): Promise<ErasureRow | undefined> {
  const rows = await transaction.query<ErasureRow>(ERASING_PG.erasures, [tenant]);
  return rows.find(({ secret, mark }) => markOf(secret, 'patient', tenant, patient).equals(mark));
}

/** As `beginErasure` of an SQLite store. The commit is of the tenant. */
export async function beginErasure(
  commit: Commit,
  order: Omit<ErasureOrder, 'evidence'>,
): Promise<{ row: ErasureRow; gone: CurrencyChange[] }> {
  const { tenant, patient, names = [], kin = [] } = order;
  if ((await commit.query(ERASING_PG.findHold, [tenant, patient])).length > 0) throw new VitalmeshError('PATIENT-HELD');
  for (const one of kin) if ((await commit.query(ERASING_PG.findHold, [tenant, one])).length > 0) throw heldKin();
  const before = await erasureOf(commit, tenant, patient);
  if (before?.patient) return { row: before, gone: [] };
  const isAgain = before !== undefined && names.length > 0;
  if (!isAgain && !(await isKnown(commit, tenant, patient))) throw new VitalmeshError(before ? 'PATIENT-ERASED' : 'PATIENT-UNKNOWN');
  return await begin(commit, order, before);
}

/** As `adopt` of an SQLite store. The commit is of the tenant. */
export async function adopt(commit: Commit, tombstone: Tombstone): Promise<{ isNew: boolean; patient?: string }> {
  const { tenant, secret, mark, at, reason, principal, others } = tombstone;
  const find = async (): Promise<ErasureRow | undefined> =>
    (await commit.query<ErasureRow>(ERASING_PG.erasureOf, [tenant, secret, mark]))[0];
  const held = await find();
  if (held?.patient) return { isNew: false };
  const ids = await commit.query<{ id: string }>(ERASING_PG.knownPatients, [tenant]);
  const patient = ids.find(({ id }) => markOf(secret, 'patient', tenant, id).equals(mark))?.id;
  const isNew = held === undefined;
  if (isNew)
    await add(commit, { tenant, secret, mark, subject: null, at, reason, principal, others: JSON.stringify(others), patient: null });
  if (patient === undefined) return { isNew };
  if ((await commit.query(ERASING_PG.findHold, [tenant, patient])).length > 0) throw heldTombstone();
  if (namesAny(tombstone, await commit.query<AssignedId>(ERASING_PG.heldNumbers, [tenant]))) throw heldTombstone();
  await begin(commit, { tenant, patient, at, reason, principal }, await find());
  return { isNew, patient };
}

async function add(
  commit: Commit,
  row: Pick<ErasureRow, 'tenant' | 'subject' | 'at' | 'reason' | 'principal' | 'others' | 'patient'> & Pick<Tombstone, 'secret' | 'mark'>,
): Promise<void> {
  const { tenant, secret, mark, subject, at, reason, principal, others, patient } = row;
  const gateways = patient === null ? null : '[]';
  const whole = [tenant, secret, mark, subject, at, reason, principal, others, patient, gateways, commit.position.position + 1, commit.hub];
  await commit.query(ERASING_PG.addErasure, whole);
  await commit.query(ERASING_PG.countErasure);
  commit.tells = true;
}

async function begin(
  commit: Commit,
  { tenant, patient, at, reason, principal, names = [] }: Omit<ErasureOrder, 'evidence'>,
  before: ErasureRow | undefined,
): Promise<{ row: ErasureRow; gone: CurrencyChange[] }> {
  const key = await keyOf(commit, tenant, patient);
  const [newest] = (await commit.query<ErasureRow>(ERASING_PG.erasures, [tenant])).slice(-1);
  const secret = before?.secret ?? newest?.secret ?? randomBytes(32);
  const [subject] = await commit.query<{ key: number }>(ERASING_PG.subjectOf, [tenant, patient]);
  const gateways = await commit.query<{ gateway: string }>(ERASING_PG.gatewaysOf, [key, tenant, patient]);
  if (before) {
    await commit.query(ERASING_PG.beginAgain, [before.key, subject?.key ?? null, patient, commit.position.position + 1, commit.hub]);
    await commit.query(ERASING_PG.countErasure);
    commit.tells = true;
  } else {
    const mark = markOf(secret, 'patient', tenant, patient);
    await add(commit, { tenant, secret, mark, subject: subject?.key ?? null, at, reason, principal, others: '[]', patient });
  }
  const gone = await commit.query<{ vital: string; device: string }>(ERASING_PG.dropLatest, [key]);
  const row = await erasureOf(commit, tenant, patient);
  if (row === undefined) throw new VitalmeshError('INTERNAL', { detail: 'an erasure that is not there' });
  const progress = new Progress(row);
  progress.found(
    gateways.map(({ gateway }) => gateway),
    names,
  );
  await progress.keep(commit);
  return {
    row: { ...row, others: progress.others },
    gone: gone.map((of) => ({ tenant, patient, ...of, gone: true })),
  };
}

/** Whether anything of a person is stored, or stands in the evidence. */
export async function isKnown(commit: Transaction, tenant: string, patient: string): Promise<boolean> {
  if ((await commit.query(PLACING_PG.findPersons, [tenant, [patient]])).length > 0) return true;
  for (const sql of [ERASING_PG.keyOf, ERASING_PG.subjectOf, ERASING_PG.hasEvent])
    if ((await commit.query(sql, [tenant, patient])).length > 0) return true;
  return false;
}

export async function keyOf(transaction: Transaction, tenant: string, patient: string): Promise<number> {
  return (await transaction.query<{ key: number }>(ERASING_PG.keyOf, [tenant, patient]))[0]?.key ?? 0;
}

/** What is known of an erasure that is under way, kept with each change of it. */
class Progress {
  readonly row: ErasureRow;
  readonly #others: Set<string>;
  readonly gateways: Set<string>;
  readonly #asked = new Map<string, boolean>();
  lastEvent: number;
  removed: Removed;

  constructor(row: ErasureRow) {
    this.row = row;
    this.#others = new Set(JSON.parse(row.others) as string[]);
    this.gateways = new Set(JSON.parse(row.gateways ?? '[]') as string[]);
    this.lastEvent = row.lastEvent;
    this.removed = { ...NOTHING_REMOVED, ...(JSON.parse(row.removed) as Partial<Removed>) };
  }

  get others(): string {
    return JSON.stringify([...this.#others]);
  }

  found(gateways: readonly string[], names: readonly string[] = []): void {
    for (const gateway of gateways) if (!this.gateways.has(gateway)) this.#others.add(this.#mark('gateway', gateway));
    for (const name of names) this.#others.add(this.#mark('name', name));
    for (const gateway of gateways) this.gateways.add(gateway);
  }

  /** By the marks alone, so that a tombstone of elsewhere is enough. */
  isTheirs = (name: string): boolean => {
    const known = this.#asked.get(name) ?? this.#others.has(this.#mark('name', name));
    this.#asked.set(name, known);
    return known;
  };

  #mark(kind: Marked, value: string): string {
    return markOf(this.row.secret, kind, this.row.tenant, value).toString('hex');
  }

  count(of: keyof Removed, rows: number): void {
    this.removed = { ...this.removed, [of]: this.removed[of] + rows };
  }

  async keep(commit: Commit): Promise<void> {
    const gateways = JSON.stringify([...this.gateways]);
    await commit.query(ERASING_PG.progress, [this.row.key, this.others, gateways, this.lastEvent, JSON.stringify(this.removed)]);
  }
}

interface BatchOf {
  key: number;
  gateway: string;
  storedAt: number;
  firstKey: number;
  lastKey: number;
  rows: number;
}

/** Removes some of what is under way within a commit of the tenant. True once nothing is left but the row of the erasure itself. `ids`: public ids of all numbers of the person. */
export async function eraseRows(commit: Commit, row: ErasureRow, ids: readonly string[]): Promise<boolean> {
  const progress = new Progress(row);
  const erasing = new Erasing(commit, progress, await keyOf(commit, row.tenant, row.patient ?? ''));
  for (const part of [erasing.batches, erasing.rollups, erasing.events, erasing.movements, erasing.quarantine]) {
    if (!(await part.call(erasing))) continue;
    await progress.keep(commit);
    return false;
  }
  await erasing.person(ids);
  return true;
}

/** Each part removes a little, and says whether it did. */
class Erasing {
  readonly #commit: Commit;
  readonly #progress: Progress;
  readonly #tenant: string;
  readonly #patient: string;
  readonly #key: number;

  constructor(commit: Commit, progress: Progress, key: number) {
    this.#commit = commit;
    this.#progress = progress;
    this.#tenant = progress.row.tenant;
    this.#patient = progress.row.patient ?? '';
    this.#key = key;
  }

  async batches(): Promise<boolean> {
    const batches = await this.#commit.query<BatchOf>(ERASING_PG.batchesOf, [this.#key]);
    if (batches.length === 0) return false;
    const rows = await this.#commit.query<RemovedKey & { key: number; batch: number }>(ERASING_PG.dropObservations, [
      batches.map(({ firstKey }) => firstKey),
      batches.map(({ lastKey }) => lastKey),
      this.#key,
    ]);
    for (const sql of [ERASING_PG.dropKeptBack, AMEND_PG.dropRowsOf]) await this.#commit.query(sql, [rows.map(({ key }) => key)]);
    this.#progress.found(batches.map(({ gateway }) => gateway));
    await this.#repack(batches, rows);
    await this.#forget(rows);
    await this.#less(rows.length, 0, 0);
    this.#progress.count('observations', rows.length);
    return true;
  }

  /** What came together may be of several by now, for rows follow their patients: of the others every line stays. */
  async #repack(batches: readonly BatchOf[], gone: readonly { key: number; batch: number }[]): Promise<void> {
    const byBatch = Map.groupBy(gone, ({ batch }) => batch);
    const isEmpty = ({ key, rows }: BatchOf): boolean => (byBatch.get(key)?.length ?? 0) >= rows;
    const empty = batches.filter(isEmpty);
    await this.#commit.query(RETENTION_PG.dropPacked, [empty.map(({ key }) => key), empty.map(({ storedAt }) => storedAt)]);
    await this.#commit.query(RETENTION_PG.dropBatches, [empty.map(({ key }) => key)]);
    for (const batch of batches.filter((one) => !isEmpty(one))) {
      const own = byBatch.get(batch.key) ?? [];
      const [packed] = await this.#commit.query<{ received: Buffer }>(PG.received, [[batch.key], [batch.storedAt]]);
      const lines = packed ? unpackReceived(packed.received) : [];
      for (const { key } of own) lines[key - batch.firstKey] = '';
      await this.#commit.query(RETENTION_PG.repack, [batch.key, batch.storedAt, packReceived(lines)]);
      await this.#commit.query(RETENTION_PG.setRows, [batch.key, batch.rows - own.length]);
    }
  }

  async rollups(): Promise<boolean> {
    const rollups = await this.#commit.query(ERASING_PG.dropRollups, [this.#key]);
    this.#progress.count('rollups', rollups.length);
    let others = 0;
    for (const sql of [ERASING_PG.dropRolledFrom, ERASING_PG.dropRevisions, ERASING_PG.dropPreliminary])
      others += (await this.#commit.query(sql, [this.#key])).length;
    return rollups.length + others > 0;
  }

  async events(): Promise<boolean> {
    type Row = RemovedKey & { key: number; gateway: string; sortTime: number };
    const rows = await this.#commit.query<Row>(ERASING_PG.eventsOf, [this.#tenant, this.#patient]);
    if (rows.length === 0) return false;
    this.#progress.found(rows.map(({ gateway }) => gateway));
    await this.#dropEvents(rows, 'events');
    return true;
  }

  async movements(): Promise<boolean> {
    const { isTheirs } = this.#progress;
    type Row = EventRow & RemovedKey & { key: number };
    const page = await this.#commit.query<Row>(ERASING_PG.movementPage, [this.#tenant, this.#progress.lastEvent]);
    const last = page.at(-1);
    if (last === undefined) return false;
    this.#progress.lastEvent = last.key;
    const own = page.filter((row) => isNamed(row, isTheirs)).map((row) => ({ row, rest: withoutParties(eventOf(row).resource, isTheirs) }));
    await this.#dropEvents(
      own.flatMap(({ row, rest }) => (rest === undefined ? [row] : [])),
      'movements',
    );
    await this.#rewrite(own.flatMap(({ row, rest }) => (rest === undefined ? [] : [{ row, rest }])));
    return true;
  }

  /** Where others moved with the person it stays known where they are. */
  async #rewrite(rows: readonly { row: RemovedKey & { key: number; sortTime: number }; rest: Resource }[]): Promise<void> {
    for (const { row, rest } of rows) {
      const text = canonicalJson(rest);
      await this.#commit.query(ERASING_PG.rewriteEvent, [row.key, row.sortTime, packReceived([text])]);
      // That of what was said first could be used to guess it.
      await this.#commit.query(ERASING_PG.setSeen, [row.writer, row.seq, row.part, hash('sha256', text, 'buffer')]);
    }
    this.#progress.count('movements', rows.length);
  }

  async quarantine(): Promise<boolean> {
    const rows = await this.#commit.query(ERASING_PG.dropQuarantine, [this.#tenant, [...this.#progress.gateways]]);
    await this.#less(0, 0, rows.length);
    this.#progress.count('quarantine', rows.length);
    return rows.length > 0;
  }

  async person(ids: readonly string[]): Promise<void> {
    await this.#commit.query(ERASING_PG.dropLatest, [this.#key]);
    // What would be theirs once somebody undid it stays whose it is.
    await this.#commit.query(AMEND_PG.forgetGiver, [this.#key]);
    for (const sql of [AMEND_PG.forgetRules, AMEND_PG.forget, AMEND_PG.forgetOther])
      await this.#commit.query(sql, [this.#tenant, this.#patient]);
    await this.#commit.query(AMEND_PG.forgetMerged, [this.#tenant, this.#patient]);
    await this.#commit.query(ERASING_PG.dropPatient, [this.#key]);
    for (const sql of [ERASING_PG.unbind, ERASING_PG.dropKey]) await this.#commit.query(sql, [this.#tenant, this.#patient]);
    for (const id of ids) await this.#commit.query(PLACING_PG.forgetPerson, [this.#tenant, id]);
    // Whoever still knows of them from before reads anew who lies where.
    await this.#commit.query(PLACING_PG.raiseVersion, [this.#tenant]);
  }

  async #dropEvents(rows: readonly (RemovedKey & { key: number; sortTime: number })[], of: 'events' | 'movements'): Promise<void> {
    if (rows.length === 0) return;
    await this.#commit.query(RETENTION_PG.dropEvents, [rows.map(({ key }) => key), rows.map(({ sortTime }) => sortTime)]);
    await this.#forget(rows);
    await this.#less(0, rows.length, 0);
    this.#progress.count(of, rows.length);
  }

  async #forget(rows: readonly RemovedKey[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#commit.query(RETENTION_PG.dropSeen, [
      rows.map(({ writer }) => writer),
      rows.map(({ seq }) => seq),
      rows.map(({ part }) => part),
    ]);
    await addToRanges(this.#commit, rows);
  }

  async #less(observations: number, events: number, quarantined: number): Promise<void> {
    await this.#commit.query(RETENTION_PG.lessTotals, [this.#tenant, observations, events, quarantined]);
  }
}

/** Ends an erasure of which all rows are gone. */
export async function endErasure(commit: Commit, row: ErasureRow): Promise<ErasureEnd> {
  const { removed } = new Progress(row);
  await commit.query(ERASING_PG.endErasure, [row.key]);
  return { tombstone: tombstoneOf(row), patient: row.patient ?? '', removed };
}
