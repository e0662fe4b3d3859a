import { X509Certificate } from 'node:crypto';
import type { Validity } from '../ca.ts';
import { type Answer, data, refusal, unhandled } from './answers.ts';
import type { Call, ControllerParts, Endpoint } from './call.ts';
import { readSigningRequest, type SigningRequest } from './csr.ts';
import { jsonObject } from './json-body.ts';
import { base64Lines, certificateBundle } from './pkcs7.ts';

/** As the real one dates certificates back. */
const CLOCK_SKEW_MS = 60_000;
const METHODS = ['ott', 'ottca', 'updb', 'ca', 'erott', 'token'];
const TYPES = ['application/json', 'application/x-pem-file', 'text/plain'];

/** GET .well-known/est/cacerts: the CA's certificates, for everybody (RFC 7030 §4.1). */
export const caCertificates: Endpoint = {
  open: ({ parts }) => ({
    status: 200,
    headers: { 'content-type': 'application/pkcs7-mime', 'content-transfer-encoding': 'base64' },
    body: base64Lines(certificateBundle(parts.trusted)),
  }),
};

/** POST enroll?method=ott&token=…: a PEM request, or JSON with `clientCsr` (openziti-wire.md §1). */
export const enrol: Endpoint = {
  takes: TYPES,
  open: (call) => {
    const method = call.query.get('method');
    if (method === null) return missing('method in query', 'method', '[]');
    if (!METHODS.includes(method))
      return refusal(606, 'COULD_NOT_VALIDATE', {
        field: 'method',
        reason: `method in query should be one of [${METHODS.join(' ')}]`,
        value: method.slice(0, 100),
      });
    const token = call.query.get('token');
    if (method !== 'ott' || token === null) return refusal(400, 'INVALID_ENROLLMENT_TOKEN');
    const unacceptable = refuseAccept(call);
    if (unacceptable) return unacceptable;
    if (call.contentType !== 'application/json') return enrolWith(call, token, call.body.toString('latin1'));
    const json = jsonObject(call.body);
    return json ? enrolWith(call, token, json.clientCsr) : refusal(400, 'COULD_NOT_PARSE_BODY');
  },
};

/** POST enroll/ott: the same with the token in the body. */
export const enrolTyped: Endpoint = {
  takes: ['application/json'],
  needs: 'ottEnrollmentRequest',
  open: (call) => {
    const json = jsonObject(call.body);
    if (!json) return refusal(400, 'COULD_NOT_PARSE_BODY');
    if (typeof json.token !== 'string') return missing('token in body', 'token', '<nil>', 400);
    return enrolWith(call, json.token, json.clientCsr);
  },
};

/** The token stays good when the request is not: a client with a defect must not lose it. */
async function enrolWith({ parts }: Call, token: string, csr: unknown): Promise<Answer> {
  const { state, ca, log } = parts;
  const identity = state.enrolments.identityOf(token);
  if (!identity) return refusal(400, 'INVALID_ENROLLMENT_TOKEN');
  if (typeof csr !== 'string') return missing('clientCsr in body', 'clientCsr', '<nil>', 400);
  const request = await readSigningRequest(csr);
  if (!request) return refusal(400, 'COULD_NOT_PROCESS_CSR', unhandled('could not decode csrPem as PEM'));
  const cert = await ca.certify(request.publicKey, { id: identity.id, name: nameOf(request, identity), ...lifetime(parts) });
  if (!state.enrolments.spend(token, fingerprintOf(cert), cert)) return refusal(400, 'INVALID_ENROLLMENT_TOKEN');
  log.info({ identity: identity.id }, 'identity enrolled');
  return data({ cert });
}

/** How long what is certified now is good, if not as long as the CA has it. */
export function lifetime({ certificateLifeMs, clock }: ControllerParts): { validity?: Validity } {
  const notBefore = clock.now() - CLOCK_SKEW_MS;
  return certificateLifeMs === undefined ? {} : { validity: { notBefore, notAfter: clock.now() + certificateLifeMs } };
}

function nameOf({ commonName }: SigningRequest, identity: { name: string }): string {
  return commonName ?? identity.name;
}

function missing(what: string, field: string, value: string, status = 602): Answer {
  return refusal(status, 'COULD_NOT_VALIDATE', { field, reason: `${what} is required`, value });
}

/** Only this endpoint looks at Accept, where SDKs are known to ask for PEM. */
function refuseAccept({ headers }: Call): Answer | undefined {
  const { accept } = headers;
  if (typeof accept !== 'string' || accept === '') return undefined;
  const offered = accept.split(',').map((range) => range.split(';')[0]?.trim().toLowerCase());
  if (offered.some((range) => range === '*/*' || range === 'application/*' || range === 'application/json')) return undefined;
  return refusal(415, 'COULD_NOT_VALIDATE', {
    field: 'Accept',
    reason: 'unsupported media type requested, supports: application/json',
    value: accept.slice(0, 100),
  });
}

/** SHA-256 of a certificate, lower-case hex; of the first one of a PEM text. */
export function fingerprintOf(certificate: string | X509Certificate): string {
  const { fingerprint256 } = typeof certificate === 'string' ? new X509Certificate(certificate) : certificate;
  return fingerprint256.replaceAll(':', '').toLowerCase();
}
