import type { FabricIdentity } from '../contract.ts';
import type { HeldCertificate } from '../state/extensions.ts';
import { type Answer, data, refusal, unhandled } from './answers.ts';
import type { Endpoint, SessionCall } from './call.ts';
import { readSigningRequest } from './csr.ts';
import { fingerprintOf, lifetime } from './enrolment.ts';
import { authenticatorJson } from './entities.ts';
import { jsonObject } from './json-body.ts';
import { page } from './list.ts';
import { authenticatorOf } from './sign-in.ts';

const FIELDS = [
  ...['updbUsername', 'updbSalt', 'publicKeyPrint', 'lastAuthResolvedToRoot', 'id', 'method', 'certFingerprint', 'isExtendRequested'],
  ...['extendRequestedAt', 'lastExtendRolledKeys', 'isSystem', 'certPem', 'isIssuedByNetwork', 'isKeyRollRequested', 'updbPassword'],
  ...['identity', 'createdAt', 'updatedAt', 'tags'],
];

/** GET current-identity/authenticators: the caller's own certificates. */
export const authenticators: Endpoint = {
  signedIn: (call) =>
    withIdentity(call, (identity) => {
      const held = call.parts.state.extensions.held(identity.id).map((authenticator) => ({ ...authenticator, name: '' }));
      return page(held, call.query, (authenticator) => authenticatorJson(authenticator, identity), FIELDS);
    }),
};

export const authenticator: Endpoint = {
  signedIn: (call) => withOwn(call, (own, identity) => data(authenticatorJson(own, identity))),
};

/**
 * POST current-identity/authenticators/{id}/extend {clientCertCsr}: a certificate for the same identity, to take the place of the present
 * one once it was verified; until then nothing changes. A second one replaces it (openziti-network.md §2.2, §2.3). The present one has to be
 * shown: who has only a session's token would make itself an identity of its own.
 */
export const extend: Endpoint = {
  takes: ['application/json'],
  needs: 'extend',
  signedIn: (call) =>
    withText(call, 'clientCertCsr', (csr) =>
      withOwn(call, async (own, identity) => {
        const { state, ca, log } = call.parts;
        if (authenticatorOf(call.parts, call.certificate)?.id !== own.id) return refusal(401, 'UNAUTHORIZED');
        const request = await readSigningRequest(csr);
        if (!request) return refusal(400, 'COULD_NOT_PROCESS_CSR', unhandled('could not decode csrPem as PEM'));
        const name = request.commonName ?? identity.name;
        const clientCert = await ca.certify(request.publicKey, { id: identity.id, name, ...lifetime(call.parts) });
        state.extensions.offer(own.id, fingerprintOf(clientCert), clientCert);
        log.info({ identity: identity.id }, 'certificate extended, not yet verified');
        return data({ ca: ca.caPem, clientCert });
      }),
    ),
};

/** POST …/extend-verify {clientCert}: the switch; from its answer on the certificate of before signs in no more (openziti-network.md §2.4). */
export const verifyExtension: Endpoint = {
  takes: ['application/json'],
  needs: 'extend',
  signedIn: (call) =>
    withText(call, 'clientCert', (certificate) =>
      withOwn(call, (own, identity) => {
        const outcome = call.parts.state.extensions.confirm(own.id, readableFingerprint(certificate));
        if (outcome === 'none') return refusal(409, 'CAN_NOT_UPDATE_AUTHENTICATOR');
        if (outcome === 'mismatch') return refusal(400, 'INVALID_CLIENT_CERT');
        call.parts.log.info({ identity: identity.id }, 'certificate replaced');
        return data({});
      }),
    ),
};

function readableFingerprint(certificate: string): string | undefined {
  try {
    return fingerprintOf(certificate);
  } catch {
    return undefined;
  }
}

/** The body's one field; the real one checks it before it looks for the authenticator. */
function withText(call: SessionCall, field: string, then: (text: string) => Answer | Promise<Answer>): Answer | Promise<Answer> {
  const body = jsonObject(call.body);
  if (!body) return refusal(400, 'COULD_NOT_PARSE_BODY');
  const value = body[field] ?? undefined;
  if (value === undefined) return refusal(400, 'COULD_NOT_VALIDATE', { field, reason: `${field} in body is required`, value: '<nil>' });
  return typeof value === 'string' ? then(value) : refusal(400, 'COULD_NOT_PARSE_BODY');
}

function withIdentity<T>({ parts, session }: SessionCall, then: (identity: FabricIdentity) => T): T | Answer {
  const identity = parts.state.directory.identity(session.identityId);
  return identity ? then(identity) : refusal(401, 'UNAUTHORIZED');
}

/** The authenticator of the path; what is not this identity's own does not exist for it. */
function withOwn<T>(call: SessionCall, then: (own: HeldCertificate, identity: FabricIdentity) => T): T | Answer {
  return withIdentity(call, (identity) => {
    const [id] = call.params;
    const own = call.parts.state.extensions.held(identity.id).find((held) => held.id === id);
    return own ? then(own, identity) : refusal(404, 'NOT_FOUND');
  });
}
