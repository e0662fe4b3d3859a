import type { GatewayEntry } from '../registry/registry.ts';
import type { Principal } from './access.ts';

/** A gateway as the one who writes: in scope are the patients it is bound to, and nobody else. */
export function gatewayPrincipal(entry: GatewayEntry): Principal {
  const patients = new Set<string>(Object.values(entry.devices));
  for (const patient of Object.values(entry.beds)) if (patient !== null) patients.add(patient);
  if (entry.patient !== undefined) patients.add(entry.patient);
  return {
    id: entry.identity,
    tenant: entry.tenant,
    kind: 'gateway',
    role: 'gateway',
    patients: [...patients],
    ...(entry.notAfter === undefined ? {} : { notAfter: entry.notAfter }),
  };
}

/** Whoever holds the hub's machine as user `uid`, at the operator's socket, acting within one tenant. */
export function operatorPrincipal(uid: number, tenant: string): Principal {
  return { id: `local:${uid}`, tenant, kind: 'operator', role: 'operator', patients: 'all' };
}
