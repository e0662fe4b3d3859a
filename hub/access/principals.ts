import { bedsOf } from '../registry/followed.ts';
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
    beds: bedsOf(entry),
    devices: Object.keys(entry.devices),
    ...(entry.notAfter === undefined ? {} : { notAfter: entry.notAfter }),
  };
}

/** Whoever holds the hub's machine as user `uid`, at the operator's socket, acting within one tenant. */
export function operatorPrincipal(uid: number, tenant: string): Principal {
  return { id: `local:${uid}`, tenant, kind: 'operator', role: 'operator', patients: 'all' };
}

/** What an AI client was told by: its overlay identity, its token, or both. `over`: the identity that a token alone came over, for the evidence. */
export type ClientProof = { overlay: string; token?: AccessToken } | { overlay?: undefined; token: AccessToken; over?: string | undefined };

/** An AI client as its row has it, narrowed by its token: by what that is for, and by its end. */
export function clientPrincipal(row: ClientEntry, proof: ClientProof): Principal {
  const { overlay, token } = proof;
  const { identity, token: _listed, notAfter, ...rights } = row;
  const credential = credentialOf(proof);
  const end = Math.min(notAfter ?? Number.POSITIVE_INFINITY, lastInstantOf(token));
  return {
    ...rights,
    id: overlay ?? `oauth:${token.issuer}:${token.subject}`,
    ...(Number.isFinite(end) && { notAfter: end }),
    ...(token && { scopes: usableScopes(row, token.scopes) }),
    ...(credential.kind !== 'overlay' && { credential }),
  };
}

function credentialOf(proof: ClientProof): Credential {
  if (proof.overlay === undefined) {
    const { token, over } = proof;
    return { kind: 'oauth', ...(over !== undefined && { overlay: over }), oauth: tokenNamed(token) };
  }
  const { overlay, token } = proof;
  return token ? { kind: 'both', overlay, oauth: tokenNamed(token) } : { kind: 'overlay', overlay };
}

/** What the evidence names a token by: by none of it can it be used. */
export function tokenNamed({ issuer, subject, id }: AccessToken): NonNullable<Credential['oauth']> {
  return { issuer, subject, ...(id !== undefined && { jti: id }) };
}

/** A right holds up to and with its last instant, a token up to the instant of its end. */
function lastInstantOf(token: AccessToken | undefined): number {
  return token ? token.expiresAt - 1 : Number.POSITIVE_INFINITY;
}

/** True when both are the same caller, told by the same kind of credentials: another token of the same subject is, and so is a token alone over another connection. */
export function isSameCaller(a: Principal, b: Principal): boolean {
  const [one, other] = [a.credential, b.credential];
  return (
    a.id === b.id &&
    one?.kind === other?.kind &&
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
