import { z } from 'zod';
import { filePath } from '../config-parts.ts';
import { VitalmeshError } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';
import type { Logger } from '../log.ts';
import type { Overlay } from './overlay.ts';

/** A program's start waits no longer for the network: devices want to be read, and an operator to be answered. */
const OPENING_MS = 500;

/** `overlay` of agent.yaml and hub.yaml: which network, and where it is reached. */
export const overlayConfig = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('local'), socket: filePath.describe('Socket of the switch of an overlay on one machine.') }),
  z.strictObject({
    type: z.literal('ziti').describe('An OpenZiti network. Its controllers are those that the identity file names.'),
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
  if (identity.controllers.length === 0)
    throw new VitalmeshError('CONFIG-INVALID', {
      detail: 'overlay.type: ziti needs an identity file that names its controller (ztAPI), as `vitalmesh enroll` writes it',
    });
  const { openZitiOverlay } = await import('./ziti/ziti.ts');
  return await openZitiOverlay({ identity, log, openingMs: OPENING_MS });
}
