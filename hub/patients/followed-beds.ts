import type { GatewayEntry } from '../registry/registry.ts';
import type { SilenceLimits } from './whereabouts/silence.ts';

interface OfTenant {
  beds: ReadonlySet<string>;
  limits: SilenceLimits;
}

const NONE: OfTenant = { beds: new Set(), limits: new Map() };

/** What the gateways in force say of followed beds, by tenant; worked out anew when they are others. */
export class FollowedBeds {
  readonly #gateways: () => readonly GatewayEntry[];
  #of: { gateways: readonly GatewayEntry[]; tenants: ReadonlyMap<string, OfTenant> } | undefined;

  constructor(gateways: () => readonly GatewayEntry[]) {
    this.#gateways = gateways;
  }

  /** Tenants that follow movements, or have a gateway that tells of them. */
  tenants(): string[] {
    return [...this.#current().keys()];
  }

  follows(tenant: string): boolean {
    return this.#current().has(tenant);
  }

  of(tenant: string): ReadonlySet<string> {
    return this.#tenant(tenant).beds;
  }

  /** The same object while it is the same. */
  limits(tenant: string): SilenceLimits {
    return this.#tenant(tenant).limits;
  }

  #tenant(tenant: string): OfTenant {
    return this.#current().get(tenant) ?? NONE;
  }

  #current(): ReadonlyMap<string, OfTenant> {
    const gateways = this.#gateways();
    if (this.#of?.gateways !== gateways) this.#of = { gateways, tenants: byTenant(gateways) };
    return this.#of.tenants;
  }
}

function byTenant(gateways: readonly GatewayEntry[]): Map<string, OfTenant> {
  const found = new Map<string, { beds: Set<string>; limits: Map<string, number> }>();
  for (const { tenant, identity, followed, movements, silentAfterMs } of gateways) {
    if (!followed && !movements) continue;
    const of = found.get(tenant) ?? { beds: new Set(), limits: new Map() };
    found.set(tenant, of);
    for (const bed of followed ?? []) of.beds.add(bed);
    if (silentAfterMs !== undefined) of.limits.set(identity, silentAfterMs);
  }
  return found;
}
