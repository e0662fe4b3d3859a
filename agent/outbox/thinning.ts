import type { Reading, ReadingRecord } from '../../shared/reading.ts';
import { panelOfPart } from '../../shared/vitals.ts';
import { sortTime } from './gaps.ts';

export interface RowToThin {
  seq: number;
  record: ReadingRecord;
}

/** What becomes of a row of which something goes; nothing is kept of one that goes as a whole. */
export interface ThinnedRow {
  seq: number;
  record: ReadingRecord;
  keep: readonly Reading[];
  gone: readonly Reading[];
}

const MINUTE_MS = 60_000;

/** Readings of one row that stay or go together: one value, or the parts of one panel, of which a part alone would be another measurement. */
interface Unit {
  readings: Reading[];
  kept: boolean;
}

/** A reading of a series within its minute. */
interface Candidate {
  unit: Unit;
  value: number;
  at: number;
}

/** What is kept of a series within a minute. Of several that are alike the first is the least and the greatest, and the last the last. */
interface Extremes {
  least?: Candidate;
  greatest?: Candidate;
  last?: Candidate;
  lastAbsent?: Candidate;
}

/**
 * What of continuous rows goes when each series keeps its least, its greatest and its last value of each minute, exactly as they were
 * measured, and its last absence; what corrects or takes back a value is kept. A series is one vital sign of one device and subject.
 * Rows that stay as they are, are left out. Thinning what was thinned changes nothing.
 */
export function thinned(rows: readonly RowToThin[]): ThinnedRow[] {
  const series = new Map<string, Extremes>();
  const byRow = rows.map(({ seq, record }) => {
    const units = unitsOf(record);
    const whose = whoseOf(record);
    for (const unit of units) for (const reading of unit.readings) consider(series, whose, record, reading, unit);
    return { seq, record, units };
  });
  for (const { least, greatest, last, lastAbsent } of series.values()) {
    for (const candidate of [least, greatest, last, lastAbsent]) if (candidate) candidate.unit.kept = true;
  }
  return byRow.flatMap(({ seq, record, units }) => {
    if (units.every(({ kept }) => kept)) return [];
    const kept = new Set(units.flatMap((unit) => (unit.kept ? unit.readings : [])));
    const keep = record.readings.filter((reading) => kept.has(reading));
    return [{ seq, record, keep, gone: record.readings.filter((reading) => !kept.has(reading)) }];
  });
}

function unitsOf({ readings }: ReadingRecord): Unit[] {
  const units = new Map<string, Unit>();
  for (const [i, reading] of readings.entries()) {
    const panel = panelOfPart(reading.vital);
    const name = panel ? `${panel.key} ${reading.measurement ?? 0} ${reading.effective ?? ''}` : String(i);
    const unit = units.get(name) ?? { readings: [], kept: false };
    unit.readings.push(reading);
    units.set(name, unit);
  }
  return [...units.values()];
}

function consider(series: Map<string, Extremes>, whose: string, record: ReadingRecord, reading: Reading, unit: Unit): void {
  if (reading.status !== undefined && reading.status !== 'final') {
    unit.kept = true;
    return;
  }
  const at = sortTime(record, reading);
  const name = `${Math.floor(at / MINUTE_MS)} ${reading.vital} ${reading.mdc ?? ''} ${reading.measurement ?? 0} ${whose}`;
  const extremes = series.get(name) ?? {};
  const candidate: Candidate = { unit, value: reading.value ?? Number.NaN, at };
  if (reading.value === undefined) {
    if (at >= (extremes.lastAbsent?.at ?? at)) extremes.lastAbsent = candidate;
  } else {
    if (reading.value < (extremes.least?.value ?? Number.POSITIVE_INFINITY)) extremes.least = candidate;
    if (reading.value > (extremes.greatest?.value ?? Number.NEGATIVE_INFINITY)) extremes.greatest = candidate;
    if (at >= (extremes.last?.at ?? at)) extremes.last = candidate;
  }
  series.set(name, extremes);
}

/** Two records of the same device and subject, by all that says so. */
function whoseOf({ source, profile, device, subject, test }: ReadingRecord): string {
  const { patient, visit, bed } = subject;
  return JSON.stringify([source, profile, test, device.id, device.idType, patient?.value, patient?.authority, visit, bed]);
}
