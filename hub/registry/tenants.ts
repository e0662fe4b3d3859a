import type { Store } from '../store/store.ts';
import type { Registry } from './registry.ts';

/** Every tenant that is listed or has data here, in order: what was stored stays visible when the registry no longer names its tenant. */
export function tenantsOf(registry: Pick<Registry, 'tenants'>, store: Pick<Store, 'tenants'>): string[] {
  return [...new Set([...registry.tenants(), ...store.tenants()])].sort();
}
