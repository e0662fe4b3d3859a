import { z } from 'zod';
import { type Instant, parseInstant } from '../../../shared/clock.ts';
import type { LatestView, ShownPatient } from '../../access/door.ts';
import type { Masked } from '../../access/masking/contract.ts';
import { alsoKnownAs, leftBed, masked, ward, zone } from '../views.ts';
import { leftText, MASKED_WORDS, otherText, placeOf } from '../wording.ts';
import type { Call } from './contract.ts';

/** The argument by which every tool is told of whom. */
export const patientArgument = z.string().min(1).max(256).describe('Opaque patient id, as find_patients gives it.');

/** What stands at the head of every answer about one patient. */
export const whoseFields = {
  patient: z.string().describe('Opaque patient id.'),
  mergedFrom: z.string().optional().describe('The id that was asked for, where it was merged into `patient`: two numbers of one person.'),
  alsoKnownAs,
  bed: z.string().nullable().describe('Bed, or null at home, or where it is masked.'),
  ward,
  admitted: z.string().optional().describe('Since when the patient is here again, ISO 8601.'),
  discharged: z.string().optional().describe('Since when the patient lies in no bed any more, ISO 8601: then nothing here is current.'),
  leftBed,
  unplaced: z.boolean().optional().describe('True when nobody knows for sure in which bed the patient lies.'),
  asOf: z.string().describe('When this answer was made, ISO 8601 with the offset of the place.'),
  zone,
  notice: z.string(),
  masked,
};

export type Whose = z.infer<z.ZodObject<typeof whoseFields>>;

/** The same out of a view of the door. */
export function whoseIn(view: ShownPatient & { asOf: string; notice: string; masked?: Masked }): Whose {
  const {
    patient,
    mergedFrom,
    alsoKnownAs: other,
    bed,
    ward: on,
    admitted,
    discharged,
    leftBed: left,
    unplaced,
    asOf,
    zone: own,
    notice,
  } = view;
  return {
    patient,
    ...(mergedFrom !== undefined && { mergedFrom }),
    ...(other && { alsoKnownAs: other }),
    bed,
    ...(on !== undefined && { ward: on }),
    ...(admitted !== undefined && { admitted }),
    ...(discharged !== undefined && { discharged }),
    ...(left !== undefined && { leftBed: left }),
    ...(unplaced && { unplaced: true }),
    asOf,
    ...(own !== undefined && { zone: own }),
    notice,
    ...(view.masked && { masked: view.masked }),
  };
}

/** What stands at the head of an answer about several patients. */
export const wholeFields = {
  asOf: z.string().describe('When the last patient was looked at, ISO 8601 with offset.'),
  zone: zone.describe('IANA zone of these times; of a patient elsewhere it stands in the row.'),
  notice: z.string(),
};

type Whole = z.infer<z.ZodObject<typeof wholeFields>>;

/** The same out of views of the door: as of the newest of them, in its zone; `ofNobody` where there is none. Pure. */
export function wholeOf(views: readonly Pick<LatestView, 'asOf' | 'zone' | 'notice'>[], ofNobody: Whole = { asOf: '', notice: '' }): Whole {
  if (views.length === 0) return ofNobody;
  const newest = views.reduce<(typeof views)[number] | undefined>(
    (best, view) => (best === undefined || instantOf(view.asOf) > instantOf(best.asOf) ? view : best),
    undefined,
  );
  const { asOf = '', zone: own, notice = '' } = newest ?? {};
  return { asOf, ...(own !== undefined && { zone: own }), notice };
}

/** The zone of one of them, where it is another than that of the whole. Pure. */
export function zoneElsewhere({ zone: own }: Pick<LatestView, 'zone'>, whole: Pick<Whole, 'zone'>): { zone?: string } {
  return own === undefined || own === whole.zone ? {} : { zone: own };
}

/** The head of an answer in words; nothing in it comes from a device. */
export function whoseText(whose: Whose): string[] {
  const { patient, mergedFrom, alsoKnownAs: other, discharged, leftBed: left, unplaced, asOf } = whose;
  return [
    `Patient ${patient} (${placeOf(whose)}), as of ${asOf}.`,
    ...(mergedFrom === undefined ? [] : [`MERGED: ${mergedFrom}, which was asked for, is this patient by another number.`]),
    ...(other ? [otherText(other, whose.masked)] : []),
    ...(discharged === undefined ? [] : ['DISCHARGED: nothing here is current.']),
    ...(left === undefined ? [] : [leftText(left)]),
    ...(unplaced ? ['PLACE NOT KNOWN: what is measured in the bed is shown under no patient until it is known who lies there.'] : []),
    ...(whose.masked ? [MASKED_WORDS[whose.masked]] : []),
  ];
}

/** Of a time that the door wrote; UTC milliseconds. */
export function instantOf(text: string): Instant {
  return parseInstant(text)?.at ?? Number.NaN;
}

/** Now, in the times of the reader: whoever is deidentified knows each patient's times shifted by days of their own, and now is what a view of that patient says. Throws as `Door.latest` does. */
export async function nowOf(patient: string, { door, caller, context, clock }: Call): Promise<Instant> {
  if (door.maskOf(caller) !== 'deidentified') return clock.now();
  return instantOf((await door.latest(caller, patient, { ...context, followed: true })).asOf);
}
