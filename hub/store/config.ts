import { z } from 'zod';
import { dataKeyConfig, filePath, oneKey, withKeyFile } from '../../shared/config-parts.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { retentionConfig } from './retention-config.ts';

const sqlite = z
  .strictObject({
    type: z.literal('sqlite').optional().describe('An encrypted file of this hub alone; so it is unless told.'),
    path: filePath.describe('The encrypted SQLite file; made when it is not there.'),
    ...dataKeyConfig,
    retention: retentionConfig,
  })
  .superRefine(oneKey)
  .transform(withKeyFile);

const postgres = z.strictObject({
  type: z
    .literal('postgres')
    .describe('A PostgreSQL database, which several hubs may share. Its disk is to be encrypted by whoever runs it.'),
  urlFile: filePath.describe('File of mode 0600 with the URL of the database: postgres://ROLE:PASSWORD@HOST:PORT/DATABASE.'),
  ownerUrlFile: filePath
    .optional()
    .describe('The same for the role that owns the tables; needed when they are made or brought up to date, and only then.'),
  timeFile: filePath.default('hub.time').describe('Where the hub keeps the time last confirmed, for its next start.'),
  retention: retentionConfig,
});

/** `store` of hub.yaml: where everything is kept. */
export const storeConfig = z.discriminatedUnion('type', [sqlite, postgres]);

export type StoreConfig = z.infer<typeof storeConfig>;
export type SqliteConfig = z.infer<typeof sqlite>;

/** Where the hub keeps the time last confirmed. */
export function timeFileOf(config: StoreConfig): string {
  return config.type === 'postgres' ? config.timeFile : `${config.path}.time`;
}

/** Where each retention keeps how far it has come: beside the time. */
export function retentionFileOf(config: StoreConfig, what: 'readings' | 'evidence'): string {
  return `${timeFileOf(config)}-${what}`;
}

/** The file of a store that is one, for what only a file can be asked for. Throws USAGE, with what to take instead. */
export function asFile(config: StoreConfig, instead: string): SqliteConfig {
  if (config.type !== 'postgres') return config;
  throw new VitalmeshError('USAGE', { detail: `the store is a PostgreSQL database: ${instead}` });
}
