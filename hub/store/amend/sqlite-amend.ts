import { randomBytes } from 'node:crypto';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Database } from '../../../shared/storage/database.ts';
import type { GroupCommit } from '../../../shared/storage/group-commit.ts';
import { type ObservationKey, parseObservationId } from '../../../shared/uplink/key.ts';
import { panel } from '../../../shared/vitals.ts';
import type { AuditEvent } from '../../access/access.ts';
import { appendAudit } from '../../audit/audit-log.ts';
import { erasedPeople } from '../erasing/erased-sqlite.ts';
import { behind } from '../first-behind.ts';
import type { DoubtfulPage, DoubtfulQuery } from '../identity/doubtful.ts';
import { doubtfulReadings } from '../identity/doubtful-sqlite.ts';
import { type AmendWanted, againOf, isFirstPart } from '../placing/due.ts';
import { goesBy, keepDue } from '../placing/keep-sqlite.ts';
import { isNobody } from '../placing/placing.ts';
import { PLACING_SQL } from '../placing/statements.ts';
import { HOUR_MS } from '../roll.ts';
import { SQL } from '../statements.ts';
import type { HistoryQuery } from '../store.ts';
import { turn } from '../walks.ts';
import type { AmendKind, Amendment, AmendStore, Changed, Decided, KeptAmendment, OfSomebody, Selected, Selection } from './amend.ts';
import { changedBy, idsOfSomebody } from './ids-sqlite.ts';
import { allDecidedBefore } from './named-sqlite.ts';
import { holdingOf, voidBefore } from './others-sqlite.ts';
import {
  type AmendmentRow,
  alreadyKept,
  isOfSeries,
  keptOf,
  type Measurement,
  measurementsOf,
  type Named,
  type Rule,
  ruleOfStretch,
  rulesOfNamed,
} from './rules.ts';
import { AMEND_SQL, numbersOf } from './statements.ts';

type Writing = Pick<Database, 'prepare'>;

interface Parts {
  database: Database;
  commits: GroupCommit;
  storeId: string;
}

/** How many keys of observations are looked through in one turn: some milliseconds. */
const KEYS_A_LOOK = 20_000;

/** What an SQLite store does so that people can correct its readings. */
export class SqliteAmend implements AmendStore {
  readonly #database: Database;
  readonly #commits: GroupCommit;
  readonly #storeId: string;

  constructor({ database, commits, storeId }: Parts) {
    this.#database = database;
    this.#commits = commits;
    this.#storeId = storeId;
  }

  async select(tenant: string, selection: Selection, kind: AmendKind = 'void'): Promise<Selected> {
    if ('patient' in selection) return await this.#countStretch(tenant, selection);
    const counted = new Map<string, { rows: number; vitals: Set<string> }>();
    const named = await this.#named(tenant, selection.observations);
    if (kind === 'confirm') this.#database.read(() => allDecidedBefore(this.#database, { tenant, kind }, named));
    for (const found of measurementsOf(named)) {
      const of = counted.get(found.patient) ?? { rows: 0, vitals: new Set() };
      counted.set(found.patient, of);
      of.rows += this.#database.read(() => versionsOf(this.#database, tenant, found)).length;
      of.vitals.add(found.vital);
    }
    const patients = [...counted].map(([patient, { rows, vitals }]) => ({ patient, rows, vitals: [...vitals].sort() }));
    return { patients, rolledUp: 0 };
  }

