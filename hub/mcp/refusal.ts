import { asVitalmeshError, type ErrorCode, type VitalmeshError } from '../../shared/errors.ts';
import type { ProtectedResource } from '../access/tokens/issuer.ts';
import { challengeOf } from './challenge.ts';
import { HttpRefusal } from './errors.ts';

/** How a request is refused, in terms of HTTP. */
export interface Refusal {
  status: number;
  error: VitalmeshError;
  /** `WWW-Authenticate`. */
  challenge?: string | undefined;
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  'ACCESS-UNVERIFIED': 401,
  'ACCESS-TOKEN-NEEDED': 401,
  'ACCESS-TOKEN': 401,
  'ACCESS-UNKNOWN-CALLER': 403,
  'ACCESS-CREDENTIALS': 403,
  'ACCESS-SCOPE': 403,
  'MCP-CONFORMANCE': 403,
  'ACCESS-ISSUER-KEYS': 503,
  'ACCESS-LIMIT': 429,
  'MCP-LIMIT': 429,
  'MCP-ARGUMENTS': 400,
};

/** What was thrown, as HTTP has it; `scopes` are those to be asked for. */
export function refusalOf(thrown: unknown, resource: ProtectedResource | undefined, scopes: readonly string[]): Refusal {
  const error = asVitalmeshError(thrown);
  const status = error instanceof HttpRefusal ? error.status : (STATUS[error.code] ?? 500);
  return { status, error, challenge: challengeOf(error, resource, scopes) };
}
