import type { Instant } from '../../shared/clock.ts';
import type { Revocation } from '../registry/client-credentials.ts';
import type { ClientEntry, Registry } from '../registry/registry.ts';
import { type AccessModes, needsOf } from './credentials.ts';

/** What hub.yaml asks of callers before anything is decided. */
export interface Entrance {
  modes: AccessModes;
  /** Names of the issuers whose tokens are taken. */
  issuers: readonly string[];
}

/**
 * Why nobody can get in as a row, whatever he shows: it lists no identity or no token where one must be shown, its issuer is none of hub.yaml, every token of
 * its subject is revoked, or its time is over.
 */
export type Barred = 'identity' | 'token' | 'issuer' | 'revoked' | 'expired';

export interface BarredRow {
  /** Overlay identity id, or `oauth:<issuer>:<subject>`. */
  as: string;
  tenant: string;
  why: Barred;
}

/** What bars a row of the registry; undefined where somebody can get in as it. Pure. */
export function barredBy(
  row: Pick<ClientEntry, 'kind' | 'identity' | 'token' | 'notAfter'>,
  { modes, issuers }: Entrance,
  { at, revocations }: { at: Instant; revocations: readonly Revocation[] },
): Barred | undefined {
  const needs = needsOf(row, modes);
  const { identity, token, notAfter } = row;
  if (needs !== 'oauth' && identity === undefined) return 'identity';
  if (needs !== 'overlay') {
    if (!token) return 'token';
    if (!issuers.includes(token.issuer)) return 'issuer';
    const every = ({ issuer, subject, jti, before }: Revocation): boolean =>
      issuer === token.issuer && subject === token.subject && jti === undefined && before === undefined;
    if (revocations.some(every)) return 'revoked';
  }
  return notAfter !== undefined && at > notAfter ? 'expired' : undefined;
}

/** Every client of the registry as whom nobody can get in, in its order. */
export function barredRows(registry: Pick<Registry, 'clients' | 'revocations'>, entrance: Entrance, at: Instant): BarredRow[] {
  const now = { at, revocations: registry.revocations() };
  return registry.clients().flatMap((row): BarredRow[] => {
    const why = barredBy(row, entrance, now);
    return why === undefined ? [] : [{ as: clientId(row), tenant: row.tenant, why }];
  });
}

/** By what a row is called: its overlay identity, or the subject of its token. */
export function clientId(row: Pick<ClientEntry, 'identity' | 'token'>): string {
  return row.identity ?? tokenId(row) ?? '';
}

export function tokenId({ token }: Pick<ClientEntry, 'token'>): string | undefined {
  return token && `oauth:${token.issuer}:${token.subject}`;
}

const WORDS: Readonly<Record<Barred, string>> = {
  identity: 'its row lists no identity, which must be shown',
  token: 'its row lists no token, which must be shown',
  issuer: 'the issuer of its token is none of hub.yaml',
  revoked: 'all tokens of its subject are revoked',
  expired: 'its notAfter has passed',
};

export function barredInWords(why: Barred): string {
  return WORDS[why];
}
