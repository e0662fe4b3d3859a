import type { Instant } from '../../../shared/clock.ts';
import { newEntityId } from '../ids.ts';
import type { StateFile } from './file.ts';

/** By what an identity signs in: the certificate that it enrolled, or a name and password. */
export interface AuthenticatorRecord {
  id: string;
  identityId: string;
  /** SHA-256 of the certificate, lower-case hex. A password's is no fingerprint. */
  fingerprint: string;
  /** Null for a certificate. */
  username: string | null;
  /** As `hashPassword` makes it; null for a certificate. */
  password: string | null;
  /** Leaf first; empty for a password, and for certificates of which only the fingerprint was kept. */
  certPem: string;
  createdAt: Instant;
  updatedAt: Instant;
}

const AUTHENTICATOR = `SELECT id, identity_id AS identityId, fingerprint, username, password, cert_pem AS certPem, created_at AS createdAt,
  coalesce(updated_at, created_at) AS updatedAt FROM authenticator`;

/** Certificates and passwords, as an administrator sees them. */
export class Authenticators {
  readonly #file: StateFile;

  constructor(file: StateFile) {
    this.#file = file;
  }

  /** Ordered by id. */
  all(): AuthenticatorRecord[] {
    return this.#file.read(() => this.#file.sql<[], AuthenticatorRecord>(`${AUTHENTICATOR} ORDER BY id`).all());
  }

  get(id: string): AuthenticatorRecord | undefined {
    return this.#file.read(() => this.#file.sql<[string], AuthenticatorRecord>(`${AUTHENTICATOR} WHERE id = ?`).get(id));
  }

  byUsername(username: string): AuthenticatorRecord | undefined {
    return this.#file.read(() => this.#file.sql<[string], AuthenticatorRecord>(`${AUTHENTICATOR} WHERE username = ?`).get(username));
  }

  /** Within a transaction or alone. The user name must not be taken. */
  addPassword(identityId: string, username: string, password: string): string {
    const id = newEntityId();
    const now = this.#file.clock.now();
    this.#file
      .sql<[string, string, string, string, string, number, number]>(
        `INSERT INTO authenticator (id, identity_id, fingerprint, username, password, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(id, identityId, `password ${id}`, username, password, now, now);
    return id;
  }

  /** A new password; the sessions of the old one end. */
  setPassword(id: string, username: string, password: string): void {
    this.#file.change(() => {
      this.#file
        .sql<[string, string, number, string]>('UPDATE authenticator SET username = ?, password = ?, updated_at = ? WHERE id = ?')
        .run(username, password, this.#file.clock.now(), id);
      this.#file.sql<[string]>('DELETE FROM api_session WHERE authenticator_id = ?').run(id);
    });
  }

  /** Its sessions end with it; without a certificate its identity is not enrolled. False when there is none. */
  delete(id: string): boolean {
    return this.#file.change(() => {
      this.#file
        .sql<[string]>(
          'UPDATE identity SET enrolled_at = NULL WHERE id = (SELECT identity_id FROM authenticator WHERE id = ? AND username IS NULL)',
        )
        .run(id);
      return this.#file.sql<[string]>('DELETE FROM authenticator WHERE id = ?').run(id).changes > 0;
    });
  }
}
