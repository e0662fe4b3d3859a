import type { Instant } from '../../../shared/clock.ts';
import type { Identification, RecordKey, Statement } from './statement.ts';
import { type Stay, staysOf } from './stays.ts';
import { whoIsWho } from './who-is-who.ts';

/** Who lay in a bed for a time. There is always an answer, and where it is not one person that surely lay there, it is nobody's bed. */
export interface Occupancy {
  from: Instant;
  /** Null while it lasts. */
  to: Instant | null;
  state: 'occupied' | 'unconfirmed' | 'conflict';
  /** By number of who survived merges; one where `occupied` or `unconfirmed`, several where a `conflict`; in order. */
  persons: readonly RecordKey[];
}

/** By bed, what is known of it in order of time, without the times at which it was empty. */
export type Occupancies = ReadonlyMap<string, readonly Occupancy[]>;

/** Who lay where, from everything that was said. It does not depend on the order in which that was heard. Pure. */
export function occupancies(statements: readonly Statement[], identifications: readonly Identification[]): Occupancies {
  const { personOf, joinedAt } = whoIsWho(identifications);
  const ofPerson = Map.groupBy(statements, personOf);
  const inBed = new Map<string, PersonStay[]>();
  for (const [person, said] of ofPerson) {
    for (const stay of staysOf(said, joinedAt(person))) {
      const stays = inBed.get(stay.bed) ?? [];
      inBed.set(stay.bed, stays);
      stays.push({ ...stay, person });
    }
  }
  return new Map([...inBed].map(([bed, stays]) => [bed, laidOver(stays)]));
}

/** What is known of a bed at a time; undefined where it is empty. */
export function occupancyAt(known: readonly Occupancy[], at: Instant): Occupancy | undefined {
  let [low, high] = [0, known.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((known[middle]?.from ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  const last = known[low - 1];
  return last && (last.to === null || last.to > at) ? last : undefined;
}

/** A stay, and whose it is, by the number that survived merges. */
export interface PersonStay extends Stay {
  person: RecordKey;
}

/** The stays of one bed laid over each other, cut wherever somebody comes or goes. Pure. */
export function laidOver(stays: readonly PersonStay[]): Occupancy[] {
  const edges = [...new Set(stays.flatMap(({ from, to }) => (to === null ? [from] : [from, to])))].sort((a, b) => a - b);
  const coming = [...stays].sort((a, b) => a.from - b.from);
  const known: Occupancy[] = [];
  let present: PersonStay[] = [];
  let next = 0;
  for (const [i, from] of edges.entries()) {
    present = present.filter(({ to }) => to === null || to > from);
    for (let stay = coming[next]; stay && stay.from <= from; stay = coming[next]) {
      present.push(stay);
      next += 1;
    }
    if (present.length > 0) append(known, { from, to: edges[i + 1] ?? null, ...stateOf(present) });
  }
  return known;
}

function stateOf(present: readonly PersonStay[]): Pick<Occupancy, 'state' | 'persons'> {
  const persons = [...new Set(present.map(({ person }) => person))].sort();
  if (persons.length > 1) return { state: 'conflict', persons };
  return { state: present.some(({ sure }) => sure) ? 'occupied' : 'unconfirmed', persons };
}

function append(known: Occupancy[], next: Occupancy): void {
  const last = known.at(-1);
  if (last && last.to === next.from && last.state === next.state && last.persons.join() === next.persons.join()) last.to = next.to;
  else known.push(next);
}
