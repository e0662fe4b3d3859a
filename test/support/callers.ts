import type { Callers } from '../../hub/access/callers.ts';
import { createCallers } from '../../hub/access/callers.ts';
import { TokenRefusal } from '../../hub/access/tokens/token.ts';
import type { Registry } from '../../hub/registry/registry.ts';
import { Metrics } from '../../shared/metrics.ts';

/** Callers whose overlay identity is all that they must prove, as `access: { mcp: overlay }` has it; no token is taken. */
export function overlayCallers(registry: Registry, metrics = new Metrics()): Callers {
  const verifier = { verify: () => Promise.reject(new TokenRefusal('issuer')) };
  return createCallers({ registry, modes: { person: 'overlay', software: 'overlay' }, takesTokens: false, verifier, metrics });
}
