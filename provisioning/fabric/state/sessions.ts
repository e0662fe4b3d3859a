import { randomUUID } from 'node:crypto';
import type { Instant } from '../../../shared/clock.ts';
import { newSessionId } from '../ids.ts';
import { hashOf, type StateFile } from './file.ts';

/** A signed-in identity. */
export interface ApiSession {
  /** How it came to be: by a call with a certificate, or by OIDC with one. */
  kind: 'certificate' | 'oidc';
  id: string;
  identityId: string;
  authenticatorId: string;
  /** SHA-256 of the certificate it was made with, lower-case hex. */
  fingerprint: string;
  configTypes: readonly string[];
  createdAt: Instant;
  lastActivityAt: Instant;
  expiresAt: Instant;
}

/** The right of an API session to dial or bind one service. */
export interface ServiceSession {
  id: string;
  apiSessionId: string;
  identityId: string;
  serviceId: string;
  type: 'Dial' | 'Bind';
  createdAt: Instant;
}

interface ApiSessionRow {
  id: string;
  identity_id: string;
  authenticator_id: string;
  fingerprint: string;
  config_types: string;
  created_at: number;
  last_activity_at: number;
}

interface ServiceSessionRow {
  id: string;
  api_session_id: string;
  identity_id: string;
  service_id: string;
  type: 'Dial' | 'Bind';
  created_at: number;
}

/** How long a session lasts without a call or a channel (openziti-wire.md §2a, expirationSeconds). */
export const SESSION_TIMEOUT_MS = 1_800_000;
/** Activity is written this seldom; a restart forgets at most so much of it. */
const ACTIVITY_RESOLUTION_MS = 60_000;
/** A client that signs in again and again loses its own oldest sessions. */
const MAX_API_SESSIONS_PER_IDENTITY = 64;
const MAX_SERVICE_SESSIONS_PER_API_SESSION = 4096;

/** API sessions and service sessions. A session that has expired is none, whether or not it was swept away yet. */
export class Sessions {
  readonly #file: StateFile;
  readonly #allows: (identityId: string, serviceId: string, type: 'Dial' | 'Bind') => boolean;
  /** Last activity by session id, where it is later than the one on disk. */
  readonly #activity = new Map<string, Instant>();

