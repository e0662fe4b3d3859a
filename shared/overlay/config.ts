import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { filePath } from '../config-parts.ts';
import { VitalmeshError } from '../errors.ts';
import type { HeldIdentity } from '../identity/held-identity.ts';
import type { Identity } from '../identity/identity.ts';
import type { IdentityFiles } from '../identity/identity-files.ts';
import { type IdentityStatus, validityOf } from '../identity/identity-status.ts';
import type { Logger } from '../log.ts';
import type { SignInKind } from './controller-status.ts';
import type { Overlay } from './overlay.ts';
import type { RouterStatus } from './router-status.ts';

/** A program's start waits no longer for the network: devices want to be read, and an operator to be answered. */
const OPENING_MS = 500;

/** `overlay` of agent.yaml and hub.yaml: which network, and where it is reached. */
export const overlayConfig = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('local'), socket: filePath.describe('Socket of the switch of an overlay on one machine.') }),
  z.strictObject({
    type: z.literal('ziti').describe('An OpenZiti network. Its controllers are those that the identity file names.'),
    signIn: z
      .enum(['auto', 'certificate', 'oidc'])
      .optional()
      .describe(
        'How to sign in; auto, unless told, takes OIDC where the controller offers it, and the older certificate session elsewhere.',
      ),
  }),
]);

/**
 * The identity's place in the network that the configuration names; only that kind of network is loaded. One that is not there yet, or
 * slow, is waited for in the background, not an error. Throws CONFIG-INVALID when the identity does not belong to such a network.
 */
export async function openOverlay(config: z.infer<typeof overlayConfig>, identity: Identity, log: Logger): Promise<Overlay> {
  if (config.type === 'local') {
    const { openLocalOverlay } = await import('./local.ts');
    return await openLocalOverlay({ socketPath: config.socket, identity, log });
  }
  refuseWithoutController(identity);
  const { openZitiOverlay } = await import('./ziti/ziti.ts');
  return await openZitiOverlay({ identity, log, openingMs: OPENING_MS, ...(config.signIn && { signIn: config.signIn }) });
}

/** A program's place in its network: the overlay, and how its own identity is. */
export interface OwnPlace extends AsyncDisposable {
  overlay: Overlay;
  identityStatus(): IdentityStatus;
  /** `host:port` of the controller that served last; null before one has, and in a network without controllers. */
  controller(): string | null;
  /** How it is signed in now; null while it is not, and in a network without controllers. */
  signIn(): SignInKind | null;
  /** Edge routers to which a channel is kept or tried; none in a network without them. */
  routers(): readonly RouterStatus[];
  /** Called when the certificate was renewed: what is dialled from now on goes over channels of the new one. */
  onRenewed(listener: () => void): Disposable;
}

/** As `openOverlay` for a program that runs on: where the network renews certificates, its own is renewed before it ends. */
export async function openOwnPlace(
  config: z.infer<typeof overlayConfig>,
  { held, files, clock }: { held: HeldIdentity; files: IdentityFiles; clock: Clock },
  log: Logger,
): Promise<OwnPlace> {
  const statusOf = (renewal: IdentityStatus['renewal']): IdentityStatus => {
    return { id: held.identity.id, notAfter: validityOf(held.inUse).notAfter, renewal };
  };
  if (config.type === 'local') {
    const overlay = await openOverlay(config, held.identity, log);
    return {
      overlay,
      identityStatus: () => statusOf(null),
      controller: () => null,
      signIn: () => null,
      routers: () => [],
      onRenewed: () => ({ [Symbol.dispose]: () => undefined }),
      [Symbol.asyncDispose]: () => overlay[Symbol.asyncDispose](),
    };
  }
  refuseWithoutController(held.identity);
  const { openRenewedOverlay } = await import('./ziti/ziti.ts');
  const renewed = await openRenewedOverlay({
    ...{ held, files, log, clock, openingMs: OPENING_MS },
    ...(config.signIn && { signIn: config.signIn }),
  });
  return {
    overlay: renewed.overlay,
    identityStatus: () => statusOf(renewed.renewal.status()),
    controller: () => renewed.controller.servedLast ?? null,
    signIn: () => renewed.controller.signedInBy ?? null,
    routers: () => renewed.overlay.routers,
    onRenewed: (listener) => renewed.renewal.onRenewed(listener),
    [Symbol.asyncDispose]: () => renewed[Symbol.asyncDispose](),
  };
}

function refuseWithoutController({ controllers }: Identity): void {
  if (controllers.length > 0) return;
  throw new VitalmeshError('CONFIG-INVALID', {
    detail: 'overlay.type: ziti needs an identity file that names its controller (ztAPI), as `vitalmesh enroll` writes it',
  });
}
