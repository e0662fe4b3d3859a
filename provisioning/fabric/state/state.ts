import { copyFileSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Clock, type Instant, systemClock } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import { openDatabase } from '../../../shared/storage/database.ts';
import { ensureKeyFile } from '../../../shared/storage/key-file.ts';
import { newEntityId } from '../ids.ts';
import { Authenticators } from './authenticators.ts';
import { Directory } from './directory.ts';
import { Enrolments } from './enrolments.ts';
import { Extensions } from './extensions.ts';
import { StateFile } from './file.ts';
import { OidcSessions } from './oidc-sessions.ts';
import { FABRIC_SCHEMA } from './schema.ts';
import { Sessions } from './sessions.ts';

/** The user name of the administrator that a network begins with. */
export const ADMIN_USERNAME = 'admin';

const NEW_ROUTER = {
  attributes: ['public'],
  tags: {},
  appData: {},
  cost: 0,
  noTraversal: false,
  disabled: false,
  isTunnelerEnabled: false,
  token: undefined,
  tokenExpiresAt: undefined,
};

/** The file of the state in its home; its key lies beside it. */
export const STATE_FILE = 'fabric.db';
const KEY_FILE = 'fabric.key';

/** Everything that an embedded network knows, in one encrypted SQLite file with one owner. Survives a restart. */
export class FabricState implements Disposable {
  readonly directory: Directory;
  readonly enrolments: Enrolments;
  readonly extensions: Extensions;
  readonly authenticators: Authenticators;
  readonly sessions: Sessions;
  readonly oidcSessions: OidcSessions;
  readonly #file: StateFile;

  /** Use `openState`. */
  constructor(file: StateFile) {
    this.#file = file;
    this.directory = new Directory(file);
    this.enrolments = new Enrolments(file);
    this.extensions = new Extensions(file);
    this.authenticators = new Authenticators(file);
    this.sessions = new Sessions(file, (identityId, serviceId, type) => this.directory.allows(identityId, serviceId, type));
    this.oidcSessions = new OidcSessions(file);
  }

  /** Called after each change that may take something away from somebody, and at each sweep of sessions. */
  onChange(listener: () => void): Disposable {
    return this.#file.onChange(listener);
  }

  /** When identities, services or policies were last changed; 0 in a new network. */
  changedAt(): Instant {
    return this.#file.changedAt();
  }

  /** `https://host:port` of the controller, as it last ran; tokens that are made while it does not run name it. */
  get controllerOrigin(): string | undefined {
    return this.#file.setting('controller_origin');
  }

  set controllerOrigin(origin: string) {
    this.#file.setSetting('controller_origin', origin);
  }

  /** The id of a router that runs in this process, by its slot; the same at every start. Its first name is that of the slot. */
  routerId(slot: string): string {
    const known = this.directory.all('router').find((router) => router.slot === slot);
    return (known ?? this.directory.create('router', { ...NEW_ROUTER, name: slot, slot })).id;
  }

  /**
   * The administrator and the policies that every network begins with, as those of a real quickstart: everybody may use the public routers,
   * and every service is reached by all. Made once; what an administrator deletes stays deleted. The password is kept as `passwordHash`.
   */
  furnish(passwordHash: string): void {
    if (this.furnished) return;
    this.directory.together(() => {
      const names = new Set(this.directory.all('identity').map(({ name }) => name));
      const name = ['admin', 'management-admin'].find((free) => !names.has(free)) ?? `management-admin-${newEntityId()}`;
      const { id } = this.directory.createIdentity({ name, attributes: [], isAdmin: true, isDefaultAdmin: true });
      this.authenticators.addPassword(id, ADMIN_USERNAME, passwordHash);
      const usual = { semantic: 'AnyOf', isSystem: false, tags: {} } as const;
      const publicRouters = { kind: 'identity', name: 'all-endpoints-public-routers', routerRoles: ['#public'], roles: ['#all'] } as const;
      this.directory.create('routerPolicy', { ...usual, ...publicRouters });
      const allRouters = { kind: 'service', name: 'all-routers-all-services', routerRoles: ['#all'], roles: ['#all'] } as const;
      this.directory.create('routerPolicy', { ...usual, ...allRouters });
    });
    this.#file.setSetting('furnished', 'yes');
  }

  get furnished(): boolean {
    return this.#file.setting('furnished') !== undefined;
  }

  /** Writes what is known now to another home, which is made; `openState` opens it. Errors: those of `openState`. */
  copyTo(home: string): void {
    makeHome(home);
    const { path } = this.#file;
    this.sessions.writeActivity();
    copyFileSync(join(dirname(path), KEY_FILE), join(home, KEY_FILE));
    this.#file.copyTo(join(home, STATE_FILE));
  }

  [Symbol.dispose](): void {
    try {
      this.sessions.writeActivity();
    } finally {
      this.#file.close();
    }
  }
}

/**
 * Opens the state in `home`, or makes one, folder 0700 and files 0600. Throws STORAGE-LOCKED when another process has it, FABRIC-STATE when
 * the folder cannot be made or is open to others, other STORAGE-* as `openDatabase`.
 */
export function openState(home: string, log: Logger, clock: Clock = systemClock): FabricState {
  makeHome(home);
  const path = join(home, STATE_FILE);
  const keyFile = join(home, KEY_FILE);
  ensureKeyFile(keyFile, path);
  return new FabricState(new StateFile(openDatabase({ path, keyFile, migrations: FABRIC_SCHEMA, clock }), clock, log));
}

function makeHome(home: string): void {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    // Never made so here: it could be anybody's folder, given by mistake.
    if ((statSync(home).mode & 0o077) !== 0) throw new VitalmeshError('FABRIC-STATE', { detail: `${home} is open to others` });
  } catch (cause) {
    if (cause instanceof VitalmeshError) throw cause;
    throw new VitalmeshError('FABRIC-STATE', { cause, detail: `${home} (${(cause as NodeJS.ErrnoException).code ?? 'error'})` });
  }
}
