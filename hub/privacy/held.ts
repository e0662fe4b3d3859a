import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';
import { givenBy, type Measured } from './given.ts';
import { movedFromHeld } from './moved-from-held.ts';
import { type People, readPeople } from './people.ts';
import { listedForOthers } from './read-numbers.ts';
import { whoseNumbers } from './whose-numbers.ts';

interface Parts {
  store: Pick<Store, 'amend' | 'erasing' | 'evidence' | 'placing'>;
  registry: Pick<Registry, 'gateways' | 'isSandbox'>;
}

/**
 * Those of these patients of whom something is under legal hold: by any number that is theirs, and of what is theirs now also by whoever had it before, as movements or
 * people gave it to them. `given`: measured when; left out where only whom they are is asked about. Throws STORAGE-*.
 */
export async function heldAmong(
  { store, registry }: Parts,
  { tenant, patients, given }: { tenant: string; patients: readonly string[]; given?: Measured },
): Promise<string[]> {
  const holds = await store.erasing.holds(tenant);
  // Nearly always, and what follows reads everything that movements said of who is who.
  if (holds.length === 0) return [];
  const isHeld = new Set(holds.map(({ patient }) => patient));
  const people = await readPeople(store, tenant, registry.isSandbox(tenant));
  const amendments = given === undefined ? [] : await store.amend.amendments(tenant);
  const found: string[] = [];
  for (const patient of new Set(patients)) {
    const { sure } = whoseNumbers(
      await store.erasing.namesOf(tenant, patient),
      new Set(listedForOthers(registry, tenant, patient)),
      people.tied,
      people.namesOf(patient),
    );
    const { kin, former } = people.around(patient, sure);
    const own = [patient, ...kin];
    const all = given === undefined ? own : [...own, ...former, ...givenBy(own, amendments, sameAs(people), given)];
    const isTheirs = all.some((one) => isHeld.has(one));
    if (isTheirs || (given !== undefined && (await movedFromHeld(store, { tenant, people: own, holds })))) found.push(patient);
  }
  return found;
}

/** Public ids of everybody whose readings people gave to these. Throws STORAGE-*. */
export async function whoGave(
  { store, registry }: { store: Pick<Store, 'amend' | 'erasing' | 'placing'>; registry: Pick<Registry, 'isSandbox'> },
  { tenant, people }: { tenant: string; people: Iterable<string> },
): Promise<string[]> {
  const amendments = await store.amend.amendments(tenant);
  if (amendments.length === 0) return [];
  return [...givenBy(people, amendments, sameAs(await readPeople(store, tenant, registry.isSandbox(tenant))))];
}

/** All public ids of whoever has one, by what movements say. */
export function sameAs(people: People): (patient: string) => readonly string[] {
  return (patient) => [patient, ...people.around(patient, people.namesOf(patient)).kin];
}
