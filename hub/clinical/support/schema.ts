import { z } from 'zod';
import { panel, vital } from '../../../shared/vitals.ts';
import { groupName, patientId, versionName } from '../limits/schema.ts';

/** To whom something is applied: nobody unless named, by ward, panel or person. */
const applies = z.strictObject({
  wards: z.array(groupName).default([]),
  panels: z.array(groupName).default([]),
  patients: z.array(patientId).default([]),
});

export type Applies = z.output<typeof applies>;

const source = z.string().min(1).max(200).describe('Where the rule is written (guideline, or the site’s own order); stands in answers.');

/** The schema of the site's file of decision support (`clinical.support` of hub.yaml). What it does not name is off. */
export const supportSchema = z.strictObject({
  version: versionName,
  news2: z
    .strictObject({
      applies,
      scale2: z
        .array(patientId)
        .default([])
        .describe('Those for whom a clinician has set a target saturation of 88–92 %; all others go by scale 1.'),
    })
    .optional()
    .describe('NEWS2, for people of 16 years and more who are not pregnant: the site answers for naming only such.'),
  weight: z
    .strictObject({
      applies,
      rules: z
        .array(z.strictObject({ gainKg: z.number().positive().max(20), days: z.int().min(1).max(30), source }))
        .min(1)
        .max(5),
    })
    .optional()
    .describe('Gain of weight of somebody with a failing heart, scale by scale.'),
  baseline: z
    .strictObject({
      applies,
      days: z.int().min(3).max(60).describe('So many days before today.'),
      vitals: z
        .array(z.string().refine((key) => (vital(key) ?? panel(key)) !== undefined, 'expected a key of the parameter table or of a panel'))
        .min(1)
        .max(12),
    })
    .optional()
    .describe("Median and range of the person's own last days."),
});

export type SupportFile = z.output<typeof supportSchema>;

export const NO_SUPPORT: SupportFile = supportSchema.parse({ version: 'built-in' });

/** Whether something is applied to whoever is there. */
export function isApplied(
  to: Applies,
  { patient, ward, panels = [] }: { patient: string; ward?: string; panels?: readonly string[] },
): boolean {
  return (
    to.patients.includes(patient) || (ward !== undefined && to.wards.includes(ward)) || panels.some((name) => to.panels.includes(name))
  );
}
