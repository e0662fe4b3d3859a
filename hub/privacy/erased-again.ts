import type { Registry } from '../registry/registry.ts';
import type { IsErased } from '../store/erasing/tombstone.ts';
import { bindingOf } from './bound.ts';

/** Where registry.yaml names people who were erased: nothing of them is taken. Says the rows, and not the people. */
export function rowsOfErased(registry: Registry, isErased: IsErased): string[] {
  const rows = registry.tenants().flatMap((tenant) => {
    const listed = registry.patients(tenant).filter(({ patient }) => isErased(tenant, patient));
    return listed.map(({ patient }) => bindingOf(registry, tenant, patient) ?? 'a bed that follows movements');
  });
  return [...new Set(rows)].sort();
}
