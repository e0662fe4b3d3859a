import { randomUUID } from 'node:crypto';
import type { Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { newIdentityId } from '../ca.ts';
import { hashOf, type StateFile } from './file.ts';

/** A certificate by which an identity signs in. */
export interface Authenticator {
  id: string;
  identityId: string;
  /** SHA-256 of the certificate, lower-case hex. */
  fingerprint: string;
}

/** A one-time token that waits for its identity to come. */
export interface Enrolment {
  id: string;
  identityId: string;
  /** Null when only its hash is known. */
  token: string | null;
  expiresAt: Instant;
}

const ENROLMENTS = 'SELECT id, identity_id AS identityId, token, expires_at AS expiresAt FROM enrolment ORDER BY id';

/** How long a token may be used: 3 h, as the real controller's (openziti-wire.md §1). */
export const ENROLMENT_MS = 3 * 60 * 60 * 1000;

/** One-time tokens and the certificates that were got for them. */
export class Enrolments {
  readonly #file: StateFile;

  constructor(file: StateFile) {
    this.#file = file;
  }

  /** Every enrolment that was offered and not spent, ordered by id; also those that have expired. */
  all(): Enrolment[] {
    return this.#file.read(() => this.#file.sql<[], Enrolment>(ENROLMENTS).all());
  }

  /** Takes a token back. False when there is no such enrolment. */
  withdraw(id: string): boolean {
    return this.#file.write(() => this.#file.sql<[string]>('DELETE FROM enrolment WHERE id = ?').run(id).changes > 0);
  }

  /** A new token, for the first certificate or one that replaces it; an earlier one is not good from then on. Throws FABRIC-UNKNOWN. */
  offer(
    identityId: string,
    { id = newIdentityId(), expiresAt = this.#file.clock.now() + ENROLMENT_MS }: { id?: string; expiresAt?: Instant } = {},
  ): { id: string; token: string; expiresAt: Instant } {
    const token = randomUUID();
    this.#file.write(() => {
      if (!this.#file.sql<[string]>('SELECT 1 FROM identity WHERE id = ?').get(identityId))
        throw new VitalmeshError('FABRIC-UNKNOWN', { detail: `identity ${identityId}` });
      this.#file.sql<[string]>('DELETE FROM enrolment WHERE identity_id = ?').run(identityId);
      this.#file
        .sql<[string, string, string, number, string]>(
          'INSERT INTO enrolment (id, identity_id, token_hash, expires_at, token) VALUES (?, ?, ?, ?, ?)',
        )
        .run(id, identityId, hashOf(token), expiresAt, token);
    });
    return { id, token, expiresAt };
  }

  /** Whom a token would enrol: an enabled identity, while the token is neither spent nor expired. */
  identityOf(token: string): { id: string; name: string } | undefined {
    return this.#file.read(() =>
      this.#file
        .sql<[string, number], { id: string; name: string }>(
          `SELECT i.id, i.name FROM enrolment e JOIN identity i ON i.id = e.identity_id
           WHERE e.token_hash = ? AND e.expires_at > ? AND i.disabled = 0`,
        )
        .get(hashOf(token), this.#file.clock.now()),
    );
  }

  /**
   * Spends a token and notes the certificate, in one commit; false when the token is not good any more. A certificate of before is refused
   * from then on and its sessions end: only one device is the identity.
   */
  spend(token: string, fingerprint: string, certPem = ''): boolean {
    return this.#file.change(() => {
      const identity = this.identityOf(token);
      if (!identity) return false;
      const now = this.#file.clock.now();
      this.#file.sql<[string]>('DELETE FROM enrolment WHERE identity_id = ?').run(identity.id);
      this.#file.sql<[string]>('DELETE FROM authenticator WHERE identity_id = ? AND username IS NULL').run(identity.id);
      this.#file
        .sql<[string, string, string, number, string]>(
          'INSERT INTO authenticator (id, identity_id, fingerprint, created_at, cert_pem) VALUES (?, ?, ?, ?, ?)',
        )
        .run(newIdentityId(), identity.id, fingerprint, now, certPem);
      this.#file
        .sql<[number, number, string]>('UPDATE identity SET enrolled_at = ?, updated_at = ? WHERE id = ?')
        .run(now, now, identity.id);
      return true;
    });
  }

  authenticator(fingerprint: string): Authenticator | undefined {
    return this.#file.read(() =>
      this.#file
        .sql<[string], Authenticator>('SELECT id, identity_id AS identityId, fingerprint FROM authenticator WHERE fingerprint = ?')
        .get(fingerprint),
    );
  }
}
