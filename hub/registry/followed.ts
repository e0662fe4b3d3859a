import { z } from 'zod';

/** In the place of a patient: who lies in the bed is what movements say. */
export const FOLLOWED = 'followed';

const HOUR_MS = 3_600_000;
const DURATION = /^([1-9]\d{0,3})(m|h|d)$/;
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: HOUR_MS, d: 24 * HOUR_MS };
/** A hospital of any size moves somebody more often than that, so a longer limit would never be reached in time. */
const LONGEST_MS = 31 * 24 * HOUR_MS;

const silentAfter = z.string().transform((text, context) => {
  const [, count = '', unit = ''] = DURATION.exec(text) ?? [];
  const ms = Number(count) * (UNIT_MS[unit] ?? 0);
  if (ms > 0 && ms <= LONGEST_MS) return ms;
  context.addIssue({ code: 'custom', message: 'expected a duration from 1m to 31d: a whole number and m, h or d, such as 12h' });
  return z.NEVER;
});

/** `movements` of a gateway's row. */
export const movementsRow = z.union([
  z.boolean(),
  z.strictObject({
    silentAfter: silentAfter.describe(
      'When nothing was told for so long, who lies in its followed beds is no longer sure: whatever names nobody is nobody’s until a movement comes.',
    ),
  }),
]);

interface MovedRow {
  beds: Readonly<Record<string, string | null>>;
  movements: z.output<typeof movementsRow>;
}

/** Tells the beds that movements follow from those whose patient stands in the row. */
export function withFollowed<Row extends MovedRow>({ beds, movements, ...row }: Row): Omit<Row, 'beds' | 'movements'> & FollowedRow {
  const all = Object.entries(beds);
  const followed = all.filter(([, who]) => who === FOLLOWED).map(([bed]) => bed);
  return {
    ...row,
    beds: Object.fromEntries(all.filter(([, who]) => who !== FOLLOWED)),
    ...(followed.length > 0 && { followed: new Set(followed) }),
    movements: movements !== false,
    ...(typeof movements === 'object' && { silentAfterMs: movements.silentAfter }),
  };
}

interface FollowedRow {
  beds: Record<string, string | null>;
  followed?: ReadonlySet<string>;
  movements: boolean;
  silentAfterMs?: number;
}

/** Every bed of a row, whoever says who lies there. */
export function bedsOf({ beds, followed = new Set() }: Pick<FollowedRow, 'beds' | 'followed'>): string[] {
  return [...Object.keys(beds), ...followed];
}

/** What one gateway followed and another named would be two answers to one question. `complain` gets the index of the row and the bed. */
export function refuseHalfFollowed(
  rows: readonly (Pick<FollowedRow, 'beds' | 'followed'> & { tenant: string })[],
  complain: (path: (string | number)[], message: string) => void,
): void {
  const first = new Map<string, boolean>();
  for (const [i, row] of rows.entries()) {
    for (const bed of bedsOf(row)) {
      // A tenant's name holds no blank.
      const key = `${row.tenant} ${bed}`;
      const isFollowed = row.followed?.has(bed) ?? false;
      const before = first.get(key);
      first.set(key, before ?? isFollowed);
      if (before !== undefined && before !== isFollowed)
        complain(['gateways', i, 'beds', bed], `expected a bed that is \`${FOLLOWED}\` with all gateways or with none`);
    }
  }
}
