import { readSaid } from '../patients/said.ts';
import type { Identification } from '../patients/stays/statement.ts';
import type { ErasingStore } from '../store/erasing/erasing.ts';
import type { PlacingStore } from '../store/placing/placing.ts';
import type { StoredEvent } from '../store/store.ts';
import { nameOf, type TiedNumbers, tiedNumbers } from './whose-numbers.ts';

/** Everybody of a tenant whom a movement or a reading ever named, and who is who among them. */
export class People {
  readonly tied: TiedNumbers;
  /** By public id. */
  readonly #names: ReadonlyMap<string, string>;

  /** Use `readPeople`. */
  constructor(tied: TiedNumbers, names: ReadonlyMap<string, string>) {
    this.tied = tied;
    this.#names = names;
  }

  /** Public ids of everybody who was named by a number. */
  ids(): Iterable<string> {
    return this.#names.keys();
  }

  /** The number (`system|value`) for which a public id was made; none for one that the registry gave. */
  namesOf(patient: string): string[] {
    const name = this.#names.get(patient);
    return name === undefined ? [] : [name];
  }

  /** Public ids of whoever has one of these numbers (`kin`), and of those whose visits or accounts were given to them (`former`); both without the person's own. */
  around(patient: string, names: Iterable<string>): { kin: string[]; former: string[] } {
    const theirs = new Set([...names].flatMap((name) => this.tied.allOf(name)));
    const before = new Set([...theirs].flatMap((name) => this.tied.givenBy(name)));
    const [kin, former]: [string[], string[]] = [[], []];
    for (const [id, name] of this.#names) {
      if (id === patient) continue;
      if (theirs.has(name)) kin.push(id);
      else if (before.has(name)) former.push(id);
    }
    return { kin, former };
  }
}

/** Reads everything that was ever said of who is who; by tests, too, in a sandbox. Throws STORAGE-*. */
export async function readPeople(
  { erasing, placing }: { erasing: Pick<ErasingStore, 'movements'>; placing: Pick<PlacingStore, 'persons'> },
  tenant: string,
  isSandbox: boolean,
): Promise<People> {
  const tied = tiedNumbers(await identifications(erasing.movements(tenant), isSandbox));
  const names = new Map<string, string>();
  for await (const person of placing.persons()) if (person.tenant === tenant) names.set(person.patient, nameOf(person));
  return new People(tied, names);
}

/** What movements say of who is who. */
async function identifications(movements: AsyncIterable<StoredEvent>, isSandbox: boolean): Promise<Identification[]> {
  const found: Identification[] = [];
  for await (const event of movements) found.push(...(readSaid(event, isSandbox)?.identifications ?? []));
  return found;
}
