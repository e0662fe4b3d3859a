import {
  chownSync,
  closeSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { asVitalmeshError, VitalmeshError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { syncFolder } from '../storage/key-file.ts';
import { acquireOwnerLock } from '../storage/owner-lock.ts';
import { HeldIdentity } from './held-identity.ts';
import { type Identity, loadIdentity } from './identity.ts';
import { readOwnerFile } from './owner-file.ts';

/**
 * An identity file and what lies beside it while its certificate is renewed, so that a crash at any moment leaves a pair on disk that signs
 * in. Every file has mode 0600, appears whole or not at all, and is on disk when the call returns.
 *
 * - `FILE`: the standard identity file. It is only ever replaced by another whole one, so other SDKs can read it at any time.
 * - `FILE.next.key`: the new key (PEM), before there is a certificate for it.
 * - `FILE.next`: the new pair, a standard identity file too. Until the network has switched `FILE` is the one that signs in, from then on
 *   this one; between the switch and its answer nobody here can know. That ends when it takes the place of `FILE`.
 * - `FILE.previous`: the old pair, until everything that was begun with it has ended.
 * - `FILE.draft`: a file that is being written. `FILE.lock`: held by whoever may write here.
 */
export class IdentityFiles {
  readonly path: string;
  /** Where links lead; a rename must not replace the link. */
  readonly #file: string;

  /** Throws IDENTITY-FILE when there is no such file. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#file = realpathSync(path);
    } catch (cause) {
      throw new VitalmeshError('IDENTITY-FILE', { cause, detail: path });
    }
  }

  /** Reads the pairs. A newer one that cannot be read, or is of another identity, is left alone and logged. Errors: those of `loadIdentity`. */
  open(log: Logger): HeldIdentity {
    const present = loadIdentity(this.path);
    try {
      return new HeldIdentity(present, this.next(present));
    } catch (thrown) {
      log.warn({ err: asVitalmeshError(thrown) }, 'a renewal of the identity was begun, and what it left cannot be used');
      return new HeldIdentity(present);
    }
  }

  /** The newer pair beside this one, if there is one. Throws IDENTITY-FILE, -MODE, -NAME. */
  next(present: Identity): Identity | undefined {
    if (!exists(this.#nextPath)) return undefined;
    const next = loadIdentity(this.#nextPath);
    if (next.id === present.id && next.trustDomain === present.trustDomain) return next;
    throw new VitalmeshError('IDENTITY-NAME', { detail: `${this.#nextPath} is of another identity` });
  }

  /** Another process may have renewed it since it was opened; what it left is a pair that may be the good one. Throws IDENTITY-FILE, -MODE. */
  reread(held: HeldIdentity): void {
    const { certPem, ...rest } = loadIdentity(this.path);
    if (certPem !== held.inUse.certPem && certPem !== held.next?.certPem) held.offer({ ...rest, certPem });
  }

  get hasNext(): boolean {
    return exists(this.#nextPath);
  }

  /** The key of a renewal that was begun, as PEM. Throws IDENTITY-FILE, IDENTITY-MODE. */
  nextKey(): string | undefined {
    return readOwnerFile(this.#keyPath);
  }

  /** Throws IDENTITY-FILE. */
  writeNextKey(pem: string): void {
    this.#place(this.#keyPath, pem);
  }

  /** A key that is no good. */
  dropNextKey(): void {
    rmSync(this.#keyPath, { force: true });
  }

  /**
   * Replaces the file by itself: what cannot be written, or not be replaced (a read-only folder, a full disk, a file that is mounted by
   * itself), shows before anything is sent. Throws IDENTITY-FILE.
   */
  rehearse(): void {
    this.#place(this.#file, this.#text());
  }

  /** Throws IDENTITY-FILE. */
  writeNext({ keyPem, certPem, caPem }: Identity): void {
    const file = JSON.parse(this.#text()) as { id: object };
    const id = { ...file.id, key: `pem:${keyPem}`, cert: `pem:${certPem}`, ca: `pem:${caPem}` };
    this.#place(this.#nextPath, `${JSON.stringify({ ...file, id }, null, 2)}\n`);
    this.dropNextKey();
  }

  dropNext(): void {
    rmSync(this.#nextPath, { force: true });
  }

  /** The newer pair takes the place of the older one, which is kept beside it. Throws IDENTITY-FILE. */
  adoptNext(): void {
    this.#place(`${this.#file}.previous`, this.#text());
    this.#doing(() => {
      renameSync(this.#nextPath, this.#file);
      syncFolder(dirname(this.#file));
    });
  }

  dropPrevious(): void {
    rmSync(`${this.#file}.previous`, { force: true });
  }

  /** For as long as this process may renew. Throws IDENTITY-IN-USE when another one holds it, IDENTITY-FILE when nothing can be written here. */
  lock(): Disposable {
    try {
      using stack = new DisposableStack();
      stack.use(acquireOwnerLock(this.#file));
      const { uid, gid } = statSync(this.#file);
      const lock = statSync(`${this.#file}.lock`);
      // By its name: an open descriptor of it that is closed again would give the lock up.
      if (process.platform !== 'win32' && (lock.uid !== uid || lock.gid !== gid)) chownSync(`${this.#file}.lock`, uid, gid);
      return stack.move();
    } catch (cause) {
      if (asVitalmeshError(cause).code === 'STORAGE-LOCKED') throw new VitalmeshError('IDENTITY-IN-USE', { cause, detail: this.path });
      throw new VitalmeshError('IDENTITY-FILE', { cause, detail: `beside ${this.path} nothing can be written` });
    }
  }

  get #nextPath(): string {
    return `${this.#file}.next`;
  }

  get #keyPath(): string {
    return `${this.#file}.next.key`;
  }

  #text(): string {
    return this.#doing(() => readFileSync(this.#file, 'utf8'));
  }

  /** With the owner that the identity file has, so that an operator who is root does not take it away from the program it is for. */
  #place(path: string, text: string): void {
    const draft = `${this.#file}.draft`;
    this.#doing(() => {
      rmSync(draft, { force: true });
      try {
        const { uid, gid } = statSync(this.#file);
        const fd = openSync(draft, 'wx', 0o600);
        try {
          const own = fstatSync(fd);
          if (process.platform !== 'win32' && (own.uid !== uid || own.gid !== gid)) fchownSync(fd, uid, gid);
          writeSync(fd, text);
          fsyncSync(fd);
        } finally {
          closeSync(fd);
        }
        renameSync(draft, path);
      } finally {
        rmSync(draft, { force: true });
      }
      syncFolder(dirname(path));
    });
  }

  #doing<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof VitalmeshError) throw cause;
      const code = (cause as NodeJS.ErrnoException).code ?? 'error';
      throw new VitalmeshError('IDENTITY-FILE', { cause, detail: `${this.path} cannot be renewed on disk (${code})` });
    }
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
