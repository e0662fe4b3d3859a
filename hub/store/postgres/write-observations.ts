import type { Instant } from '../../../shared/clock.ts';
import type { ObservationKey } from '../../../shared/uplink/key.ts';
import { isRevision, isSettled, isWithdrawal, mayBeCurrent } from '../../clinical/sort-time.ts';
import { AGE_UNKNOWN, STEP_MS } from '../../clinical/staleness.ts';
import { isVoid } from '../amend/amended.ts';
import type { AmendedArrival } from '../amend/rules.ts';
import { rollupsAt } from '../doubt.ts';
import { isNobody } from '../placing/placing.ts';
import { isKeptOut } from '../placing/standing-again.ts';
import type { Series } from '../rolled-from.ts';
import { MAX_LATEST } from '../statements.ts';
import type { Arrival, ArrivedBatch, CurrencyChange } from '../store.ts';
import { addMeasurement } from './amend-arrivals.ts';
import { type VersionRow, withStatus } from './amend-standing.ts';
import { AMEND_PG } from './amend-statements.ts';
import type { Commit } from './commits.ts';
import { Judging } from './identity.ts';
import { patientKeys, placedColumns } from './placing-keep.ts';
import { PLACING_PG } from './placing-statements.ts';
import { startsRolledFrom } from './rolled-from.ts';
import { doubtRollups } from './rollups.ts';
import { type Standing, supersedes } from './standing.ts';
import { PG } from './statements.ts';

/** An observation that is new, with the key that it gets and that of who wrote it. */
export interface NewRow {
  key: number;
  arrival: Arrival;
  writer: number;
  id: ObservationKey;
  /** Where people had decided about it before it came. */
  amended?: AmendedArrival;
}

/** What is new of one patient; `rows` have consecutive keys. */
export interface OfPatient {
  patient: string;
  /** Of the patient. */
  key: number;
  batch: number;
  rows: readonly NewRow[];
}

type Row = NewRow & Omit<OfPatient, 'rows' | 'key'> & { patientKey: number };

/** A row of `latest` as `PG.standing` gives it; all null where there is none. */
type Found = { [K in keyof Standing]: Standing[K] | null } & { revised: boolean; hasPreliminary: boolean };

/** What became of the rows of `latest`: each once, and which are gone, by patient. */
export interface LatestChanges {
  currencies: CurrencyChange[];
  changes: Map<string, [vital: string, device: string][]>;
  /** Vital signs of which the doubt about any reading changed. */
  doubts: { patient: string; vital: string }[];
}

/**
 * Writes the new observations of a batch, and `latest`. What takes others back or corrects them, or is preliminary, is a step of its own, so that each row meets
 * exactly what was stored before it; all between two of those are written together.
 */
export class ObservationWriter {
  readonly #commit: Commit;
  readonly #batch: ArrivedBatch;
  readonly #changed = new Map<string, Map<string, CurrencyChange>>();
  readonly #grown = new Set<number>();
  /** Keys of rows that took the place of preliminary ones. */
  readonly #settling = new Set<number>();

  constructor(commit: Commit, batch: ArrivedBatch) {
    this.#commit = commit;
    this.#batch = batch;
  }

