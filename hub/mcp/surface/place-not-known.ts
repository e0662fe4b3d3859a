import { formatInstant } from '../../../shared/clock.ts';
import type { Group } from '../../clinical/group.ts';
import { notKnownIn } from '../../clinical/overview/members.ts';
import type { Call } from './contract.ts';

/** How the field is described of a list, and of a group. */
export const NOT_KNOWN_OF_LIST =
  'How many more may lie in a ward that this caller may see, while nobody knows for sure where they lie; who they are is not told. Ask at the bed.';
export const NOT_KNOWN_OF_GROUP =
  'How many more may lie in this ward, while nobody knows for sure where they lie; who they are is not told. Ask at the bed.';

/** Behind what is said first, with a space before; nothing where there is nobody. */
export function notKnownText(count: number | undefined, where: string): string {
  return count === undefined ? '' : ` ${count} MORE MAY LIE ${where}, place not known: ask at the bed.`;
}

/** As a field of an answer: absent where there is nobody. */
export function notKnownField(count: number): { placeNotKnown?: number } {
  return count === 0 ? {} : { placeNotKnown: count };
}

/** What stands above an answer about a group beside its rows: how many may lie there of whom there is no row, and, where there is no row at all, when that was and what holds of it. */
export function besideMembers(
  group: Group,
  { door, caller, clinical, clock }: Pick<Call, 'door' | 'caller' | 'clinical' | 'clock'>,
  isEmpty: boolean,
): { placeNotKnown?: number; ofNobody?: { asOf: string; notice: string } } {
  return {
    ...notKnownField(notKnownIn(door, caller, group)),
    ...(isEmpty && { ofNobody: { asOf: formatInstant(clock.now()), notice: clinical.listNotice(caller) } }),
  };
}
