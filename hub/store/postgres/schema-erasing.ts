import { SCHEMA } from './connections.ts';
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

CREATE TABLE audit_passed_over (seq bigint PRIMARY KEY, tenant text COLLATE "C" NOT NULL, again boolean NOT NULL);
CREATE INDEX audit_passed_over_again ON audit_passed_over (tenant, seq) WHERE again;
SELECT set_config('vitalmesh.evidence', 'all', true);
INSERT INTO audit_passed_over (seq, tenant, again)
  SELECT a.seq, a.tenant, true FROM audit_anchor n JOIN audit a ON a.seq <= n.seq
  WHERE n.what <> 'entries' AND a.entry LIKE '{"v":3,%' AND strpos(a.entry, ',"class":"' || n.what || '","principal":') > 0;
SELECT set_config('vitalmesh.evidence', '', true);
${secured(['audit_passed_over'], `CREATE POLICY own_tenant ON $ USING (${OWN_TENANT}) WITH CHECK (${OWN_TENANT});`)}

CREATE POLICY of_evidence ON audit_passed_over FOR SELECT USING (current_setting('vitalmesh.evidence', true) = 'all');

-- For the owner's triggers alone: evidence goes in steps over the entries of all tenants.
CREATE POLICY of_evidence ON legal_hold FOR SELECT TO CURRENT_USER USING (current_setting('vitalmesh.evidence', true) = 'all');
CREATE POLICY of_evidence ON patient_key FOR SELECT TO CURRENT_USER USING (current_setting('vitalmesh.evidence', true) = 'all');
CREATE FUNCTION audit_of_held() RETURNS trigger LANGUAGE plpgsql SET search_path = ${SCHEMA}, pg_temp AS $$
DECLARE
  said jsonb;
  shown text := coalesce(current_setting('vitalmesh.evidence', true), '');
  is_held boolean;
BEGIN
  BEGIN
    said := OLD.entry::jsonb;
  EXCEPTION WHEN invalid_text_representation OR untranslatable_character THEN
    said := 'null';
  END;
  PERFORM set_config('vitalmesh.evidence', 'all', true);
  is_held := EXISTS (
    SELECT FROM legal_hold h LEFT JOIN patient_key k ON k.tenant = h.tenant AND k.patient = h.patient
    WHERE h.tenant = OLD.tenant AND (
      said ->> 'patient' = h.patient OR said -> 'subject' = to_jsonb(k.key)
      OR EXISTS (
        SELECT FROM jsonb_array_elements(CASE jsonb_typeof(said -> 'subjects') WHEN 'array' THEN said -> 'subjects' ELSE '[]' END) s
        WHERE s = to_jsonb(k.key) OR s -> 0 = to_jsonb(k.key))));
  PERFORM set_config('vitalmesh.evidence', shown, true);
  IF is_held THEN RAISE EXCEPTION 'of a patient under legal hold'; END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_of_held BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_of_held();
CREATE FUNCTION patient_key_of_held() RETURNS trigger LANGUAGE plpgsql SET search_path = ${SCHEMA}, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM legal_hold h WHERE h.tenant = OLD.tenant AND h.patient = OLD.patient) THEN
    RAISE EXCEPTION 'of a patient under legal hold';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER patient_key_of_held BEFORE UPDATE OR DELETE ON patient_key FOR EACH ROW EXECUTE FUNCTION patient_key_of_held();
REVOKE ALL ON FUNCTION audit_of_held(), patient_key_of_held() FROM PUBLIC;
`;

/** What the hub's role may do with them; `role` is an identifier, quoted. */
export function erasingGrantsTo(role: string): string {
  return `
GRANT SELECT, INSERT, UPDATE ON erasure TO ${role};
GRANT SELECT, INSERT, UPDATE, DELETE ON legal_hold, audit_passed_over TO ${role};`;
}
