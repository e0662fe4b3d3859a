import { OWN_TENANT, secured } from './own-tenant.ts';

const OF_A_TENANT = ['preliminary', 'rolled_from'] as const;

/** What preliminary values need, and those that lie in another rollup than that of their device's time. */
export const PRELIMINARY_STEP = `
-- Preliminary values that are kept and stand: until a final one of the same measurement is there.
CREATE TABLE preliminary (
  patient bigint NOT NULL,
  writer bigint NOT NULL,
  seq bigint NOT NULL,
  effective bigint NOT NULL,
  observation bigint NOT NULL,
  sort_time bigint NOT NULL,
  part int NOT NULL,
  test boolean NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  vital text COLLATE "C" NOT NULL,
  device text COLLATE "C" NOT NULL,
  PRIMARY KEY (patient, vital, device, test, effective, writer, seq, part)
);

-- As in SQLite.
CREATE TABLE rolled_from (
  patient bigint NOT NULL,
  effective bigint NOT NULL,
  start bigint NOT NULL,
  test boolean NOT NULL,
  preliminary boolean NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  vital text COLLATE "C" NOT NULL,
  device text COLLATE "C" NOT NULL,
  PRIMARY KEY (patient, vital, device, test, effective, preliminary, start)
);
CREATE INDEX rolled_from_start ON rolled_from (patient, vital, device, test, start);
${secured(OF_A_TENANT, `CREATE POLICY own_tenant ON $ USING (${OWN_TENANT}) WITH CHECK (${OWN_TENANT});`)}
`;

/** What the hub's role may do with them; `role` is an identifier, quoted. */
export function preliminaryGrantsTo(role: string): string {
  return `
GRANT SELECT, INSERT, UPDATE, DELETE ON ${OF_A_TENANT.join(', ')} TO ${role};`;
}
