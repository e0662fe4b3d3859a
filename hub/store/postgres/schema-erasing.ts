import { OWN_TENANT, secured } from './own-tenant.ts';

const OF_A_TENANT = ['erasure', 'legal_hold'] as const;

/** Who was erased, and of whom nothing may be. */
export const ERASING_STEP = `
-- How many erasures were begun, so that each hub learns with the head that what it knows of them is old.
ALTER TABLE head ADD COLUMN erasures bigint NOT NULL DEFAULT 0;

-- As in SQLite. position: of the commit that began it. hub: the process that did.
CREATE TABLE erasure (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  secret bytea NOT NULL,
  mark bytea NOT NULL,
  subject bigint,
  at bigint NOT NULL,
  reason text NOT NULL,
  principal text NOT NULL,
  others text NOT NULL,
  patient text COLLATE "C",
  gateways text,
  names text,
  last_event bigint NOT NULL DEFAULT 0,
  removed text NOT NULL DEFAULT '{}',
  position bigint NOT NULL,
  hub text NOT NULL,
  UNIQUE (tenant, secret, mark)
);
CREATE INDEX erasure_under_way ON erasure (tenant, key) WHERE patient IS NOT NULL;

CREATE TABLE legal_hold (
  tenant text COLLATE "C" NOT NULL,
  patient text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL,
  principal text NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (tenant, patient, reason)
);
${secured(OF_A_TENANT, `CREATE POLICY own_tenant ON $ USING (${OWN_TENANT}) WITH CHECK (${OWN_TENANT});`)}
`;

/** As in SQLite. */
export const HELD_STEP = `
ALTER TABLE erasure DROP COLUMN names;
`;

/** What the hub's role may do with them; `role` is an identifier, quoted. */
export function erasingGrantsTo(role: string): string {
  return `
GRANT SELECT, INSERT, UPDATE ON erasure TO ${role};
GRANT SELECT, INSERT, UPDATE, DELETE ON legal_hold TO ${role};`;
}
