import { z } from 'zod';
import { filePath } from '../../shared/config-parts.ts';
import { ACCESS_MODES, type AccessModes } from './credentials.ts';
import { ALGORITHMS, type Issuer, PRESETS, type PresetName } from './tokens/issuer.ts';
import { parseScopes } from './tokens/scopes.ts';

const PRESET_NAMES = Object.keys(PRESETS) as [PresetName, ...PresetName[]];
const MODES = 'overlay: the identity that the network vouches for; oauth: an access token; both: either alone opens nothing';

const mode = z.enum(ACCESS_MODES);
const text = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'expected 1 to 255 printable characters without blanks');
/** RFC 6749 §3.3. */
const scopeName = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,255}$/, 'expected the name of a scope: no blanks and quotes');
/** `iss` and addresses; compared as they stand. */
const httpsUrl = z.string().refine(isHttpsUrl, 'expected an address that begins with https://, without user, query and fragment');

/** Where clients find the service; HTTP without TLS is what goes over the overlay. */
const resourceUrl = z.string().refine(isMcpUrl, 'expected http:// or https://, a host, and the path /mcp');

const jwks = z.union([
  z.strictObject({ file: filePath.describe('Its JWK set: the public keys, as JSON.') }),
  z.strictObject({
    service: z.string().min(1).describe('Overlay service behind which the issuer is reached; nothing goes over another network.'),
    url: httpsUrl.describe('Of its JWK set (`jwks_uri`).'),
    ca: filePath.optional().describe('Certificates (PEM) of who may have issued its TLS certificate; those of Node unless given.'),
  }),
]);

const issuer = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'expected a name: 1 to 40 of a-z, 0-9 and -')
    .describe('By which registry.yaml and the evidence mean it.'),
  issuer: httpsUrl.describe('`iss` of its tokens, exactly.'),
  like: z.enum(PRESET_NAMES).default('rfc9068').describe('How its tokens look; each of the following overrides it.'),
  audiences: z
    .array(text)
    .min(1)
    .max(8)
    .optional()
    .describe('`aud` of tokens for this service; the resource identifier (`access.resource`) unless given.'),
  jwks: jwks.describe('Where its keys are: a file, or an overlay service.'),
  algorithms: z
    .array(z.enum(ALGORITHMS))
    .min(1)
    .default([...ALGORITHMS]),
  types: z
    .array(z.string().regex(/^[a-z0-9.+-]{0,64}$/, 'expected a type in small letters, without application/'))
    .min(1)
    .optional()
    .describe("`typ` of the token's header; '' for none."),
  claims: z
    .strictObject({ subject: text, scopes: z.array(text).min(1), client: z.array(text).min(1) })
    .partial()
    .optional()
    .describe('In which claims subject, scopes and client stand.'),
  require: z.record(text, text).optional().describe('Claims that must have exactly this value.'),
  scopeNames: z
    .record(
      text,
      z.array(z.string().refine((scope) => parseScopes([scope]).length === 1, 'expected a scope of SMART, as user/Observation.rs')),
    )
    .default({})
    .describe('What names of its own (scopes, roles, groups) stand for, in scopes of SMART.'),
  clients: z.array(text).min(1).optional().describe('Clients whose tokens are taken; any unless given.'),
  leewaySeconds: z.int().min(0).max(300).default(30).describe('By how much its clock may be ahead.'),
  maxLifetimeSeconds: z
    .int()
    .min(60)
    .max(86_400)
    .optional()
    .describe('Tokens that live longer are refused; 3600 unless given (entra: 5400).'),
});

/** `access` of hub.yaml: what must be proven by whoever calls, and whose tokens are taken. */
export const accessConfig = z
  .strictObject({
    mcp: z
      .union([mode, z.strictObject({ person: mode, software: mode }).partial()])
      .default({})
      .describe(
        `What an AI client must prove (${MODES}). Of people both unless given, of software every credential that its row of registry.yaml lists.`,
      ),
    resource: resourceUrl.optional().describe('Resource identifier of the MCP service (RFC 8707); http://SERVICE/mcp unless given.'),
    scopes: z
      .strictObject({ person: z.array(scopeName).min(1), software: z.array(scopeName).min(1) })
      .partial()
      .optional()
      .describe('What clients are told to ask the issuer for, where it has other names than those of SMART.'),
    policy: filePath.optional().describe('Who may do what (policy.yaml); the built-in policy unless given.'),
    issuers: z.array(issuer).max(16).default([]).describe('Whose access tokens are taken.'),
  })
  .superRefine(({ issuers }, context) => {
    for (const key of ['name', 'issuer'] as const) {
      const values = issuers.map((one) => one[key]);
      for (const [i, value] of values.entries())
        if (values.indexOf(value) !== i)
          context.addIssue({
            code: 'custom',
            path: ['issuers', i, key],
            message: 'expected every issuer once; this one is listed already',
          });
    }
  })
  .prefault({});

export type AccessConfig = z.output<typeof accessConfig>;
export type IssuerConfig = AccessConfig['issuers'][number];

/** What each kind of caller must prove; undefined: what its row lists. */
export function modesOf({ mcp }: Pick<AccessConfig, 'mcp'>): AccessModes {
  if (typeof mcp === 'string') return { person: mcp, software: mcp };
  return { person: mcp.person ?? 'both', software: mcp.software };
}

/** The identifier that tokens are issued for (RFC 8707), where the MCP service is `service` of the overlay. */
export function resourceOf({ resource }: Pick<AccessConfig, 'resource'>, service: string): string {
  return resource ?? `http://${service}/mcp`;
}

/** An issuer with what its product has as it comes, and `resource` for an audience, where nothing else is said. */
export function issuerOf(config: IssuerConfig, resource: string): Issuer {
  const { like, name, issuer, algorithms, scopeNames, clients, leewaySeconds } = config;
  const preset = PRESETS[like];
  const { subject = preset.claims.subject, scopes = preset.claims.scopes, client = preset.claims.client } = config.claims ?? {};
  return {
    name,
    issuer,
    audiences: config.audiences ?? [resource],
    algorithms,
    types: config.types ?? preset.types,
    claims: { subject, scopes, client },
    require: config.require ?? preset.require,
    scopeNames,
    ...(clients && { clients }),
    leewaySeconds,
    maxLifetimeSeconds: config.maxLifetimeSeconds ?? preset.maxLifetimeSeconds,
  };
}

function isHttpsUrl(value: string): boolean {
  return URL.canParse(value) && new URL(value).protocol === 'https:' && isPlain(new URL(value));
}

function isMcpUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return /^https?:$/.test(url.protocol) && url.pathname === '/mcp' && isPlain(url);
}

function isPlain({ username, password, search, hash }: URL): boolean {
  return `${username}${password}${search}${hash}` === '';
}
