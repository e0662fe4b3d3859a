import type { PatientSummary } from '../../access/door.ts';

/** What of where somebody is no row of the list says. */
export interface ListedPlace {
  /** Panels that the patient is on; of whoever is masked none, for who is on a list is nothing that the reader may know. */
  panels: readonly string[];
  /** They lie in no bed for sure. */
  unplaced?: true;
  /** Where they may lie then. */
  possible?: readonly { bed: string; ward?: string }[];
  /** They lay in a bed, and lie in none any more. */
  discharged?: true;
}

/** A patient of the list, with what else is known of where they are. */
export interface ListedPatient extends PatientSummary, ListedPlace {}

/** What somebody is looked for by; all of it must hold. */
export interface Search {
  /** The id, or its beginning. */
  id?: string | undefined;
  /** The bed, or its beginning. */
  bed?: string | undefined;
  /** The whole name. */
  ward?: string | undefined;
  panel?: string | undefined;
}

/**
 * `all`: nobody was looked for. `exact`: one patient has exactly this id or lies in exactly this bed. `candidates`: one or more whom it may mean. `group`: everybody of a ward or panel.
 * `none`: nobody whom the reader may see.
 */
export const MATCHES = ['all', 'exact', 'candidates', 'group', 'none'] as const;
export type Match = (typeof MATCHES)[number];

/**
 * Whom a search means. What is said exactly means whoever it fits exactly; what is only the beginning of an id or a bed is never taken for an answer, even if it fits one alone. Without
 * regard to case. Pure.
 */
export function findPatients<Row extends ListedPatient>(rows: readonly Row[], search: Search): { match: Match; rows: readonly Row[] } {
  const { id, bed, ward, panel } = search;
  const inGroups = rows.filter(
    (row) =>
      (ward === undefined || wardsOf(row).some((name) => isSame(name, ward))) &&
      (panel === undefined || row.panels.some((name) => isSame(name, panel))),
  );
  if (id === undefined && bed === undefined) {
    if (inGroups.length === 0 && (ward !== undefined || panel !== undefined)) return { match: 'none', rows: [] };
    return { match: ward === undefined && panel === undefined ? 'all' : 'group', rows: inGroups };
  }
  const begun = inGroups.filter(
    (row) => (id === undefined || begins(row.patient, id)) && (bed === undefined || bedsOf(row).some((name) => begins(name, bed))),
  );
  const exact = begun.filter((row) => (id === undefined || isSame(row.patient, id)) && (bed === undefined || isSame(row.bed, bed)));
  if (exact.length === 1) return { match: 'exact', rows: exact };
  const candidates = exact.length > 0 ? exact : begun;
  return { match: candidates.length > 0 ? 'candidates' : 'none', rows: candidates };
}

/** The ward, or each in which they may lie. */
function wardsOf({ ward, possible = [] }: ListedPatient): (string | undefined)[] {
  return [ward, ...possible.map((one) => one.ward)];
}

/** The bed, or each in which they may lie: of those none is exact. */
function bedsOf({ bed, possible = [] }: ListedPatient): (string | null)[] {
  return [bed, ...possible.map((one) => one.bed)];
}

function isSame(known: string | null | undefined, said: string): boolean {
  return known?.toLowerCase() === said.toLowerCase();
}

function begins(known: string | null, said: string): boolean {
  return known?.toLowerCase().startsWith(said.toLowerCase()) ?? false;
}
