import type { Registry } from '../registry/registry.ts';
import { ErasedPeople, type Tombstone } from '../store/erasing/tombstone.ts';
import { bindingOf } from './bound.ts';

/** Where registry.yaml names people who were erased: nothing of them is taken. Says the rows, and not the people. */
export function rowsOfErased(registry: Registry, tombstones: readonly Tombstone[]): string[] {
  const rows = [...Map.groupBy(tombstones, ({ tenant }) => tenant)].flatMap(([tenant, own]) => {
    const erased = new ErasedPeople(tenant, own);
    const listed = registry.patients(tenant).filter(({ patient }) => erased.isPatient(patient));
    return listed.map(({ patient }) => bindingOf(registry, tenant, patient) ?? 'a bed that follows movements');
  });
  return [...new Set(rows)].sort();
}
