import { z } from 'zod';
import type { Instant } from '../../shared/clock.ts';

/** What stands in a token's claims as a name (OpenID Connect Core §2: at most 255 of ASCII). */
const claim = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'expected 1 to 255 printable characters without blanks');
const issuer = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'expected the name of an issuer in hub.yaml');

/** `token` of a client's row. */
export const tokenSubject = z.strictObject({
  issuer: issuer.describe('Name of an issuer under `access` of hub.yaml.'),
  subject: claim.describe('As its tokens name the subject: `sub`, or what hub.yaml says.'),
});
export type TokenSubject = z.output<typeof tokenSubject>;

/** One of `revoked`: tokens that are good by themselves, and not taken any more. `instant` is how this file reads times. */
export function revocation(instant: z.ZodType<Instant, string>) {
  return z
    .strictObject({
      issuer: issuer.describe('Name of an issuer under `access` of hub.yaml.'),
      jti: claim.optional().describe('The one token with this id.'),
      subject: claim.optional().describe('Tokens of this subject.'),
      before: instant.optional().describe('Only tokens that were issued before.'),
    })
    .refine(
      ({ jti, subject, before }) => (jti ?? subject ?? before) !== undefined,
      'expected jti, subject or before: not all tokens of an issuer',
    );
}
export type Revocation = z.output<ReturnType<typeof revocation>>;

/** What must be known of a token to tell whether it was revoked. */
export interface IssuedToken {
  /** Name in hub.yaml. */
  issuer: string;
  subject: string;
  id?: string;
  issuedAt: Instant;
}

/** What was revoked, so that a token is looked up among thousands at every delivery of a stream. */
export class Revocations {
  readonly list: readonly Revocation[];
  readonly #byName = new Map<string, Revocation[]>();

  constructor(list: readonly Revocation[]) {
    this.list = list;
    for (const one of list) {
      const name = nameOf(one.issuer, one.jti, one.subject);
      const same = this.#byName.get(name);
      if (same) same.push(one);
      else this.#byName.set(name, [one]);
    }
  }

  /** True when one of them means the token: all that it names must hold. */
  include({ issuer, subject, id, issuedAt }: IssuedToken): boolean {
    if (this.list.length === 0) return false;
    const names = [nameOf(issuer), nameOf(issuer, undefined, subject)];
    if (id !== undefined) names.push(nameOf(issuer, id), nameOf(issuer, id, subject));
    return names.some((name) => this.#byName.get(name)?.some(({ before }) => before === undefined || issuedAt < before));
  }
}

/** No name of an issuer, and no claim, holds a blank. */
function nameOf(issuer: string, jti = '', subject = ''): string {
  return `${issuer} ${jti} ${subject}`;
}

/** Each client must be told by something, and a subject stands in one row: one credential, one tenant, one role. */
export function checkCredentials(
  clients: readonly { identity?: string | undefined; token?: TokenSubject | undefined }[],
  complain: (path: (string | number)[], message: string) => void,
): void {
  const seen = new Set<string>();
  for (const [i, { identity, token }] of clients.entries()) {
    if (identity === undefined && !token)
      complain(['clients', i], 'expected an identity, a token, or both: nobody could be told to be this one');
    if (!token) continue;
    const key = subjectKey(token.issuer, token.subject);
    if (seen.has(key)) complain(['clients', i, 'token'], 'expected every subject once; this one is listed already');
    seen.add(key);
  }
}

/** A revocation of an issuer that hub.yaml does not have revokes nothing, and whoever wrote it believes otherwise. */
export function checkRevocations(
  revoked: readonly { issuer: string }[],
  issuers: readonly string[],
  complain: (path: (string | number)[], message: string) => void,
): void {
  if (issuers.length === 0) return;
  for (const [i, { issuer }] of revoked.entries()) {
    if (!issuers.includes(issuer)) complain(['revoked', i, 'issuer'], `expected an issuer of hub.yaml: ${issuers.join(', ')}`);
  }
}

/** Those of `standing` that `listed` leaves out. */
export function unlisted(standing: readonly Revocation[], listed: readonly Revocation[]): Revocation[] {
  const known = new Set(listed.map(keyOf));
  return standing.filter((one) => !known.has(keyOf(one)));
}

function keyOf({ issuer, jti, subject, before }: Revocation): string {
  return JSON.stringify([issuer, jti ?? null, subject ?? null, before ?? null]);
}

/** No name of an issuer holds a blank. */
export function subjectKey(issuer: string, subject: string): string {
  return `${issuer} ${subject}`;
}
