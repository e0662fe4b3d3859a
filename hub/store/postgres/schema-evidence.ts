/** What sealing, reading and signing the evidence need; as hub/audit/schema.ts has it for SQLite. */
export const EVIDENCE_STEP = `
CREATE TABLE patient_key (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  patient text COLLATE "C" NOT NULL,
  secret bytea NOT NULL,
  UNIQUE (tenant, patient)
);
CREATE TABLE audit_subject (subject bigint NOT NULL, seq bigint NOT NULL, tenant text COLLATE "C" NOT NULL, PRIMARY KEY (subject, seq));

-- Entries of before name their patient legibly. FORCE would hide them from the owner, too.
ALTER TABLE audit NO FORCE ROW LEVEL SECURITY;
INSERT INTO patient_key (tenant, patient, secret)
  SELECT tenant, entry::json ->> 'patient', sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')) FROM audit
  WHERE entry::json ->> 'patient' IS NOT NULL GROUP BY 1, 2;
INSERT INTO audit_subject (tenant, subject, seq)
  SELECT a.tenant, k.key, a.seq FROM audit a JOIN patient_key k ON k.tenant = a.tenant AND k.patient = a.entry::json ->> 'patient';
ALTER TABLE audit FORCE ROW LEVEL SECURITY;
CREATE INDEX audit_time ON audit (tenant, ((entry::json ->> 'at')::bigint), seq, (entry::json ->> 'principal'));

CREATE TABLE audit_checkpoint (seq bigint PRIMARY KEY, note text NOT NULL);
CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();

ALTER TABLE patient_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_key FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON patient_key
  USING (tenant = current_setting('vitalmesh.tenant', true)) WITH CHECK (tenant = current_setting('vitalmesh.tenant', true));
ALTER TABLE audit_subject ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_subject FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON audit_subject
  USING (tenant = current_setting('vitalmesh.tenant', true)) WITH CHECK (tenant = current_setting('vitalmesh.tenant', true));
`;

/** What the hub's role may do with them; `role` is an identifier, quoted. */
export function evidenceGrantsTo(role: string): string {
  return `
GRANT SELECT, INSERT, DELETE ON patient_key, audit_subject TO ${role};
GRANT SELECT, INSERT ON audit_checkpoint TO ${role};`;
}
