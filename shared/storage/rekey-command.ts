import { resolve } from 'node:path';
import { type CommandIo, type CommandValues, EXIT, required } from '../command-line.ts';
import { VitalmeshError } from '../errors.ts';
import { askOperator, nobodyRuns } from '../operator/client.ts';
import { isCredential } from './key-file.ts';
import { refuseAbsent } from './presence.ts';
import { rekeyFile } from './rekey.ts';

/** What `rekey --json` prints. */
export interface RekeyReport {
  file: string;
  /** Where the new key is. */
  keyFile: string;
}

export interface RekeyCommandOptions {
  path: string;
  keyFile: string;
  /** Of the process that may have the file open. */
  socket: string;
  /** Called before the key is changed; must leave the file closed. */
  before?: () => Promise<void>;
}

/**
 * `rekey` of hub and agent: changes the data key of the file of a process that does not run; resolves with the exit code. Throws
 * STORAGE-RUNNING, STORAGE-MISSING, and as `rekeyFile` does.
 */
export async function runRekey(
  { path, keyFile, socket, before }: RekeyCommandOptions,
  values: CommandValues,
  io: CommandIo,
): Promise<number> {
  if (await runs(socket)) throw new VitalmeshError('STORAGE-RUNNING', { detail: path });
  const newKeyFile = values['new-key'] === undefined ? undefined : resolve(required(values, 'new-key'));
  if (isCredential(keyFile) !== (newKeyFile !== undefined)) {
    throw new VitalmeshError('USAGE', { detail: '--new-key FILE is given exactly when the key is a credential' });
  }
  refuseAbsent(path);
  await before?.();
  rekeyFile({ path, keyFile, ...(newKeyFile !== undefined && { newKeyFile }) });
  const report: RekeyReport = { file: path, keyFile: newKeyFile ?? keyFile };
  const text = `${path} has a new data key, in ${report.keyFile}. Copies of the file from before still open with the old one.`;
  io.stdout.write(`${values.json ? JSON.stringify(report) : text}\n`);
  return EXIT.ok;
}

async function runs(socket: string): Promise<boolean> {
  try {
    await askOperator(socket, 'rekey');
    return true;
  } catch (error) {
    if (error instanceof VitalmeshError && error.code === 'STORAGE-RUNNING') return true;
    if (nobodyRuns(error, socket)) return false;
    throw error;
  }
}
