import type { RouterEntry } from '../contract.ts';
import type { ControllerParts } from './call.ts';

/**
 * The routers of this process that policies let an identity use, and a service be reached by where one is given, with their present names.
 * Those that are online come first (openziti-network.md §3.1).
 */
export function usableRouters({ state, routers }: ControllerParts, identityId: string, serviceId?: string): RouterEntry[] {
  const { directory } = state;
  const usable = routers().flatMap((entry) => {
    const mayUse =
      directory.identityMayUse(identityId, entry.id) && (serviceId === undefined || directory.serviceMayUse(serviceId, entry.id));
    const router = mayUse ? directory.get('router', entry.id) : undefined;
    return router ? [{ ...entry, name: router.name, cost: router.cost, noTraversal: router.noTraversal }] : [];
  });
  return usable.sort((a, b) => Number(b.online) - Number(a.online));
}
