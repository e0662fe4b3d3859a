import type { PatientPlace } from '../registry/registry.ts';

/** A ward, or a panel. */
export type Group = { panel: string } | { ward: string };

/** Of where somebody is, by what they belong to groups. */
export type GroupsOf = Pick<PatientPlace, 'ward' | 'panels'> & { possible?: readonly { ward?: string }[] };

/** Whether whoever is there belongs to a group; to a ward also who may lie in one of its beds, for whoever may see them. */
export function isIn(group: Group, { ward, panels = [], possible = [] }: GroupsOf): boolean {
  if ('panel' in group) return panels.includes(group.panel);
  return ward === group.ward || possible.some((bed) => bed.ward === group.ward);
}
