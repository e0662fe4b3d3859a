const SECOND_MS = 1000;

/** The greatest number of these moments (milliseconds, ascending) that lie within one second. */
export function mostInASecond(moments: readonly number[]): number {
  let most = 0;
  let first = 0;
  for (const [index, moment] of moments.entries()) {
    while ((moments[first] ?? moment) <= moment - SECOND_MS) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
