import { OWN_TENANT, secured } from './own-tenant.ts';

const OF_A_TENANT = ['amendment', 'amend_rule', 'amended_row'] as const;

/** By whose number who was merged goes; as in SQLite. */
export const MERGED_STEP = `
CREATE TABLE merged_number (
  tenant text COLLATE "C" NOT NULL,
  patient text COLLATE "C" NOT NULL,
  goes_by text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, patient)
);
CREATE INDEX merged_number_survivor ON merged_number (tenant, goes_by);
${secured(['merged_number'], `CREATE POLICY own_tenant ON $ USING (${OWN_TENANT}) WITH CHECK (${OWN_TENANT});`)}
`;

/** Which reading somebody named; as in SQLite. */
export const MEANT_STEP = `
ALTER TABLE amend_rule ADD COLUMN meant bigint;
`;

/** What people decided about readings, and of which rows; as in SQLite. */
export const AMEND_STEP = `
ALTER TABLE observation ADD COLUMN amended int NOT NULL DEFAULT 0;
CREATE TABLE amendment (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at bigint NOT NULL,
  start bigint NOT NULL,
  until bigint,
  undone_at bigint,
  tenant text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  patient text COLLATE "C",
  to_patient text COLLATE "C",
  reason text COLLATE "C" NOT NULL,
  device text COLLATE "C",
  vital text COLLATE "C",
  UNIQUE (tenant, id)
);
CREATE INDEX amendment_patient ON amendment (tenant, patient);
CREATE INDEX amendment_other ON amendment (tenant, to_patient) WHERE to_patient IS NOT NULL;
CREATE TABLE amend_rule (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  amendment bigint NOT NULL,
  start bigint NOT NULL,
  until bigint NOT NULL,
  effective int NOT NULL,
  test boolean,
  tenant text COLLATE "C" NOT NULL,
  patient text COLLATE "C" NOT NULL,
  device text COLLATE "C",
  vital text COLLATE "C"
);
CREATE INDEX amend_rule_patient ON amend_rule (tenant, patient, until);
CREATE INDEX amend_rule_amendment ON amend_rule (amendment, key);

-- sort_time: of the observation.
CREATE TABLE amended_row (
  observation bigint NOT NULL,
  amendment bigint NOT NULL,
  sort_time bigint NOT NULL,
  patient bigint,
  bed bigint,
  tenant text COLLATE "C" NOT NULL,
  PRIMARY KEY (observation, amendment)
);
CREATE INDEX amended_row_amendment ON amended_row (amendment, observation);
CREATE INDEX amended_row_bed ON amended_row (patient, bed, observation) WHERE patient IS NOT NULL;
${secured(OF_A_TENANT, `CREATE POLICY own_tenant ON $ USING (${OWN_TENANT}) WITH CHECK (${OWN_TENANT});`)}
`;

/** What the hub's role may do with them; `role` is an identifier, quoted. */
export function amendGrantsTo(role: string): string {
  return `
GRANT SELECT, INSERT, UPDATE, DELETE ON ${[...OF_A_TENANT, 'merged_number'].join(', ')} TO ${role};`;
}
