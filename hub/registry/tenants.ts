import { VitalmeshError } from '../../shared/errors.ts';
import type { OpenedStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import type { Registry } from './registry.ts';

/** Every tenant that is listed or has data here, in order: what was stored stays visible when the registry no longer names its tenant. */
export function tenantsOf(registry: Pick<Registry, 'tenants'>, store: Pick<Store, 'tenants'>): string[] {
  return [...new Set([...registry.tenants(), ...store.tenants()])].sort();
}

/**
 * Throws REGISTRY-TENANTS where one file would hold several tenants: a file does not keep them apart by itself, so a query that forgets its tenant would show
 * another's data. PostgreSQL does, by row-level security.
 */
export function refuseMixed(tenants: readonly string[], engine: OpenedStore['engine']): void {
  if (engine === 'sqlite' && tenants.length > 1) throw new VitalmeshError('REGISTRY-TENANTS', { detail: tenants.join(', ') });
}
