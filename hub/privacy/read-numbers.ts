import { readSaid } from '../patients/said.ts';
import type { Identification } from '../patients/stays/statement.ts';
import type { Registry } from '../registry/registry.ts';
import type { ErasingStore } from '../store/erasing/erasing.ts';
import type { StoredEvent } from '../store/store.ts';
import { tiedNumbers, type WhoseNumbers, whoseNumbers } from './whose-numbers.ts';

/**
 * Decides by which identifiers a person's movements are found: from what is stored of them and of everybody else of the tenant, and from what movements say of who is who.
 * `also`: numbers that are theirs by whoever asks. Throws STORAGE-*.
 */
export async function readNumbers(
  { store, registry }: { store: ErasingStore; registry: Registry },
  { tenant, patient, also }: { tenant: string; patient: string; also: readonly string[] },
): Promise<WhoseNumbers> {
  const own = await store.namesOf(tenant, patient);
  const tied = tiedNumbers(await identifications(store.movements(tenant)));
  const all = new Set([...own.keys(), ...also].flatMap((name) => tied.allOf(name)));
  if (all.size === 0) return { sure: all, ambiguous: [] };
  const ofOthers = new Set([...(await store.namesOfOthers(tenant, patient, all)), ...listedForOthers(registry, tenant, patient)]);
  return whoseNumbers(own, ofOthers, tied, also);
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
