import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { syncFolder } from '../../shared/storage/key-file.ts';
import { type Ca, createCa, loadCa } from './ca.ts';
import { type TokenKey, tokenKey } from './jwt.ts';
import { hashPassword, newPassword } from './passwords.ts';
import { ADMIN_USERNAME, type FabricState, openState } from './state/state.ts';

/** What lies in the home of an embedded network, opened: state, CA and the key of its controller. Owned by one process at a time. */
export interface FabricHome extends Disposable {
  readonly state: FabricState;
  readonly ca: Ca;
  /** The controller's TLS key, RSA, which signs tokens too: a client trusts a token by the key of the peer it then talks to. */
  readonly controllerKeyPem: string;
  readonly tokens: TokenKey;
}

/** User name and password of the management API's administrator, as JSON, made with the network. */
export const ADMIN_FILE = 'management-admin.json';

export const TRUST_DOMAIN = 'vitalmesh-fabric';

/** Opens the home, and makes what is missing in it. Throws STORAGE-*, FABRIC-STATE, FABRIC-CA. */
export async function openHome(home: string, log: Logger, clock: Clock = systemClock): Promise<FabricHome> {
  // First, for it takes the lock under which the rest is made.
  const state = openState(home, log, clock);
  try {
    const ca = await openCa(join(home, 'ca'), clock);
    const controllerKeyPem = await openControllerKey(join(home, 'controller.key.pem'), ca);
    await furnish(state, join(home, ADMIN_FILE));
    return { state, ca, controllerKeyPem, tokens: tokenKey(controllerKeyPem), [Symbol.dispose]: () => state[Symbol.dispose]() };
  } catch (thrown) {
    state[Symbol.dispose]();
    throw thrown;
  }
}

/** The administrator's password first: once the state has its hash, nobody can make it again. */
async function furnish(state: FabricState, path: string): Promise<void> {
  if (state.furnished) return;
  const password = newPassword();
  const unfinished = `${path}.new`;
  const content = `${JSON.stringify({ username: ADMIN_USERNAME, password }, null, 2)}\n`;
  replacing(path, unfinished, () => writeFileSync(unfinished, content, { flag: 'wx', mode: 0o600, flush: true }));
  state.furnish(await hashPassword(password));
}

async function openCa(folder: string, clock: Clock): Promise<Ca> {
  if (existsSync(folder)) return loadCa(folder, clock);
  const ca = await createCa({ trustDomain: TRUST_DOMAIN, commonName: 'Vitalmesh trial network', clock });
  const unfinished = `${folder}.new`;
  replacing(folder, unfinished, () => ca.save(unfinished));
  return ca;
}

async function openControllerKey(path: string, ca: Ca): Promise<string> {
  try {
    if (existsSync(path)) return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new VitalmeshError('FABRIC-STATE', { cause, detail: path });
  }
  const { keyPem } = await ca.certifyServer({ commonName: 'controller', key: 'rsa2048' });
  const unfinished = `${path}.new`;
  replacing(path, unfinished, () => writeFileSync(unfinished, keyPem, { flag: 'wx', mode: 0o600, flush: true }));
  return keyPem;
}

/** Makes something under another name and gives it its own when it is whole, so that a crash leaves no half of it. */
function replacing(path: string, unfinished: string, make: () => void): void {
  try {
    rmSync(unfinished, { recursive: true, force: true });
    make();
    renameSync(unfinished, path);
    syncFolder(dirname(path));
  } catch (cause) {
    throw cause instanceof VitalmeshError ? cause : new VitalmeshError('FABRIC-STATE', { cause, detail: path });
  }
}
