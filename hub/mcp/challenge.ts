import type { IncomingMessage, ServerResponse } from 'node:http';
import type { VitalmeshError } from '../../shared/errors.ts';
import type { Action, Principal } from '../access/access.ts';
import type { ProtectedResource } from '../access/tokens/issuer.ts';
import { TokenRefusal, wordsOf } from '../access/tokens/token.ts';
import { scopesOf } from './operations.ts';
import { SERVER_INFO } from './server-info.ts';

/** RFC 9728 §3.1, of a resource whose path is `/mcp`. */
export const METADATA_PATH = '/.well-known/oauth-protected-resource/mcp';

/** What all that is served here takes. */
const EVERYTHING: readonly Action[] = ['patients.list', 'vitals.read', 'vitals.subscribe'];

type Kind = Principal['kind'];

/**
 * What somebody of this kind must ask its issuer for, to do this; nothing where the kind is not known. A client asks for all that it is told, and an
 * issuer refuses what it has no such scope for: so people are not told of scopes of the system.
 */
export function scopesToAsk(
  resource: ProtectedResource | undefined,
  kind: Kind | undefined,
  actions: readonly Action[] = EVERYTHING,
): readonly string[] {
  if (kind !== 'person' && kind !== 'software') return [];
  return resource?.scopes?.[kind] ?? scopesOf(kind, actions);
}

/** Answers with the metadata of the resource (RFC 9728 §2) to a caller of this kind, where it was asked for; nothing in it is secret. */
export function serveMetadata(request: IncomingMessage, response: ServerResponse, described: ProtectedResource, kind?: Kind): boolean {
  if (request.url !== METADATA_PATH || request.method !== 'GET') return false;
  const body = JSON.stringify({
    resource: described.resource,
    authorization_servers: described.issuers,
    scopes_supported: (kind === undefined ? (['person', 'software'] as const) : [kind]).flatMap((one) => scopesToAsk(described, one)),
    bearer_methods_supported: ['header'],
    resource_name: SERVER_INFO.title ?? SERVER_INFO.name,
  });
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(body);
  return true;
}

/**
 * `WWW-Authenticate` of a refusal that a token, or another one, would mend (RFC 6750 §3, RFC 9728 §5.1); undefined for any other. `scopes`
 * are all that the operation needs.
 */
export function challengeOf(error: VitalmeshError, resource: ProtectedResource | undefined, scopes: readonly string[]): string | undefined {
  const parameters = parametersOf(error, scopes);
  if (!parameters) return undefined;
  const all = { ...parameters, ...(resource && { resource_metadata: new URL(METADATA_PATH, resource.resource).href }) };
  const list = Object.entries(all).map(([name, value]) => `${name}="${value}"`);
  return `Bearer${list.length > 0 ? ' ' : ''}${list.join(', ')}`;
}

function parametersOf(error: VitalmeshError, scopes: readonly string[]): Record<string, string> | undefined {
  if (error instanceof TokenRefusal) return { error: 'invalid_token', error_description: wordsOf(error.fault) };
  if (error.code === 'ACCESS-TOKEN-NEEDED') return scopes.length === 0 ? {} : { scope: scopes.join(' ') };
  if (error.code === 'ACCESS-SCOPE') return { error: 'insufficient_scope', scope: scopes.join(' ') };
  return undefined;
}
