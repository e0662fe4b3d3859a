import { randomUUID } from 'node:crypto';
import type { Instant } from '../../../shared/clock.ts';
import type { StateFile } from './file.ts';

/** A signed-in identity whose tokens carry everything else about the session. */
export interface OidcSession {
  id: string;
  identityId: string;
  authenticatorId: string;
  /** SHA-256 of the certificate it was made with, lower-case hex; it stays bound to that one (openziti-network.md §2.5). */
  fingerprint: string;
  createdAt: Instant;
}

interface OidcSessionRow {
  id: string;
  identity_id: string;
  authenticator_id: string;
  fingerprint: string;
  created_at: number;
}

/** A client that signs in again and again loses its own oldest sessions. */
const MAX_SESSIONS_PER_IDENTITY = 64;

/**
 * Sessions made by OIDC. A real controller keeps none and compares the second in which a token was issued with the second of a revocation,
 * which refuses good tokens of that second (openziti-network.md §4.3). Here a token is good as long as its session is there.
 */
export class OidcSessions {
  readonly #file: StateFile;

  constructor(file: StateFile) {
    this.#file = file;
    file.withEachChangeOfRights(() =>
      file.sql<[]>('DELETE FROM oidc_session WHERE identity_id IN (SELECT id FROM identity WHERE disabled = 1)').run(),
    );
  }

  /** A new session, which can be renewed for so long. */
  open({ identityId, authenticatorId, fingerprint }: Omit<OidcSession, 'id' | 'createdAt'>, renewableMs: number): OidcSession {
    const id = randomUUID();
    const createdAt = this.#file.clock.now();
    const crowded = this.#file.read(() => this.#oldestBeyond(identityId));
    if (crowded.length > 0) this.#file.change(() => this.#delete(crowded));
    this.#file.write(() =>
      this.#file
        .sql<[string, string, string, string, number, number]>('INSERT INTO oidc_session VALUES (?, ?, ?, ?, ?, ?)')
        .run(id, identityId, authenticatorId, fingerprint, createdAt, createdAt + renewableMs),
    );
    return { id, identityId, authenticatorId, fingerprint, createdAt };
  }

  byId(id: string): OidcSession | undefined {
    const row = this.#file.read(() => this.#file.sql<[string], OidcSessionRow>(SESSION).get(id));
    return (
      row && {
        id,
        identityId: row.identity_id,
        authenticatorId: row.authenticator_id,
        fingerprint: row.fingerprint,
        createdAt: row.created_at,
      }
    );
  }

  renewed(id: string, renewableMs: number): void {
    this.#file.write(() =>
      this.#file
        .sql<[number, string]>('UPDATE oidc_session SET renewable_until = ? WHERE id = ?')
        .run(this.#file.clock.now() + renewableMs, id),
    );
  }

  /** Forgets what nobody can renew any more; access tokens have ended long before. */
  sweep(): void {
    const now = this.#file.clock.now();
    const expired = this.#file.read(() =>
      this.#file.sql<[number], { id: string }>('SELECT id FROM oidc_session WHERE renewable_until <= ?').all(now),
    );
    if (expired.length > 0) this.#file.change(() => this.#delete(expired.map(({ id }) => id)));
  }

  #oldestBeyond(identityId: string): string[] {
    return this.#file
      .sql<[string, number], { id: string }>(
        'SELECT id FROM oidc_session WHERE identity_id = ? ORDER BY renewable_until DESC LIMIT -1 OFFSET ?',
      )
      .all(identityId, MAX_SESSIONS_PER_IDENTITY - 1)
      .map(({ id }) => id);
  }

  #delete(ids: readonly string[]): void {
    for (const id of ids) this.#file.sql<[string]>('DELETE FROM oidc_session WHERE id = ?').run(id);
  }
}

/** Of enabled identities; there are no others, but a fault elsewhere must not let anybody in. */
const SESSION = `SELECT s.* FROM oidc_session s JOIN identity i ON i.id = s.identity_id AND i.disabled = 0 WHERE s.id = ?`;
