import { VitalmeshError } from '../../../shared/errors.ts';
import type { Principal } from '../../access/access.ts';
import type { CallContext, Door } from '../../access/door.ts';
import type { Registry } from '../../registry/registry.ts';
import { type Group, isIn } from '../group.ts';
import { noticeIn } from '../over-the-door.ts';
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
  /** ISO 8601; when the last of the patients was looked at. */
  asOf: string;
  /** Of the site's file. */
  version: string;
  /** Patients of the group whom the reader may see, and those of them of whom nothing is expected. */
  patients: number;
  nothingExpected: number;
  /** Expected readings, by state. */
  counts: Readonly<Record<DueState, number>>;
  /** Patients of whom something is kept from the reader by what its token is for. */
  withheld: number;
  /** What is not done and has begun. */
  rows: readonly WorkRow[];
  /** Rows behind these. */
  omitted: number;
  notice: string;
}

export interface WorklistOptions {
  door: Pick<Door, 'listPatients'>;
  registry: Pick<Registry, 'patients' | 'isSandbox'>;
  due: Pick<DueReadings, 'of' | 'version'>;
}

/** So many patients are looked at together; reads of one turn share a commit. */
const AT_ONCE = 64;
/** Rows of one list. */
export const MOST_ROWS = 5000;

/**
 * What is open of everybody on a panel or in a ward, worst first, each patient decided by the door: those whom the reader may not see are absent, and so is whoever is masked for it, since
 * who is on a list is nothing that it may know. A group of which it may see nobody and one that does not exist look the same: NOT-FOUND. Else throws as `Door.listPatients` and
 * `Door.latest` do.
 */
export async function worklist(
  principal: Principal,
  group: Group,
  context: CallContext,
  { door, registry, due }: WorklistOptions,
): Promise<Worklist> {
  const shown = await door.listPatients(principal, context);
  const seen = new Set(shown.filter(({ masked }) => masked === undefined).map(({ patient }) => patient));
  const listed = registry
    .patients(principal.tenant)
    .filter((place) => isIn(group, place))
    .filter(({ patient }) => seen.has(patient));
  const views: DueView[] = [];
  for (let i = 0; i < listed.length; i += AT_ONCE) {
    // The list was the call, however many it shows.
    const some = listed
      .slice(i, i + AT_ONCE)
      .map(async ({ patient }) => await due.of(principal, patient, { ...context, followed: true }).catch(unlessGone));
    views.push(...(await Promise.all(some)).filter((view) => view !== undefined).filter(({ masked }) => masked === undefined));
  }
  const [last] = views.slice(-1);
  if (last === undefined) throw new VitalmeshError('NOT-FOUND');
  const notice = noticeIn(registry.isSandbox(principal.tenant), DUE_NOTICE);
  return listOf(views, { group, asOf: last.asOf, version: due.version, notice });
}

/** Whoever went elsewhere meanwhile is seen no more. */
function unlessGone(thrown: unknown): undefined {
  if (!(thrown instanceof VitalmeshError && thrown.code === 'NOT-FOUND')) throw thrown;
  return undefined;
}

/** Pure. */
export function listOf(views: readonly DueView[], of: Pick<Worklist, 'group' | 'asOf' | 'version' | 'notice'>): Worklist {
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
    counts,
    withheld: views.filter(({ withheld = [] }) => withheld.length > 0).length,
    rows: open.slice(0, MOST_ROWS).map(({ row }) => row),
    omitted: Math.max(0, open.length - MOST_ROWS),
  };
}
