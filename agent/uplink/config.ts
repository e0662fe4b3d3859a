import { z } from 'zod';
import { filePath, isNoPlaceholder, PLACEHOLDER_HINT } from '../../shared/config-parts.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { overlayConfig } from '../../shared/overlay/config.ts';
import { isAgentId } from '../../shared/uplink/key.ts';

const batchBytes = z
  .int()
  .min(64 * 1024)
  .max(4 * 1024 * 1024)
  .optional()
  .describe('Largest batch in bytes.');

const hub = z.strictObject({
  type: z.literal('hub').optional().describe('A hub takes the data; so it is unless told.'),
  service: z.string().min(1).default('vitals-ingest').describe('Overlay service that the hub hosts.'),
  hub: z
    .array(z.string().min(1).refine(isNoPlaceholder, PLACEHOLDER_HINT))
    .min(1)
    .describe('Overlay identity ids that the hub may have; nobody else gets anything.'),
  batchEntries: z.int().min(1).max(1000).optional().describe('Most observations in a batch.'),
  batchBytes,
});

const fhirServer = z
  .strictObject({
    type: z.literal('fhir-server').describe('A FHIR R4 server in the place of a hub; needs neither identity nor overlay.'),
    url: z
      .string()
      .refine(isFhirBase, 'expected https://host/base (http:// on this machine alone), without user, password or query')
      .describe('Base of the FHIR server: the address in front of /metadata.'),
    gateway: z
      .string()
      .refine(isAgentId, 'expected 1 to 36 letters, digits, dots and hyphens')
      .describe('Name of this gateway, as no other one has it that writes to this server; it must stay the same.'),
    tokenFile: filePath.optional().describe('File of mode 0600 with a bearer token; read anew for each connection.'),
    tls: z
      .strictObject({
        caFile: filePath
          .optional()
          .describe('Who may have issued the certificate of the server (PEM); the public authorities unless told.'),
        certFile: filePath.optional().describe('Certificate of this agent (PEM).'),
        keyFile: filePath.optional().describe('Its key (PEM), in a file of mode 0600.'),
      })
      .optional()
      .describe('The files are read anew for each connection.'),
    batchEntries: z.int().min(1).max(1000).default(100).describe('Most resources in a batch; the server has 60 s for one.'),
    batchBytes,
  })
  .superRefine(({ url, tls }, context) => {
    if (tls === undefined) return;
    const wrong = (at: string[], message: string): void => context.addIssue({ code: 'custom', path: ['tls', ...at], message });
    if (!url.startsWith('https:')) wrong([], 'expected only with an https:// url');
    if (tls.certFile !== undefined && tls.keyFile === undefined) wrong(['keyFile'], 'missing; a certificate needs its key');
    if (tls.keyFile !== undefined && tls.certFile === undefined) wrong(['certFile'], 'missing; a key needs its certificate');
  });

/** `uplink` of agent.yaml: who takes the data. */
export const uplinkConfig = z.discriminatedUnion('type', [hub, fhirServer]);

type UplinkConfig = z.infer<typeof uplinkConfig>;
type FhirServerConfig = Extract<UplinkConfig, { type: 'fhir-server' }>;
type OverlayConfig = z.infer<typeof overlayConfig>;

/** A hub with what it takes to reach it: one identity in one network. */
export interface ToHub {
  to: 'hub';
  identity: string;
  overlay: OverlayConfig;
  uplink: Exclude<UplinkConfig, FhirServerConfig>;
}

/** A FHIR server, which needs neither. */
export interface ToFhirServer {
  to: 'fhir-server';
  uplink: FhirServerConfig;
}

/** Who takes the data, with all that belongs to it. Throws CONFIG-INVALID for what the schema of agent.yaml does not pass. */
export function destinationOf(config: {
  identity?: string | undefined;
  overlay?: OverlayConfig | undefined;
  uplink: UplinkConfig;
}): ToHub | ToFhirServer {
  const { identity, overlay, uplink } = config;
  if (uplink.type === 'fhir-server') return { to: 'fhir-server', uplink };
  if (identity === undefined || overlay === undefined) throw new VitalmeshError('CONFIG-INVALID', { detail: 'identity and overlay' });
  return { to: 'hub', identity, overlay, uplink };
}

/**
 * Whether the way to who takes the data tells the time as well: controllers of a network do, and a server whose certificate an authority of
 * ours vouches for. Where it does not, nothing can wait until it has.
 */
export function tellsTime(destination: ToHub | ToFhirServer): boolean {
  return destination.to === 'hub' ? destination.overlay.type === 'ziti' : destination.uplink.tls?.caFile !== undefined;
}

/** Whether a configured address may be called: what is in the clear stays on this machine. */
function isFhirBase(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  if (username !== '' || password !== '' || search !== '' || hash !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
