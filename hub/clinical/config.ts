import { z } from 'zod';
import { filePath } from '../../shared/config-parts.ts';

/** `clinical` of hub.yaml: files of the site's own clinical rules. */
export const clinicalConfig = z
  .strictObject({
    limits: filePath
      .optional()
      .describe(
        'How long values are current, how long a gateway may be away, and ranges to show, by patient, panel and ward (limits.yaml); the built-in table of classes without it.',
      ),
    support: filePath
      .optional()
      .describe(
        'What is reckoned of patients and for whom: NEWS2, gain of weight, baseline (support.yaml); nothing of anybody without it.',
      ),
    expected: filePath
      .optional()
      .describe(
        'Which readings are expected of patients, and when: vital sign, local time window, tolerance, by patient, panel and ward (expected.yaml); none of anybody without it.',
      ),
  })
  .prefault({});

export type ClinicalConfig = z.infer<typeof clinicalConfig>;
