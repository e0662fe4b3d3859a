import { randomBytes } from 'node:crypto';
import { VitalmeshError } from '../../../shared/errors.ts';
import { parseObservationId } from '../../../shared/uplink/key.ts';
import { panel } from '../../../shared/vitals.ts';
import type { AuditEvent } from '../../access/access.ts';
import type { AmendKind, Amendment, AmendStore, Changed, Decided, KeptAmendment, OfSomebody, Selected, Selection } from '../amend/amend.ts';
import {
  type AmendmentRow,
  alreadyKept,
  isOfSeries,
  keptOf,
  type Measurement,
  measurementsOf,
  type Rule,
  ruleOfStretch,
  rulesOfNamed,
} from '../amend/rules.ts';
import type { DoubtfulPage, DoubtfulQuery } from '../identity/doubtful.ts';
import { type AmendWanted, againOf, isFirstPart } from '../placing/due.ts';
import { isNobody } from '../placing/placing.ts';
import type { HistoryQuery } from '../store.ts';
import { changedBy, idsOfSomebody } from './amend-ids.ts';
import { allDecidedBefore, type NamedAt } from './amend-named.ts';
import { holdingOf, voidBefore } from './amend-others.ts';
import { AMEND_PG } from './amend-statements.ts';
import type { Commit } from './commits.ts';
import { doubtfulReadings } from './doubtful.ts';
import { erasedOf } from './erase.ts';
import { goesBy, keepDue } from './placing-keep.ts';
import { PLACING_PG } from './placing-statements.ts';
import { PG } from './statements.ts';
import type { Transaction } from './transaction.ts';

/** What lends transactions to it. */
export interface AmendPlace {
  read<T>(work: (transaction: Transaction) => Promise<T>, tenant?: string): Promise<T>;
  commit<T>(work: (commit: Commit) => Promise<T>, tenant: string): Promise<T>;
}

/** How many keys of observations are looked through in one transaction. */
const KEYS_A_LOOK = 100_000;

/** What a store in PostgreSQL does so that people can correct its readings. */
export class PostgresAmend implements AmendStore {
  readonly #place: AmendPlace;

  constructor(place: AmendPlace) {
    this.#place = place;
  }

  async select(tenant: string, selection: Selection, kind: AmendKind = 'void'): Promise<Selected> {
    if ('patient' in selection) return await this.#place.read((transaction) => countStretch(transaction, tenant, selection), tenant);
    const counted = new Map<string, { rows: number; vitals: Set<string> }>();
    const named = await this.#named(tenant, selection.observations);
    if (kind === 'confirm') await this.#place.read((transaction) => allDecidedBefore(transaction, { tenant, kind }, named), tenant);
    for (const found of measurementsOf(named)) {
      const of = counted.get(found.patient) ?? { rows: 0, vitals: new Set() };
      counted.set(found.patient, of);
      of.rows += await this.#place.read((transaction) => countVersions(transaction, tenant, found), tenant);
      of.vitals.add(found.vital);
    }
    const patients = [...counted].map(([patient, { rows, vitals }]) => ({ patient, rows, vitals: [...vitals].sort() }));
    return { patients, rolledUp: 0 };
  }

