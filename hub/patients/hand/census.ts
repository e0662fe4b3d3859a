import type { Instant } from '../../../shared/clock.ts';
import { isSendable, TEXT_LIMITS } from '../../../shared/observation-code.ts';

/** Why a line of a census is left out, as it is told; nothing of the line stands in it. */
export const CENSUS_FAULTS = {
  columns: 'other columns than the header names',
  quotes: 'a quote that does not end',
  bed: 'no bed, or one that cannot be',
  number: 'no number, or one that cannot be',
  authority: 'an authority that cannot be',
  visit: 'a visit that cannot be',
  since: 'no time with offset, or one that cannot be',
  bedTwice: 'a bed that another line gives to somebody else',
  personTwice: 'somebody whom another line puts elsewhere',
  message: 'no message that can be read',
  event: 'no admission (ADT^A01)',
  test: 'a test (MSH-11 is not P)',
  noBed: 'a bed that registry.yaml does not have',
  unfollowed: 'a bed that follows no movements here: nobody’s readings would follow from it',
  time: 'a time before 2015 or in the future',
  erased: 'somebody who was erased later than that: nothing of it is kept',
} as const;
export type CensusFault = keyof typeof CENSUS_FAULTS;

/** A line that is left out. */
export interface FaultyLine {
  line: number;
  fault: CensusFault;
}

/** The code under which a fault is told. */
export function codeOf(fault: CensusFault): 'PATIENT-BED' | 'PATIENT-ERASED' | 'PATIENT-CENSUS' {
  if (fault === 'erased') return 'PATIENT-ERASED';
  return fault === 'unfollowed' || fault === 'noBed' ? 'PATIENT-BED' : 'PATIENT-CENSUS';
}

/** That somebody lies in a bed, as one line or message says. */
export interface CensusRow {
  /** In the file, counted from 1; of a message, where it begins. */
  line: number;
  bed: string;
  /** '' where nobody is named. */
  authority: string;
  value: string;
  visit?: string;
  /** Where the file says since when. */
  since?: Instant;
}

export interface CensusFile {
  rows: readonly CensusRow[];
  faults: readonly FaultyLine[];
  /** What faulty lines say all the same of who lies where: no row, and nothing that contradicts it is believed either. */
  claims: readonly CensusRow[];
}

/** The first thing that is wrong with a row. */
export function faultIn({ bed, authority, value, visit }: Omit<CensusRow, 'line' | 'since'>): CensusFault | undefined {
  const fits = (text: string): boolean => isSendable(text, TEXT_LIMITS.identifier);
  if (!fits(bed)) return 'bed';
  if (!fits(value)) return 'number';
  if (authority !== '' && !fits(authority)) return 'authority';
  return visit !== undefined && !fits(visit) ? 'visit' : undefined;
}

/** Whether bed and number of a faulty line can be read. Pure. */
export function isClaim({ bed, value }: Pick<CensusRow, 'bed' | 'value'>): boolean {
  return faultIn({ bed, authority: '', value }) === undefined;
}

/** Leaves out every line that another one contradicts: nobody can tell which of them is right. `people`: by line, whom a number is known to mean, where it is; two numbers may be one person's. Pure. */
export function withoutContradictions({ rows, faults, claims }: CensusFile, people: ReadonlyMap<number, string> = new Map()): CensusFile {
  const personOf = ({ line, authority, value }: CensusRow): string => people.get(line) ?? JSON.stringify([authority, value]);
  const said = [...rows, ...claims];
  const inBed = Map.groupBy(said, ({ bed }) => bed);
  const ofPerson = Map.groupBy(said, personOf);
  const several = (of: readonly CensusRow[] | undefined, what: (row: CensusRow) => string): boolean => new Set(of?.map(what)).size > 1;
  const wrong = rows.flatMap((row): FaultyLine[] => {
    if (several(inBed.get(row.bed), personOf)) return [{ line: row.line, fault: 'bedTwice' }];
    return several(ofPerson.get(personOf(row)), ({ bed }) => bed) ? [{ line: row.line, fault: 'personTwice' }] : [];
  });
  const left = new Set(wrong.map(({ line }) => line));
  return {
    rows: rows.filter(({ line }) => !left.has(line)),
    faults: [...faults, ...wrong].sort((a, b) => a.line - b.line),
    claims,
  };
}
