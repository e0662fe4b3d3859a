import { z } from 'zod';
import { filePath } from '../config-parts.ts';
import type { Identity } from '../identity/identity.ts';
import type { Logger } from '../log.ts';
import { openLocalOverlay } from './local.ts';
import type { Overlay } from './overlay.ts';

/** `overlay` of agent.yaml and hub.yaml: which network, and where it is reached. */
export const overlayConfig = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('local'), socket: filePath.describe('Socket of the switch of an overlay on one machine.') }),
]);

/** The identity's place in the network that the configuration names. A network that is not there yet is waited for, not an error. */
export function openOverlay({ socket }: z.infer<typeof overlayConfig>, identity: Identity, log: Logger): Promise<Overlay> {
  return openLocalOverlay({ socketPath: socket, identity, log });
}
