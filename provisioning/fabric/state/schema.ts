import type { Migration } from '../../../shared/storage/migrations.ts';

/**
 * The state of the embedded network. Lists (attributes, roles) are JSON arrays. Instants are UTC milliseconds. Tokens of
 * sessions are kept as SHA-256 and passwords as slow hashes, so that a copy of the file opens nothing; what enrols is kept as it is, for an
 * administrator may look at it until it is spent. Spent enrolments are gone, and so are sessions that ended.
 */
export const FABRIC_SCHEMA: readonly Migration[] = [
  `
  CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  CREATE TABLE identity (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    attributes TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    enrolled_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE enrolment (
    id TEXT PRIMARY KEY,
    identity_id TEXT NOT NULL UNIQUE REFERENCES identity ON DELETE CASCADE,
    token_hash TEXT NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE authenticator (
    id TEXT PRIMARY KEY,
    identity_id TEXT NOT NULL REFERENCES identity ON DELETE CASCADE,
    fingerprint TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX authenticator_identity ON authenticator (identity_id);

  CREATE TABLE service (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    attributes TEXT NOT NULL,
    encryption_required INTEGER NOT NULL,
    terminator_strategy TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE policy (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    semantic TEXT NOT NULL,
    identity_roles TEXT NOT NULL,
    service_roles TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE api_session (
    id TEXT PRIMARY KEY,
    identity_id TEXT NOT NULL REFERENCES identity ON DELETE CASCADE,
    authenticator_id TEXT NOT NULL REFERENCES authenticator ON DELETE CASCADE,
    token_hash TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    config_types TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_activity_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX api_session_identity ON api_session (identity_id);
  CREATE INDEX api_session_authenticator ON api_session (authenticator_id);

  CREATE TABLE service_session (
    id TEXT PRIMARY KEY,
    api_session_id TEXT NOT NULL REFERENCES api_session ON DELETE CASCADE,
    service_id TEXT NOT NULL REFERENCES service ON DELETE CASCADE,
    type TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX service_session_api_session ON service_session (api_session_id);
  CREATE INDEX service_session_service ON service_session (service_id);

  CREATE TABLE router (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL) STRICT;
  `,
  // Not bound to its authenticator: a session of OIDC outlives that (openziti-network.md §4.1).
  `
  CREATE TABLE oidc_session (
    id TEXT PRIMARY KEY,
    identity_id TEXT NOT NULL REFERENCES identity ON DELETE CASCADE,
    authenticator_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    renewable_until INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX oidc_session_identity ON oidc_session (identity_id);
  `,
  // Certificates themselves, which are public: they are shown, and one that is to take the place of another waits beside it.
  `
  ALTER TABLE authenticator ADD COLUMN cert_pem TEXT NOT NULL DEFAULT '';
  ALTER TABLE authenticator ADD COLUMN updated_at INTEGER;

  CREATE TABLE extension (
    authenticator_id TEXT PRIMARY KEY REFERENCES authenticator ON DELETE CASCADE,
    fingerprint TEXT NOT NULL,
    cert_pem TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE identity ADD COLUMN type_id TEXT NOT NULL DEFAULT 'Default';
  ALTER TABLE identity ADD COLUMN is_admin INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE identity ADD COLUMN is_default_admin INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE identity ADD COLUMN external_id TEXT;
  ALTER TABLE identity ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
  ALTER TABLE identity ADD COLUMN app_data TEXT NOT NULL DEFAULT '{}';
  ALTER TABLE identity ADD COLUMN disabled_at INTEGER;
  ALTER TABLE identity ADD COLUMN disabled_until INTEGER;
  CREATE UNIQUE INDEX identity_external_id ON identity (external_id) WHERE external_id IS NOT NULL;

  -- The token itself: an administrator may look at it until it is spent. NULL where only its hash was kept.
  ALTER TABLE enrolment ADD COLUMN token TEXT;

  -- A password has a fingerprint that no certificate can have.
  ALTER TABLE authenticator ADD COLUMN username TEXT;
  ALTER TABLE authenticator ADD COLUMN password TEXT;
  CREATE UNIQUE INDEX authenticator_username ON authenticator (username) WHERE username IS NOT NULL;

  ALTER TABLE service ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
  ALTER TABLE service ADD COLUMN configs TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE service ADD COLUMN max_idle_time_ms INTEGER NOT NULL DEFAULT 0;

  ALTER TABLE policy ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
  ALTER TABLE policy ADD COLUMN posture_check_roles TEXT NOT NULL DEFAULT '[]';

  -- slot: which of the routers that run in this process it is; NULL for one that never runs.
  ALTER TABLE router ADD COLUMN slot TEXT;
  UPDATE router SET slot = name;
  CREATE UNIQUE INDEX router_slot ON router (slot) WHERE slot IS NOT NULL;
  ALTER TABLE router ADD COLUMN attributes TEXT NOT NULL DEFAULT '["public"]';
  ALTER TABLE router ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
  ALTER TABLE router ADD COLUMN app_data TEXT NOT NULL DEFAULT '{}';
  ALTER TABLE router ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE router ADD COLUMN no_traversal INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE router ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE router ADD COLUMN is_tunneler_enabled INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE router ADD COLUMN token TEXT;
  ALTER TABLE router ADD COLUMN token_expires_at INTEGER;
  ALTER TABLE router ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
  UPDATE router SET updated_at = created_at;

  -- kind: whose routers it says, those of identities or those of services.
  CREATE TABLE router_policy (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    semantic TEXT NOT NULL,
    router_roles TEXT NOT NULL,
    roles TEXT NOT NULL,
    is_system INTEGER NOT NULL,
    tags TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (kind, name)
  ) STRICT;

  CREATE TABLE config_type (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    schema TEXT,
    tags TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE config (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    config_type_id TEXT NOT NULL REFERENCES config_type,
    data TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
  `,
];
