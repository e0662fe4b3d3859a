import { hash, randomBytes } from 'node:crypto';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Resource } from '../../../shared/fhir.ts';
import type { AssignedId } from '../../../shared/movement.ts';
import type { Database } from '../../../shared/storage/database.ts';
import { canonicalJson } from '../../ingest/canonical.ts';
import { namesIn } from '../../patients/names-in.ts';
import { AMEND_SQL, numbersOf } from '../amend/statements.ts';
import { type EventRow, eventOf } from '../event-row.ts';
import { packReceived, unpackReceived } from '../observation-row.ts';
import { personKey } from '../placing/keep-sqlite.ts';
import { PLACING_SQL } from '../placing/statements.ts';
import { RETENTION_SQL } from '../retention-statements.ts';
import { addToRanges } from '../seen-ranges.ts';
import { SQL } from '../statements.ts';
import type { CurrencyChange } from '../store.ts';
import type { ErasureEnd, ErasureOrder, Removed } from './erasing.ts';
import { NOTHING_REMOVED } from './erasing.ts';
import { type IsTheirs, withoutParties } from './movement-parties.ts';
import { ERASING_SQL } from './statements.ts';
import { heldKin, heldTombstone, type Marked, markOf, namesAny, type Tombstone } from './tombstone.ts';

type Writing = Pick<Database, 'prepare'>;

/** A row of the table. */
export interface ErasureRow {
  key: number;
  tenant: string;
  secret: Buffer;
  mark: Buffer;
  subject: number | null;
  at: number;
  reason: string;
  principal: string;
  others: string;
  patient: string | null;
  gateways: string | null;
  lastEvent: number;
  removed: string;
}

/** A step ends with the part in which it passes this. */
const STEP_MS = 5;

export function tombstoneOf({ tenant, secret, mark, at, reason, principal, others }: ErasureRow): Tombstone {
  return { tenant, secret, mark, at, reason, principal, others: JSON.parse(others) as string[] };
}

/** The row of a person who was erased; undefined for all others. */
export function erasureOf(database: Writing, tenant: string, patient: string): ErasureRow | undefined {
  for (const { secret } of database.prepare<[string], { secret: Buffer }>(ERASING_SQL.secrets).all(tenant)) {
    const mark = markOf(secret, 'patient', tenant, patient);
    const row = database.prepare<[string, Uint8Array, Uint8Array], ErasureRow>(ERASING_SQL.erasureOf).get(tenant, secret, mark);
    if (row !== undefined) return row;
  }
  return undefined;
}

/** Begins an erasure within the transaction of the caller: nothing of the person is current from here on. */
export function beginErasure(database: Writing, order: Omit<ErasureOrder, 'evidence'>): { row: ErasureRow; gone: CurrencyChange[] } {
  const { tenant, patient, names = [], kin = [] } = order;
  const hold = database.prepare<[string, string]>(ERASING_SQL.findHold);
  if (hold.get(tenant, patient) !== undefined) throw new VitalmeshError('PATIENT-HELD');
  if (kin.some((one) => hold.get(tenant, one) !== undefined)) throw heldKin();
  const before = erasureOf(database, tenant, patient);
  if (before?.patient) return { row: before, gone: [] };
  const isAgain = before !== undefined && names.length > 0;
  if (!isAgain && !isKnown(database, tenant, patient)) throw new VitalmeshError(before ? 'PATIENT-ERASED' : 'PATIENT-UNKNOWN');
  return begin(database, order, before);
}

/**
 * As `beginErasure`, for a tombstone from elsewhere; undefined where the store knows nobody by its mark. Throws PATIENT-TOMBSTONES for one of
 * somebody under legal hold.
 */
export function adopt(database: Writing, tombstone: Tombstone): { isNew: boolean; patient?: string } {
  const { tenant, secret, mark, at, reason, principal, others } = tombstone;
  const find = database.prepare<[string, Uint8Array, Uint8Array], ErasureRow>(ERASING_SQL.erasureOf);
  const held = find.get(tenant, secret, mark);
  if (held?.patient) return { isNew: false };
  const ids = database.prepare<[string, string, string], { id: string }>(ERASING_SQL.knownPatients).all(tenant, tenant, tenant);
  const patient = ids.find(({ id }) => markOf(secret, 'patient', tenant, id).equals(mark))?.id;
  if (held === undefined)
    database
      .prepare<(string | number | null | Uint8Array)[]>(ERASING_SQL.addErasure)
      .run(tenant, secret, mark, null, at, reason, principal, JSON.stringify(others), null, null);
  if (patient === undefined) return { isNew: held === undefined };
  if (database.prepare<[string, string]>(ERASING_SQL.findHold).get(tenant, patient) !== undefined) throw heldTombstone();
  // A hold under another of their numbers is theirs, too.
  if (namesAny(tombstone, database.prepare<[string], AssignedId>(ERASING_SQL.heldNumbers).all(tenant))) throw heldTombstone();
  begin(database, { tenant, patient, at, reason, principal }, find.get(tenant, secret, mark));
  return { isNew: held === undefined, patient };
}

