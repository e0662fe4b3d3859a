import { ErasedPeople, type Tombstone } from '../store/erasing/tombstone.ts';
import type { Store } from '../store/store.ts';
import { givenBy } from './given.ts';
import { sameAs } from './held.ts';
import { movedFromHeld } from './moved-from-held.ts';
import { readPeople } from './people.ts';

/**
 * Whether an erasure that a list asks for would take what is under legal hold by way of another one: readings that were somebody's who is held, and that people gave to whom the
 * list names, or movements moved there. As `erase` asks; of people whom this store has erased already nothing is taken any more. Throws STORAGE-*.
 */
export async function takesFromHeld(
  store: Pick<Store, 'amend' | 'erasing' | 'evidence' | 'placing'>,
  tombstones: readonly Tombstone[],
): Promise<boolean> {
  const isErasedHere = await store.erasing.whoWasErased();
  for (const [tenant, own] of Map.groupBy(tombstones, (tombstone) => tombstone.tenant)) {
    const holds = await store.erasing.holds(tenant);
    // Nearly always, and what follows reads everything that movements said of who is who.
    if (holds.length === 0) continue;
    const erased = new ErasedPeople(tenant, own);
    // No tests: of a sandbox, where they count, nobody is in care.
    const people = await readPeople(store, tenant, false);
    const all = sameAs(people);
    const amendments = await store.amend.amendments(tenant);
    const known = new Set([...amendments.flatMap(({ to }) => to ?? []), ...people.ids()]);
    const named = [...known].filter((id) => !isErasedHere(tenant, id) && all(id).some((one) => erased.isPatient(one)));
    const isHeld = new Set(holds.flatMap(({ patient }) => all(patient)));
    if ([...givenBy(named, amendments, all)].some((one) => isHeld.has(one))) return true;
    if (await movedFromHeld(store, { tenant, people: named, holds })) return true;
  }
  return false;
}
