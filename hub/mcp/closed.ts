import type { Ended } from '../access/door.ts';
import { followed } from './follow.ts';

/** The end of a resource subscribed to, and how many notifications of it were sent. */
export interface Closed {
  uri: string;
  delivered: number;
}

/** As it was opened: with one entry a patient, a group and a device, and one of the list alone where it was all there was. Pure. */
export function endedOf(closed: readonly Closed[]): Ended[] {
  const ends = new Map<string, Ended>();
  for (const { uri, delivered } of closed) {
    const follow = followed(uri);
    if (follow.of === 'list') continue;
    const end = endOf(follow);
    const key = JSON.stringify([end.patient, end.group, end.device]);
    ends.set(key, { ...end, delivered: (ends.get(key)?.delivered ?? 0) + delivered });
  }
  return ends.size > 0 ? [...ends.values()] : [{ patient: null, delivered: closed.reduce((sum, { delivered }) => sum + delivered, 0) }];
}

function endOf(follow: Exclude<ReturnType<typeof followed>, { of: 'list' }>): Ended {
  if (follow.of === 'patient') return { patient: follow.patient, delivered: 0 };
  return { patient: null, delivered: 0, ...(follow.of === 'group' ? { group: follow.group } : { device: follow.device }) };
}
