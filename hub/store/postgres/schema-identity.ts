/** As in SQLite. */
export const IDENTITY_STEP = `
ALTER TABLE observation ADD COLUMN judged smallint NOT NULL DEFAULT 0;
CREATE INDEX judged_reading ON observation (patient, vital, test, sort_time) WHERE judged > 0;
`;
