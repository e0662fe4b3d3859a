import type { Instant } from '../../../shared/clock.ts';
import type { PersonStay } from '../stays/occupancy.ts';
import { type Identification, type RecordKey, recordOf, type Statement } from '../stays/statement.ts';
import { staysOf } from '../stays/stays.ts';
import { whoIsWho } from '../stays/who-is-who.ts';
import type { PersonFacts } from './course.ts';

/**
 * All numbers that anything ever said to be one person's, or not to be, with all that was said of them: nothing that is said of others says anything of whom they
 * are or where. Mostly one number.
 */
export interface Kin {
  readonly records: ReadonlySet<RecordKey>;
  readonly statements: readonly Statement[];
  readonly identifications: readonly Identification[];
  /** By number of who survived merges. */
  readonly persons: ReadonlyMap<RecordKey, PersonFacts>;
  /** By each of the numbers, whose it is. */
  readonly personOf: ReadonlyMap<RecordKey, PersonFacts>;
  /** By bed. */
  readonly stays: ReadonlyMap<string, readonly PersonStay[]>;
}

/** Makes the persons of what was said of these numbers. `idOf`: public id of a number. Pure. */
export function kinOf(
  records: ReadonlySet<RecordKey>,
  statements: readonly Statement[],
  identifications: readonly Identification[],
  idOf: (record: RecordKey) => string,
): Kin {
  const { personOf, survivorOf, joinsOf } = whoIsWho(identifications);
  const saidOf = Map.groupBy(statements, personOf);
  const numbersOf = Map.groupBy(records, survivorOf);
  const persons = new Map<RecordKey, PersonFacts>();
  const stays = new Map<string, PersonStay[]>();
  const ofNumber = new Map<RecordKey, PersonFacts>();
  for (const [key, numbers] of numbersOf) {
    const said = saidOf.get(key) ?? [];
    const facts = factsOf(key, numbers, said, idOf);
    persons.set(key, facts);
    for (const number of numbers) ofNumber.set(number, facts);
    for (const stay of staysOf(said, joinsOf(key))) {
      const inBed = stays.get(stay.bed);
      if (inBed) inBed.push({ ...stay, person: key });
      else stays.set(stay.bed, [{ ...stay, person: key }]);
    }
  }
  return { records, statements, identifications, persons, personOf: ofNumber, stays };
}

function factsOf(
  key: RecordKey,
  numbers: readonly RecordKey[],
  said: readonly Statement[],
  idOf: (record: RecordKey) => string,
): PersonFacts {
  const authorities = new Set(numbers.map((number) => recordOf(number).authority));
  authorities.delete('');
  const saidAt = said.reduce<Instant>((last, { at }) => Math.max(last, at), Number.NEGATIVE_INFINITY);
  return { key, id: idOf(key), ids: new Set(numbers.map(idOf)), authorities, saidAt, said };
}

/** The numbers of which an identification speaks. */
export function namedBy(said: Identification): [RecordKey, RecordKey] {
  if (said.says === 'part') return [said.one, said.other];
  return said.says === 'merge' ? [said.from, said.into] : [said.from, said.record];
}
