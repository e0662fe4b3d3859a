import type { Claimed, Principal } from '../access/access.ts';
import { isObject } from './request.ts';

const MAX_CHARS = 64;
/** Control and format characters, line separators, and what is no character at all. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]+/gu;

/** Where a client says what model it asks for, beside what MCP has a place for (`clientInfo`). */
const MODEL = 'vitalmesh/model';
const CLIENT_INFO = 'io.modelcontextprotocol/clientInfo';

/**
 * What a client says of itself in a request: `clientInfo` of `initialize` (2025-11-25) or of `_meta` (2026-07-28), and its model in `_meta`. Shown to
 * auditors as claimed, never believed; without control characters, 64 characters at most.
 */
export function claimedIn(body: unknown): Claimed {
  const params = isObject(body) && isObject(body.params) ? body.params : {};
  const meta = isObject(params._meta) ? params._meta : {};
  const info = [params.clientInfo, meta[CLIENT_INFO]].find(isObject) ?? {};
  const [client, version, model] = [info.name, info.version, meta[MODEL]].map(text);
  return { ...(client && { client }), ...(version && { version }), ...(model && { model }) };
}

/** The caller with what it claims in this request, over what it claimed before. */
export function claiming(principal: Principal, claimed: Claimed): Principal {
  if (Object.keys(claimed).length === 0) return principal;
  return { ...principal, claimed: { ...principal.claimed, ...claimed } };
}

function text(value: unknown): string {
  if (typeof value !== 'string') return '';
  return value
    .slice(0, 4 * MAX_CHARS)
    .toWellFormed()
    .replace(UNPRINTABLE, ' ')
    .trim()
    .slice(0, MAX_CHARS)
    .toWellFormed();
}
