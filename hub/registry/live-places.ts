import type { Presence } from '../patients/presence.ts';
import type { ListedRegistry } from './load-registry.ts';
import type { AlsoKnownAs, ClientEntry, PatientPlace } from './registry.ts';

/** Nobody is anywhere by what movements say. */
export const NO_PRESENCE: Presence = {
  patients: () => [],
  patient: () => undefined,
  isPatient: () => false,
  inBed: () => undefined,
  onChange: () => ({ [Symbol.dispose]: () => undefined }),
};

/**
 * Where everybody is: whom registry.yaml binds or lists, and whom movements put into the beds that follow them. A patient whom a row binds stays that patient whatever is merged,
 * because what its gateway measures stands under the id that the row has; the bed that movements tell of counts more than a row's, as it is the one of now. All else that movements tell of
 * somebody (since when they are here, that they left, or may lie in one of several beds, or have another number) is said with a row as without.
 */
export class LivePlaces {
  readonly #listed: ListedRegistry;
  readonly #presence: Presence;
  /** What was made of both, until something else is known. */
  #ordered = new Map<string, readonly PatientPlace[]>();
  #mergedInto = new Map<string, ReadonlyMap<string, readonly string[]>>();
  #rows = new WeakMap<ClientEntry, ClientEntry>();

  constructor(listed: ListedRegistry, presence: Presence) {
    this.#listed = listed;
    this.#presence = presence;
  }

  /** To be called when movements changed anything. */
  forget(): void {
    this.#ordered = new Map();
    this.#mergedInto = new Map();
    this.#rows = new WeakMap();
  }

  /** In order of id, without those who are nowhere. */
  patients(tenant: string): readonly PatientPlace[] {
    const known = this.#ordered.get(tenant);
    if (known) return known;
    const ids = [...this.#listed.patients(tenant), ...this.#presence.patients(tenant)].map(({ patient }) => patient);
    const unserved = [...this.#listed.onPanels(tenant)].filter((id) => this.patient(tenant, id)?.withoutGateway);
    const ordered = [...new Set([...ids, ...unserved])].sort().flatMap((id) => this.patient(tenant, id) ?? []);
    this.#ordered.set(tenant, ordered);
    return ordered;
  }

  patient(tenant: string, id: string): PatientPlace | undefined {
    const listed = this.#listed.patient(tenant, id);
    const present = this.#presence.patient(tenant, id);
    if (!present) return listed ?? this.#unserved(tenant, id);
    if (listed) return present.patient === id ? this.#bound(tenant, listed, present) : this.#merged(tenant, listed, present);
    if (present.patient === id) return this.#present(tenant, present);
    const survivor = this.#listed.patient(tenant, present.patient) ? this.patient(tenant, present.patient) : this.#present(tenant, present);
    return survivor && { ...survivor, mergedFrom: id };
  }

  /** Whoever is on a list of the hospital's is not gone with their gateway: that nothing of them can come must be seen. */
  #unserved(tenant: string, id: string): PatientPlace | undefined {
    if (!this.#listed.onPanels(tenant).has(id)) return undefined;
    return { ...this.#placed(tenant, { patient: id, bed: null }), withoutGateway: true };
  }

  isPatient(id: string): boolean {
    return this.#listed.isPatient(id) || this.#presence.isPatient(id);
  }

  inBed(tenant: string, bed: string): string | null | undefined {
    const listed = this.#listed.inBed(tenant, bed);
    return this.#listed.isFollowed(tenant, bed) ? (this.#presence.inBed(tenant, bed) ?? null) : listed;
  }

  /** A client's row that names, beside those that it lists, whom they were merged into, or are by another id. */
  withSurvivors(row: ClientEntry): ClientEntry {
    if (row.patients === 'all') return row;
    const known = this.#rows.get(row);
    if (known) return known;
    const survivors = row.patients.flatMap((id) => {
      const place = this.patient(row.tenant, id);
      if (place?.mergedFrom !== undefined) return [place.patient];
      return place?.alsoKnownAs === undefined ? [] : [place.alsoKnownAs.patient];
    });
    const named = survivors.length === 0 ? row : { ...row, patients: [...new Set([...row.patients, ...survivors])] };
    this.#rows.set(row, named);
    return named;
  }

  /** Of whom movements alone tell. */
  #present(tenant: string, place: PatientPlace): PatientPlace {
    const { bed, admitted, discharged, leftBed } = place;
    const isGone = discharged !== undefined || leftBed !== undefined;
    return {
      ...this.#placed(tenant, place),
      ...(admitted !== undefined && { admitted }),
      ...(discharged !== undefined && { discharged }),
      ...(leftBed !== undefined && { leftBed, elsewhere: true }),
      ...(bed === null && !isGone && { unplaced: true, possible: this.#possible(tenant, place) }),
    };
  }

  /** Of whom a row binds, too: they are a patient wherever they lie, so whoever was discharged only left a bed, and whom no bed is said to have is where the row has them. */
  #bound(tenant: string, listed: PatientPlace, place: PatientPlace): PatientPlace {
    const { patient, bed, admitted, discharged, leftBed = discharged } = place;
    const possible = bed === null && leftBed === undefined ? this.#possible(tenant, place) : [];
    return {
      ...this.#placed(tenant, { patient, bed: bed ?? listed.bed }),
      ...(admitted !== undefined && { admitted }),
      ...(leftBed !== undefined && { leftBed }),
      ...(possible.length > 0 && { unplaced: true, possible }),
    };
  }

  /** Of whom a row binds and whom the hospital merged into `survivor`: nobody reads this id by the ward of that one's bed, where all that is measured stands under the other. */
  #merged(tenant: string, listed: PatientPlace, { patient, bed }: PatientPlace): PatientPlace {
    const { ward } = this.#listed.careGroups(tenant, { patient, bed });
    return {
      ...this.#placed(tenant, { patient: listed.patient, bed: listed.bed }),
      alsoKnownAs: { patient, bed, ...(ward !== undefined && { ward }) },
    };
  }

  /** The beds in which somebody may lie, with their wards. */
  #possible(tenant: string, { patient, possible = [] }: PatientPlace): { bed: string; ward?: string }[] {
    return possible.map(({ bed }) => {
      const { ward } = this.#listed.careGroups(tenant, { patient, bed });
      return { bed, ...(ward !== undefined && { ward }) };
    });
  }

  /** With the ward of the bed, and the panels on which the patient is by any of its ids. */
  #placed(tenant: string, place: PatientPlace): PatientPlace {
    const { patient, bed } = place;
    const where = { patient, bed };
    const { ward, panels = [] } = this.#listed.careGroups(tenant, where);
    const byOther = (this.#aliases(tenant).get(patient) ?? []).flatMap(
      (id) => this.#listed.careGroups(tenant, { patient: id, bed: null }).panels ?? [],
    );
    const all = [...new Set([...panels, ...byOther])].sort();
    return {
      ...where,
      ...(ward !== undefined && { ward }),
      ...(all.length > 0 && { panels: all }),
    };
  }

