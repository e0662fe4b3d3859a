import type { Instant } from '../../../shared/clock.ts';
import type { Arrival } from '../store.ts';
import type { AmendKind, Decided, KeptAmendment, Selection } from './amend.ts';
import { CONFIRMED, VOID } from './amended.ts';

/** A row of the table of amendments. */
export interface AmendmentRow {
  key: number;
  id: string;
  tenant: string;
  kind: AmendKind;
  patient: string | null;
  toPatient: string | null;
  reason: KeptAmendment['reason'];
  at: Instant;
  device: string | null;
  vital: string | null;
  /** Of the first measurement. */
  start: Instant;
  /** Null for single measurements. */
  until: Instant | null;
  undoneAt: Instant | null;
}

/** What was asked for once more: one that is kept since before, by its key. */
export function alreadyKept(rows: readonly AmendmentRow[]): Decided[] {
  return [...new Map(rows.map((row) => [row.key, row])).values()].map((row) => ({ ...keptOf(row), already: true }));
}

export function keptOf({
  id,
  tenant,
  kind,
  patient,
  toPatient,
  reason,
  at,
  device,
  vital,
  start,
  until,
  undoneAt,
}: AmendmentRow): KeptAmendment {
  const stretch = until === null ? null : { device, vital, from: start, to: until };
  return { id, tenant, kind, patient, ...(toPatient !== null && { to: toPatient }), reason, at, measuredFrom: start, stretch, undoneAt };
}

/** The versions of one measurement. */
export interface Measurement {
  patient: string;
  vital: string;
  device: string;
  /** 1 for test data. */
  test: number;
  effective: Instant;
}

/** What an amendment is of, of one patient: null for any. By the sort time, or where `effective` is 1 by the time of the device. */
export interface Rule {
  device: string | null;
  vital: string | null;
  test: number | null;
  effective: number;
  start: Instant;
  until: Instant;
  /** Of a measurement that was named: the key of the row; null where that was not kept. */
  meant?: number | null;
}

export function ruleOfMeasurement({ vital, device, test, effective }: Omit<Measurement, 'patient'>): Rule {
  return { device, vital, test, effective: 1, start: effective, until: effective + 1 };
}

/** A reading that is named: its row, and which measurement it is a version of. */
export interface Named extends Measurement {
  key: number;
}

/** The measurements of readings that are named, each once. Pure. */
export function measurementsOf(named: readonly Named[]): Measurement[] {
  return firstNamed(named).map(({ patient, vital, device, test, effective }) => ({ patient, vital, device, test, effective }));
}

/** The rules of readings that are named, by patient; versions of one measurement have one. Pure. */
export function rulesOfNamed(named: readonly Named[]): Map<string, Rule[]> {
  const rules = new Map<string, Rule[]>();
  for (const { patient, key: meant, ...measurement } of firstNamed(named))
    rules.set(patient, [...(rules.get(patient) ?? []), { ...ruleOfMeasurement(measurement), meant }]);
  return rules;
}

/** Of each measurement the version that is named first. */
function firstNamed(named: readonly Named[]): Named[] {
  const first = new Map<string, Named>();
  for (const one of named) {
    const { patient, vital, device, test, effective } = one;
    const name = JSON.stringify([patient, vital, device, test, effective]);
    if (!first.has(name)) first.set(name, one);
  }
  return [...first.values()];
}

export function ruleOfStretch({ device, vital, from, to }: Exclude<Selection, { observations: unknown }>): Rule {
  return { device: device ?? null, vital: vital ?? null, test: null, effective: 0, start: from, until: to };
}

/** The rule of an amendment that is in force, as it is asked for with what arrives. */
export interface RuleInForce extends Rule {
  amendment: number;
  kind: AmendKind;
  /** Of `reassign`: null where that person was erased. */
  toPatient: string | null;
}

/** One that made something of a row that arrives. */
export interface AmendedBy {
  amendment: number;
  /** Whose the row was up to it; where it becomes another's, whose it would be. */
  of: string;
  isGiven: boolean;
  /** Versions of it may lie outside of the stretch, for its sort time is not its device's time: they are to follow by a rule of their own. */
  isOdd: boolean;
}

/** What amendments that are in force make of a row that arrives. */
export interface AmendedArrival {
  /** Whose it is; null where that is somebody who was erased. */
  patient: string | null;
  /** Bits of `amended.ts`. */
  amended: number;
  /** Which of them, in order. */
  by: readonly AmendedBy[];
}

/** Whether it may be of rows of one vital sign and device. Pure. */
export function isOfSeries({ vital, device }: Rule, series: { vital: string; device: string }): boolean {
  return (vital === null || vital === series.vital) && (device === null || device === series.device);
}

/** Whether a rule is of a row. Pure. */
function isOfRule(rule: Rule, row: Pick<Arrival, 'vital' | 'device' | 'sortTime' | 'effective'> & { test: boolean }): boolean {
  const time = rule.effective === 1 ? row.effective : row.sortTime;
  return time >= rule.start && time < rule.until && isOfSeries(rule, row) && (rule.test === null || rule.test === Number(row.test));
}

/**
 * What amendments make of an arrival, in the order in which they were decided: where one makes it another's, those of that one follow. `rulesOf` gives those of a patient, in order.
 * Undefined where none is of it. Pure.
 */
export function amendedArrival(arrival: Arrival, rulesOf: (patient: string) => readonly RuleInForce[]): AmendedArrival | undefined {
  const by: AmendedBy[] = [];
  let [patient, amended, last]: [string | null, number, number] = [arrival.patient, 0, 0];
  for (;;) {
    const rule: RuleInForce | undefined =
      patient === null ? undefined : rulesOf(patient).find((one) => one.amendment > last && isOfRule(one, arrival));
    if (rule === undefined || patient === null) return by.length === 0 ? undefined : { patient, amended, by };
    last = rule.amendment;
    const isOdd = rule.effective === 0 && arrival.sortTime !== arrival.effective;
    by.push({ amendment: rule.amendment, of: patient, isGiven: rule.kind === 'reassign', isOdd });
    if (rule.kind === 'reassign') patient = rule.toPatient;
    else amended |= bitOf(rule.kind);
  }
}

/** 0 for what says whose a row is. */
export function bitOf(kind: AmendKind): number {
  return kind === 'void' ? VOID : kind === 'confirm' ? CONFIRMED : 0;
}
