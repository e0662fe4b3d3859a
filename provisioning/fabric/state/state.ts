import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, type Instant, systemClock } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import { openDatabase } from '../../../shared/storage/database.ts';
import { ensureKeyFile } from '../../../shared/storage/key-file.ts';
import { newIdentityId } from '../ca.ts';
import { Directory } from './directory.ts';
import { Enrolments } from './enrolments.ts';
import { Extensions } from './extensions.ts';
import { StateFile } from './file.ts';
import { OidcSessions } from './oidc-sessions.ts';
import { FABRIC_SCHEMA } from './schema.ts';
import { Sessions } from './sessions.ts';

/** The file of the state in its home; its key lies beside it. */
export const STATE_FILE = 'fabric.db';

/** Everything that an embedded network knows, in one encrypted SQLite file with one owner. Survives a restart. */
export class FabricState implements Disposable {
  readonly directory: Directory;
  readonly enrolments: Enrolments;
  readonly extensions: Extensions;
  readonly sessions: Sessions;
  readonly oidcSessions: OidcSessions;
  readonly #file: StateFile;

  /** Use `openState`. */
  constructor(file: StateFile) {
    this.#file = file;
    this.directory = new Directory(file);
    this.enrolments = new Enrolments(file);
    this.extensions = new Extensions(file);
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

  /** The id of the router of that name; the same at every start. */
  routerId(name: string): string {
    return this.#file.write(() => {
      const known = this.#file.sql<[string], { id: string }>('SELECT id FROM router WHERE name = ?').get(name);
      if (known) return known.id;
      const id = newIdentityId();
      this.#file.sql<[string, string, number]>('INSERT INTO router VALUES (?, ?, ?)').run(id, name, this.#file.clock.now());
      return id;
    });
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
  const keyFile = join(home, 'fabric.key');
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
