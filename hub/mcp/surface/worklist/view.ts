import { z } from 'zod';
import { DUE_STATES } from '../../../clinical/due/state.ts';
import type { Worklist, WorkRow } from '../../../clinical/due/worklist.ts';
import { BYTES_A_TOKEN } from '../../fitting.ts';
import { groupFields } from '../group-argument.ts';
import { shortBed } from '../short-bed.ts';
import { wholeFields } from '../shown.ts';
import { named } from './named.ts';
import type { OpenOf } from './pages.ts';
import { openText } from './words.ts';

/** What each patient costs a model at most, in words and data together. */
export const OPEN_TOKENS = 400;

const OPEN_STATES = z.enum(DUE_STATES).exclude(['done', 'not-yet-due']);

const reading = z.object({
  vital: z.string(),
  state: OPEN_STATES.describe('gateway-silent, device-silent: whether it was measured is not known, for what would bring it is silent.'),
  byClock: OPEN_STATES.exclude(['gateway-silent', 'device-silent'])
    .optional()
    .describe('Where something is silent: what the clock alone says.'),
  since: z.string().nullable().describe('Since when by the clock, ISO 8601 with offset.'),
  from: z.string().describe('From when until when it is expected.'),
  until: z.string(),
  toleranceMinutes: z.number().optional().describe('Before and after that, in which it counts as well.'),
  silent: z
    .object({ kind: z.enum(['gateway', 'device']), id: z.string().nullable(), since: z.string().nullable() })
    .optional()
    .describe('Since when all that could bring it is silent; no choice of the patient.'),
  late: z.object({ at: z.string(), device: z.string().nullable() }).optional().describe('Measured since, too late for it.'),
});

const patient = z.object({
  patient: z.string(),
  bed: z.string().nullable().describe('Bed; null at home. A longer name ends in ….'),
  unplaced: z.literal(true).optional().describe('Nobody knows for sure in which bed: what is measured there is under nobody.'),
  open: z.array(reading).describe('Worst first.'),
  more: z.number().optional().describe('Open readings of this patient that found no room: get_patient_overview shows them.'),
});

/** What `get_worklist` gives. */
export const worklistSchema = z.object({
  ...groupFields,
  ...wholeFields,
  version: z.string().describe("Of the site's file that says what is expected."),
  total: z.number().describe('Patients of the group whom this caller may see.'),
  nothingExpected: z.number().describe('Those of them of whom nothing is expected: of them this says nothing.'),
  withOpen: z.number().describe('Those of whom something is open, shown or not.'),
  counts: z.partialRecord(z.enum(DUE_STATES), z.number()).describe('Expected readings of all of them by how they stand, worst first.'),
  withheld: z
    .number()
    .optional()
    .describe('Patients of whom the access token keeps something back: nothing is said of what is expected of it.'),
  patients: z.array(patient).describe('Of whom something is open, whose worst reading is worst first.'),
  truncated: z.boolean(),
  nextCursor: z.string().optional().describe('Pass it with the same group for those who were not shown yet.'),
});

export type WorklistAnswer = z.infer<typeof worklistSchema>;
export type OpenPatient = WorklistAnswer['patients'][number];

/** More readings than the ceiling has room for. */
const MOST_READINGS = 10;

/** Of the whole list, some in full; the cursor is there where some are left. Pure. */
export function compactWorklist(
  { group, placeNotKnown, asOf, zone, version, notice, patients, nothingExpected, counts, withheld, rows }: Worklist,
  { shown, nextCursor }: { shown: readonly OpenPatient[]; nextCursor?: string | undefined },
): WorklistAnswer {
  return {
    ...group,
    ...(placeNotKnown !== undefined && { placeNotKnown }),
    asOf,
    ...(zone !== undefined && { zone }),
    ...{ notice, version, total: patients, nothingExpected, withOpen: new Set(rows.map((row) => row.patient)).size },
    counts: Object.fromEntries(DUE_STATES.flatMap((state) => (counts[state] > 0 ? [[state, counts[state]] as const] : []))),
    ...(withheld > 0 && { withheld }),
    patients: [...shown],
    truncated: nextCursor !== undefined || shown.some(({ more }) => more !== undefined),
    ...(nextCursor !== undefined && { nextCursor }),
  };
}

/** One patient with as many readings as the ceiling has room for, the worst first; how many more there are stands there in any case. */
export function compactOpen(one: OpenOf): OpenPatient {
  for (let readings = Math.min(one.rows.length, MOST_READINGS); readings > 0; readings -= 1) {
    const made = openOf(one, readings);
    if (costOf(made) <= OPEN_TOKENS * BYTES_A_TOKEN) return made;
  }
  return openOf(one, 0);
}

/** Bytes of one patient as they stand in the answer, in data and words. */
export function costOf(made: OpenPatient): number {
  return Buffer.byteLength(JSON.stringify(made)) + Buffer.byteLength(JSON.stringify(openText(made))) + 2;
}

function openOf({ patient: id, rows }: OpenOf, readings: number): OpenPatient {
  const [{ bed, unplaced }] = rows;
  const more = rows.length - readings;
  return {
    ...{ patient: id, bed: bed === null ? null : shortBed(bed) },
    ...(unplaced && { unplaced }),
    open: rows.slice(0, readings).map(compactReading),
    ...(more > 0 && { more }),
  };
}

function compactReading(row: WorkRow): OpenPatient['open'][number] {
  const { vital, state, byClock, since, from, until, toleranceMinutes, silent, late } = named(row);
  return {
    ...{ vital, state: OPEN_STATES.parse(state) },
    ...(state !== byClock && { byClock: reading.shape.byClock.parse(byClock) }),
    ...{ since, from, until },
    ...(toleranceMinutes > 0 && { toleranceMinutes }),
    ...(silent && { silent }),
    ...(late && { late }),
  };
}
