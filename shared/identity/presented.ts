import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { NetworkClock, Validity } from '../time/network-clock.ts';
import { verifyServer } from './chain.ts';
import { type Identity, readCertificates } from './identity.ts';

/** One more than a chain may have, so that it is the chain's judge who refuses it. */
const MAX_PRESENTED = 9;

/** What the other side of a TLS connection presented, leaf first. Servers are not shown the intermediates that a client presented. */
export function presentedChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let next = socket.getPeerX509Certificate(); next && chain.length < MAX_PRESENTED; next = next.issuerCertificate) chain.push(next);
  return chain;
}

/**
 * Judges the server at the other end of a TLS connection by this clock, for when the TLS library's verdict does not count, because it goes by
 * the machine's; nothing may have been sent yet. Returns from when to when its certificates are valid, or throws as `verifyServer`.
 */
export function judgeServer(
  chain: readonly X509Certificate[],
  { host, peer }: { host: string; peer: string },
  { caPem }: Pick<Identity, 'caPem'>,
  clock: NetworkClock,
): Validity {
  const validity = verifyServer(chain, readCertificates(caPem, 'ca'), { host, ...clock.certificateTime() });
  clock.judged(peer, validity);
  return validity;
}

/** Has the clock learn from a server whose chain has not begun by the machine's time whether that is behind. Throws as `judgeServer` when it is not. */
export function learnFromServer(
  chain: readonly X509Certificate[],
  host: string,
  { caPem }: Pick<Identity, 'caPem'>,
  clock: NetworkClock,
): void {
  const authorities = readCertificates(caPem, 'ca');
  clock.judge((time) => verifyServer(chain, authorities, { host, ...time }));
}