  async amend(amendment: Amendment, evidence: (kept: readonly KeptAmendment[]) => readonly AuditEvent[]): Promise<readonly Decided[]> {
    const { tenant, selection } = amendment;
    const named = 'patient' in selection ? [] : await this.#named(tenant, selection.observations);
    return await this.#place.commit(async (commit) => {
      const isStretch = 'patient' in selection;
      const before = isStretch ? [await voidBefore(commit, amendment, selection)] : await allDecidedBefore(commit, amendment, named);
      const rules = rulesOfNamed(named.filter((_, i) => before[i] === undefined));
      if (isStretch && before[0] === undefined) rules.set(selection.patient, [ruleOfStretch(selection)]);
      await commit.query(PG.addTenant, [tenant, false]);
      const kept: KeptAmendment[] = [];
      for (const [patient, of] of rules) kept.push(await keep(commit, amendment, patient, of));
      commit.append(evidence(kept));
      return [...kept, ...alreadyKept(before.flatMap((row) => row ?? []))];
    }, tenant);
  }

  undo(
    { tenant, id, at }: { tenant: string; id: string; at: number },
    evidence: (kept: KeptAmendment) => readonly AuditEvent[],
  ): Promise<KeptAmendment> {
    return this.#place.commit(async (commit) => {
      const [row] = await commit.query<AmendmentRow>(AMEND_PG.byId, [tenant, id]);
      if (row === undefined) throw new VitalmeshError('AMEND-NOT-FOUND');
      if (row.undoneAt !== null) throw new VitalmeshError('AMEND-UNDONE');
      await commit.query(AMEND_PG.setUndone, [row.key, at]);
      await commit.query(AMEND_PG.dropRules, [row.key]);
      // What comes back is theirs about whom something else may have been decided since.
      await keepDue(commit, tenant, [{ amendment: row.key, undo: true }, ...(await decidedSince(commit, row))]);
      const kept = keptOf({ ...row, undoneAt: at });
      commit.append(evidence(kept));
      return kept;
    }, tenant);
  }

  async holding(tenant: string, id: string): Promise<readonly KeptAmendment[]> {
    return await this.#place.read((transaction) => holdingOf(transaction, tenant, id), tenant);
  }

  async amendments(tenant: string, patient?: string): Promise<readonly KeptAmendment[]> {
    const [sql, values] = patient === undefined ? [AMEND_PG.ofTenant, [tenant]] : [AMEND_PG.ofPatient, [tenant, patient]];
    const rows = await this.#place.read((transaction) => transaction.query<AmendmentRow>(sql, values), tenant);
    return rows.map(keptOf);
  }

  async doubtful(tenant: string, query: DoubtfulQuery): Promise<DoubtfulPage> {
    return await this.#place.read((transaction) => doubtfulReadings(transaction, tenant, query), tenant);
  }

  async find(tenant: string, observation: string): Promise<HistoryQuery> {
    const { patient, vital, device, effective } = await this.#find(tenant, observation);
    return { patient, vital, device, effective };
  }

  async amendmentsOf(tenant: string, observation: string): Promise<readonly KeptAmendment[]> {
    const { key } = await this.#find(tenant, observation);
    const rows = await this.#place.read((transaction) => transaction.query<AmendmentRow>(AMEND_PG.ofObservation, [tenant, key]), tenant);
    return rows.map(keptOf);
  }

  async changed(tenant: string, id: string, most: number): Promise<Changed> {
    return await this.#place.read((transaction) => changedBy(transaction, tenant, id, most), tenant);
  }

  async idsOf(tenant: string, which: OfSomebody, most: number): Promise<readonly string[]> {
    return await this.#place.read((transaction) => idsOfSomebody(transaction, tenant, which, most), tenant);
  }

  async #named(tenant: string, observations: readonly string[]): Promise<NamedAt[]> {
    const named = new Map<number, NamedAt>();
    for (const id of observations) {
      const found = await this.#find(tenant, id);
      named.set(found.key, found);
    }
    return [...named.values()];
  }

  /** Throws AMEND-UNKNOWN; so for what is nobody's, which nobody is shown. */
  async #find(tenant: string, id: string): Promise<NamedAt> {
    const parsed = parseObservationId(id);
    if (parsed === undefined) throw new VitalmeshError('AMEND-UNKNOWN');
    const { agent, epoch, seq, index } = parsed;
    const look = <R extends object>(sql: string, values: (string | number)[]): Promise<R[]> =>
      this.#place.read((transaction) => transaction.query<R>(sql, values), tenant);
    const [seen] = await look<{ writer: number }>(AMEND_PG.seenKey, [seq, index, agent, epoch]);
    if (seen === undefined) throw new VitalmeshError('AMEND-UNKNOWN');
    for (let last = Number.MAX_SAFE_INTEGER; ; ) {
      const newest = (await look<{ key: number | null }>(AMEND_PG.lastKept, [last]))[0]?.key ?? null;
      if (newest === null) throw new VitalmeshError('AMEND-UNKNOWN');
      last = Math.max(0, newest + 1 - KEYS_A_LOOK);
      const where = [last, newest + 1, seen.writer, seq, index];
      const [row] = await look<NamedAt & { tenant: string }>(AMEND_PG.measurementIn, where);
      if (row === undefined) continue;
      const { tenant: of, ...found } = row;
      if (of !== tenant || isNobody(row.patient)) throw new VitalmeshError('AMEND-UNKNOWN');
      return found;
    }
  }
}

