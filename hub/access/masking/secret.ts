import { existsSync } from 'node:fs';
import { z } from 'zod';
import { dataKeyConfig } from '../../../shared/config-parts.ts';
import { createKeyFile, credentialPath, isCredential, readKeyFile } from '../../../shared/storage/key-file.ts';
import type { StoreConfig } from '../../store/config.ts';

/** `masking` of hub.yaml: where the secret is that pseudonyms and shifted times are made of. */
export const maskingConfig = z
  .strictObject({
    keyFile: dataKeyConfig.keyFile.describe(
      'The secret of pseudonyms and shifted times: 64 hexadecimal digits in a file of mode 0600, made at the first start. Beside the store (`.masking`) unless told. Hubs that share a database need the same.',
    ),
    keyCredential: dataKeyConfig.keyCredential,
  })
  .refine(({ keyFile, keyCredential }) => keyFile === undefined || keyCredential === undefined, {
    path: ['keyFile'],
    message: 'expected either keyFile or keyCredential',
  })
  .prefault({});

export type MaskingConfig = z.infer<typeof maskingConfig>;

function secretFile({ keyFile, keyCredential }: MaskingConfig, store: StoreConfig): string {
  if (keyFile !== undefined) return keyFile;
  if (keyCredential !== undefined) return credentialPath(keyCredential);
  return store.type === 'postgres' ? `${store.timeFile}.masking` : `${store.path}.masking`;
}

/**
 * The secret of this hub's maskings, 32 bytes; made where there is none yet. With another one everybody who is masked knows patients by other names from then on,
 * and nobody by theirs. Throws STORAGE-KEY-FILE.
 */
export function openMaskingSecret(config: MaskingConfig, store: StoreConfig): Buffer {
  const path = secretFile(config, store);
  return existsSync(path) || isCredential(path) ? readKeyFile(path) : createKeyFile(path);
}

/** Throws STORAGE-KEY-FILE when the secret is there and cannot be used; makes nothing. */
export function checkMaskingSecret(config: MaskingConfig, store: StoreConfig): void {
  const path = secretFile(config, store);
  if (existsSync(path) || isCredential(path)) readKeyFile(path);
}