  async store(patients: readonly OfPatient[]): Promise<LatestChanges> {
    let together: Row[] = [];
    for (const { patient, key: patientKey, batch, rows } of patients) {
      this.#changed.set(patient, new Map());
      for (const row of rows) {
        const full = { ...row, patient, patientKey, batch };
        const { status } = row.arrival;
        if (!isRevision(status) && status !== 'preliminary') {
          together.push(full);
          continue;
        }
        await this.#add(together);
        together = [];
        if (isRevision(status)) await this.#revise(full);
        else await this.#addPreliminary(full);
      }
    }
    await this.#add(together);
    const doubts: LatestChanges['doubts'] = [];
    for (const of of patients) for (const vital of await this.#judge(of)) doubts.push({ patient: of.patient, vital });
    await this.#bound(patients);
    return { ...this.#changes(), doubts };
  }

  /** Decides whose readings of personal devices are; gives the vital signs of which any is doubtful now, or is not any more. */
  async #judge({ patient: id, key, rows }: OfPatient): Promise<readonly string[]> {
    const { tenant, at } = this.#batch;
    const judging = new Judging(this.#commit, { tenant, key, id, at }, (change) => {
      if (!('gone' in change)) this.#grown.add(key);
      this.#change(change);
    });
    for (const { key: of, arrival } of rows) judging.stored(of, arrival, !isRevision(arrival.status) && !this.#settling.has(of));
    return await judging.settle();
  }

  /** `isReplaced`: none of them stands, whatever else. Gives what was found of each when it came, and whether it stands. */
  async #add(
    rows: readonly Row[],
    isReplaced = false,
  ): Promise<{ revised: boolean; hasPreliminary: boolean; stands: boolean; wouldStand: boolean }[]> {
    if (rows.length === 0) return [];
    const found = await this.#standing(rows);
    const wouldStand = rows.map(
      ({ arrival }, i) => mayBeCurrent(arrival.flags, arrival.status) && found[i]?.revised === false && !isReplaced,
    );
    const mayStand = rows.map(({ amended }, i) => wouldStand[i] === true && !isVoid(amended?.amended ?? 0));
    await this.#insert(
      rows,
      rows.map(({ arrival }, i) => (isWithdrawal(arrival.status) ? -1 : Number(mayStand[i]))),
    );
    const current = new Map<string, Standing | undefined>();
    const changed = new Map<string, Row>();
    for (const [i, row] of rows.entries()) {
      const name = nameOf(row);
      if (!current.has(name)) current.set(name, standingOf(found[i]));
      const before = current.get(name);
      const { test, sortTime, freshAt, place } = row.arrival;
      const next = { key: row.key, test, sortTime, storedAt: this.#batch.at, freshAt, place };
      if (!mayStand[i] || (before && !supersedes(next, before))) continue;
      if (before === undefined) this.#grown.add(row.patientKey);
      current.set(name, next);
      if (!changed.has(name)) changed.set(name, row);
    }
    await this.#setLatest([...changed].map(([name, row]) => [row, current.get(name)] as const).flatMap(isSet));
    for (const [i, row] of rows.entries())
      if (wouldStand[i] && found[i]?.hasPreliminary && row.arrival.status === 'final') await this.#settle(row);
    return found.map(({ revised, hasPreliminary }, i) => {
      return { revised, hasPreliminary, stands: mayStand[i] ?? false, wouldStand: wouldStand[i] ?? false };
    });
  }

