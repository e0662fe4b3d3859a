import type { Migration } from '../../../shared/storage/migrations.ts';

/** What the doubt about whose a reading is needs. */
export const IDENTITY_STEP: Migration = `
-- Of readings of personal devices (\`Judged\`): 1 for the person's own, 2 for one that may be somebody else's; 0 for all others.
ALTER TABLE observation ADD COLUMN judged INTEGER NOT NULL DEFAULT 0;
CREATE INDEX judgedReading ON observation (patient, vital, test, judged, sortTime) WHERE judged > 0;
`;
