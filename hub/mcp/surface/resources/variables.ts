import { VitalmeshError } from '../../../../shared/errors.ts';
import { PANELS, panel, VITALS, vital } from '../../../../shared/vitals.ts';
import { inScope } from '../../../access/decide.ts';
import type { PatientSummary } from '../../../access/door.ts';
import type { Group } from '../../../clinical/group.ts';
import type { Call } from '../contract.ts';

/** Most that are offered of anything. */
export const MAX_COMPLETIONS = 100;

/** A key of the parameter table or of a panel. Throws MCP-URI. */
export function knownVital(key: string): string {
  if (!vital(key) && !panel(key)) throw new VitalmeshError('MCP-URI', { detail: 'the parameter table has no such vital sign' });
  return key;
}

/** Ids of patients whom the caller may see that begin as typed. */
export async function patientsLike(typed: string, { door, caller, context }: Call): Promise<readonly string[]> {
  const all = await door.listPatients(caller, context);
  return like(
    typed,
    all.map(({ patient }) => patient),
  );
}

/** Keys of vital signs that there are of anybody whom the caller may see; where nobody has any, of all that the caller's token covers. */
export async function vitalsLike(typed: string, { door, caller, context }: Call): Promise<readonly string[]> {
  const all = await door.listPatients(caller, context);
  const found = all.flatMap(({ vitals }) => vitals);
  const keys = found.length > 0 ? found : [...VITALS, ...PANELS].map(({ key }) => key);
  return like(
    typed,
    keys.filter((key) => inScope(caller, 'vitals.read', key)),
  );
}

/** Wards of the patients whom the caller may see. */
export async function wardsLike(typed: string, call: Call): Promise<readonly string[]> {
  return like(
    typed,
    (await groupsSeen(call)).flatMap((group) => ('ward' in group ? [group.ward] : [])),
  );
}

/** Panels of the patients whom the caller may see. */
export async function panelsLike(typed: string, call: Call): Promise<readonly string[]> {
  return like(
    typed,
    (await groupsSeen(call)).flatMap((group) => ('panel' in group ? [group.panel] : [])),
  );
}

/** The groups of those whom the caller may see, which is nobody for whoever is masked. In order of name. */
async function groupsSeen({ door, caller, context }: Call): Promise<Group[]> {
  return groupsAmong(await door.listPatients(caller, context), { door, caller });
}

/** The groups of those of the list who are not masked, and the caller's wards in which somebody may lie of whom it is shown no more than that; each once. */
export function groupsAmong(listed: readonly PatientSummary[], { door, caller }: Pick<Call, 'door' | 'caller'>): Group[] {
  const wards = new Set((caller.wards ?? []).filter((ward) => door.placeNotKnown(caller, ward) > 0));
  const panels = new Set<string>();
  for (const { patient, masked } of listed) {
    if (masked !== undefined) continue;
    const { ward, panels: on = [], possible = [] } = door.groupsOf(caller.tenant, patient);
    for (const name of [ward, ...possible.map((bed) => bed.ward)]) if (name !== undefined) wards.add(name);
    for (const name of on) panels.add(name);
  }
  return [...[...wards].sort().map((ward) => ({ ward })), ...[...panels].sort().map((panel) => ({ panel }))];
}

function like(typed: string, names: readonly string[]): string[] {
  return [...new Set(names)]
    .filter((name) => name.startsWith(typed))
    .sort()
    .slice(0, MAX_COMPLETIONS);
}
