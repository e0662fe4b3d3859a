import type { Instant } from '../../../shared/clock.ts';
import type { PatientPlace, Registry } from '../../registry/registry.ts';

/** How it came that something is taken for this patient's. */
export interface Association {
  /** `gateway`: all that a home's gateway sends is theirs. `bed`, `device`: so registry.yaml has it. `movements`: so it was told, by a hospital's system or by people. */
  by: 'gateway' | 'bed' | 'device' | 'movements';
  /** Bed or device; null of a gateway, and of whoever movements put into no bed. */
  of: string | null;
  /** UTC ms; of movements since when they lie in that bed. Null where that is not known. */
  since: Instant | null;
}

/** Whatever makes readings this patient's now, of every gateway of the tenant. Whoever is masked must not be told: it names places and devices. */
export function associationsOf(
  registry: Pick<Registry, 'gateways' | 'bedSince'>,
  tenant: string,
  { patient, bed }: PatientPlace,
): Association[] {
  const found: Association[] = [];
  // A new store found it so at its first reading of the registry: when it began is not known.
  const known = (since: Instant | undefined): Instant | null => (since === undefined || since === 0 ? null : since);
  for (const gateway of registry.gateways()) {
    if (gateway.tenant !== tenant) continue;
    const { since } = gateway;
    if (gateway.patient === patient) found.push({ by: 'gateway', of: null, since: known(since?.patient) });
    for (const [name, who] of Object.entries(gateway.beds))
      if (who === patient) found.push({ by: 'bed', of: name, since: known(since?.beds.get(name)) });
    for (const [name, who] of Object.entries(gateway.devices))
      if (who === patient) found.push({ by: 'device', of: name, since: known(since?.devices.get(name)) });
  }
  const isTold = bed !== null && !found.some(({ by, of }) => by === 'bed' && of === bed);
  return isTold ? [{ by: 'movements', of: bed, since: registry.bedSince?.(tenant, patient, bed) ?? null }, ...found] : found;
}
