import type { Grants } from './contract.ts';
import type { Control } from './router/control.ts';

/**
 * What a router goes by: the controller's word, and while that is away the last it knew of it, which `held` gives. A change made meanwhile
 * counts from the moment on in which the router has found its controller again.
 */
export function grantsOver(control: Control, live: Grants, held: () => Grants | undefined): Grants {
  const known = (): Grants => (control.found ? live : (held() ?? live));
  return {
    apiSession: (token) => known().apiSession(token),
    apiSessionById: (id) => known().apiSessionById(id),
    openSession: (token, apiSessionId, type) => known().openSession(token, apiSessionId, type),
    service: (id) => known().service(id),
    allows: (identityId, serviceId, type) => known().allows(identityId, serviceId, type),
    sessionExists: (sessionId) => known().sessionExists(sessionId),
    onChange(listener) {
      const ends = new DisposableStack();
      ends.use(live.onChange(() => control.found && listener()));
      ends.use(control.onFound(listener));
      return ends;
    },
  };
}
