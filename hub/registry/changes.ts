import type { ClientEntry, GatewayEntry, PatientPlace, Registry } from './registry.ts';

/** What a reload gave to somebody, took from them, or changed of theirs; as ids, for the evidence. */
export interface RegistryChange {
  tenant: string;
  what: 'added' | 'changed' | 'removed';
  row: 'client' | 'gateway' | 'patient' | 'revocation' | 'tenant';
  /** Overlay identity id, `oauth:<issuer>:<subject>`, opaque patient id, the tenant itself; of a revocation the token, the subject, or nothing. */
  id: string;
  /** Which fields of the row, in order of name. */
  fields: readonly string[];
}

type Lists = Pick<Registry, 'clients' | 'gateways' | 'patients' | 'revocations' | 'tenants' | 'isSandbox'>;

/** Pure. What differs in `next`, tenant by tenant: rows that came, went or changed, patients in other wards and panels, and what was newly revoked. */
export function registryChanges(before: Lists, next: Lists): RegistryChange[] {
  const tenants = [...new Set([...before.tenants(), ...next.tenants()])];
  return [
    ...rowChanges('gateway', before.gateways(), next.gateways(), ({ identity }) => identity),
    ...rowChanges('client', before.clients(), next.clients(), idOfClient),
    ...tenants.flatMap((tenant) => placeChanges(tenant, before.patients(tenant), next.patients(tenant))),
    ...revocationChanges(before, next),
    ...tenants.flatMap((tenant) => kindChange(tenant, before, next)),
  ];
}

function idOfClient({ identity, token }: ClientEntry): string {
  return identity ?? `oauth:${token?.issuer}:${token?.subject}`;
}

/** A row that went to another tenant is gone from the one and new in the other. */
function rowChanges<Row extends ClientEntry | GatewayEntry>(
  row: 'client' | 'gateway',
  before: readonly Row[],
  next: readonly Row[],
  idOf: (row: Row) => string,
): RegistryChange[] {
  const keyOf = (one: Row): string => `${one.tenant} ${idOf(one)}`;
  const known = new Map(before.map((one) => [keyOf(one), one]));
  const found = next.flatMap((one): RegistryChange[] => {
    const was = known.get(keyOf(one));
    known.delete(keyOf(one));
    const fields = was ? differing(was, one) : Object.keys(one).sort();
    return was && fields.length === 0 ? [] : [{ tenant: one.tenant, what: was ? 'changed' : 'added', row, id: idOf(one), fields }];
  });
  const gone = [...known.values()].map((was): RegistryChange => ({ tenant: was.tenant, what: 'removed', row, id: idOf(was), fields: [] }));
  return [...found, ...gone];
}

/** Who came and went is told by the rows of gateways. */
function placeChanges(tenant: string, before: readonly PatientPlace[], next: readonly PatientPlace[]): RegistryChange[] {
  const known = new Map(before.map((place) => [place.patient, place]));
  return next.flatMap((place): RegistryChange[] => {
    const was = known.get(place.patient);
    const fields = was ? differing(was, place).filter((field) => field !== 'bed') : [];
    return fields.length === 0 ? [] : [{ tenant, what: 'changed', row: 'patient', id: place.patient, fields }];
  });
}

/** From production to sandbox or back: of a tenant that came or went its rows tell. */
function kindChange(tenant: string, before: Lists, next: Lists): RegistryChange[] {
  const isKept = before.tenants().includes(tenant) && next.tenants().includes(tenant);
  if (!isKept || before.isSandbox(tenant) === next.isSandbox(tenant)) return [];
  return [{ tenant, what: 'changed', row: 'tenant', id: tenant, fields: ['kind'] }];
}

/** An issuer is every tenant's. */
function revocationChanges(before: Lists, next: Lists): RegistryChange[] {
  const [were, are] = [before.revocations(), next.revocations()].map((list) => new Map(list.map((one) => [JSON.stringify(one), one])));
  const changes = (what: 'added' | 'removed', of = were, other = are): RegistryChange[] =>
    [...(of ?? [])].flatMap(([key, { jti, subject, ...rest }]) =>
      other?.has(key)
        ? []
        : next.tenants().map((tenant) => ({ tenant, what, row: 'revocation', id: jti ?? subject ?? '', fields: Object.keys(rest).sort() })),
    );
  return [...changes('removed'), ...changes('added', are, were)];
}

function differing(a: object, b: object): string[] {
  const [was, is] = [a, b].map((row) => new Map(Object.entries(row)));
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return names.filter((name) => textOf(was?.get(name)) !== textOf(is?.get(name)));
}

function textOf(field: unknown): string | undefined {
  return JSON.stringify(field, (_, value: unknown) => (value instanceof Set ? [...value] : value));
}