  /** Of those whom panels name: by whom they were merged into, the ids that they had. */
  #aliases(tenant: string): ReadonlyMap<string, readonly string[]> {
    const known = this.#mergedInto.get(tenant);
    if (known) return known;
    const merged = [...this.#listed.onPanels(tenant)].flatMap((id) => {
      const { patient = id } = this.#presence.patient(tenant, id) ?? {};
      return patient === id ? [] : [{ id, patient }];
    });
    const aliases = new Map([...Map.groupBy(merged, ({ patient }) => patient)].map(([into, all]) => [into, all.map(({ id }) => id)]));
    this.#mergedInto.set(tenant, aliases);
    return aliases;
  }
}

/** Whether two answers about one patient are the same to whoever may see it. */
export function isSamePlace(a: PatientPlace, b: PatientPlace): boolean {
  const [before = [], now = []] = [a.panels, b.panels];
  return (
    a.patient === b.patient &&
    a.bed === b.bed &&
    a.ward === b.ward &&
    a.admitted === b.admitted &&
    a.discharged === b.discharged &&
    a.leftBed === b.leftBed &&
    a.unplaced === b.unplaced &&
    a.withoutGateway === b.withoutGateway &&
    possibleIn(a) === possibleIn(b) &&
    isSameOther(a.alsoKnownAs, b.alsoKnownAs) &&
    before.length === now.length &&
    before.every((panel, i) => panel === now[i])
  );
}

function isSameOther(a: AlsoKnownAs | undefined, b: AlsoKnownAs | undefined): boolean {
  return a?.patient === b?.patient && a?.bed === b?.bed && a?.ward === b?.ward;
}

function possibleIn({ possible = [] }: PatientPlace): string {
  return JSON.stringify(possible.map(({ bed, ward = null }) => [bed, ward]));
}
