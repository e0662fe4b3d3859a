/** One partition holds what belongs to one week of this grid, in milliseconds. */
export const WEEK_MS = 7 * 24 * 3_600_000;

/** The number of the week in which a time lies. */
export function weekOf(time: number): number {
  return Math.floor(time / WEEK_MS);
}
