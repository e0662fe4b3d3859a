import type { Registry } from '../registry/registry.ts';

/** Where registry.yaml still names a patient, for an operator who is to take it out; undefined where it does not. Nothing in it is of the patient. */
export function bindingOf(registry: Registry, tenant: string, patient: string): string | undefined {
  const found: string[] = [];
  for (const { identity, tenant: own, patient: fixed, beds, devices, subjects = {} } of registry.gateways()) {
    if (own !== tenant) continue;
    const names = (map: Readonly<Record<string, string | null>>): boolean => Object.values(map).includes(patient);
    const parts = [fixed === patient && 'patient', names(beds) && 'beds', names(devices) && 'devices', names(subjects) && 'subjects'];
    const said = parts.filter((part) => part !== false);
    if (said.length > 0) found.push(`${said.join(', ')} of gateway ${identity}`);
  }
  const clients = registry
    .clients()
    .filter((client) => client.tenant === tenant && client.patients !== 'all' && client.patients.includes(patient));
  if (clients.length > 0) found.push(`patients of ${clients.length} ${clients.length === 1 ? 'client' : 'clients'}`);
  const place = registry.patient(tenant, patient);
  // Of whom movements told and who is here no longer, registry.yaml says nothing.
  const isHere = place?.patient === patient && place.discharged === undefined && !place.elsewhere && !place.unplaced;
  if (found.length === 0 && isHere) found.push(place.bed === null ? 'panels' : 'a bed that follows movements');
  return found.length === 0 ? undefined : found.join('; ');
}