  async #standing(rows: readonly Row[]): Promise<Found[]> {
    return await this.#commit.query<Found>(PG.standing, [
      rows.map(({ patientKey }) => patientKey),
      rows.map(({ arrival }) => arrival.vital),
      rows.map(({ arrival }) => arrival.device),
      rows.map(({ arrival }) => arrival.test),
      rows.map(({ arrival }) => arrival.effective),
      rows.map(({ writer }) => writer),
      rows.map(({ id }) => id.seq),
      rows.map(({ id }) => id.index),
    ]);
  }

  async #insert(rows: readonly Row[], standing: readonly number[]): Promise<void> {
    const { tenant, at } = this.#batch;
    await this.#commit.query(PG.addObservations, [
      ...[tenant, at],
      rows.map(({ key }) => key),
      rows.map(({ batch }) => batch),
      rows.map(({ patientKey }) => patientKey),
      rows.map(({ writer }) => writer),
      rows.map(({ id }) => id.seq),
      rows.map(({ id }) => id.index),
      rows.map(({ arrival }) => arrival.vital),
      rows.map(({ arrival }) => arrival.device),
      rows.map(({ arrival }) => arrival.value),
      rows.map(({ arrival }) => arrival.unit),
      rows.map(({ arrival }) => arrival.absent),
      rows.map(({ arrival: { components } }) => (components.length === 0 ? null : JSON.stringify(components))),
      rows.map(({ arrival: { flags } }) => (flags.length === 0 ? null : flags.join(' '))),
      rows.map(({ arrival }) => arrival.effective),
      rows.map(({ arrival }) => arrival.offsetMin),
      rows.map(({ arrival }) => arrival.receivedAt),
      rows.map(({ arrival }) => arrival.sortTime),
      rows.map(({ arrival }) => arrival.test),
      rows.map(({ arrival }) => arrival.freshAt),
      rows.map(({ arrival }) => arrival.place),
      standing,
      ...(await this.#placed(rows)),
      rows.map(({ amended }) => amended?.amended ?? 0),
    ]);
  }

  /** Columns `bed` and `stated`; what people made another's is by no bed, and it is noted by which it came. */
  async #placed(rows: readonly Row[]): Promise<[beds: (number | null)[], stated: (number | null)[]]> {
    const { tenant } = this.#batch;
    const [beds, stated] = await placedColumns(
      this.#commit,
      tenant,
      rows.map(({ arrival }) => arrival),
    );
    if (!rows.some(({ amended }) => amended)) return [beds, stated];
    const given = rows.flatMap(({ amended }) => amended?.by.filter(({ isGiven }) => isGiven) ?? []);
    const keys = await patientKeys(this.#commit, tenant, [...new Set(given.map(({ of }) => of))]);
    const notes: (number | null)[][] = [];
    for (const [i, { key, arrival, amended }] of rows.entries())
      for (const { amendment, of, isGiven, isOdd } of amended?.by ?? []) {
        notes.push([amendment, key, arrival.sortTime, isGiven ? (keys.get(of) ?? 0) : null, isGiven ? (beds[i] ?? null) : null]);
        if (isGiven) beds[i] = null;
        const { vital, device, effective } = arrival;
        const measurement = { patient: of, vital, device, test: Number(arrival.test), effective };
        if (isOdd) await addMeasurement(this.#commit, { key: amendment, tenant }, measurement);
      }
    const columns = [0, 1, 2, 3, 4].map((column) => notes.map((note) => note[column] ?? null));
    await this.#commit.query(AMEND_PG.addRows, [tenant, ...columns]);
    return [beds, stated];
  }

  async #setLatest(rows: readonly (readonly [row: Row, standing: Standing])[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#commit.query(PG.setLatest, [
      this.#batch.tenant,
      rows.map(([{ patientKey }]) => patientKey),
      rows.map(([{ arrival }]) => arrival.vital),
      rows.map(([{ arrival }]) => arrival.device),
      rows.map(([, { test }]) => test),
      rows.map(([, { sortTime }]) => sortTime),
      rows.map(([, { storedAt }]) => storedAt),
      rows.map(([, { key }]) => key),
      rows.map(([, { freshAt }]) => freshAt),
      rows.map(([, { place }]) => place),
    ]);
    for (const [{ patient, arrival }, { freshAt, storedAt, place }] of rows)
      this.#change({ tenant: this.#batch.tenant, patient, vital: arrival.vital, device: arrival.device, freshAt, storedAt, place });
  }

  /** A preliminary value: it stands unless a final one of the same measurement is there. */
  async #addPreliminary(row: Row): Promise<void> {
    const { key, patientKey, writer, id } = row;
    const { vital, device, test, effective, sortTime } = row.arrival;
    const which = [patientKey, vital, device, test, effective, writer, id.seq];
    const [found] = await this.#commit.query<{ settled: boolean }>(PG.isSettled, which);
    const [added] = await this.#add([row], found?.settled || (await this.#isKeptOut(row)));
    if (added?.stands) await this.#commit.query(PG.addPreliminary, [this.#batch.tenant, ...which, id.index, key, sortTime]);
  }

  async #isKeptOut({ patientKey, writer, id, arrival: { vital, device, test, effective } }: Row): Promise<boolean> {
    const kept = await this.#commit.query<VersionRow>(PLACING_PG.versionsOf, [patientKey, vital, device, test, effective]);
    if (!kept.some(({ amended }) => isVoid(amended))) return false;
    return isKeptOut(await withStatus(this.#commit, kept), { writer, seq: id.seq, part: id.index });
  }

  /** Sets aside the preliminary values whose place the row takes. */
  async #settle(row: Row): Promise<void> {
    const { key, patientKey: patient, writer, id } = row;
    const { vital, device, test, effective } = row.arrival;
    this.#settling.add(key);
    const settled = await this.#commit.query(PG.settle, [patient, vital, device, test, effective, writer, id.seq]);
    if (settled.length === 0) await this.#doubt({ patient, vital, device, test: test ? 1 : 0 }, effective, 'preliminary');
    await this.#replaceWithdrawn(row);
  }

  /** Casts doubt on the rollups in which a value of this time of its device may be: `any`, or a preliminary one. */
  async #doubt(of: Series, effective: Instant, which: 'any' | 'preliminary'): Promise<void> {
    const starts = await startsRolledFrom(this.#commit, of, effective, which);
    if (which === 'any') starts.push(effective);
    if (starts.length === 0) return;
    const keys = new Map(starts.flatMap((start) => rollupsAt(of, start)).map((key) => [JSON.stringify(key), key]));
    await doubtRollups(this.#commit, this.#batch.tenant, [...keys.values()]);
  }

  /** What takes another back, or corrects it. */
  async #revise(row: Row): Promise<void> {
    const [added] = await this.#add([row]);
    const { key, patientKey, writer, id } = row;
    const { vital, device, test, effective, status } = row.arrival;
    const { tenant } = this.#batch;
    await this.#commit.query(PG.addRevision, [tenant, patientKey, vital, device, test, effective, writer, id.seq, id.index]);
    // A correction leaves what the same sender sent after it; what takes back takes back all.
    if (isWithdrawal(status)) await this.#withdraw(row, [key, 0, 0, 0]);
    else if (!added?.revised) await this.#withdraw(row, [key, writer, id.seq, id.index]);
    if (added?.wouldStand && added.hasPreliminary && isSettled(status)) await this.#settle(row);
  }

  /** Sets aside what the row takes back or replaces. `by`: key, writer, row and part of it. */
  async #withdraw(row: Row, by: readonly [key: number, writer: number, seq: number, part: number]): Promise<void> {
    const { patientKey } = row;
    const { vital, device, test, effective } = row.arrival;
    const which = [patientKey, vital, device, test, effective, ...by];
    const inOrder = await this.#commit.query(PG.withdraw, which);
    const setAside = await this.#commit.query(PG.withdrawSetAside, which);
    // Not kept any more, it may still be in a rollup.
    if (inOrder.length + setAside.length === 0)
      await this.#doubt({ patient: patientKey, vital, device, test: test ? 1 : 0 }, effective, 'any');
    await this.#replaceWithdrawn(row);
  }

  /** Where the current row is none any more, puts in its place what remains. */
  async #replaceWithdrawn(row: Row): Promise<void> {
    const { patient, patientKey } = row;
    const { vital, device } = row.arrival;
    const { tenant, at } = this.#batch;
    const key = [patientKey, vital, device];
    if ((await this.#commit.query(PG.dropWithdrawn, key)).length === 0) return;
    this.#change({ tenant, patient, vital, device, gone: true });
    const [best] = await this.#commit.query<Standing>(PG.bestOf, key);
    if (best === undefined) return;
    const isAhead = best.storedAt > at + STEP_MS;
    await this.#setLatest([[row, isAhead ? { ...best, freshAt: AGE_UNKNOWN } : best]]);
  }

  /** Keeps `latest` of each patient bounded; the observations stay. */
  async #bound(patients: readonly OfPatient[]): Promise<void> {
    if (this.#grown.size === 0) return;
    const overfull = await this.#commit.query<{ patient: number; rows: number }>(PG.overfull, [[...this.#grown]]);
    for (const { patient: key, rows } of overfull) {
      const of = patients.find((one) => one.key === key)?.patient ?? '';
      const dropped = await this.#commit.query<{ vital: string; device: string }>(PG.dropOldest, [key, rows - MAX_LATEST]);
      for (const { vital, device } of dropped) this.#change({ tenant: this.#batch.tenant, patient: of, vital, device, gone: true });
    }
  }

  #change(change: CurrencyChange): void {
    this.#changed.get(change.patient)?.set(JSON.stringify([change.vital, change.device]), change);
  }

  #changes(): Omit<LatestChanges, 'doubts'> {
    const currencies = [...this.#changed].flatMap(([patient, of]) => (isNobody(patient) ? [] : [...of.values()]));
    const changes: LatestChanges['changes'] = new Map();
    for (const [patient, of] of this.#changed) {
      const gone = [...of.values()].flatMap((change): [string, string][] => ('gone' in change ? [[change.vital, change.device]] : []));
      if (gone.length > 0) changes.set(patient, gone);
    }
    return { currencies, changes };
  }
}

function nameOf({ patientKey, arrival: { vital, device } }: Row): string {
  return JSON.stringify([patientKey, vital, device]);
}

function standingOf(found: Found | undefined): Standing | undefined {
  const { key, test, sortTime, storedAt, freshAt, place } = found ?? {};
  if (key == null || test == null || sortTime == null || storedAt == null || freshAt == null || place == null) return undefined;
  return { key, test, sortTime, storedAt, freshAt, place };
}

function isSet([row, standing]: readonly [Row, Standing | undefined]): (readonly [Row, Standing])[] {
  return standing === undefined ? [] : [[row, standing]];
}
