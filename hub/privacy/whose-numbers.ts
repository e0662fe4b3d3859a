import type { AssignedId } from '../../shared/movement.ts';
import { authorityOfSystem, identifierOf } from '../../shared/observation-code.ts';
import { type Identification, type RecordKey, recordKey, recordOf } from '../patients/stays/statement.ts';
import { whoIsWho } from '../patients/stays/who-is-who.ts';

/** A number that stands in what is stored of a person and may be somebody else's. */
export interface AmbiguousNumber {
  /** As the hospital has it, AUTHORITY|VALUE: for the operator's own terminal alone. */
  number: string;
  /** In how many of the person's rows it stands. */
  rows: number;
  /** It, or one that a merge ties to it, stands in rows of another patient, too. */
  withOthers: boolean;
}

/** By which identifiers (`system|value`) a person's movements are found. */
export interface WhoseNumbers {
  sure: ReadonlySet<string>;
  ambiguous: readonly AmbiguousNumber[];
}

/** Which numbers are one person's, by what movements said: those that merges tie. */
export interface TiedNumbers {
  /** Names the person; the same for all of theirs. */
  personOf(name: string): string;
  /** All identifiers of whoever has this one, itself among them. */
  allOf(name: string): readonly string[];
  /** All identifiers of those whose visits or accounts were given to whoever has this one. */
  givenBy(name: string): readonly string[];
}

/** Pure. */
export function tiedNumbers(identifications: readonly Identification[]): TiedNumbers {
  const { survivorOf } = whoIsWho(identifications);
  const told = identifications.flatMap((said): RecordKey[] => {
    if (said.says === 'merge') return [said.from, said.into];
    return [];
  });
  const byPerson = Map.groupBy(new Set(told), survivorOf);
  const personOf = (name: string): RecordKey => survivorOf(recordKey(assignedId(name)));
  const namesOf = (key: RecordKey): string[] => [key, ...(byPerson.get(survivorOf(key)) ?? [])].map((one) => nameOf(recordOf(one)));
  const gifts = identifications.flatMap((said) => (said.says === 'give' ? [said] : []));
  return {
    personOf,
    allOf: (name) => [...new Set([name, ...(byPerson.get(personOf(name)) ?? []).map((key) => nameOf(recordOf(key)))])],
    givenBy: (name) => gifts.filter(({ record }) => survivorOf(record) === personOf(name)).flatMap(({ from }) => namesOf(from)),
  };
}

/**
 * Decides which of the identifiers that stand with a person's rows (`own`, each with how many) are surely theirs. One is not where it, or one that a merge ties to it, stands
 * with rows of somebody else (`ofOthers`), or where two of one authority stand there that nothing ties: which of both is theirs nobody can tell from here. What the operator
 * names (`also`) is. Pure.
 */
export function whoseNumbers(
  own: ReadonlyMap<string, number>,
  ofOthers: ReadonlySet<string>,
  tied: TiedNumbers,
  also: readonly string[] = [],
): WhoseNumbers {
  const isShared = (name: string): boolean => tied.allOf(name).some((one) => ofOthers.has(one));
  const rivals = new Map<string, Set<string>>();
  for (const name of own.keys()) {
    if (isShared(name)) continue;
    const authority = authorityOf(name);
    rivals.set(authority, (rivals.get(authority) ?? new Set()).add(tied.personOf(name)));
  }
  // Two numbers that a merge ties are one, whatever stands beside one of them.
  const disputed = new Set([...rivals.values()].flatMap((persons) => (persons.size > 1 ? [...persons] : [])));
  const sure = new Set(also.flatMap((name) => (isShared(name) ? [name] : tied.allOf(name))));
  const ambiguous: AmbiguousNumber[] = [];
  for (const [name, rows] of own) {
    if (sure.has(name)) continue;
    const withOthers = isShared(name);
    if (withOthers || disputed.has(tied.personOf(name))) ambiguous.push({ number: numberOf(name), rows, withOthers });
    else for (const one of tied.allOf(name)) sure.add(one);
  }
  return { sure, ambiguous };
}

/** The identifier of a hospital's number, as `namesIn` gives it. */
export function nameOf(id: AssignedId): string {
  const { system = '', value = '' } = identifierOf(id);
  return `${system}|${value}`;
}

function assignedId(name: string): AssignedId {
  const system = authorityOf(name);
  return { authority: authorityOfSystem(system === '' ? undefined : system), value: name.slice(system.length + 1) };
}

function authorityOf(name: string): string {
  return name.slice(0, name.indexOf('|'));
}

function numberOf(name: string): string {
  const { authority, value } = assignedId(name);
  return `${authority}|${value}`;
}
