import type { Metrics } from '../../shared/metrics.ts';
import type { Registry } from '../registry/registry.ts';
import type { Principal, Role } from './access.ts';
import { type AdmissionRules, type Proof, whoIs } from './credentials.ts';
import { type AccessToken, TokenRefusal } from './tokens/token.ts';
import type { TokenVerifier } from './tokens/verifier.ts';

/** Who somebody was found to be, and by what. */
export interface Identified {
  principal: Principal;
  proof: Proof;
}

/** Tells who calls, from what a request brings with it. */
export interface Callers {
  /**
   * Who sends a request: by the identity that the network vouches for, if any, and the value of `Authorization`, if any. Rejects with
   * ACCESS-UNVERIFIED, ACCESS-UNKNOWN-CALLER, ACCESS-TOKEN-NEEDED, ACCESS-TOKEN (TokenRefusal), ACCESS-CREDENTIALS, ACCESS-ISSUER-KEYS.
   */
  identify(overlay: string | undefined, authorization: string | undefined): Promise<Identified>;
  /** Of the client with this identity, as the registry has it; undefined where there is none. */
  kindOf(overlay: string): Principal['kind'] | undefined;
  /** Of whom it is evidence that somebody with this identity was refused: its row, and for a stranger each tenant. */
  rowsConcerned(overlay: string | undefined): readonly ConcernedRow[];
  /** The same as the registry has it now. Throws the same, without looking at keys again. */
  fresh(proof: Proof): Principal;
}

/** Who was refused, as one tenant's evidence has it. */
export interface ConcernedRow {
  tenant: string;
  /** Overlay identity id, or `unverified`. */
  principal: string;
  role: Role;
}

export interface CallersOptions extends AdmissionRules {
  registry: Pick<Registry, 'clientByIdentity' | 'clientByToken' | 'isRevoked' | 'tenants'>;
  verifier: Pick<TokenVerifier, 'verify'>;
  metrics: Metrics;
}

/** Callers as the registry lists them, with tokens of the issuers that are configured. */
export function createCallers({ registry, verifier, metrics, ...rules }: CallersOptions): Callers {
  const verified = async (authorization: string): Promise<AccessToken> => {
    try {
      const token = await verifier.verify(bearerOf(authorization));
      metrics.count('access_tokens', 'good');
      return token;
    } catch (error) {
      metrics.count('access_tokens', error instanceof TokenRefusal ? error.fault : 'unchecked');
      throw error;
    }
  };
  return {
    identify: async (overlay, authorization) => {
      const token = authorization === undefined ? undefined : await verified(authorization);
      const proof = { ...(overlay !== undefined && { overlay }), ...(token && { token }) };
      return { principal: whoIs(registry, rules, proof), proof };
    },
    kindOf: (overlay) => registry.clientByIdentity(overlay)?.kind,
    rowsConcerned: (overlay) => {
      const row = overlay === undefined ? undefined : registry.clientByIdentity(overlay);
      const principal = overlay ?? 'unverified';
      return row
        ? [{ tenant: row.tenant, principal, role: row.role }]
        : registry.tenants().map((tenant) => ({ tenant, principal, role: 'none' }));
    },
    fresh: (proof) => whoIs(registry, rules, proof),
  };
}

/** RFC 6750 §2.1. Throws TokenRefusal for any other scheme. */
function bearerOf(authorization: string): string {
  const [, token] = /^Bearer +([^ ]+)$/i.exec(authorization) ?? [];
  if (token === undefined) throw new TokenRefusal('malformed');
  return token;
}
