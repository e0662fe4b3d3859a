import { createHash } from 'node:crypto';
import type { Clock, Instant } from '../../../shared/clock.ts';
import { asVitalmeshError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Database, Statement } from '../../../shared/storage/database.ts';

/** The one database of a network with those who want to know of its changes. */
export class StateFile {
  readonly clock: Clock;
  readonly #database: Database;
  readonly #log: Logger;
  readonly #listeners = new Set<() => void>();
  readonly #steps: (() => void)[] = [];
  #revision = 0;

  constructor(database: Database, clock: Clock, log: Logger) {
    this.#database = database;
    this.clock = clock;
    this.#log = log;
  }

  /** Grows with each write; who keeps something that was read compares it. */
  get revision(): number {
    return this.#revision;
  }

  get path(): string {
    return this.#database.path;
  }

  sql<P extends unknown[], R = unknown>(text: string): Statement<P, R> {
    return this.#database.prepare<P, R>(text);
  }

  read<T>(work: () => T): T {
    return this.#database.read(work);
  }

  /** A transaction of which nobody is told: it takes nothing away from anybody. */
  write<T>(work: () => T): T {
    try {
      return this.#database.write(work);
    } finally {
      // After a failure too: what was read within the transaction never came to be.
      this.#revision += 1;
    }
  }

  /** A transaction that takes something away from somebody; every listener is told after it. */
  change<T>(work: () => T): T {
    const result = this.write(work);
    this.tell();
    return result;
  }

  /** A change of what identities may do: what was given to `withEachChangeOfRights` runs in the same commit. */
  changeRights<T>(work: () => T): T {
    return this.change(() => {
      const made = work();
      // The steps see what was just written, also through what was kept of before.
      this.#revision += 1;
      this.#set('changed_at', String(this.clock.now()));
      for (const step of this.#steps) step();
      return made;
    });
  }

  /** Within a transaction: what was read before is not what is there now. */
  written(): void {
    this.#revision += 1;
  }

  withEachChangeOfRights(step: () => void): void {
    this.#steps.push(step);
  }

  /** When rights were last changed; 0 in a new network. */
  changedAt(): Instant {
    return Number(this.setting('changed_at') ?? 0);
  }

  setting(name: string): string | undefined {
    return this.read(() => this.sql<[string], { value: string }>('SELECT value FROM setting WHERE name = ?').get(name)?.value);
  }

  setSetting(name: string, value: string): void {
    if (this.setting(name) !== value) this.write(() => this.#set(name, value));
  }

  onChange(listener: () => void): Disposable {
    // Its own function, so that one listener given twice is two.
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  /** Tells every listener; one that throws keeps it from nobody else. */
  tell(): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener();
      } catch (thrown) {
        this.#log.error({ err: asVitalmeshError(thrown) }, 'a change of the network could not be acted upon');
      }
    }
  }

  /** A new file with what this one holds, under the same key. */
  copyTo(path: string): void {
    this.read(() => this.sql<[string]>('VACUUM INTO ?').run(path));
  }

  close(): void {
    this.#database.close();
  }

  #set(name: string, value: string): void {
    this.sql<[string, string]>('INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value').run(name, value);
  }
}

/** How a token stands in the state. Tokens are random (122 bits at least), so nothing needs to slow a guess down. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
