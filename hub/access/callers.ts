import type { Metrics } from '../../shared/metrics.ts';
import type { Registry } from '../registry/registry.ts';
import type { Credential, Principal, Role } from './access.ts';
import { type AdmissionRules, type Proof, whoIs } from './credentials.ts';
import { tokenNamed } from './principals.ts';
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
   * What a request proves: the identity that the network vouches for, if any, and the value of `Authorization`, if any. Rejects with
   * ACCESS-TOKEN (TokenRefusal), ACCESS-ISSUER-KEYS.
   */
  prove(overlay: string | undefined, authorization: string | undefined): Promise<Proof>;
  /** Of the client with this identity, as the registry has it; undefined where there is none. */
  kindOf(overlay: string): Principal['kind'] | undefined;
  /** Of whom it is evidence that somebody who proved this was refused: the row of its identity, for a stranger each tenant, and the tenant of its token. */
  rowsConcerned(proof: Proof): readonly ConcernedRow[];
  /**
   * Who it is, as the registry has it now; looks at no keys. Throws ACCESS-UNVERIFIED, ACCESS-UNKNOWN-CALLER, ACCESS-TOKEN-NEEDED, ACCESS-TOKEN
   * (TokenRefusal: revoked), ACCESS-CREDENTIALS.
   */
  fresh(proof: Proof): Principal;
}

/** Who was refused, as one tenant's evidence has it. */
export interface ConcernedRow {
  tenant: string;
  /** Overlay identity id, or `unverified`. */
  principal: string;
  role: Role;
  /** What it proved. */
  credential?: Credential;
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
    prove: async (overlay, authorization) => {
      const token = authorization === undefined ? undefined : await verified(authorization);
      return { ...(overlay !== undefined && { overlay }), ...(token && { token }) };
    },
    kindOf: (overlay) => registry.clientByIdentity(overlay)?.kind,
    rowsConcerned: (proof) => rowsConcerned(registry, proof),
    fresh: (proof) => whoIs(registry, rules, proof),
  };
}

function rowsConcerned(
  registry: Pick<Registry, 'clientByIdentity' | 'clientByToken' | 'tenants'>,
  { overlay, token }: Proof,
): ConcernedRow[] {
  const row = overlay === undefined ? undefined : registry.clientByIdentity(overlay);
  const owner = token && registry.clientByToken(token.issuer, token.subject)?.tenant;
  const tenants = new Set(row ? [row.tenant] : registry.tenants());
  if (owner !== undefined) tenants.add(owner);
  return [...tenants].map((tenant) => {
    // Whose token it is, is nothing for another tenant's auditors.
    const credential = refusedCredential(overlay, owner === undefined || owner === tenant ? token : undefined);
    return {
      tenant,
      principal: overlay ?? 'unverified',
      role: row?.tenant === tenant ? row.role : 'none',
      ...(credential && { credential }),
    };
  });
}

function refusedCredential(overlay: string | undefined, token: AccessToken | undefined): Credential | undefined {
  const oauth = token && tokenNamed(token);
  if (overlay === undefined) return oauth && { kind: 'oauth', oauth };
  return oauth ? { kind: 'both', overlay, oauth } : { kind: 'overlay', overlay };
}

/** RFC 6750 §2.1. Throws TokenRefusal for any other scheme. */
function bearerOf(authorization: string): string {
  const [, token] = /^Bearer +([^ ]+)$/i.exec(authorization) ?? [];
  if (token === undefined) throw new TokenRefusal('malformed');
  return token;
}
