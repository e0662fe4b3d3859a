import type { Flag } from '../../../shared/reading.ts';

/** Bits of the column `amended` of a row: what people decided about it. */
export const VOID = 1;
export const CONFIRMED = 2;

/** Flags that keep a reading from counting until somebody confirms it. */
export const CONFIRMABLE: ReadonlySet<Flag> = new Set(['identity-doubtful']);

/** What of the flags of a row decides whether it may stand. Pure. */
export function flagsThatCount(flags: readonly Flag[], amended: number): readonly Flag[] {
  return (amended & CONFIRMED) === 0 ? flags : flags.filter((flag) => !CONFIRMABLE.has(flag));
}

export function isVoid(amended: number): boolean {
  return (amended & VOID) !== 0;
}
