import type { Clock } from '../../clock.ts';
import { HeldIdentity } from '../../identity/held-identity.ts';
import type { Identity } from '../../identity/identity.ts';
import type { IdentityFiles } from '../../identity/identity-files.ts';
import type { Logger } from '../../log.ts';
import { NetworkClock } from '../../time/network-clock.ts';
import { type ChannelOptions, openChannel } from './channel/open.ts';
import { dialCircuit } from './circuit/dial.ts';
import { hostService } from './circuit/host.ts';
import type { SignInChoice } from './controller/chosen-sign-in.ts';
import type { CertificateController } from './controller/contract.ts';
import { type ControllerLimits, openController } from './controller/controller.ts';
import { openZitiOverlayOf, type RenewableOverlay, type ZitiBehaviour, type ZitiParts } from './overlay.ts';
import { IdentityRenewal } from './renewal/renewal.ts';

export interface ZitiOptions {
  /** One that is held may change its certificate meanwhile. */
  identity: Identity | HeldIdentity;
  log: Logger;
  channel?: Pick<ChannelOptions, 'latencyEveryMs' | 'latencyTimeoutMs' | 'stallMs' | 'limits'>;
  controller?: Partial<ControllerLimits>;
  /** By OIDC where the controller offers it, unless told. */
  signIn?: SignInChoice;
  /** One of a machine that may not know the time (`NetworkClock`) learns it from controllers, and decides on certificates. */
  clock?: Clock;
}

/**
 * An identity's place in an OpenZiti network. Resolves after the first attempt to sign in and to reach edge routers, whether it
 * succeeded (state `ready`) or not (`connecting`): it is tried again by itself until the overlay is disposed. `bind` and `services`
 * wait for the network, `dial` does not. Throws IDENTITY-FILE when the identity names no controller.
 */
export async function openZitiOverlay(options: ZitiOptions & ZitiBehaviour): Promise<RenewableOverlay> {
  return await openZitiOverlayOf(zitiParts(options), options.log, options);
}

/** An overlay whose identity renews its certificate by itself. Disposing it ends both. */
export interface RenewedOverlay extends AsyncDisposable {
  overlay: RenewableOverlay;
  renewal: IdentityRenewal;
  controller: Pick<CertificateController, 'servedLast' | 'signedInBy'>;
}

/** As `openZitiOverlay`, with the renewal of the certificate in the files given. */
export async function openRenewedOverlay(
  options: Omit<ZitiOptions, 'identity'> & ZitiBehaviour & { held: HeldIdentity; files: IdentityFiles; clock: Clock; lookAgainMs?: number },
): Promise<RenewedOverlay> {
  const { held, files, clock, log, lookAgainMs } = options;
  await using stack = new AsyncDisposableStack();
  const parts = zitiParts({ ...options, identity: held });
  const overlay = stack.use(await openZitiOverlayOf(parts, log, options));
  const renewal = stack.use(
    new IdentityRenewal({ files, held, controller: parts.controller, overlay, clock, log, ...(lookAgainMs && { lookAgainMs }) }),
  );
  await renewal.start(new AbortController().signal);
  const made = stack.move();
  return { overlay, renewal, controller: parts.controller, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/** What the overlay of this identity is made of. Nothing is sent before it is used. Throws IDENTITY-FILE. */
export function zitiParts({
  identity: own,
  log,
  channel,
  controller,
  signIn = 'auto',
  clock,
}: ZitiOptions): ZitiParts & { controller: CertificateController } {
  const identity = own instanceof HeldIdentity ? own.identity : own;
  const judging = clock instanceof NetworkClock ? { clock } : {};
  return {
    controller: openController({ identity: own, signIn, log, ...judging, ...(controller && { limits: controller }) }),
    openChannel: ({ host, port }, { token }, signal) =>
      openChannel({ host, port, identity, sessionToken: token, log, signal, ...judging, ...channel }),
    dialCircuit,
    hostService,
  };
}
