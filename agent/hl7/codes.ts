import { convert, ucumOfMdcUnit, ucumOfText } from '../../shared/units.ts';
import { type Vital, vitalByBareTerm, vitalsByMdc } from '../../shared/vitals.ts';
import { componentOf, type Separators } from './segment.ts';

/** Bare term codes are below this; the partition is left out (IEEE 11073-10101). */
const BARE_TERMS = 65_536;
/** Partition 4, dimensions. */
const UNIT_PARTITION = 262_144;
/** The code of a setting is that of the measurement and this; the partitions from 512 up are nobody's settings (partition 1025 is private). */
const SETTINGS = { from: 16_777_216, to: 33_554_432 } as const;
/** Philips MDIL is MDC in hexadecimal, upper and lower half. */
const MDIL = /^([0-9a-f]{4})-([0-9a-f]{4})$/i;

/** Philips sends the respiratory *rate* under the code of the waveform MDC_RESP. */
const MDIL_ALIASES: ReadonlyMap<number, number> = new Map([[151552, 151562]]);

const CACHED = 1024;

/** What OBX-3 names: the rows of the parameter table (two where the unit decides), and the code where it is not the row's own. */
export interface CodedVital {
  rows: readonly Vital[];
  mdc: number | undefined;
  /** A setting that has no row: no measurement, whatever code it comes from. */
  isSetting?: true;
  /** Of a wave: milliseconds between two samples, where the message need not say it. */
  periodMs?: number;
}

const NO_VITAL: CodedVital = { rows: [], mdc: undefined };
const UNKNOWN_SETTING: CodedVital = { rows: [], mdc: undefined, isSetting: true };

/** The vital sign of OBX-3 by its MDC code, from either identifier of the field. Only what is said to be MDC or MDIL counts; numbers of other systems are never taken for MDC. */
export const codedVital = cached((field: string, separators: Separators): CodedVital => {
  for (const first of [1, 4]) {
    const code = mdcOf(field, first, separators);
    if (code === undefined) continue;
    const bare = code < BARE_TERMS ? vitalByBareTerm(code) : undefined;
    const rows = bare ? [bare] : vitalsByMdc(code);
    if (rows.length > 0) return { rows, mdc: bare || rows[0]?.mdc?.code === code ? undefined : code };
    if (code >= SETTINGS.from && code < SETTINGS.to) return UNKNOWN_SETTING;
  }
  return NO_VITAL;
});

/** `none`: no unit was given; `unknown`: one that is not in the table; `assumed`: none was given, and the dialect says which one it has. */
export type CodedUnit = { ucum: string; assumed?: true } | 'none' | 'unknown';

/** The unit of OBX-6 in UCUM: MDC or MDIL code, or a spelling that is known. Two identifiers that name different units name none. */
export const codedUnit = cached((field: string, separators: Separators): CodedUnit => {
  const texts = [1, 2, 4, 5].map((n) => componentOf(field, n, separators.component).trim());
  if (texts.every((text) => text === '' || text === '""')) return 'none';
  const [own, other] = [1, 4].map((first) => unitOf(field, first, separators));
  if (own !== undefined && other !== undefined && own !== other && convert(1, own, other) !== 1) return 'unknown';
  if (own !== undefined || other !== undefined) return { ucum: own ?? other ?? '' };
  // Only where there is no code at all does the text stand for it.
  const ucum = texts[0] === '' && texts[1] ? ucumOfText(texts[1]) : undefined;
  return ucum === undefined ? 'unknown' : { ucum };
});

/** The unit of one of the two identifiers of a coded field. */
function unitOf(field: string, first: number, separators: Separators): string | undefined {
  const code = mdcOf(field, first, separators);
  const text = componentOf(field, first, separators.component).trim();
  const coded = code === undefined ? undefined : mdcUnit(code);
  return coded ?? (text === '' ? undefined : ucumOfText(text));
}

/** The UCUM unit of an MDC code, whole or bare. */
export function mdcUnit(code: number): string | undefined {
  return ucumOfMdcUnit(code < BARE_TERMS ? code + UNIT_PARTITION : code);
}

/** The full MDC code of the identifier that begins with component `first` (1, or 4 for the alternate one). */
export function mdcOf(field: string, first: number, { component }: Separators): number | undefined {
  const id = componentOf(field, first, component).trim();
  const system = componentOf(field, first + 2, component)
    .trim()
    .toUpperCase();
  if (system === 'MDIL') {
    const match = MDIL.exec(id);
    const code = match ? Number.parseInt(`${match[1]}${match[2]}`, 16) : undefined;
    return code === undefined ? undefined : (MDIL_ALIASES.get(code) ?? code);
  }
  const isMdc = system === 'MDC' || (system === '' && componentOf(field, first + 1, component).startsWith('MDC_'));
  return isMdc && /^\d{1,9}$/.test(id) ? Number(id) : undefined;
}

interface Known<T> {
  field: string;
  found: T;
  /** What was asked for after it the last time. */
  next: Known<T> | undefined;
}

/** A monitor sends the same few codes in every message, and in the same order: the next one is known without a search, mostly. */
function cached<T>(resolve: (field: string, separators: Separators) => T): (field: string, separators: Separators) => T {
  const known = new Map<string, Known<T>>();
  let last: Known<T> | undefined;
  return (field, separators) => {
    if (separators.component !== '^' || field.length > 128) return resolve(field, separators);
    let entry = last?.next;
    if (entry?.field !== field) {
      entry = known.get(field);
      if (!entry) {
        if (known.size >= CACHED) known.clear();
        // A copy: a piece of a message would keep the whole message in memory.
        entry = { field: Buffer.from(field).toString(), found: resolve(field, separators), next: undefined };
        known.set(entry.field, entry);
      }
      if (last) last.next = entry;
    }
    last = entry;
    return entry.found;
  };
}
