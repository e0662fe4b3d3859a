import { bedsOf } from './followed.ts';
import type { PatientPlace } from './registry.ts';
import { boundTo, type Complain, type RegistryFile } from './schema.ts';

type Groups = Pick<RegistryFile, 'gateways' | 'clients' | 'wards' | 'panels'>;

/**
 * A ward's beds are beds of its tenant, each in one ward; nobody is on a panel of another tenant; and a client has wards and panels of its own
 * tenant. A misspelt name would else keep somebody from whom they care for, without a word.
 */
export function checkCareGroups({ gateways, clients, wards, panels }: Groups, complain: Complain): void {
  const beds = new Set(gateways.flatMap((row) => bedsOf(row).map((bed) => keyOf(row.tenant, bed))));
  const tenantOf = new Map(gateways.flatMap((row) => boundTo(row).map(({ patient }) => [patient, row.tenant])));
  const taken = new Set<string>();
  for (const [name, { tenant, beds: listed }] of Object.entries(wards)) {
    for (const [i, bed] of listed.entries()) {
      const key = keyOf(tenant, bed);
      if (!beds.has(key)) complain(['wards', name, 'beds', i], 'expected a bed of a gateway of the same tenant');
      if (taken.has(key)) complain(['wards', name, 'beds', i], 'expected every bed in one ward, once; this one is listed already');
      taken.add(key);
    }
  }
  for (const [name, { tenant, patients }] of Object.entries(panels)) {
    for (const [i, patient] of patients.entries()) {
      if ((tenantOf.get(patient) ?? tenant) !== tenant)
        complain(['panels', name, 'patients', i], 'expected a patient of the same tenant; this one belongs to another');
    }
  }
  for (const [i, { tenant, wards: ownWards = [], panels: ownPanels = [] }] of clients.entries()) {
    const among = (kind: 'wards' | 'panels', of: Groups['wards'] | Groups['panels'], named: readonly string[]): void => {
      for (const [k, name] of named.entries()) {
        if (!Object.hasOwn(of, name) || of[name]?.tenant !== tenant)
          complain(['clients', i, kind, k], `expected one of the ${kind} of the same tenant`);
      }
    };
    among('wards', wards, ownWards);
    among('panels', panels, ownPanels);
  }
}

/** Where each patient is: the ward of the bed and the panels, of a tenant. */
export function careGroupsOf({
  wards,
  panels,
}: Groups): (tenant: string, place: Pick<PatientPlace, 'patient' | 'bed'>) => Pick<PatientPlace, 'ward' | 'panels'> {
  const wardOf = new Map<string, string>();
  for (const [name, { tenant, beds }] of Object.entries(wards)) for (const bed of beds) wardOf.set(keyOf(tenant, bed), name);
  const panelsOf = new Map<string, string[]>();
  for (const [name, { tenant, patients }] of Object.entries(panels)) {
    for (const patient of new Set(patients)) {
      const key = keyOf(tenant, patient);
      panelsOf.set(key, [...(panelsOf.get(key) ?? []), name].sort());
    }
  }
  return (tenant, { patient, bed }) => {
    const ward = bed === null ? undefined : wardOf.get(keyOf(tenant, bed));
    const on = panelsOf.get(keyOf(tenant, patient));
    return { ...(ward !== undefined && { ward }), ...(on && { panels: on }) };
  };
}

/** A tenant's name holds no blank. */
function keyOf(tenant: string, name: string): string {
  return `${tenant} ${name}`;
}
