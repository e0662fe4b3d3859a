import { z } from 'zod';
import { filePath } from '../../shared/config-parts.ts';
import { credentialPath } from '../../shared/storage/key-file.ts';
import type { StoreConfig } from '../store/config.ts';
import { feedConfig } from './feed/config.ts';
import { evidenceRetentionConfig } from './retention-config.ts';

/** `audit` of hub.yaml: how the evidence is signed. */
export const auditConfig = z
  .strictObject({
    keyFile: filePath
      .optional()
      .describe(
        'The key that signs how far the evidence has come (Ed25519, PEM, mode 0600); made where there is none. Beside the store unless given.',
      ),
    keyCredential: z
      .string()
      .regex(/^(?!\.\.?$)[\w.@-]{1,255}$/, 'expected the name of a systemd credential')
      .optional()
      .describe('Instead of keyFile: the name of a systemd credential that holds the same. It is never made.'),
    checkpointEntries: z.int().min(1).max(1_000_000).default(10_000).describe('Signed after so many entries at the latest.'),
    checkpointMinutes: z.int().min(1).max(1440).default(5).describe('Signed after so long at the latest, where there is anything new.'),
    feed: feedConfig.optional().describe('Where every entry is sent as it comes (SIEM); nowhere unless given.'),
    retention: evidenceRetentionConfig,
  })
  .superRefine(({ keyFile, keyCredential }, context) => {
    if (keyFile !== undefined && keyCredential !== undefined)
      context.addIssue({ code: 'custom', path: ['keyFile'], message: 'expected either keyFile or keyCredential' });
  })
  .prefault({});

export type AuditConfig = z.infer<typeof auditConfig>;

/** Where the signing key lies, the list of the public halves of all that there were, and the newest note that was signed. */
export function auditFilesOf(
  { keyFile, keyCredential }: AuditConfig,
  store: StoreConfig,
): { key: string; verifiers: string; note: string } {
  const beside = store.type === 'postgres' ? store.timeFile : store.path;
  const key = keyCredential === undefined ? (keyFile ?? `${beside}.audit-key`) : credentialPath(keyCredential);
  return { key, verifiers: `${beside}.audit-keys`, note: `${keyCredential === undefined ? key : `${beside}.audit-key`}.note` };
}
