import type { Instant } from '../../../shared/clock.ts';
import type { StateFile } from './file.ts';

/** An authenticator with its certificate. */
export interface HeldCertificate {
  id: string;
  identityId: string;
  /** SHA-256 of the certificate, lower-case hex. */
  fingerprint: string;
  /** Leaf and intermediate; empty for one enrolled by a version of ours that did not keep it. */
  certPem: string;
  createdAt: Instant;
  updatedAt: Instant;
}

/** The certificates of identities, and those that are to take their place (openziti-network.md §2). */
export class Extensions {
  readonly #file: StateFile;

  constructor(file: StateFile) {
    this.#file = file;
  }

  /** The certificates of an identity, ordered by id. */
  held(identityId: string): HeldCertificate[] {
    return this.#file.read(() =>
      this.#file
        .sql<[string], HeldCertificate>(
          `SELECT id, identity_id AS identityId, fingerprint, coalesce(cert_pem, '') AS certPem, created_at AS createdAt,
                  coalesce(updated_at, created_at) AS updatedAt
           FROM authenticator WHERE identity_id = ? AND username IS NULL ORDER BY id`,
        )
        .all(identityId),
    );
  }

  /** Notes the certificate that is to take the place of the present one; one that waited before is forgotten. The present one stays good. */
  offer(authenticatorId: string, fingerprint: string, certPem: string): void {
    this.#file.write(() =>
      this.#file
        .sql<[string, string, string, number]>('INSERT OR REPLACE INTO extension VALUES (?, ?, ?, ?)')
        .run(authenticatorId, fingerprint, certPem, this.#file.clock.now()),
    );
  }

  /**
   * Puts the certificate that waits in the place of the present one, in one commit: from then on that one alone signs in. Sessions go on,
   * and the authenticator keeps its id. `mismatch` when another one waits, `none` when none does; then nothing changes.
   */
  confirm(authenticatorId: string, fingerprint: string | undefined): 'done' | 'mismatch' | 'none' {
    return this.#file.write(() => {
      const waiting = this.#file
        .sql<[string], { fingerprint: string; certPem: string }>(
          'SELECT fingerprint, cert_pem AS certPem FROM extension WHERE authenticator_id = ?',
        )
        .get(authenticatorId);
      if (!waiting) return 'none';
      if (waiting.fingerprint !== fingerprint) return 'mismatch';
      this.#file
        .sql<[string, string, number, string]>('UPDATE authenticator SET fingerprint = ?, cert_pem = ?, updated_at = ? WHERE id = ?')
        .run(waiting.fingerprint, waiting.certPem, this.#file.clock.now(), authenticatorId);
      this.#file.sql<[string]>('DELETE FROM extension WHERE authenticator_id = ?').run(authenticatorId);
      return 'done';
    });
  }
}
