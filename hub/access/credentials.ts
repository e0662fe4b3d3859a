import { VitalmeshError } from '../../shared/errors.ts';
import type { ClientEntry, Registry } from '../registry/registry.ts';
import type { Principal } from './access.ts';
import { clientPrincipal } from './principals.ts';
import { type AccessToken, TokenRefusal } from './tokens/token.ts';

/** What must be proven: the identity that the overlay vouches for, an access token, or both, of the same row of the registry. */
export const ACCESS_MODES = ['overlay', 'oauth', 'both'] as const;
export type AccessMode = (typeof ACCESS_MODES)[number];

/** By kind of caller. Software needs whatever its row lists, unless told. */
export interface AccessModes {
  person: AccessMode;
  software?: AccessMode | undefined;
}

/** What a request proves of who sends it. */
export interface Proof {
  /** Overlay identity id, as the network itself asserts it. */
  overlay?: string;
  token?: AccessToken;
}

export interface AdmissionRules {
  modes: AccessModes;
  /** Whether any issuer is configured. */
  takesTokens: boolean;
}

type Rows = Pick<Registry, 'clientByIdentity' | 'clientByToken' | 'isRevoked'>;

/**
 * Who a proof is, as the registry has it now. A token that is shown counts, whatever is needed: it must be of the same row, and its scopes
 * narrow what the row gives. Throws ACCESS-UNVERIFIED, ACCESS-UNKNOWN-CALLER, ACCESS-TOKEN-NEEDED, ACCESS-CREDENTIALS, or TokenRefusal for one that
 * was revoked. Checks no dates: `decide` does.
 */
export function whoIs(rows: Rows, { modes, takesTokens }: AdmissionRules, { overlay, token }: Proof): Principal {
  if (token && rows.isRevoked(token)) throw new TokenRefusal('revoked');
  const named = overlay === undefined ? undefined : rows.clientByIdentity(overlay);
  const row = token ? rows.clientByToken(token.issuer, token.subject) : named;
  if (!row && token) throw new VitalmeshError('ACCESS-UNKNOWN-CALLER', { detail: 'no row lists the issuer and subject of its token' });
  if (!row) throw new VitalmeshError(codeOfStranger(overlay, takesTokens));
  // One whom the network names as somebody of another tenant acts for that tenant alone.
  if (named && named.tenant !== row.tenant) throw new VitalmeshError('ACCESS-CREDENTIALS');
  const needs = needsOf(row, modes);
  if (needs !== 'overlay' && !token) throw new VitalmeshError('ACCESS-TOKEN-NEEDED');
  if (needs === 'oauth' && token) return clientPrincipal(row, { token, over: overlay });
  if (overlay === undefined) throw new VitalmeshError('ACCESS-UNVERIFIED');
  if (row.identity !== overlay) throw new VitalmeshError('ACCESS-CREDENTIALS');
  return clientPrincipal(row, { overlay, ...(token && { token }) });
}

/** What a row's caller must prove. */
export function needsOf({ kind, identity, token }: Pick<ClientEntry, 'kind' | 'identity' | 'token'>, modes: AccessModes): AccessMode {
  const told = modes[kind];
  if (told !== undefined) return told;
  if (identity === undefined) return 'oauth';
  return token ? 'both' : 'overlay';
}

function codeOfStranger(overlay: string | undefined, takesTokens: boolean) {
  if (takesTokens) return 'ACCESS-TOKEN-NEEDED';
  return overlay === undefined ? 'ACCESS-UNVERIFIED' : 'ACCESS-UNKNOWN-CALLER';
}
