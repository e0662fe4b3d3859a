import { z } from 'zod';
import type { Instant } from '../../../../shared/clock.ts';
import { findPatients, type ListedPatient, MATCHES, type Search } from '../../../clinical/overview/find.ts';
import { compactPatients, patientsSchema } from '../../views.ts';
import { NOT_KNOWN_OF_LIST } from '../place-not-known.ts';

const row = patientsSchema.shape.patients.element.extend({
  unplaced: z.literal(true).optional().describe('There when nobody knows for sure in which bed the patient lies.'),
  discharged: z.literal(true).optional().describe('There when the patient lay in a bed and lies in none any more: nothing is current.'),
});

/** What `find_patients` gives. */
export const findSchema = patientsSchema.extend({
  notice: z.string(),
  match: z
    .enum(MATCHES)
    .describe(
      'all: nobody was looked for. exact: one patient is exactly who was named. candidates: whom it may mean; ask, never choose. group: everybody of the ward or panel. none: nobody this caller may see.',
    ),
  found: z.number().describe('How many of those whom this caller may see match.'),
  placeNotKnown: z.number().optional().describe(NOT_KNOWN_OF_LIST),
  patients: z.array(row),
});

export type Found = z.infer<typeof findSchema>;

/** One page of those who match, sorted by id; `after` is the last id of the page before, `notice` what is said of the whole. */
export function compactFound(
  all: readonly ListedPatient[],
  search: Search,
  { now, page, after, notice, placeNotKnown }: { now: Instant; page: number; after: string; notice: string; placeNotKnown?: number },
): Found {
  const { match, rows } = findPatients(all, search);
  // What holds for the whole list holds for a search that finds nobody, too.
  const { asOf, masked, withheld, total } = compactPatients(all, now, 0);
  const { patients, truncated, nextCursor } = compactPatients(rows, now, page, after);
  const places = new Map(rows.map((one) => [one.patient, one]));
  return {
    ...{ asOf, notice },
    ...(masked && { masked }),
    ...(withheld && { withheld }),
    ...{ match, total, found: rows.length },
    ...(placeNotKnown !== undefined && { placeNotKnown }),
    patients: patients.map((one) => {
      const { unplaced, discharged } = places.get(one.patient) ?? {};
      return { ...one, ...(unplaced && { unplaced }), ...(discharged && { discharged }) };
    }),
    truncated,
    ...(nextCursor !== undefined && { nextCursor }),
  };
}
