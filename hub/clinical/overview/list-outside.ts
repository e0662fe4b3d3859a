import type { Principal } from '../../access/access.ts';
import type { CallContext, Door, LatestView } from '../../access/door.ts';
import type { Group } from '../group.ts';
import type { Course } from './course.ts';
import { type MembersDoor, readMembers } from './members.ts';
import { type Evaluation, evaluate, type LimitsOf } from './outside.ts';

/** One patient's values against limits. */
export interface EvaluatedPatient extends Evaluation {
  patient: string;
  latest: LatestView;
  /** Of the site's file of limits, where it is by that and not masked. */
  version: string | null;
}

export interface OutsideAsked {
  of: LimitsOf;
  whom: Group | { patient: string };
  isSandbox: boolean;
}

/** Those with most outside first, then with most that cannot be told, then by id. Throws as `readMembers`, `Door.latest` and `Door.alerts` do. */
export async function listOutside(
  door: MembersDoor & Pick<Door, 'latest' | 'alerts'>,
  principal: Principal,
  { of, whom, isSandbox }: OutsideAsked,
  context: CallContext,
  course: Course,
): Promise<EvaluatedPatient[]> {
  const read = async (name: string, each: CallContext): Promise<EvaluatedPatient & { masked?: unknown }> => {
    const latest = await door.latest(principal, name, each);
    const { limits } = await door.alerts(principal, name, { ...each, followed: true });
    const version = of === 'site' ? limits.siteVersion : null;
    return {
      patient: latest.patient,
      latest,
      version,
      ...evaluate(latest, limits, { of, isSandbox }),
      ...(latest.masked && { masked: latest.masked }),
    };
  };
  if ('patient' in whom) return [await read(whom.patient, context)];
  const all = await readMembers(door, principal, { group: whom, context, course }, read);
  return all.sort(
    (a, b) => outsideOf(b) - outsideOf(a) || b.notEvaluable.length - a.notEvaluable.length || (a.patient < b.patient ? -1 : 1),
  );
}

function outsideOf({ evaluated }: Evaluation): number {
  return evaluated.filter(({ isOutside }) => isOutside).length;
}
