import { VitalmeshError } from '../../../shared/errors.ts';
import type { Principal } from '../../access/access.ts';
import type { CallContext, Door } from '../../access/door.ts';
import { type Group, isIn } from '../group.ts';
import type { Course } from './course.ts';

/** What the door is asked about a group. */
export type MembersDoor = Pick<Door, 'listPatients' | 'groupsOf' | 'placeNotKnown'>;

/** So many patients are looked at together; reads of one turn share a commit. */
const AT_ONCE = 64;

/**
 * What is read of everybody in a group whom the principal may see, each decided and recorded as any read; of a ward also who may lie there. Whoever is masked for it is absent, since who is
 * in a group is nothing that it may know. A group of which it may see nobody and one that does not exist look the same: NOT-FOUND; nobody is read of a ward in which all that may lie there
 * are not sure (`Door.placeNotKnown`). Else throws as `Door.listPatients` and `read` do, and whatever the signal was aborted with.
 */
export async function readMembers<Read extends { masked?: unknown }>(
  door: MembersDoor,
  principal: Principal,
  { group, context, course: { signal, progress } }: { group: Group; context: CallContext; course: Course },
  read: (patient: string, context: CallContext) => Promise<Read>,
): Promise<Read[]> {
  const all = await door.listPatients(principal, context);
  const listed = all.filter(({ patient, masked }) => masked === undefined && isIn(group, door.groupsOf(principal.tenant, patient)));
  const found: Read[] = [];
  for (let i = 0; i < listed.length; i += AT_ONCE) {
    signal.throwIfAborted();
    // The list was the call, however many it shows.
    const some = listed
      .slice(i, i + AT_ONCE)
      .map(async ({ patient }) => await read(patient, { ...context, followed: true }).catch(unlessGone));
    for (const one of await Promise.all(some)) if (one !== undefined && one.masked === undefined) found.push(one);
    await progress(Math.min(i + AT_ONCE, listed.length), listed.length);
  }
  if (found.length === 0 && notKnownIn(door, principal, group) === 0) throw new VitalmeshError('NOT-FOUND');
  return found;
}

/** How many may lie in the group and are not shown to the principal; none on a panel, which names whoever is on it. */
export function notKnownIn(door: Pick<Door, 'placeNotKnown'>, principal: Principal, group: Group): number {
  return 'ward' in group ? door.placeNotKnown(principal, group.ward) : 0;
}

/** Whoever went elsewhere meanwhile is seen no more. */
function unlessGone(thrown: unknown): undefined {
  if (!(thrown instanceof VitalmeshError && thrown.code === 'NOT-FOUND')) throw thrown;
  return undefined;
}
