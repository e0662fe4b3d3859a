/** Signatures that are taken: none but asymmetric ones, for a shared secret could be the public key itself (RFC 8725 §2.1). */
export const ALGORITHMS = ['RS256', 'RS384', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** In which claims an issuer says what. All of them stand at the top of the token. */
export interface ClaimNames {
  subject: string;
  /** Each that is there counts: a text of names parted by blanks, or a list of names. */
  scopes: readonly string[];
  /** The first that is there counts. */
  client: readonly string[];
}

/** Whose access tokens are taken, and how they must be. */
export interface Issuer {
  /** In the registry, in ids of principals and in the evidence. */
  name: string;
  /** `iss`, exactly. */
  issuer: string;
  audiences: readonly string[];
  algorithms: readonly Algorithm[];
  /** `typ` of the header, in small letters without `application/`; '' for a token without one. */
  types: readonly string[];
  claims: ClaimNames;
  /** Claims that must have exactly this value. */
  require: Readonly<Record<string, string>>;
  /** What a name of the issuer's own stands for, in scopes of SMART. */
  scopeNames: Readonly<Record<string, readonly string[]>>;
  /** Clients whose tokens are taken; any unless given. */
  clients?: readonly string[];
  /** By how much the issuer's clock may be ahead. */
  leewaySeconds: number;
  maxLifetimeSeconds: number;
}

/** What a client must know to get an access token for the MCP service. */
export interface ProtectedResource {
  /** Its identifier (RFC 8707): the address of the MCP endpoint, whose path is `/mcp`. */
  resource: string;
  /** `iss` of those whose tokens are taken. */
  issuers: readonly string[];
  /** What clients of each kind are told to ask for, where their issuer has other names for it than SMART. */
  scopes?: { person?: readonly string[] | undefined; software?: readonly string[] | undefined } | undefined;
}

type Preset = Pick<Issuer, 'types' | 'claims' | 'require' | 'maxLifetimeSeconds'>;

/** How the access tokens of these products look, as they come. */
export const PRESETS = {
  /** RFC 9068. */
  rfc9068: {
    types: ['at+jwt'],
    claims: { subject: 'sub', scopes: ['scope'], client: ['client_id'] },
    require: {},
    maxLifetimeSeconds: 3600,
  },
  /** Keycloak 26: `typ` of the header is JWT; that it is no ID or refresh token stands in a claim. It has no `aud` without an audience mapper. */
  keycloak: {
    types: ['jwt', 'at+jwt'],
    claims: { subject: 'sub', scopes: ['scope'], client: ['azp', 'client_id'] },
    require: { typ: 'Bearer' },
    maxLifetimeSeconds: 3600,
  },
  /** Microsoft Entra ID, tokens of version 2: `sub` differs from app to app, `oid` does not. They live 60 to 90 minutes. */
  entra: {
    types: ['jwt'],
    claims: { subject: 'oid', scopes: ['scp', 'roles'], client: ['azp'] },
    require: { ver: '2.0' },
    maxLifetimeSeconds: 5400,
  },
  /** Okta, a custom authorization server: no `typ` in the header, `scp` is a list. */
  okta: {
    types: ['', 'jwt', 'at+jwt'],
    claims: { subject: 'sub', scopes: ['scp'], client: ['cid'] },
    require: {},
    maxLifetimeSeconds: 3600,
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;
