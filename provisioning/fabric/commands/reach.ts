import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type CommandValues, required } from '../../../shared/command-line.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { silentLogger } from '../../../shared/log.ts';
import { createAdmin, type FabricAdmin } from '../admin.ts';
import { openHome } from '../home.ts';
import { remoteAdmin } from '../operator.ts';
import { STATE_FILE } from '../state/state.ts';

/** Where the running network of a home takes its operator's calls. */
export function operatorSocket(home: string): string {
  return join(home, 'operator.sock');
}

export function homeOf(values: CommandValues): string {
  return resolve(required(values, 'home'));
}

/**
 * Does something to the network in a home: through the process that runs it, or, when none does, on its state. A home without a network
 * is FABRIC-STATE: a misspelt folder must not become a new one.
 */
export async function withAdmin<T>(home: string, use: (admin: FabricAdmin) => Promise<T>): Promise<T> {
  if (!existsSync(join(home, STATE_FILE)))
    throw new VitalmeshError('FABRIC-STATE', { detail: `there is no network in ${home}; vitalmesh fabric run --home makes one` });
  const socketPath = operatorSocket(home);
  try {
    return await use(remoteAdmin(socketPath));
  } catch (error) {
    const nobody = error instanceof VitalmeshError && error.code === 'OPERATOR-NOT-RUNNING' && error.detail === socketPath;
    if (!nobody) throw error;
  }
  using opened = await openHome(home, silentLogger);
  return await use(createAdmin(opened.state, opened.tokens));
}
