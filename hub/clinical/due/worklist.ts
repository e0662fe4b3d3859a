import { type Clock, formatInstant } from '../../../shared/clock.ts';
import type { Principal } from '../../access/access.ts';
import type { CallContext } from '../../access/door.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Group } from '../group.ts';
import { noticeIn } from '../over-the-door.ts';
import { type Course, UNHURRIED } from '../overview/course.ts';
import { type MembersDoor, notKnownIn, readMembers } from '../overview/members.ts';
import { DUE_NOTICE, type DueReadings, type DueRow, type DueView, orderOf } from './due.ts';
import { DUE_STATES, type DueState, worseFirst } from './state.ts';

export interface WorkRow extends DueRow {
  patient: string;
  bed: string | null;
  unplaced?: true;
}

/** What is open of a group, worst first. */
export interface Worklist {
  group: Group;
  /** How many more may lie in the ward, who they are is not told; there where anybody may. */
  placeNotKnown?: number;
  /** ISO 8601; when the last of the patients was looked at. */
  asOf: string;
  /** IANA; of that patient, in which `asOf` is. */
  zone?: string;
  /** Of the site's file. */
  version: string;
  /** Patients of the group whom the reader may see, and those of them of whom nothing is expected. */
  patients: number;
  nothingExpected: number;
  /** Those patients by id, whatever is open of them. */
  members: readonly string[];
  /** Expected readings, by state. */
  counts: Readonly<Record<DueState, number>>;
  /** Patients of whom something is kept from the reader by what its token is for. */
  withheld: number;
  /** All that is not done and has begun. */
  rows: readonly WorkRow[];
  notice: string;
}

/** As much of it as one answer to an operator has. */
export interface WorklistShown extends Omit<Worklist, 'members'> {
  /** Rows behind these. */
  omitted: number;
}

export interface WorklistOptions {
  door: MembersDoor;
  registry: Pick<Registry, 'isSandbox'>;
  due: Pick<DueReadings, 'of' | 'version'>;
  clock: Pick<Clock, 'now'>;
  course?: Course;
}

/** Rows of one answer. */
const MOST_ROWS = 5000;

/**
 * What is open of everybody on a panel or in a ward, worst first, each patient decided by the door: those whom the reader may not see are absent, and so is whoever is masked for it, since
 * who is on a list is nothing that it may know. Throws as `readMembers` and `Door.latest` do.
 */
export async function worklist(
  principal: Principal,
  group: Group,
  context: CallContext,
  { door, registry, due, clock, course = UNHURRIED }: WorklistOptions,
): Promise<Worklist> {
  const views = await readMembers(door, principal, { group, context, course }, (patient, each) => due.of(principal, patient, each));
  const notice = noticeIn(registry.isSandbox(principal.tenant), DUE_NOTICE);
  const { asOf = formatInstant(clock.now()), zone } = views.at(-1) ?? {};
  const placeNotKnown = notKnownIn(door, principal, group);
  return listOf(views, {
    group,
    ...(placeNotKnown > 0 && { placeNotKnown }),
    ...{ asOf, ...(zone !== undefined && { zone }), version: due.version, notice },
  });
}

/** Pure. */
export function listOf(
  views: readonly DueView[],
  of: Pick<Worklist, 'group' | 'placeNotKnown' | 'asOf' | 'zone' | 'version' | 'notice'>,
): Worklist {
  const counts: Record<DueState, number> = Object.fromEntries(DUE_STATES.map((state) => [state, 0])) as Record<DueState, number>;
  const open: { row: WorkRow; patient: string; vital: string; state: DueState; sinceAt: number | null; fromAt: number }[] = [];
  for (const { patient, bed, unplaced, expected } of views) {
    for (const row of expected) {
      counts[row.state] += 1;
      if (row.state === 'done' || row.state === 'not-yet-due') continue;
      const { vital, state } = row;
      open.push({ ...orderOf(patient, row), vital, state, row: { patient, bed, ...(unplaced && { unplaced }), ...row } });
    }
  }
  open.sort(worseFirst);
  return {
    ...of,
    patients: views.length,
    nothingExpected: views.filter(({ expected }) => expected.length === 0).length,
    members: views.map(({ patient }) => patient),
    counts,
    withheld: views.filter(({ withheld = [] }) => withheld.length > 0).length,
    rows: open.map(({ row }) => row),
  };
}

/** The worst of it. Pure. */
export function shownOf({ members: _, ...list }: Worklist): WorklistShown {
  return { ...list, rows: list.rows.slice(0, MOST_ROWS), omitted: Math.max(0, list.rows.length - MOST_ROWS) };
}
