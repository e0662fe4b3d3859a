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
  const { personOf, joinsOf } = whoIsWho(identifications);
  const ofPerson = Map.groupBy(statements, personOf);
  const inBed = new Map<string, PersonStay[]>();
  for (const [person, said] of ofPerson) {
    for (const stay of staysOf(said, joinsOf(person))) {
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

/** The stays of one bed laid over each other, cut wherever somebody comes or goes. Each ends after it began. Pure. */
export function laidOver(stays: readonly PersonStay[]): Occupancy[] {
  const known: Occupancy[] = [];
  for (const { from, to, present } of sweep(stays)) {
    const next = { from, to, state: present.state, persons: present.persons() };
    const last = known.at(-1);
    if (last && last.to === from && last.state === next.state && isSameList(last.persons, next.persons)) last.to = to;
    else known.push(next);
  }
  return known;
}

/** Who lay in a bed for a time, as far as one did. */
export interface Holding extends Omit<Occupancy, 'persons'> {
  /** Undefined where several lay there. */
  person: RecordKey | undefined;
}

/**
 * `laidOver` for whoever wants to know whose bed it was: a time in which it was that of several is one, however many come and go in it. Where nobody is ever discharged, as
 * from waiting rooms, listing them all would grow with the square of their number. Pure.
 */
export function holdings(stays: readonly PersonStay[]): Holding[] {
  const known: Holding[] = [];
  for (const { from, to, present } of sweep(stays)) {
    const { state, person } = present;
    const last = known.at(-1);
    if (last && last.to === from && last.state === state && last.person === person) last.to = to;
    else known.push({ from, to, state, person });
  }
  return known;
}

/** Every time in which anybody was present and nobody came or went. `present` is the same object all along. */
function* sweep(stays: readonly PersonStay[]): Generator<Pick<Occupancy, 'from' | 'to'> & { present: Present }> {
  const coming = [...stays].sort((a, b) => a.from - b.from);
  const going = stays.flatMap((stay) => (stay.to === null ? [] : { stay, to: stay.to })).sort((a, b) => a.to - b.to);
  const edges = [...new Set([...coming.map(({ from }) => from), ...going.map(({ to }) => to)])].sort((a, b) => a - b);
  const present = new Present();
  let [come, gone] = [0, 0];
  for (const [i, from] of edges.entries()) {
    for (let next = going[gone]; next && next.to <= from; next = going[++gone]) present.remove(next.stay);
    for (let stay = coming[come]; stay && stay.from <= from; stay = coming[++come]) present.add(stay);
    if (!present.isNobody) yield { from, to: edges[i + 1] ?? null, present };
  }
}

/** Who is in a bed, counted while they come and go. Who only claims to have been there is, where nobody else is. */
class Present {
  readonly #stays = new Map<RecordKey, number>();
  readonly #claims = new Map<RecordKey, number>();
  #sure = 0;

  add({ person, sure, claimed }: PersonStay): void {
    const stays = claimed ? this.#claims : this.#stays;
    stays.set(person, (stays.get(person) ?? 0) + 1);
    if (sure && !claimed) this.#sure += 1;
  }

  remove({ person, sure, claimed }: PersonStay): void {
    const stays = claimed ? this.#claims : this.#stays;
    const others = (stays.get(person) ?? 0) - 1;
    if (others > 0) stays.set(person, others);
    else stays.delete(person);
    if (sure && !claimed) this.#sure -= 1;
  }

  get isNobody(): boolean {
    return this.#there.size === 0;
  }

  get state(): Occupancy['state'] {
    if (this.#there.size > 1) return 'conflict';
    return this.#sure > 0 || this.#stays.size === 0 ? 'occupied' : 'unconfirmed';
  }

  /** The only one; undefined where there are several. */
  get person(): RecordKey | undefined {
    return this.#there.size === 1 ? this.#there.keys().next().value : undefined;
  }

  /** Everybody, in order. */
  persons(): RecordKey[] {
    return [...this.#there.keys()].sort();
  }

  get #there(): ReadonlyMap<RecordKey, number> {
    return this.#stays.size > 0 ? this.#stays : this.#claims;
  }
}

function isSameList(a: readonly RecordKey[], b: readonly RecordKey[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}
