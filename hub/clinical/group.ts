import type { PatientPlace } from '../registry/registry.ts';

/** A ward, or a panel. */
export type Group = { panel: string } | { ward: string };

/** Whether whoever is there belongs to a group. */
export function isIn(group: Group, { ward, panels = [] }: Pick<PatientPlace, 'ward' | 'panels'>): boolean {
  return 'panel' in group ? panels.includes(group.panel) : ward === group.ward;
}
