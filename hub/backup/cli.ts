import { resolve } from 'node:path';
import { type Command, type CommandIo, type CommandValues, EXIT, required } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { askOperator, nobodyRuns } from '../../shared/operator/client.ts';
import { type HubConfig, loadHubConfig } from '../config.ts';
import type { BackupReport } from './backup.ts';
import { refuseTaken } from './file-error.ts';
import { createRecoveryKey } from './recovery-key.ts';
import type { RestoreOptions, RestoreReport } from './restore.ts';

/** What these commands need from the composition root, where no hub runs. */
export interface BackupPrograms {
  backup(config: HubConfig, to: string): Promise<BackupReport>;
  restore(options: Omit<RestoreOptions, 'clock' | 'uid'>): Promise<RestoreReport>;
  /** `vitalmesh-hub rekey`: resolves with the exit code. */
  rekey(config: HubConfig, values: CommandValues, io: CommandIo): Promise<number>;
}

const json = { json: { type: 'boolean' } } as const;
const config = { config: { type: 'string' } } as const;

/** The commands of `vitalmesh-hub` that concern a store as a whole. */
export function backupCommands(programs: BackupPrograms): Readonly<Record<'backup' | 'restore' | 'rekey', Command>> {
  return {
    backup: {
      usage: '--config hub.yaml --to FILE [--json] | keygen --out FILE',
      summary: 'Backs up the store, while the hub runs or not, for those who hold a recovery key; keygen makes such a key.',
      explained: [
        '--to FILE   a new file, where the running hub may write; copy it to another machine',
        'keygen      writes a recovery key to a new file and prints its recipient, for backup.recipients of hub.yaml',
      ],
      options: { ...config, ...json, to: { type: 'string' }, out: { type: 'string' } },
      more: 'keygen',
      run: async (values, io) => {
        if (values.keygen !== undefined) return keygen(values, io);
        const loaded = loadHubConfig(required(values, 'config'));
        const report = await backedUp(programs, loaded, resolve(fileOf(values, 'to')));
        warnOfOthers(report, loaded, io);
        return print(io, values.json ? JSON.stringify(report) : formatBackup(report));
      },
    },
    restore: {
      usage: '--from FILE --key RECOVERY_KEY_FILE --to FOLDER/store.db [--key-file FILE] [--json]',
      summary: 'Makes a store out of a backup, in a place where there is none, under a new data key.',
      explained: ['--key-file FILE  where the new data key goes; unless told, beside the store, with .key in place of .db'],
      options: { ...json, from: { type: 'string' }, key: { type: 'string' }, to: { type: 'string' }, 'key-file': { type: 'string' } },
      run: async (values, io) => {
        const to = fileOf(values, 'to');
        const keyFile = values['key-file'] === undefined ? `${to.replace(/\.db$/, '')}.key` : required(values, 'key-file');
        const report = await programs.restore({ from: required(values, 'from'), recoveryKeyFile: required(values, 'key'), to, keyFile });
        return print(io, values.json ? JSON.stringify(report) : formatRestore(report));
      },
    },
    rekey: {
      usage: '--config hub.yaml [--new-key FILE] [--json]',
      summary: 'Encrypts the store anew, under a new data key; the hub must not run.',
      explained: ['--new-key FILE  where the new key goes, when it is a systemd credential: make the credential of it afterwards'],
      options: { ...config, ...json, 'new-key': { type: 'string' } },
      run: (values, io) => programs.rekey(loadHubConfig(required(values, 'config')), values, io),
    },
  };
}

function keygen(values: CommandValues, io: CommandIo): number {
  if (values.keygen !== 'keygen') throw new VitalmeshError('USAGE', { detail: 'expected --to FILE, or keygen --out FILE' });
  const out = required(values, 'out');
  const recipient = createRecoveryKey(out);
  return print(io, values.json ? JSON.stringify({ file: out, recipient }) : recipient);
}

async function backedUp(programs: BackupPrograms, config: HubConfig, to: string): Promise<BackupReport> {
  try {
    return (await askOperator(config.operator.socket, 'backup', { to })) as BackupReport;
  } catch (error) {
    if (!nobodyRuns(error, config.operator.socket)) throw error;
    return await programs.backup(config, to);
  }
}

/** Throws BACKUP-FILE for what cannot be the name of a file; `resolve` would make one of it. */
function fileOf(values: CommandValues, name: string): string {
  const path = required(values, name);
  if (path.endsWith('/')) refuseTaken(path);
  return path;
}

/** A running hub seals for the recipients that it read at its start: whoever changed them since must be told. */
function warnOfOthers({ recipients }: BackupReport, { backup }: HubConfig, io: CommandIo): void {
  if (recipients.length === backup.recipients.length && recipients.every((one) => backup.recipients.includes(one))) return;
  io.stderr.write(
    `WARNING: the hub runs with other recipients than backup.recipients of this file names (${backup.recipients.join(', ') || 'none'}). Restart it, and back up again.\n`,
  );
}

function formatBackup({ file, storeId, position, bodyBytes, recipients, sha256 }: BackupReport): string {
  return [
    `Backed up to ${file} (${(bodyBytes / 1024 / 1024).toFixed(1)} MiB): store ${storeId}, every commit up to position ${position}.`,
    `It opens with the recovery key of ${recipients.length === 1 ? 'this recipient' : `any of these ${recipients.length} recipients`}: ${recipients.join(', ')}`,
    `SHA-256 of the database in it: ${sha256}`,
  ].join('\n');
}

function formatRestore({ store, keyFile, storeId, madeAt, position, observations, events }: RestoreReport): string {
  return [
    `Restored to ${store}, its new key in ${keyFile}: store ${storeId}, as of ${new Date(madeAt).toISOString()}, position ${position}.`,
    `${observations} observations and ${events} events. Gateways send again what they have kept since, when they are connected.`,
    `Where people were erased since, put the file of them (….erased and ….erased.key, beside the store that was) to ${store}.erased and ${store}.erased.key before a hub opens it: it erases them again.`,
  ].join('\n');
}

function print(io: CommandIo, text: string): number {
  io.stdout.write(`${text}\n`);
  return EXIT.ok;
}
