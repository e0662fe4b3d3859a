import { createPrivateKey, generateKeyPairSync, type KeyObject, type X509Certificate } from 'node:crypto';
import { lstatSync, rmSync } from 'node:fs';
import { systemClock } from '../../../clock.ts';
import { VitalmeshError } from '../../../errors.ts';
import { verifyServer } from '../../../identity/chain.ts';
import type { IdentityFile } from '../../../identity/identity.ts';
import { validityOf } from '../../../identity/identity-status.ts';
import { createOwnerFile, readOwnerFile } from '../../../identity/owner-file.ts';
import { silentLogger } from '../../../log.ts';
import { BUILT_AT } from '../../../time/built-at.ts';
import { NetworkClock } from '../../../time/network-clock.ts';
import { limited } from '../../limit.ts';
import { acceptedBody, readEnrolled } from './answer.ts';
import { readCaBundle } from './ca-bundle.ts';
import type { Enroll, EnrollOptions } from './contract.ts';
import { createCsr } from './csr.ts';
import { exchange, hostOf, openPinned, openUnverified, type Peer, type PeerAnswer } from './pinned-peer.ts';
import { type EnrollmentToken, readToken } from './token.ts';

/** For connecting, asking and the whole answer. */
const EXCHANGE_TIMEOUT_MS = 20_000;
const CA_BUNDLE_PATH = '/edge/client/v1/.well-known/est/cacerts';

/** The controller as the token proved it to be, and the CA of its network. */
interface Controller {
  certificate: X509Certificate;
  authorities: readonly X509Certificate[];
}

type Told = Pick<Peer, 'chain'> & Pick<PeerAnswer, 'toldTime'> & { authorities: readonly X509Certificate[] };

interface Key {
  path: string;
  privateKey: KeyObject;
  /** False when it lay there from an earlier run. */
  fresh: boolean;
}

/** Enrols with a one-time token and writes the identity file; what is promised, and every error, stands with `Enroll`. */
export const enroll: Enroll = async (options) => {
  const { identityPath } = options;
  if (exists(identityPath)) throw existing(identityPath);
  const clock = clockOf(options);
  const token = readToken(options.token, clock.now());
  const controller = await askController(token, clock, options);
  // It may be that only now the time is known.
  readToken(options.token, clock.now());
  const key = keyFor(identityPath);
  const csr = createCsr(key.privateKey, token.identityId);
  const body = await spend(token, controller, csr, { key, clock }, options);
  const expected = { ...key, identityId: token.identityId, authorities: controller.authorities };
  const { certPem, caPem } = clock.judge((time) => {
    const enrolled = readEnrolled(body, { ...expected, time });
    return { ...enrolled, ...validityOf(enrolled) };
  });
  const identity = identityFileOf(token, { key: pemOf(key.privateKey), cert: certPem, ca: caPem });
  if (!createOwnerFile(identityPath, `${JSON.stringify(identity, null, 2)}\n`)) throw existing(identityPath);
  rmSync(key.path, { force: true });
  return identity;
};

function clockOf({ now, log = silentLogger }: EnrollOptions): NetworkClock {
  return new NetworkClock({ machine: { now, monotonicMs: systemClock.monotonicMs }, floors: { certain: BUILT_AT }, log });
}

/** The controller's certificate, once the token's signature was found to be of its key, and then the CA that it names over the same connection. */
function askController(token: EnrollmentToken, clock: NetworkClock, options: EnrollOptions): Promise<Controller> {
  return timed(options, async (signal) => {
    using peer = await openUnverified(token.issuer, signal);
    if (!token.isSignedBy(peer.certificate.publicKey))
      throw new VitalmeshError('ENROLL-TOKEN', { detail: 'it was not signed by the server that answers, or was changed' });
    const answer = await exchange(peer, token.issuer, {
      method: 'GET',
      path: CA_BUNDLE_PATH,
      headers: { Accept: 'application/pkcs7-mime' },
    });
    const authorities = readCaBundle(acceptedBody(answer));
    takeTime(clock, token.issuer, { ...peer, ...answer, authorities });
    return { certificate: peer.certificate, authorities };
  });
}

