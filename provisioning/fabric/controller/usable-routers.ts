import type { RouterEntry } from '../contract.ts';
import type { ControllerParts } from './call.ts';

/** The running routers that policies let an identity use, and a service be reached by where one is given, with their present names. */
export function usableRouters({ state, routers }: ControllerParts, identityId: string, serviceId?: string): RouterEntry[] {
  const { directory } = state;
  return routers().flatMap((entry) => {
    const usable =
      directory.identityMayUse(identityId, entry.id) && (serviceId === undefined || directory.serviceMayUse(serviceId, entry.id));
    const router = usable ? directory.get('router', entry.id) : undefined;
    return router ? [{ ...entry, name: router.name, cost: router.cost, noTraversal: router.noTraversal }] : [];
  });
}
