import { readSaid } from '../patients/said.ts';
import type { Identification } from '../patients/stays/statement.ts';
import type { Registry } from '../registry/registry.ts';
import type { ErasingStore } from '../store/erasing/erasing.ts';
import type { PlacingStore } from '../store/placing/placing.ts';
import type { StoredEvent } from '../store/store.ts';
import { nameOf, tiedNumbers, type WhoseNumbers, whoseNumbers } from './whose-numbers.ts';

/** `WhoseNumbers`, and whom else an erasure under them touches: public ids, without the person's own. */
export interface NumbersAndKin extends WhoseNumbers {
  /** Those of the person's other numbers. */
  kin: readonly string[];
  /** Those of whoever had before what is the person's now. */
  former: readonly string[];
}

/**
 * Decides by which identifiers a person's movements are found: from what is stored of them and of everybody else of the tenant, and from what movements say of who is who.
 * `also`: numbers that are theirs by whoever asks. Throws STORAGE-*.
 */
export async function readNumbers(
  { store, placing, registry }: { store: ErasingStore; placing: Pick<PlacingStore, 'persons'>; registry: Registry },
  { tenant, patient, also }: { tenant: string; patient: string; also: readonly string[] },
): Promise<NumbersAndKin> {
  const own = await store.namesOf(tenant, patient);
  const tied = tiedNumbers(await identifications(store.movements(tenant)));
  const named = [...also, ...(await numbersOf(placing, tenant, patient))];
  const all = new Set([...own.keys(), ...named].flatMap((name) => tied.allOf(name)));
  if (all.size === 0) return { sure: all, ambiguous: [], kin: [], former: [] };
  const ofOthers = new Set([...(await store.namesOfOthers(tenant, patient, all)), ...listedForOthers(registry, tenant, patient)]);
  const whose = whoseNumbers(own, ofOthers, tied, named);
  const theirs = new Set([...whose.sure, ...named].flatMap((name) => tied.allOf(name)));
  const before = new Set([...theirs].flatMap((name) => tied.givenBy(name)));
  const [kin, former]: [string[], string[]] = [[], []];
  for await (const person of placing.persons()) {
    if (person.tenant !== tenant || person.patient === patient) continue;
    if (theirs.has(nameOf(person))) kin.push(person.patient);
    else if (before.has(nameOf(person))) former.push(person.patient);
  }
  return { ...whose, kin, former };
}

/** Of whom movements told first the id was made for: the number by which they did. */
async function numbersOf(placing: Pick<PlacingStore, 'persons'>, tenant: string, patient: string): Promise<string[]> {
  const found: string[] = [];
  for await (const person of placing.persons()) if (person.tenant === tenant && person.patient === patient) found.push(nameOf(person));
  return found;
}

/** What movements say of who is who; what is marked as a test says nothing. */
async function identifications(movements: AsyncIterable<StoredEvent>): Promise<Identification[]> {
  const found: Identification[] = [];
  for await (const event of movements) if (!event.test) found.push(...(readSaid(event)?.identifications ?? []));
  return found;
}

/** Identifiers that the registry lists for somebody else. */
function listedForOthers(registry: Registry, tenant: string, patient: string): string[] {
  return registry
    .gateways()
    .filter((gateway) => gateway.tenant === tenant)
    .flatMap(({ subjects = {} }) => Object.keys(subjects).filter((name) => subjects[name] !== patient))
    .map((name) => (name.includes('|') ? name : `|${name}`));
}
