import { panel } from '../../../shared/vitals.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** By how much two values may differ: by `absolute`, in the unit of the parameter table, or by `relative` of the greater one, whichever is more. */
export interface Apart {
  absolute: number;
  relative?: number;
}

/** What is an implausible jump for one person. */
export interface Jump {
  /** What is compared, by key of the parameter table: of a panel its parts. */
  parts: Readonly<Record<string, { jump: Apart; same: Apart }>>;
  /** For how long a value of the person's own says what is theirs. */
  windowMs: number;
  /** Whether values near the former ones show that what was repeated in between was somebody else's: so of what nobody gains and loses within days. */
  returns: boolean;
  /** Where the numbers are from. */
  source: string;
}

/** By vital sign or panel. One that is not here is never doubted. */
export type Jumps = Readonly<Record<string, Jump>>;

const OURS = 'ours: above what one person’s values usually differ by from one to the next; two people of a household often differ by more';

const pressure = (key: 'nibp' | 'cuff'): Jump => {
  const { systolic, diastolic } = panel(key)?.parts ?? { systolic: key, diastolic: key };
  return {
    parts: {
      [systolic]: { jump: { absolute: 50 }, same: { absolute: 20 } },
      [diastolic]: { jump: { absolute: 30 }, same: { absolute: 15 } },
    },
    windowMs: 14 * DAY_MS,
    returns: false,
    source: OURS,
  };
};

/** The built-in table. No alarm follows from it, and no value is hidden by it. */
export const JUMPS: Jumps = {
  weight: {
    parts: { weight: { jump: { absolute: 3, relative: 0.1 }, same: { absolute: 1.5, relative: 0.02 } } },
    windowMs: 14 * DAY_MS,
    returns: true,
    source: 'devices.md §7.3 (jumps above 10 % count once they are repeated); at least 3 kg, the window and what is the same again: ours',
  },
  nibp: pressure('nibp'),
  cuff: pressure('cuff'),
};

/** Whether any of this could be one person's and another's: only such readings are looked at. */
export function isDoubtable(vital: string): boolean {
  return Object.hasOwn(JUMPS, vital);
}

/** When a second reading repeats a doubtful one. Sooner, a scale tells of the same weighing twice; between the two, somebody else of the home may have come again. */
export const REPEATED = {
  soon: { leastMs: MINUTE_MS, mostMs: 30 * MINUTE_MS },
  /** On one of the days that follow, whatever the hour. */
  later: { leastMs: 16 * HOUR_MS, mostMs: 3 * DAY_MS },
} as const;
