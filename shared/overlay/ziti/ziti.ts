import { HeldIdentity } from '../../identity/held-identity.ts';
import type { Identity } from '../../identity/identity.ts';
import type { Logger } from '../../log.ts';
import { type ChannelOptions, openChannel } from './channel/open.ts';
import { dialCircuit } from './circuit/dial.ts';
import { hostService } from './circuit/host.ts';
import type { CertificateController } from './controller/contract.ts';
import { type ControllerLimits, openController } from './controller/controller.ts';
import { openZitiOverlayOf, type RenewableOverlay, type ZitiBehaviour, type ZitiParts } from './overlay.ts';

export interface ZitiOptions {
  /** One that is held may change its certificate meanwhile. */
  identity: Identity | HeldIdentity;
  log: Logger;
  channel?: Pick<ChannelOptions, 'latencyEveryMs' | 'latencyTimeoutMs' | 'limits'>;
  controller?: Partial<ControllerLimits>;
}

/**
 * An identity's place in an OpenZiti network. Resolves after the first attempt to sign in and to reach edge routers, whether it
 * succeeded (state `ready`) or not (`connecting`): it is tried again by itself until the overlay is disposed. `bind` and `services`
 * wait for the network, `dial` does not. Throws IDENTITY-FILE when the identity names no controller.
 */
export async function openZitiOverlay(options: ZitiOptions & ZitiBehaviour): Promise<RenewableOverlay> {
  return await openZitiOverlayOf(zitiParts(options), options.log, options);
}

/** What the overlay of this identity is made of. Nothing is sent before it is used. Throws IDENTITY-FILE. */
export function zitiParts({ identity: own, log, channel, controller }: ZitiOptions): ZitiParts & { controller: CertificateController } {
  const identity = own instanceof HeldIdentity ? own.identity : own;
  return {
    controller: openController({ identity: own, ...(controller && { limits: controller }) }),
    openChannel: ({ host, port }, { token }, signal) => openChannel({ host, port, identity, sessionToken: token, log, signal, ...channel }),
    dialCircuit,
    hostService,
  };
}