function begin(
  database: Writing,
  { tenant, patient, at, reason, principal, names = [] }: Omit<ErasureOrder, 'evidence'>,
  before: ErasureRow | undefined,
): { row: ErasureRow; gone: CurrencyChange[] } {
  const key = keyOf(database, tenant, patient) ?? 0;
  const secret = before?.secret ?? database.prepare<[], { secret: Buffer }>(ERASING_SQL.newestSecret).get()?.secret ?? randomBytes(32);
  const gateways = [
    ...database.prepare<[number], { gateway: string }>(ERASING_SQL.currentGateways).all(key),
    ...database.prepare<[string, string], { gateway: string }>(ERASING_SQL.boundGateways).all(tenant, patient),
  ].map(({ gateway }) => gateway);
  const subject = database.prepare<[string, string], { key: number }>(ERASING_SQL.hasKey).get(tenant, patient)?.key ?? null;
  const mark = markOf(secret, 'patient', tenant, patient);
  if (before) {
    database.prepare<(string | number | null)[]>(ERASING_SQL.beginAgain).run(subject ?? before.subject, patient, '[]', before.key);
  } else {
    database
      .prepare<(string | number | null | Uint8Array)[]>(ERASING_SQL.addErasure)
      .run(tenant, secret, mark, subject, at, reason, principal, '[]', patient, '[]');
  }
  const row = erasureOf(database, tenant, patient);
  if (row === undefined) throw new VitalmeshError('INTERNAL', { detail: 'an erasure that is not there' });
  const current = database.prepare<[number], { vital: string; device: string }>(ERASING_SQL.currentOfPatient).all(key);
  database.prepare<[number]>(ERASING_SQL.dropCurrent).run(key);
  new Progress(database, row).found(gateways, names);
  return { row: erasureOf(database, tenant, patient) ?? row, gone: current.map((of) => ({ tenant, patient, ...of, gone: true })) };
}

/** Whether anything of a person is stored, be it a number that movements or messages named, or stands in the evidence. */
export function isKnown(database: Writing, tenant: string, patient: string): boolean {
  return (
    keyOf(database, tenant, patient) !== undefined ||
    personKey(database, tenant, patient) !== undefined ||
    [ERASING_SQL.hasKey, ERASING_SQL.hasEvent].some((sql) => database.prepare<[string, string]>(sql).get(tenant, patient) !== undefined)
  );
}

export function keyOf(database: Writing, tenant: string, patient: string): number | undefined {
  return database.prepare<[string, string], { key: number }>(SQL.findPatient).get(tenant, patient)?.key;
}

/** Whether an identifier is surely the person's, by the marks of the erasure alone. */
export function isTheirsBy({ tenant, secret, others }: Pick<ErasureRow, 'tenant' | 'secret' | 'others'>): IsTheirs {
  const marks = new Set(JSON.parse(others) as string[]);
  return (name) => marks.has(markOf(secret, 'name', tenant, name).toString('hex'));
}

/** What is known of an erasure that is under way, kept with each change of it. */
class Progress {
  readonly #database: Writing;
  readonly row: ErasureRow;
  readonly #others: Set<string>;
  readonly gateways: Set<string>;
  readonly #asked = new Map<string, boolean>();
  lastEvent: number;
  removed: Removed;

  constructor(database: Writing, row: ErasureRow) {
    this.#database = database;
    this.row = row;
    this.#others = new Set(JSON.parse(row.others) as string[]);
    this.gateways = new Set(JSON.parse(row.gateways ?? '[]') as string[]);
    this.lastEvent = row.lastEvent;
    this.removed = { ...NOTHING_REMOVED, ...(JSON.parse(row.removed) as Partial<Removed>) };
  }