async function countVersions(transaction: Transaction, tenant: string, of: Measurement): Promise<number> {
  const [patient] = await transaction.query<{ key: number }>(PG.findPatients, [tenant, [of.patient]]);
  const which = [patient?.key ?? 0, of.vital, of.device, of.test === 1, of.effective];
  return (await transaction.query(PLACING_PG.versionsOf, which)).length;
}

async function countStretch(
  transaction: Transaction,
  tenant: string,
  selection: Exclude<Selection, { observations: unknown }>,
): Promise<Selected> {
  const { patient, from, to } = selection;
  const rule = ruleOfStretch(selection);
  const [known] = await transaction.query<{ key: number }>(PG.findPatients, [tenant, [patient]]);
  if (known === undefined) return { patients: [], rolledUp: 0 };
  const vitals = new Set<string>();
  let rows = 0;
  for (let at = { vital: '', device: '' }; ; ) {
    const [next] = await transaction.query<typeof at>(PLACING_PG.nextSeries, [known.key, at.vital, at.device]);
    if (next === undefined) break;
    at = next;
    if (!isOfSeries(rule, at)) continue;
    const [counted] = await transaction.query<{ rows: number }>(AMEND_PG.countStretch, [known.key, at.vital, at.device, from, to]);
    if ((counted?.rows ?? 0) > 0) vitals.add(at.vital);
    rows += counted?.rows ?? 0;
  }
  const rolledUp = await countRolledUp(transaction, known.key, rule);
  return { patients: rows === 0 ? [] : [{ patient, rows, vitals: [...vitals].sort() }], rolledUp };
}

async function countRolledUp(transaction: Transaction, patient: number, rule: Rule): Promise<number> {
  type Rolled = { vital: string; device: string; part: string; test: number };
  let [at] = await transaction.query<Rolled>(PLACING_PG.firstRolled, [patient]);
  let rows = 0;
  while (at !== undefined) {
    const which = [patient, at.vital, at.device, at.part, at.test === 1];
    if (isOfSeries(rule, at) && isFirstPart(at.part, panel(at.vital)?.parts)) {
      const [counted] = await transaction.query<{ rows: number }>(PLACING_PG.rolledUp, [...which, rule.start, rule.until]);
      rows += counted?.rows ?? 0;
    }
    [at] = await transaction.query<Rolled>(PLACING_PG.nextRolled, which);
  }
  return rows;
}

/** Keeps an amendment of one patient as due, and in force from now on. */
async function keep(commit: Commit, amendment: Amendment, patient: string, rules: readonly Rule[]): Promise<KeptAmendment> {
  const { tenant, kind, selection, to = null, reason, at } = amendment;
  if (kind === 'reassign') await refuseOther(commit, tenant, patient, to);
  const { device = null, vital = null, to: until = null } = 'patient' in selection ? selection : {};
  const from = Math.min(...rules.map(({ start }) => start));
  const id = randomBytes(10).toString('hex');
  const values = [id, tenant, kind, patient, to, reason, at, device, vital, from, until];
  const [added] = await commit.query<{ key: number }>(AMEND_PG.add, values);
  const key = added?.key ?? 0;
  for (const rule of rules) {
    const test = rule.test === null ? null : rule.test === 1;
    const what = [rule.device, rule.vital, test, rule.effective, rule.start, rule.until, rule.meant ?? null];
    await commit.query(AMEND_PG.addRule, [key, tenant, patient, ...what]);
  }
  await keepDue(commit, tenant, [{ amendment: key, undo: false }]);
  return keptOf({ key, id, tenant, kind, patient, toPatient: to, reason, at, device, vital, start: from, until, undoneAt: null });
}

/** As `decidedSince` of an SQLite store. */
async function decidedSince(commit: Commit, { key, tenant, patient }: AmendmentRow): Promise<AmendWanted[]> {
  if (patient === null) return [];
  const survivor = await goesBy(commit, tenant, patient);
  const since = await commit.query<{ key: number; patient: string }>(AMEND_PG.sinceOf, [tenant, survivor, key]);
  return since.flatMap((one) => againOf(one, [patient, survivor]));
}

/** Throws AMEND-PATIENT for somebody whose these readings cannot become. */
async function refuseOther(commit: Commit, tenant: string, patient: string, to: string | null): Promise<void> {
  const isErased = to !== null && commit.erasures > 0 && (await erasedOf(commit, tenant)).people.isPatient(to);
  if (to === null || to === patient || isErased) throw new VitalmeshError('AMEND-PATIENT');
}
