import type { Instant } from '../../shared/clock.ts';

/** An identity of the embedded network. */
export interface FabricIdentity {
  id: string;
  name: string;
  /** Role attributes, without '#'. */
  attributes: readonly string[];
  disabled: boolean;
  /** When it was enrolled; undefined before. */
  enrolledAt: Instant | undefined;
}

export interface FabricService {
  id: string;
  name: string;
  attributes: readonly string[];
  encryptionRequired: boolean;
  terminatorStrategy: 'smartrouting' | 'weighted' | 'random' | 'sticky';
}

/** Roles are `#attribute`, `#all` or `@id`; AnyOf needs one of them, AllOf every one (openziti-network.md §1.11). */
export interface FabricPolicy {
  id: string;
  name: string;
  type: 'Dial' | 'Bind';
  semantic: 'AnyOf' | 'AllOf';
  identityRoles: readonly string[];
  serviceRoles: readonly string[];
}

/** A signed-in identity, as a router needs to know it. */
export interface FabricApiSession {
  kind: 'certificate' | 'oidc';
  id: string;
  identityId: string;
  identityName: string;
  /** SHA-256 fingerprints, lower-case hex, of the certificates that may use it; a certificate whose SPIFFE id is this identity's may too. */
  fingerprints: readonly string[];
  /** How long the token that was shown is good for; undefined where a token is as good as its session. */
  expiresInMs?: number;
}

/** What the controller tells its routers. Everything is read anew at each question, so a change counts from its commit on. */
export interface Grants {
  /**
   * The session that a hello's token names, while it is good: its identity exists, is enabled, the session has not ended. `revoked` when the
   * token is a genuine one of OIDC whose session has; a real router ends such a channel at once and leaves others waiting.
   */
  apiSession(token: string): FabricApiSession | 'revoked' | undefined;
  /** The same by id, for channels that are open. Asking keeps the session alive (openziti-wire.md §2a). */
  apiSessionById(id: string): FabricApiSession | undefined;
  /**
   * A service session's token as Connect and Bind carry it. `refusal` is the text a real router answers with (openziti-wire.md §6, §7). A
   * session of OIDC is its token and nothing that could be ended: it has no `sessionId`.
   */
  openSession(
    token: string,
    apiSessionId: string,
    type: 'Dial' | 'Bind',
  ): { service: FabricService; sessionId: string | undefined } | { refusal: string; unsolicited?: string };
  service(id: string): FabricService | undefined;
  allows(identityId: string, serviceId: string, type: 'Dial' | 'Bind'): boolean;
  /** Whether a service session that a bind or circuit was made with still exists. */
  sessionExists(sessionId: string): boolean;
  /**
   * Called after each change of identities, services or policies and each end of a session, and about once a minute: who holds channels,
   * binds and circuits asks again. Every question about an open channel keeps its session alive; without one it ends after 30 minutes.
   */
  onChange(listener: () => void): Disposable;
}

/** Where a router tells the controller that it is there, for `edgeRouters` of sessions. */
export interface RouterEntry {
  id: string;
  name: string;
  /** `tls://host:port` */
  url: string;
  online: boolean;
  /** Its server certificate, leaf first, PEM. */
  certPem?: string;
  /** As its administrator set them; 0 and false unless told. */
  cost?: number;
  noTraversal?: boolean;
}