/** The time of the controller whose key signed the token, if its certificates may tell it. What is wrong with them shows when they are pinned. */
function takeTime(clock: NetworkClock, issuer: URL, { chain, authorities, toldTime }: Told): void {
  try {
    const validity = clock.judge((time) => verifyServer(chain, authorities, { host: hostOf(issuer), ...time }));
    clock.judged(issuer.host, validity);
    if (toldTime !== undefined) clock.take(toldTime, validity);
  } catch (thrown) {
    if (!(thrown instanceof VitalmeshError)) throw thrown;
  }
}

/** Sends the request that spends the token; returns the body of the answer. A refusal certifies nothing, so a key made for it goes again. */
async function spend(
  token: EnrollmentToken,
  controller: Controller,
  csr: string,
  { key, clock }: { key: Key; clock: NetworkClock },
  options: EnrollOptions,
): Promise<string> {
  try {
    return await timed(options, async (signal) => {
      const time = clock.trust === 'machine' ? undefined : clock.certificateTime();
      using peer = await openPinned(token.issuer, controller.certificate, controller.authorities, signal, time);
      const answer = await exchange(peer, token.issuer, {
        method: 'POST',
        path: `/edge/client/v1/enroll?${new URLSearchParams({ method: 'ott', token: token.secret })}`,
        headers: { 'Content-Type': 'application/x-pem-file', Accept: 'application/json', 'Content-Length': String(Buffer.byteLength(csr)) },
        body: csr,
      });
      return acceptedBody(answer);
    });
  } catch (error) {
    if (key.fresh && error instanceof VitalmeshError && isRefusal(error)) rmSync(key.path, { force: true });
    throw error;
  }
}

function isRefusal({ code }: VitalmeshError): boolean {
  return code === 'ENROLL-SPENT' || code === 'ENROLL-REFUSED' || code === 'ENROLL-TOKEN';
}

/** The key that an earlier run left behind, or a new one that is on disk when this returns. Throws IDENTITY-FILE, IDENTITY-MODE. */
function keyFor(identityPath: string): Key {
  const path = `${identityPath}.key`;
  const left = readOwnerFile(path);
  if (left !== undefined) return { path, privateKey: readKey(left, path), fresh: false };
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  if (createOwnerFile(path, pemOf(privateKey))) return { path, privateKey, fresh: true };
  // Another run was faster, and may have sent its request already.
  return { path, privateKey: readKey(readOwnerFile(path) ?? '', path), fresh: false };
}

function readKey(pem: string, path: string): KeyObject {
  const wrong = new VitalmeshError('IDENTITY-FILE', { detail: `${path} is in the way: no P-384 key of an earlier enrolment` });
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The cause could quote the key.
    throw wrong;
  }
  if (key.asymmetricKeyDetails?.namedCurve !== 'secp384r1') throw wrong;
  return key;
}

/** As the Go SDK writes it; every SDK reads that form. */
function pemOf(privateKey: KeyObject): string {
  return privateKey.export({ type: 'sec1', format: 'pem' }).toString();
}

function identityFileOf({ controllers }: EnrollmentToken, { key, cert, ca }: IdentityFile['id']): IdentityFile {
  return {
    ztAPI: controllers[0],
    ztAPIs: [...controllers],
    configTypes: [],
    id: { key: `pem:${key}`, cert: `pem:${cert}`, ca: `pem:${ca}` },
  };
}

function timed<T>({ signal, timeoutMs = EXCHANGE_TIMEOUT_MS }: EnrollOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return limited({ timeoutMs, ...(signal && { signal }) }, new AbortController().signal, work);
}

/** A link that leads nowhere counts too: a file can no more be made there. */
function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (cause) {
    throw new VitalmeshError('IDENTITY-FILE', { cause, detail: path });
  }
}

function existing(path: string): VitalmeshError {
  return new VitalmeshError('IDENTITY-FILE', { detail: `${path} exists already; an identity is never overwritten` });
}
