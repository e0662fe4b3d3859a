/**
 * As hub/audit/schema.ts has it for SQLite. A function, because no operator of every version that is supported tells JSON from what is none without an
 * error.
 */
export const PROOF_STEP = `
CREATE FUNCTION entry_at(entry text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN (entry::json ->> 'at')::bigint;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;
CREATE FUNCTION entry_principal(entry text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN entry::json ->> 'principal';
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION entry_at(text), entry_principal(text) FROM PUBLIC;
DROP INDEX audit_time;
CREATE INDEX audit_time ON audit (tenant, entry_at(entry), seq, entry_principal(entry));
CREATE INDEX audit_subject_entry ON audit_subject (tenant, seq, subject);
`;

/** As hub/audit/schema.ts has it for SQLite. */
export const SHOWN_STEP = 'ALTER TABLE audit_subject ADD COLUMN shown bytea;';

/** What the hub's role may do with them; `role` is an identifier, quoted. */
export function proofGrantsTo(role: string): string {
  return `\nGRANT EXECUTE ON FUNCTION entry_at(text), entry_principal(text) TO ${role};`;
}
