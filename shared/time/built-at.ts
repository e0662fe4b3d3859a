import type { Instant } from '../clock.ts';

/**
 * No machine runs this software before it was made, whatever its clock says. The first day of the month of the release; a test compares it
 * with CHANGELOG.md.
 */
export const BUILT_AT: Instant = Date.UTC(2026, 10, 1);
