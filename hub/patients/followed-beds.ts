import type { Clock } from '../../shared/clock.ts';
import { isBeforeStore, type UnknownStretch } from '../registry/bindings.ts';
import type { GatewayEntry } from '../registry/registry.ts';
import { type Losses, NO_LOSSES } from './whereabouts/lost.ts';
import type { SilenceLimits } from './whereabouts/silence.ts';

interface OfTenant {
  beds: ReadonlySet<string>;
  limits: SilenceLimits;
  losses: Losses;
}

const NONE: OfTenant = { beds: new Set(), limits: new Map(), losses: NO_LOSSES };

export interface FollowedBedsOptions {
  gateways: () => readonly GatewayEntry[];
  /** When nobody knows what was told, for the store was put back; the same list while it is the same. */
  unknown: () => readonly UnknownStretch[];
  clock: Pick<Clock, 'now'>;
}

/** What the gateways in force say of followed beds, by tenant, and of what was lost of them; worked out anew when either is another. */
export class FollowedBeds {
  readonly #options: FollowedBedsOptions;
  #of: { gateways: readonly GatewayEntry[]; unknown: readonly UnknownStretch[]; tenants: ReadonlyMap<string, OfTenant> } | undefined;

  constructor(options: FollowedBedsOptions) {
    this.#options = options;
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

  /** What the store lost of the movements of a tenant and not everybody who speaks for its beds confirmed since; the same object while it is the same. */
  losses(tenant: string): Losses {
    return this.#tenant(tenant).losses;
  }

  #tenant(tenant: string): OfTenant {
    return this.#current().get(tenant) ?? NONE;
  }

  #current(): ReadonlyMap<string, OfTenant> {
    const [gateways, unknown] = [this.#options.gateways(), this.#options.unknown()];
    if (this.#of?.gateways !== gateways || this.#of.unknown !== unknown)
      this.#of = { gateways, unknown, tenants: byTenant(gateways, unknown, this.#options.clock.now()) };
    return this.#of.tenants;
  }
}

function byTenant(gateways: readonly GatewayEntry[], unknown: readonly UnknownStretch[], now: number): Map<string, OfTenant> {
  const concerned = gateways.filter(({ followed, movements }) => followed || movements);
  return new Map([...Map.groupBy(concerned, ({ tenant }) => tenant)].map(([tenant, own]) => [tenant, ofTenant(own, unknown, now)]));
}

function ofTenant(gateways: readonly GatewayEntry[], unknown: readonly UnknownStretch[], now: number): OfTenant {
  const lost = unknown.filter((stretch) => !isBeforeStore(stretch));
  const limits = new Map<string, number>();
  const tellers = new Set<string>();
  const lostOf = new Map<string, readonly UnknownStretch[]>();
  for (const gateway of gateways) {
    const { identity, followed, movements, silentAfterMs } = gateway;
    if (silentAfterMs !== undefined) limits.set(identity, silentAfterMs);
    if (movements) tellers.add(identity);
    const open = lost.filter((stretch) => !isConfirmed(gateway, stretch, now));
    // Of several who speak for a bed each may have sent what the others know nothing of.
    for (const bed of followed ?? []) if ((lostOf.get(bed)?.length ?? -1) < open.length) lostOf.set(bed, open);
  }
  const beds = new Set(lostOf.keys());
  const ever = { all: lost, of: (bed: string) => (beds.has(bed) ? lost : []), tellers };
  const all = lost.filter((stretch) => [...lostOf.values()].some((of) => of.includes(stretch)));
  return { beds, limits, losses: { all, of: (bed) => lostOf.get(bed) ?? [], tellers, ever } };
}

/** Whether the row says that who was bound is known since. A confirmation from the future would hold for restores to come. */
export function isConfirmed({ confirmed = 0 }: GatewayEntry, { found }: UnknownStretch, now: number): boolean {
  return confirmed <= now && confirmed >= found;
}
