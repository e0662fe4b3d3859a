import { VitalmeshError } from '../../shared/errors.ts';
import type { Limits } from '../access/budgets/limits.ts';

/** About how many bytes a model's token is. */
export const BYTES_A_TOKEN = 4;

/** How large an answer may be, in bytes of JSON; without bounds for whoever has no limits. */
export function roomOf(limits: Pick<Limits, 'resultBytes' | 'tokensPerCall'> | undefined, of: 'tool' | 'resource'): number {
  if (limits === undefined) return Number.POSITIVE_INFINITY;
  return of === 'resource' ? limits.resultBytes : Math.min(limits.resultBytes, limits.tokensPerCall * BYTES_A_TOKEN);
}

/**
 * The answer with as many rows, out of `most`, as fit into `bytes` of JSON, `as` it is written; `make` says itself that there are more. Throws
 * ACCESS-TOO-LARGE where not even one row fits, for to say nothing of somebody would look like calm.
 */
export function fitted<T>(most: number, bytes: number, make: (rows: number) => T, as: (answer: T) => unknown = (answer) => answer): T {
  const sized = (rows: number): { answer: T; fits: boolean } => {
    const answer = make(rows);
    return { answer, fits: Buffer.byteLength(JSON.stringify(as(answer))) <= bytes };
  };
  const whole = sized(most);
  if (whole.fits) return whole.answer;
  let [low, high] = [0, most];
  let best: T | undefined;
  while (high - low > 1) {
    const rows = (low + high) >>> 1;
    const { answer, fits } = sized(rows);
    if (fits) [low, best] = [rows, answer];
    else high = rows;
  }
  if (best === undefined) throw new VitalmeshError('ACCESS-TOO-LARGE');
  return best;
}