  async amend(amendment: Amendment, evidence: (kept: readonly KeptAmendment[]) => readonly AuditEvent[]): Promise<readonly Decided[]> {
    const { tenant, selection } = amendment;
    const named = 'patient' in selection ? [] : await this.#named(tenant, selection.observations);
    return await this.#commits.run((database) => {
      const before = 'patient' in selection ? [voidBefore(database, amendment, selection)] : allDecidedBefore(database, amendment, named);
      const rules = rulesOfNamed(named.filter((_, i) => before[i] === undefined));
      if ('patient' in selection && before[0] === undefined) rules.set(selection.patient, [ruleOfStretch(selection)]);
      const kept = [...rules].map(([patient, of]) => keep(database, amendment, patient, of));
      appendAudit(database, this.#storeId, evidence(kept));
      return [...kept, ...alreadyKept(before.flatMap((row) => row ?? []))];
    });
  }

  undo(
    { tenant, id, at }: { tenant: string; id: string; at: number },
    evidence: (kept: KeptAmendment) => readonly AuditEvent[],
  ): Promise<KeptAmendment> {
    return this.#commits.run((database) => {
      const row = database.prepare<[string, string], AmendmentRow>(AMEND_SQL.byId).get(tenant, id);
      if (row === undefined) throw new VitalmeshError('AMEND-NOT-FOUND');
      if (row.undoneAt !== null) throw new VitalmeshError('AMEND-UNDONE');
      database.prepare<[number, number]>(AMEND_SQL.setUndone).run(at, row.key);
      database.prepare<[number]>(AMEND_SQL.dropRules).run(row.key);
      // What comes back is theirs about whom something else may have been decided since.
      keepDue(database, tenant, [{ amendment: row.key, undo: true }, ...decidedSince(database, row)]);
      const kept = keptOf({ ...row, undoneAt: at });
      appendAudit(database, this.#storeId, evidence(kept));
      return kept;
    });
  }

  async holding(tenant: string, id: string): Promise<readonly KeptAmendment[]> {
    return await holdingOf(this.#database, tenant, id);
  }

  async amendments(tenant: string, patient?: string): Promise<readonly KeptAmendment[]> {
    return this.#database.read(() => {
      const of = patient === undefined ? [] : [tenant, ...numbersOf(tenant, patient)];
      const rows =
        patient === undefined
          ? this.#database.prepare<[string], AmendmentRow>(AMEND_SQL.ofTenant).all(tenant)
          : this.#database.prepare<string[], AmendmentRow>(AMEND_SQL.ofPatient).all(...of, ...of);
      return rows.map(keptOf);
    });
  }

  doubtful(tenant: string, query: DoubtfulQuery): Promise<DoubtfulPage> {
    return doubtfulReadings(this.#database, tenant, query);
  }

  async find(tenant: string, observation: string): Promise<HistoryQuery> {
    const { patient, vital, device, effective } = await this.#find(tenant, observation);
    return { patient, vital, device, effective };
  }

  async amendmentsOf(tenant: string, observation: string): Promise<readonly KeptAmendment[]> {
    const found = await this.#find(tenant, observation);
    return this.#database.read(() =>
      this.#database.prepare<[string, number], AmendmentRow>(AMEND_SQL.ofObservation).all(tenant, found.key).map(keptOf),
    );
  }

  async changed(tenant: string, id: string, most: number): Promise<Changed> {
    return await changedBy(this.#database, tenant, id, most);
  }

  async idsOf(tenant: string, which: OfSomebody, most: number): Promise<readonly string[]> {
    return await idsOfSomebody(this.#database, tenant, which, most);
  }

  async #named(tenant: string, observations: readonly string[]): Promise<Named[]> {
    const named = new Map<number, Named>();
    for (const id of observations) {
      const found = await this.#find(tenant, id);
      named.set(found.key, found);
    }
    return [...named.values()];
  }

  /** Throws AMEND-UNKNOWN; so for what is nobody's, which nobody is shown. */
  async #find(tenant: string, id: string): Promise<Named> {
    const parsed = parseObservationId(id);
    const writer = parsed && this.#database.read(() => seenBy(this.#database, parsed));
    if (parsed === undefined || writer === undefined) throw new VitalmeshError('AMEND-UNKNOWN');
    type Row = Named & { tenant: string };
    for (let last = Number.MAX_SAFE_INTEGER; ; ) {
      const newest = this.#database.read(
        () => this.#database.prepare<[number], { key: number | null }>(AMEND_SQL.lastKept).get(last)?.key ?? null,
      );
      if (newest === null) throw new VitalmeshError('AMEND-UNKNOWN');
      last = Math.max(0, newest + 1 - KEYS_A_LOOK);
      const row = this.#database.read(() =>
        this.#database.prepare<number[], Row>(AMEND_SQL.measurementIn).get(last, newest + 1, writer, parsed.seq, parsed.index),
      );
      if (row !== undefined) {
        const { tenant: of, ...found } = row;
        if (of !== tenant || isNobody(row.patient)) throw new VitalmeshError('AMEND-UNKNOWN');
        return found;
      }
      await turn();
    }
  }

  /** Each vital sign and device in a turn of its own. */
  async #countStretch(tenant: string, selection: Exclude<Selection, { observations: unknown }>): Promise<Selected> {
    const { patient, from, to } = selection;
    const rule = ruleOfStretch(selection);
    const key = this.#database.read(() => keyOf(this.#database, tenant, patient));
    if (key === undefined) return { patients: [], rolledUp: 0 };
    const vitals = new Set<string>();
    let rows = 0;
    type Series = { vital: string; device: string };
    for (let at: Series | undefined = { vital: '', device: '' }; ; ) {
      at = this.#next<Series>(PLACING_SQL.nextSeries, behind([key], [at.vital, at.device]));
      if (at === undefined) break;
      if (!isOfSeries(rule, at)) continue;
      const { rows: counted = 0 } = this.#next<{ rows: number }>(AMEND_SQL.countStretch, [key, at.vital, at.device, from, to]) ?? {};
      if (counted > 0) vitals.add(at.vital);
      rows += counted;
      await turn();
    }
    const rolledUp = await this.#countRolledUp(key, rule);
    return { patients: rows === 0 ? [] : [{ patient, rows, vitals: [...vitals].sort() }], rolledUp };
  }

  async #countRolledUp(key: number, rule: Rule): Promise<number> {
    type Rolled = { vital: string; device: string; part: string; test: number };
    let rows = 0;
    for (let at: Rolled | undefined = { vital: '', device: '', part: '', test: -1 }; ; ) {
      at = this.#next<Rolled>(PLACING_SQL.nextRolled, behind([key], [at.vital, at.device, at.part, at.test]));
      if (at === undefined) return rows;
      if (!isOfSeries(rule, at) || !isFirstPart(at.part, panel(at.vital)?.parts)) continue;
      const which = [key, at.vital, at.device, at.part, at.test, Math.max(rule.start - HOUR_MS, Number.MIN_SAFE_INTEGER)];
      rows += this.#next<{ rows: number }>(PLACING_SQL.rolledUp, [...which, rule.until, rule.start])?.rows ?? 0;
      await turn();
    }
  }

  #next<T>(sql: string, values: readonly (string | number)[]): T | undefined {
    return this.#database.read(() => this.#database.prepare<(string | number)[], T>(sql).get(...values));
  }
}

