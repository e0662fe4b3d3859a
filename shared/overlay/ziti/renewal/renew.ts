import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Instant } from '../../../clock.ts';
import { VitalmeshError } from '../../../errors.ts';
import type { HeldIdentity } from '../../../identity/held-identity.ts';
import type { Identity } from '../../../identity/identity.ts';
import type { IdentityFiles } from '../../../identity/identity-files.ts';
import type { NetworkClock } from '../../../time/network-clock.ts';
import type { Verification } from '../controller/certificates.ts';
import type { ApiSession, CertificateController } from '../controller/contract.ts';
import { createCsr } from '../enroll/csr.ts';
import { readExtension } from './extension.ts';

/** What is about to be done; each may be the last that this process did. */
export type RenewalStep = 'rehearse' | 'key' | 'extend' | 'write' | 'verify' | 'sign-in' | 'replace' | 'done';

export interface RenewalParts {
  /** Locked by the caller. */
  files: IdentityFiles;
  held: HeldIdentity;
  controller: Pick<CertificateController, 'authenticator' | 'extend' | 'verifyExtension' | 'signInAgain'>;
  now: () => Instant;
  /** Judges a new certificate, where the machine may not know the time. */
  clock?: NetworkClock;
}

export interface RenewalRun {
  signal?: AbortSignal;
  /** Called before each step, and at last with `done`. */
  onStep?: (step: RenewalStep) => void | Promise<void>;
}

/** Sessions that were good with the certificate of before; whoever knows what still uses them ends them. */
export interface Renewed {
  outlived: readonly ApiSession[];
}

/** Somebody else may have asked for another one between our two questions, once. */
const MAX_EXTENSIONS = 2;

/**
 * Replaces an identity's certificate and key in the order that never locks out (openziti-network.md §2.8): key to disk, certificate for it,
 * both beside the old pair on disk, then the switch, a sign-in with the new pair, and only then the identity file. What an earlier run left
 * half done is finished. Whatever happens in between, one of the pairs on disk signs in, and `HeldIdentity.candidates` finds it.
 *
 * Errors, after each of which it can be tried again: IDENTITY-FILE (before anything was sent, or the switch is done and the file could not
 * be replaced), RENEW-NOT-OFFERED, RENEW-REFUSED, OVERLAY-PROTOCOL and IDENTITY-* (the certificate is not one to be used), and those of the
 * controller.
 */
export async function renewIdentity(parts: RenewalParts, { signal, onStep = () => undefined }: RenewalRun = {}): Promise<Renewed> {
  const { files, held, controller } = parts;
  await onStep('rehearse');
  files.rehearse();
  const authenticator = await controller.authenticator(signal);
  const outlived: ApiSession[] = [];

  let extensions = 0;
  while (!isProved(parts)) {
    if (!held.next) extensions += 1;
    if (extensions > MAX_EXTENSIONS)
      throw new VitalmeshError('RENEW-REFUSED', { detail: 'the network does not wait for the certificate that it gave' });
    const next = held.next ?? (await extend(parts, authenticator, onStep, signal));
    await onStep('verify');
    const verification = await controller.verifyExtension(authenticator.id, next.certPem, signal);
    await onStep('sign-in');
    const { before } = await controller.signInAgain(signal);
    if (before) outlived.push(before);
    if (held.inUse !== next) discard(parts, verification);
  }
  await onStep('replace');
  files.adoptNext();
  await onStep('done');
  return { outlived };
}

/** Whether the pair that waits on disk is the one that signs in. One that is not known here may be that; it is offered. */
function isProved({ files, held }: RenewalParts): boolean {
  if (held.next && !files.hasNext) files.writeNext(held.next);
  const waiting = files.next(held.inUse);
  if (!waiting) return false;
  if (waiting.certPem === held.inUse.certPem) return true;
  if (waiting.certPem !== held.next?.certPem) held.offer(waiting);
  return false;
}

/** The old pair still signs in. Unless the network said otherwise, the new one never will. */
function discard({ files, held }: RenewalParts, verification: Verification): void {
  if (verification === 'done')
    throw new VitalmeshError('RENEW-REFUSED', { detail: 'the new certificate was confirmed and does not sign in' });
  files.dropNext();
  held.withdraw();
}

/** A new pair, on disk and offered. */
async function extend(
  { files, held, controller, now, clock }: RenewalParts,
  authenticator: { id: string; extendable: boolean },
  onStep: NonNullable<RenewalRun['onStep']>,
  signal: AbortSignal | undefined,
): Promise<Identity> {
  if (!authenticator.extendable) throw new VitalmeshError('RENEW-NOT-OFFERED');
  const identity = held.inUse;
  await onStep('key');
  const { privateKey, keyPem } = keyFor(files);
  const csr = createCsr(privateKey, identity.id);
  await onStep('extend');
  const { certPem } = await controller.extend(authenticator.id, csr, signal);
  // One that begins later than our clock could be dated by a controller that runs ahead, and no clock is to follow that.
  const time = clock?.certificateTime() ?? { now: now(), mayBeginLaterMs: 0 };
  const next: Identity = { ...identity, keyPem, certPem: readExtension(certPem, { identity, privateKey, time }) };
  await onStep('write');
  files.writeNext(next);
  held.offer(next);
  return next;
}

/** The key of a run that did not get further, or a new one that is on disk when this returns. */
function keyFor(files: IdentityFiles): { privateKey: KeyObject; keyPem: string } {
  const left = files.nextKey();
  const privateKey = left === undefined ? undefined : readKey(left);
  if (left !== undefined && privateKey) return { privateKey, keyPem: left };
  files.dropNextKey();
  const made = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  const keyPem = made.export({ type: 'sec1', format: 'pem' }).toString();
  files.writeNextKey(keyPem);
  return { privateKey: made, keyPem };
}

/** A key as this makes them; undefined for anything else. */
function readKey(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? key : undefined;
  } catch {
    return undefined;
  }
}
