import { z } from 'zod';
import { EVIDENCE_CLASSES, type EvidenceClass } from './classes.ts';
import type { EvidencePolicy } from './retention.ts';

const DAY_MS = 24 * 3_600_000;
/** Six years (45 CFR 164.316(b)(2)(i)), two of which may be leap years. */
export const SIX_YEARS_DAYS = 2192;

const days = z.union([z.number().min(1).max(36_500), z.literal('forever')]).default(SIX_YEARS_DAYS);

/** `audit.retention` of hub.yaml: how many days the evidence of each class is kept after it was written. */
export const evidenceRetentionConfig = z
  .strictObject({
    reads: days.describe('Who saw whose data, and who read the evidence; days or `forever`.'),
    writes: days.describe('What gateways and other clients sent.'),
    refusals: days.describe('What was denied, to whom and why.'),
    operation: days.describe('Looks at the state of the hub, sessions, verifications.'),
    administration: days.describe('Changed rights, backups, erasures, removals of evidence. Not shorter than any other.'),
    allowShorter: z.boolean().default(false).describe('Whether any of these may be shorter than six years (2192 days).'),
  })
  .superRefine(({ allowShorter, ...kept }, context) => {
    const ofDays = (told: number | 'forever'): number => (told === 'forever' ? Number.POSITIVE_INFINITY : told);
    for (const name of EVIDENCE_CLASSES) {
      if (!allowShorter && ofDays(kept[name]) < SIX_YEARS_DAYS)
        context.addIssue({ code: 'custom', path: [name], message: `expected ${SIX_YEARS_DAYS} days at least, or allowShorter: true` });
      if (ofDays(kept[name]) > ofDays(kept.administration)) context.addIssue(inTheFile(name, kept.administration));
    }
  })
  .prefault({});

/** Names a key that stands in the file: administration is not told where it has its default, and then the other one is. */
function inTheFile(name: EvidenceClass, administration: number | 'forever'): { code: 'custom'; path: string[]; message: string } {
  const isDefault = administration === SIX_YEARS_DAYS;
  return isDefault
    ? {
        code: 'custom',
        path: [name],
        message: `expected ${SIX_YEARS_DAYS} days at most, for which administration is kept unless that is told to be longer: it says what became of the rest`,
      }
    : { code: 'custom', path: ['administration'], message: `expected no less than ${name}: it says what became of that` };
}

export function evidencePolicy(config: z.infer<typeof evidenceRetentionConfig>): EvidencePolicy {
  const kept = EVIDENCE_CLASSES.map((name) => {
    const told = config[name];
    return [name, told === 'forever' ? null : told * DAY_MS];
  });
  return Object.fromEntries(kept) as EvidencePolicy;
}
