import type { Registry } from '../registry/registry.ts';
import type { ErasingStore } from '../store/erasing/erasing.ts';
import type { PlacingStore } from '../store/placing/placing.ts';
import { readPeople } from './people.ts';
import { type WhoseNumbers, whoseNumbers } from './whose-numbers.ts';

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
  {
    store,
    placing,
    registry,
  }: { store: ErasingStore; placing: Pick<PlacingStore, 'persons'>; registry: Pick<Registry, 'gateways' | 'isSandbox'> },
  { tenant, patient, also }: { tenant: string; patient: string; also: readonly string[] },
): Promise<NumbersAndKin> {
  const own = await store.namesOf(tenant, patient);
  const people = await readPeople({ erasing: store, placing }, tenant, registry.isSandbox(tenant));
  const { tied } = people;
  const named = [...also, ...people.namesOf(patient)];
  const all = new Set([...own.keys(), ...named].flatMap((name) => tied.allOf(name)));
  if (all.size === 0) return { sure: all, ambiguous: [], kin: [], former: [] };
  const ofOthers = new Set([...(await store.namesOfOthers(tenant, patient, all)), ...listedForOthers(registry, tenant, patient)]);
  const whose = whoseNumbers(own, ofOthers, tied, named);
  return { ...whose, ...people.around(patient, [...whose.sure, ...named]) };
}

/** Identifiers that the registry lists for somebody else. */
export function listedForOthers(registry: Pick<Registry, 'gateways'>, tenant: string, patient: string): string[] {
  return registry
    .gateways()
    .filter((gateway) => gateway.tenant === tenant)
    .flatMap(({ subjects = {} }) => Object.keys(subjects).filter((name) => subjects[name] !== patient))
    .map((name) => (name.includes('|') ? name : `|${name}`));
}
