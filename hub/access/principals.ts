import type { ClientEntry, GatewayEntry } from '../registry/registry.ts';
import type { Credential, Principal } from './access.ts';
import { usableScopes } from './tokens/scopes.ts';
import type { AccessToken } from './tokens/token.ts';

/** A gateway as the one who writes: in scope are the patients it is bound to, by its beds and devices, and nobody else. */
export function gatewayPrincipal(entry: GatewayEntry): Principal {
  const patients = new Set<string>(Object.values(entry.devices));
  for (const patient of Object.values(entry.beds)) if (patient !== null) patients.add(patient);
  if (entry.patient !== undefined) patients.add(entry.patient);
  return {
    id: entry.identity,
    tenant: entry.tenant,
    kind: 'gateway',
    role: 'gateway',
    patients: [...patients],
    beds: Object.keys(entry.beds),
    devices: Object.keys(entry.devices),
    ...(entry.notAfter === undefined ? {} : { notAfter: entry.notAfter }),
  };
}

/** Whoever holds the hub's machine as user `uid`, at the operator's socket, acting within one tenant. */
export function operatorPrincipal(uid: number, tenant: string): Principal {
  return { id: `local:${uid}`, tenant, kind: 'operator', role: 'operator', patients: 'all' };
}

/** What an AI client was told by: its overlay identity, its token, or both. */
export type ClientProof = { overlay: string; token?: AccessToken } | { overlay?: undefined; token: AccessToken };

/** An AI client as its row has it, narrowed by its token: by what that is for, and by its end. */
export function clientPrincipal(row: ClientEntry, { overlay, token }: ClientProof): Principal {
  const { identity, token: _listed, notAfter, ...rights } = row;
  const credential = credentialOf(overlay, token);
  const end = Math.min(notAfter ?? Number.POSITIVE_INFINITY, lastInstantOf(token));
  return {
    ...rights,
    id: overlay ?? `oauth:${token.issuer}:${token.subject}`,
    ...(Number.isFinite(end) && { notAfter: end }),
    ...(token && { scopes: usableScopes(row, token.scopes) }),
    ...(credential.kind !== 'overlay' && { credential }),
  };
}

function credentialOf(overlay: string | undefined, token: AccessToken | undefined): Credential {
  const oauth = token && { issuer: token.issuer, subject: token.subject };
  if (overlay === undefined) return { kind: 'oauth', ...(oauth && { oauth }) };
  return oauth ? { kind: 'both', overlay, oauth } : { kind: 'overlay', overlay };
}

/** A right holds up to and with its last instant, a token up to the instant of its end. */
function lastInstantOf(token: AccessToken | undefined): number {
  return token ? token.expiresAt - 1 : Number.POSITIVE_INFINITY;
}

/** True when both are the same caller, told by the same credentials. */
export function isSameCaller(a: Principal, b: Principal): boolean {
  const [one, other] = [a.credential, b.credential];
  return (
    a.id === b.id &&
    one?.kind === other?.kind &&
    one?.overlay === other?.overlay &&
    one?.oauth?.issuer === other?.oauth?.issuer &&
    one?.oauth?.subject === other?.oauth?.subject
  );
}

/**
 * True when two principals are the same caller with the same rights: until when, and what a token was issued for, aside, since both are
 * looked at whenever something is shown. Asked at every delivery of a stream, mostly of one row, whose lists are then the same ones.
 */
export function sameRights(a: Principal, b: Principal): boolean {
  return (
    isSameCaller(a, b) &&
    a.tenant === b.tenant &&
    a.kind === b.kind &&
    a.role === b.role &&
    (a.purpose ?? 'TREAT') === (b.purpose ?? 'TREAT') &&
    sameNames(a.patients, b.patients) &&
    sameNames(a.wards ?? NONE, b.wards ?? NONE) &&
    sameNames(a.panels ?? NONE, b.panels ?? NONE)
  );
}

const NONE: readonly string[] = [];

function sameNames(a: Principal['patients'], b: Principal['patients']): boolean {
  if (a === b) return true;
  if (a === 'all' || b === 'all' || a.length !== b.length) return false;
  return a.every((name, i) => name === b[i]);
}
