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
} as const;
export type CensusFault = keyof typeof CENSUS_FAULTS;

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
  faults: readonly { line: number; fault: CensusFault }[];
}

/** The first thing that is wrong with a row. */
export function faultIn({ bed, authority, value, visit }: Omit<CensusRow, 'line' | 'since'>): CensusFault | undefined {
  const fits = (text: string): boolean => isSendable(text, TEXT_LIMITS.identifier);
  if (!fits(bed)) return 'bed';
  if (!fits(value)) return 'number';
  if (authority !== '' && !fits(authority)) return 'authority';
  return visit !== undefined && !fits(visit) ? 'visit' : undefined;
}

/** Leaves out every line that another one contradicts: nobody can tell which of them is right. Pure. */
export function withoutContradictions({ rows, faults }: CensusFile): CensusFile {
  const personOf = (row: CensusRow): string => JSON.stringify([row.authority, row.value]);
  const inBed = Map.groupBy(rows, ({ bed }) => bed);
  const ofPerson = Map.groupBy(rows, personOf);
  const several = (of: readonly CensusRow[] | undefined, what: (row: CensusRow) => string): boolean => new Set(of?.map(what)).size > 1;
  const wrong = rows.flatMap((row): { line: number; fault: CensusFault }[] => {
    if (several(inBed.get(row.bed), personOf)) return [{ line: row.line, fault: 'bedTwice' }];
    return several(ofPerson.get(personOf(row)), ({ bed }) => bed) ? [{ line: row.line, fault: 'personTwice' }] : [];
  });
  const left = new Set(wrong.map(({ line }) => line));
  return {
    rows: rows.filter(({ line }) => !left.has(line)),
    faults: [...faults, ...wrong].sort((a, b) => a.line - b.line),
  };
}