  found(gateways: readonly string[], names: readonly string[] = []): void {
    for (const gateway of gateways) if (!this.gateways.has(gateway)) this.#others.add(this.#mark('gateway', gateway));
    for (const name of names) this.#others.add(this.#mark('name', name));
    for (const gateway of gateways) this.gateways.add(gateway);
    this.keep();
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

  keep(): void {
    const lists = [this.#others, this.gateways].map((set) => JSON.stringify([...set]));
    this.#database
      .prepare<(string | number)[]>(ERASING_SQL.progress)
      .run(...lists, this.lastEvent, JSON.stringify(this.removed), this.row.key);
  }
}

interface BatchOf {
  key: number;
  gateway: string;
  firstKey: number;
  lastKey: number;
  rows: number;
  received: Buffer;
}

interface RemovedRow {
  writer: number;
  seq: number;
  part: number;
  receivedAt: number;
}

/**
 * Removes some of what is under way within the transaction of the caller: until 5 ms are over (`monotonicMs`: a clock that is never set). True once nothing
 * is left but the row of the erasure itself. `ids`: public ids of all numbers of the person.
 */
export function eraseRows(database: Writing, row: ErasureRow, ids: readonly string[], monotonicMs: () => number): boolean {
  const endMs = monotonicMs() + STEP_MS;
  const erasing = new Erasing(database, row);
  for (const part of [erasing.batch, erasing.rollups, erasing.events, erasing.movements, erasing.quarantine])
    while (part.call(erasing)) if (monotonicMs() >= endMs) return erasing.kept(false);
  erasing.person(ids);
  return erasing.kept(true);
}

/** Each part removes a little, and says whether it did. */
class Erasing {
  readonly #database: Writing;
  readonly #progress: Progress;
  readonly #tenant: string;
  readonly #patient: string;
  readonly #key: number;

  constructor(database: Writing, row: ErasureRow) {
    this.#database = database;
    this.#progress = new Progress(database, row);
    this.#tenant = row.tenant;
    this.#patient = row.patient ?? '';
    this.#key = keyOf(database, row.tenant, this.#patient) ?? 0;
  }

  kept(isDone: boolean): boolean {
    this.#progress.keep();
    return isDone;
  }

  batch(): boolean {
    const batch = this.#database.prepare<[number], BatchOf>(ERASING_SQL.batchOfPatient).get(this.#key);
    if (batch === undefined) return false;
    const { firstKey, lastKey } = batch;
    type Row = RemovedRow & { key: number };
    const rows = this.#database.prepare<[number, number, number], Row>(ERASING_SQL.rowsOfBatch).all(firstKey, lastKey, this.#key);
    this.#progress.found([batch.gateway]);
    this.#database.prepare<[number, number, number]>(ERASING_SQL.dropRowsOfBatch).run(firstKey, lastKey, this.#key);
    const dropKeptBack = this.#database.prepare<[number]>(RETENTION_SQL.dropKeptBack);
    const dropAmended = this.#database.prepare<[number]>(AMEND_SQL.dropRowsOf);
    for (const { key } of rows) {
      dropKeptBack.run(key);
      dropAmended.run(key);
    }
    this.#repack(batch, rows);
    this.#forget(rows);
    this.#less(rows.length, 0, 0);
    this.#progress.count('observations', rows.length);
    return true;
  }

  /** What came together may be of several by now, for rows follow their patients: of the others every line stays. */
  #repack({ key, firstKey, rows, received }: BatchOf, gone: readonly { key: number }[]): void {
    const left = rows - gone.length;
    if (left <= 0) {
      this.#database.prepare<[number]>(RETENTION_SQL.dropBatch).run(key);
      return;
    }
    const lines = unpackReceived(received);
    for (const row of gone) lines[row.key - firstKey] = '';
    this.#database.prepare<[number, Uint8Array, number]>(RETENTION_SQL.repack).run(left, packReceived(lines), key);
  }

  rollups(): boolean {
    const rollups = Number(this.#database.prepare<[number]>(ERASING_SQL.dropRollupsOf).run(this.#key).changes);
    const noted = Number(this.#database.prepare<[number]>(ERASING_SQL.dropRolledFromOf).run(this.#key).changes);
    this.#progress.count('rollups', rollups);
    return rollups + noted > 0;
  }

  events(): boolean {
    const rows = this.#database
      .prepare<[string, string], RemovedRow & { key: number; gateway: string }>(ERASING_SQL.eventsOfPatient)
      .all(this.#tenant, this.#patient);
    if (rows.length === 0) return false;
    this.#progress.found(rows.map(({ gateway }) => gateway));
    this.#dropEvents(rows, 'events');
    return true;
  }

  /** They are nobody's in the store: whomever they name. */
  movements(): boolean {
    const { isTheirs } = this.#progress;
    const page = this.#database
      .prepare<[number], EventRow & RemovedRow & { key: number }>(ERASING_SQL.movementPage)
      .all(this.#progress.lastEvent);
    const last = page.at(-1);
    if (last === undefined) return false;
    this.#progress.lastEvent = last.key;
    const own = page.filter((row) => row.tenant === this.#tenant && isNamed(row, isTheirs));
    const others = own.map((row) => ({ row, rest: withoutParties(eventOf(row).resource, isTheirs) }));
    this.#dropEvents(
      others.flatMap(({ row, rest }) => (rest === undefined ? [row] : [])),
      'movements',
    );
    this.#rewrite(others.flatMap(({ row, rest }) => (rest === undefined ? [] : [{ row, rest }])));
    return true;
  }

  /** Where others moved with the person it stays known where they are. */
  #rewrite(rows: readonly { row: RemovedRow & { key: number }; rest: Resource }[]): void {
    const rewrite = this.#database.prepare<[Uint8Array, number]>(ERASING_SQL.rewriteEvent);
    const digest = this.#database.prepare<[Uint8Array, number, number, number]>(ERASING_SQL.setSeen);
    for (const { row, rest } of rows) {
      const text = canonicalJson(rest);
      rewrite.run(packReceived([text]), row.key);
      // That of what was said first could be used to guess it.
      digest.run(hash('sha256', text, 'buffer'), row.writer, row.seq, row.part);
    }
    this.#progress.count('movements', rows.length);
  }

  quarantine(): boolean {
    const rows = [...this.#progress.gateways].flatMap((gateway) =>
      this.#database.prepare<[string, string], { key: number }>(ERASING_SQL.quarantineOfGateway).all(this.#tenant, gateway),
    );
    const drop = this.#database.prepare<[number]>(RETENTION_SQL.dropQuarantine);
    for (const { key } of rows) drop.run(key);
    this.#less(0, 0, rows.length);
    this.#progress.count('quarantine', rows.length);
    return rows.length > 0;
  }

  /** Whoever it was is known to nobody from here on, and what the evidence says of them cannot be opened any more. */
  person(ids: readonly string[]): void {
    const of = [this.#tenant, this.#patient] as const;
    this.#database.prepare<[number]>(ERASING_SQL.dropCurrent).run(this.#key);
    // What would be theirs once somebody undid it stays whose it is.
    this.#database.prepare<[number]>(AMEND_SQL.forgetGiver).run(this.#key);
    for (const sql of [AMEND_SQL.forgetRules, AMEND_SQL.forget, AMEND_SQL.forgetOther])
      this.#database.prepare<string[]>(sql).run(this.#tenant, ...numbersOf(...of));
    this.#database.prepare<string[]>(AMEND_SQL.forgetMerged).run(...of, this.#patient);
    this.#database.prepare<[number]>(ERASING_SQL.dropPatient).run(this.#key);
    for (const sql of [ERASING_SQL.unbind, ERASING_SQL.dropKey]) this.#database.prepare<[string, string]>(sql).run(...of);
    for (const id of ids) this.#database.prepare<[string, string]>(PLACING_SQL.forgetPerson).run(this.#tenant, id);
    // Whoever still knows of them from before reads anew who lies where.
    this.#database.prepare<[string]>(PLACING_SQL.raiseVersion).run(this.#tenant);
  }

  #dropEvents(rows: readonly (RemovedRow & { key: number })[], of: 'events' | 'movements'): void {
    if (rows.length === 0) return;
    const drop = this.#database.prepare<[number]>(RETENTION_SQL.dropEvent);
    for (const { key } of rows) drop.run(key);
    this.#forget(rows);
    this.#less(0, rows.length, 0);
    this.#progress.count(of, rows.length);
  }

  /** Their keys stay known, but not the digests of what came under them: these could be used to guess it. */
  #forget(rows: readonly RemovedRow[]): void {
    const drop = this.#database.prepare<[number, number, number]>(RETENTION_SQL.dropSeen);
    for (const { writer, seq, part } of rows) drop.run(writer, seq, part);
    const byRow = Map.groupBy(rows, ({ writer, seq }) => `${writer} ${seq}`);
    addToRanges(
      this.#database,
      [...byRow.values()].flatMap((of) => {
        const [first] = of;
        const receivedAt = of.reduce((latest, row) => Math.max(latest, row.receivedAt), Number.MIN_SAFE_INTEGER);
        return first ? [{ writer: first.writer, seq: first.seq, parts: of.map(({ part }) => part), receivedAt }] : [];
      }),
    );
  }

  #less(observations: number, events: number, quarantined: number): void {
    this.#database.prepare<[number, number, number, string]>(RETENTION_SQL.lessTotals).run(observations, events, quarantined, this.#tenant);
  }
}

/** Ends an erasure of which all rows are gone. */
export function endErasure(database: Writing, row: ErasureRow): ErasureEnd {
  const { removed } = new Progress(database, row);
  database.prepare<[number]>(ERASING_SQL.endErasure).run(row.key);
  return { tombstone: tombstoneOf(row), patient: row.patient ?? '', removed };
}

/** Whether a movement names the person whose identifiers these are. */
export function isNamed(row: EventRow, isTheirs: IsTheirs): boolean {
  return namesIn(eventOf(row).resource).some(isTheirs);
}
