import { z } from 'zod';
import { loadConfig } from '../shared/config.ts';
import { filePath, logConfig, operatorConfig } from '../shared/config-parts.ts';
import { overlayConfig } from '../shared/overlay/config.ts';
import { accessConfig } from './access/config.ts';
import { maskingConfig } from './access/masking/secret.ts';
import { auditConfig } from './audit/config.ts';
import { isRecipient } from './backup/recovery-key.ts';
import { clinicalConfig } from './clinical/config.ts';
import { storeConfig } from './store/config.ts';

/** Everything `hub.yaml` may say. Paths are relative to where the hub is started. */
export const hubConfigSchema = z.strictObject({
  identity: filePath.describe("The hub's OpenZiti identity file (JSON, mode 0600)."),
  registry: filePath.describe('Who is who: gateways, beds, patients and AI clients (registry.yaml).'),
  access: accessConfig,
  masking: maskingConfig,
  store: storeConfig,
  overlay: overlayConfig,
  services: z
    .strictObject({
      ingest: z.string().min(1).default('vitals-ingest').describe('Overlay service that agents dial.'),
      mcp: z.string().min(1).default('vitals-mcp').describe('Overlay service that AI clients dial.'),
      line: z
        .string()
        .min(1)
        .optional()
        .describe('Overlay service of the same by lines, which `vitalmesh bridge` dials; there is none unless it is named.'),
    })
    .prefault({}),
  backup: z
    .strictObject({
      recipients: z
        .array(z.string().refine(isRecipient, 'expected a recipient, as `vitalmesh-hub backup keygen` prints it'))
        .max(16)
        .default([])
        .describe('Who can open backups: what `vitalmesh-hub backup keygen` printed. Without any there is no backup.'),
    })
    .prefault({}),
  audit: auditConfig,
  clinical: clinicalConfig,
  operator: operatorConfig,
  zone: z.string().default('UTC').describe('IANA time zone of the hospital; answers show its offset.'),
  log: logConfig,
});

export type HubConfig = z.infer<typeof hubConfigSchema>;

/** Reads `hub.yaml`; `VITALMESH_HUB__store__path` in the environment overrides `store.path`. Errors: CONFIG-*. */
export function loadHubConfig(file: string, env: NodeJS.ProcessEnv = process.env): HubConfig {
  return loadConfig(hubConfigSchema, file, { env, envPrefix: 'VITALMESH_HUB' });
}