/** Keeps an amendment of one patient as due, and in force from now on. */
function keep(database: Writing, amendment: Amendment, patient: string, rules: readonly Rule[]): KeptAmendment {
  const { tenant, kind, selection, to = null, reason, at } = amendment;
  if (kind === 'reassign') refuseOther(database, tenant, patient, to);
  const { device = null, vital = null, to: until = null } = 'patient' in selection ? selection : {};
  const from = Math.min(...rules.map(({ start }) => start));
  const id = randomBytes(10).toString('hex');
  const key = Number(
    database.prepare<(string | number | null)[]>(AMEND_SQL.add).run(id, tenant, kind, patient, to, reason, at, device, vital, from, until)
      .lastInsertRowid,
  );
  const add = database.prepare<(string | number | null)[]>(AMEND_SQL.addRule);
  for (const rule of rules)
    add.run(key, tenant, patient, rule.device, rule.vital, rule.test, rule.effective, rule.start, rule.until, rule.meant ?? null);
  keepDue(database, tenant, [{ amendment: key, undo: false }]);
  return keptOf({ key, id, tenant, kind, patient, toPatient: to, reason, at, device, vital, start: from, until, undoneAt: null });
}

/** What was decided since of whose readings come back by undoing one: of this number, and of all that are the same person's by now. */
function decidedSince(database: Writing, { key, tenant, patient }: AmendmentRow): AmendWanted[] {
  if (patient === null) return [];
  const survivor = goesBy(database, tenant, patient);
  const since = database.prepare<(string | number)[], { key: number; patient: string }>(AMEND_SQL.sinceOf);
  return since.all(tenant, ...numbersOf(tenant, survivor), key).flatMap((one) => againOf(one, [patient, survivor]));
}

/** Throws AMEND-PATIENT for somebody whose these readings cannot become. */
function refuseOther(database: Writing, tenant: string, patient: string, to: string | null): void {
  const isErased = to !== null && erasedPeople(database, tenant)?.isPatient(to);
  if (to === null || to === patient || isErased) throw new VitalmeshError('AMEND-PATIENT');
}

function seenBy(database: Writing, { agent, epoch, seq, index }: ObservationKey): number | undefined {
  const which = [seq, index, agent, epoch];
  return database.prepare<(string | number)[], { writer: number }>(AMEND_SQL.seenKey).get(...which)?.writer;
}

function keyOf(database: Writing, tenant: string, patient: string): number | undefined {
  return database.prepare<[string, string], { key: number }>(SQL.findPatient).get(tenant, patient)?.key;
}

function versionsOf(database: Writing, tenant: string, { patient, vital, device, test, effective }: Measurement): unknown[] {
  const key = keyOf(database, tenant, patient);
  if (key === undefined) return [];
  const which = [key, vital, device, test, effective];
  return database.prepare<(string | number)[]>(PLACING_SQL.versionsOf).all(...which, effective, ...which);
}
