import { VitalmeshError } from '../../shared/errors.ts';
import type { Registry } from '../registry/registry.ts';
import type { RetentionPolicy } from '../store/retention.ts';

/**
 * Throws REGISTRY-MOVEMENTS where beds follow movements that do not stay: who lies where is what all of them add up to, so whoever was admitted before the first that is
 * kept would be in no bed after a restart, and whoever left might be in one.
 */
export function refuseForgetting(registry: Pick<Registry, 'gateways'>, { movement }: Pick<RetentionPolicy, 'movement'>): void {
  if (movement === null) return;
  const following = registry.gateways().filter(({ followed }) => followed && followed.size > 0);
  if (following.length === 0) return;
  const tenants = [...new Set(following.map(({ tenant }) => tenant))].sort();
  throw new VitalmeshError('REGISTRY-MOVEMENTS', { detail: tenants.join(', ') });
}
