import { OWN_TENANT, secured } from './own-tenant.ts';

const OF_A_TENANT = ['place_bed', 'person', 'device_move', 'placing_version', 'reassign_due', 'reassigned'] as const;

/** By which bed rows are somebody's, and what is still to be done since that changed; as in SQLite. */
export const PLACING_STEP = `
CREATE TABLE place_bed (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  bed text COLLATE "C" NOT NULL,
  UNIQUE (tenant, bed)
);
CREATE TABLE person (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  authority text COLLATE "C",
  value text COLLATE "C",
  id text COLLATE "C" UNIQUE,
  UNIQUE (tenant, authority, value)
);
ALTER TABLE observation ADD COLUMN bed bigint, ADD COLUMN stated bigint;
ALTER TABLE event ADD COLUMN bed bigint, ADD COLUMN stated bigint;
CREATE TABLE device_move (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  device text COLLATE "C" NOT NULL,
  bed text COLLATE "C",
  at bigint NOT NULL
);
CREATE TABLE placing_version (tenant text COLLATE "C" PRIMARY KEY, version bigint NOT NULL) WITH (fillfactor = 10);
CREATE TABLE reassign_due (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  wanted text NOT NULL,
  last_observation bigint NOT NULL,
  last_event bigint NOT NULL,
  progress text NOT NULL
);
CREATE INDEX reassign_due_tenant ON reassign_due (tenant, key);

-- Whose rows changed by it, so that other hubs can tell: the vital signs, and the rows of latest that went (JSON), at the position from which on it is to be read.
CREATE TABLE reassigned (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  hub text NOT NULL,
  patient bigint NOT NULL,
  at bigint NOT NULL,
  vitals text NOT NULL,
  gone text NOT NULL
);
CREATE INDEX reassigned_position ON reassigned (tenant, position);
${secured(OF_A_TENANT, `CREATE POLICY own_tenant ON $ USING (${OWN_TENANT}) WITH CHECK (${OWN_TENANT});`)}
`;

/** As in SQLite. */
export const MOVES_STEP = `
ALTER TABLE device_move ADD COLUMN gateway text COLLATE "C";
`;

/** As in SQLite. */
export const MOVED_TYPE_STEP = `
ALTER TABLE device_move ADD COLUMN id_type text COLLATE "C";
`;

/** What the hub's role may do with them; `role` is an identifier, quoted. */
export function placingGrantsTo(role: string): string {
  return `
GRANT SELECT, INSERT, UPDATE ON place_bed, person, placing_version TO ${role};
GRANT SELECT, INSERT ON device_move TO ${role};
GRANT SELECT, INSERT, UPDATE, DELETE ON reassign_due, reassigned TO ${role};`;
}
