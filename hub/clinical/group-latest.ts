import type { Principal } from '../access/access.ts';
import type { CallContext, Door, LatestView, VitalView } from '../access/door.ts';
import type { Group } from './group.ts';
import type { Course } from './overview/course.ts';
import { type MembersDoor, readMembers } from './overview/members.ts';

/** How good what is known of a patient is, worst first: of several the first that holds. None of them says how the patient is. */
export const DATA_QUALITIES = [
  'place-unknown',
  'no-data',
  'none-current',
  'lost',
  'silent',
  'some-stale',
  'doubtful',
  'flagged',
  'current',
] as const;
export type DataQuality = (typeof DATA_QUALITIES)[number];

/** What is current of one of a group: only the rows that answer for what they measure. */
export interface GroupRow {
  quality: DataQuality;
  latest: LatestView;
}

/** What is current of everybody in a group, worst data first. Throws as `readMembers` and `Door.latest` do. */
export async function groupLatest(
  door: MembersDoor & Pick<Door, 'latest'>,
  principal: Principal,
  group: Group,
  context: CallContext,
  course: Course,
): Promise<GroupRow[]> {
  return worstFirst(
    await readMembers(door, principal, { group, context, course }, (patient, each) => door.latest(principal, patient, each)),
  );
}

/** By quality, then by how many rows are not current, then by id. Pure. */
function worstFirst(views: readonly LatestView[]): GroupRow[] {
  return views
    .map((latest) => ({ latest: { ...latest, vitals: latest.vitals.filter(({ preferred }) => preferred) } }))
    .map(({ latest }) => ({ latest, quality: qualityOf(latest), missing: latest.vitals.filter((row) => !hasValue(row)).length }))
    .sort(
      (a, b) =>
        DATA_QUALITIES.indexOf(a.quality) - DATA_QUALITIES.indexOf(b.quality) ||
        b.missing - a.missing ||
        (a.latest.patient < b.latest.patient ? -1 : 1),
    )
    .map(({ quality, latest }) => ({ quality, latest }));
}

/** How many there are of which quality, worst first; those of which there is nobody are left out. Pure. */
export function countsOf(rows: readonly Pick<GroupRow, 'quality'>[]): Partial<Record<DataQuality, number>> {
  const counts: Partial<Record<DataQuality, number>> = {};
  for (const quality of DATA_QUALITIES) {
    const many = rows.filter((row) => row.quality === quality).length;
    if (many > 0) counts[quality] = many;
  }
  return counts;
}

/** Pure; of the rows that answer for what they measure. */
export function qualityOf({ vitals, sources, unplaced }: Pick<LatestView, 'vitals' | 'sources' | 'unplaced'>): DataQuality {
  const stands = (state: string): boolean => sources.some((source) => source.state === state);
  if (unplaced) return 'place-unknown';
  if (vitals.length === 0) return 'no-data';
  if (!vitals.some(hasValue)) return 'none-current';
  if (stands('lost')) return 'lost';
  if (stands('silent')) return 'silent';
  if (!vitals.every(hasValue)) return 'some-stale';
  if (vitals.some(({ doubtful }) => doubtful)) return 'doubtful';
  return vitals.some(({ flags }) => flags.length > 0) ? 'flagged' : 'current';
}

/** Whether it has a current number. */
function hasValue({ stale, value, components }: VitalView): boolean {
  return !stale && (value !== null || components.some((part) => part.value !== null));
}