  constructor(file: StateFile, allows: (identityId: string, serviceId: string, type: 'Dial' | 'Bind') => boolean) {
    this.#file = file;
    this.#allows = allows;
    file.withEachChangeOfRights(() => this.#dropServiceSessionsWithoutPolicy());
  }

  /** A new session for an identity; its token is not known again afterwards. */
  signIn({
    identityId,
    authenticatorId,
    fingerprint,
    configTypes,
  }: Pick<ApiSession, 'identityId' | 'authenticatorId' | 'fingerprint' | 'configTypes'>): {
    session: ApiSession;
    token: string;
  } {
    const token = randomUUID();
    const id = newSessionId();
    const now = this.#file.clock.now();
    const crowded = this.#file.read(() => this.#oldestBeyond(identityId));
    if (crowded.length > 0) this.#file.change(() => this.#delete(crowded));
    this.#file.write(() =>
      this.#file
        .sql<[string, string, string, string, string, string, number, number]>('INSERT INTO api_session VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
        .run(id, identityId, authenticatorId, hashOf(token), fingerprint, JSON.stringify(configTypes), now, now),
    );
    const session = { id, identityId, authenticatorId, fingerprint, configTypes, createdAt: now, lastActivityAt: now };
    return { session: { kind: 'certificate', ...session, expiresAt: now + SESSION_TIMEOUT_MS }, token };
  }

  /** The session of a token; asking keeps it alive. */
  byToken(token: string): ApiSession | undefined {
    return this.#one(`${API_SESSION} WHERE s.token_hash = ?`, hashOf(token));
  }

  /** The session of an id; asking keeps it alive. */
  byId(id: string): ApiSession | undefined {
    return this.#one(`${API_SESSION} WHERE s.id = ?`, id);
  }

  /** Every session, ordered by id; looking keeps none alive. */
  all(): ApiSession[] {
    const now = this.#file.clock.now();
    const rows = this.#file.read(() => this.#file.sql<[], ApiSessionRow>(`${API_SESSION} ORDER BY s.id`).all());
    return rows.flatMap((row) => {
      const expiresAt = this.#expiry(row);
      return expiresAt > now ? [apiSessionOf(row, { lastActivityAt: expiresAt - SESSION_TIMEOUT_MS, expiresAt })] : [];
    });
  }

  /** Every service session, ordered by id. */
  serviceSessions(): ServiceSession[] {
    return this.#file.read(() => this.#file.sql<[], ServiceSessionRow>(`${SERVICE_SESSION} ORDER BY s.id`).all().map(serviceSessionOf));
  }

  /** Ends a session and its service sessions. */
  signOut(id: string): void {
    this.#file.change(() => this.#delete([id]));
  }

  /** A new service session, or undefined when this API session has too many. */
  open(session: ApiSession, serviceId: string, type: 'Dial' | 'Bind'): ServiceSession | undefined {
    const id = newSessionId();
    const createdAt = this.#file.clock.now();
    return this.#file.write(() => {
      const count = this.#file
        .sql<[string], { n: number }>('SELECT count(*) AS n FROM service_session WHERE api_session_id = ?')
        .get(session.id);
      if ((count?.n ?? 0) >= MAX_SERVICE_SESSIONS_PER_API_SESSION) return undefined;
      this.#file
        .sql<[string, string, string, string, number]>('INSERT INTO service_session VALUES (?, ?, ?, ?, ?)')
        .run(id, session.id, serviceId, type, createdAt);
      return { id, apiSessionId: session.id, identityId: session.identityId, serviceId, type, createdAt };
    });
  }

  serviceSession(id: string): ServiceSession | undefined {
    const row = this.#file.read(() => this.#file.sql<[string], ServiceSessionRow>(`${SERVICE_SESSION} WHERE s.id = ?`).get(id));
    return row && serviceSessionOf(row);
  }

  close(serviceSessionId: string): void {
    this.#file.change(() => this.#file.sql<[string]>('DELETE FROM service_session WHERE id = ?').run(serviceSessionId));
  }

  /**
   * Ends what has expired. Listeners are told first: whoever holds an open channel asks for its session then, which keeps it alive
   * (openziti-wire.md §2a).
   */
  sweep(): void {
    this.#file.tell();
    this.writeActivity();
    const now = this.#file.clock.now();
    const expired = this.#file.read(() =>
      this.#file
        .sql<[], ApiSessionRow>(API_SESSION)
        .all()
        .filter((row) => this.#expiry(row) <= now),
    );
    if (expired.length > 0) this.#file.change(() => this.#delete(expired.map(({ id }) => id)));
  }

  writeActivity(): void {
    if (this.#activity.size === 0) return;
    this.#file.write(() => {
      for (const [id, at] of this.#activity)
        this.#file.sql<[number, string]>('UPDATE api_session SET last_activity_at = ? WHERE id = ?').run(at, id);
    });
    this.#activity.clear();
  }

  #one(sql: string, key: string): ApiSession | undefined {
    const row = this.#file.read(() => this.#file.sql<[string], ApiSessionRow>(sql).get(key));
    const now = this.#file.clock.now();
    if (!row || this.#expiry(row) <= now) return undefined;
    if (now - row.last_activity_at >= ACTIVITY_RESOLUTION_MS) this.#activity.set(row.id, now);
    return apiSessionOf(row, { lastActivityAt: now, expiresAt: now + SESSION_TIMEOUT_MS });
  }

  #expiry(row: ApiSessionRow): Instant {
    return Math.max(row.last_activity_at, this.#activity.get(row.id) ?? 0) + SESSION_TIMEOUT_MS;
  }

  #oldestBeyond(identityId: string): string[] {
    return this.#file
      .sql<[string, number], { id: string }>(
        'SELECT id FROM api_session WHERE identity_id = ? ORDER BY last_activity_at DESC LIMIT -1 OFFSET ?',
      )
      .all(identityId, MAX_API_SESSIONS_PER_IDENTITY - 1)
      .map(({ id }) => id);
  }

  #delete(ids: readonly string[]): void {
    for (const id of ids) {
      this.#activity.delete(id);
      this.#file.sql<[string]>('DELETE FROM api_session WHERE id = ?').run(id);
    }
  }

  /** As the real controller does: a session whose policy went stays gone when the policy comes back (openziti-network.md §4). */
  #dropServiceSessionsWithoutPolicy(): void {
    for (const row of this.#file.sql<[], ServiceSessionRow>(SERVICE_SESSION).all()) {
      if (this.#allows(row.identity_id, row.service_id, row.type)) continue;
      this.#file.sql<[string]>('DELETE FROM service_session WHERE id = ?').run(row.id);
    }
  }
}

/** Sessions of enabled identities; there are no others, but a fault elsewhere must not let anybody in. */
const API_SESSION = `SELECT s.id, s.identity_id, s.authenticator_id, s.fingerprint, s.config_types, s.created_at, s.last_activity_at
  FROM api_session s JOIN identity i ON i.id = s.identity_id AND i.disabled = 0`;

const SERVICE_SESSION = `SELECT s.id, s.api_session_id, a.identity_id, s.service_id, s.type, s.created_at
  FROM service_session s JOIN api_session a ON a.id = s.api_session_id`;

function apiSessionOf(row: ApiSessionRow, times: Pick<ApiSession, 'lastActivityAt' | 'expiresAt'>): ApiSession {
  return {
    kind: 'certificate',
    id: row.id,
    identityId: row.identity_id,
    authenticatorId: row.authenticator_id,
    fingerprint: row.fingerprint,
    configTypes: JSON.parse(row.config_types) as string[],
    createdAt: row.created_at,
    ...times,
  };
}

function serviceSessionOf(row: ServiceSessionRow): ServiceSession {
  return {
    id: row.id,
    apiSessionId: row.api_session_id,
    identityId: row.identity_id,
    serviceId: row.service_id,
    type: row.type,
    createdAt: row.created_at,
  };
}
