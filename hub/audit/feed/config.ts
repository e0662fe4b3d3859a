import { z } from 'zod';
import { filePath } from '../../../shared/config-parts.ts';

/** For every receiver. */
const common = {
  begin: z
    .enum(['first', 'now'])
    .default('first')
    .describe('Where a receiver begins that was never fed: with the first entry that is kept, or with what comes from then on.'),
  heartbeatSeconds: z.int().min(1).max(3600).default(60).describe('How often it is told how far the evidence has come.'),
  behindEntries: z.int().min(1).default(10_000).describe('The status says AUDIT-FEED-BEHIND once more entries wait.'),
  behindMinutes: z.int().min(1).max(10_080).default(15).describe('The same, once anything has waited for longer.'),
  subjects: z
    .boolean()
    .default(true)
    .describe('Whether the number is sent that stands for a patient in the evidence. Nothing else of a patient ever is.'),
};

const file = z.strictObject({
  type: z.literal('file'),
  path: filePath.describe('Lines of JSON are added to it; made with mode 0600 where it is not there. May be rotated.'),
  ...common,
});

const syslog = z
  .strictObject({
    type: z.literal('syslog'),
    host: z
      .string()
      .regex(/^[\w.:-]{1,253}$/, 'expected a host name or an address')
      .describe('The receiver; its certificate must be for this name or address.'),
    port: z.int().min(1).max(65_535).default(6514),
    service: z.string().min(1).optional().describe('Overlay service behind which it is reached, in the place of TCP to host and port.'),
    caFile: filePath.describe('Certificates (PEM) of who may have issued the certificate of the receiver.'),
    certFile: filePath.optional().describe('Certificate of the hub (PEM), where the receiver asks for one.'),
    keyFile: filePath.optional().describe('Its key (PEM, mode 0600).'),
    confirmSeconds: z
      .int()
      .min(1)
      .max(3600)
      .default(60)
      .describe(
        'After so long a connection is ended, because only its end tells what has arrived. What came since is sent again after a failure.',
      ),
    ...common,
  })
  .superRefine(({ certFile, keyFile }, context) => {
    if ((certFile === undefined) !== (keyFile === undefined))
      context.addIssue({ code: 'custom', path: ['certFile'], message: 'expected both of certFile and keyFile, or neither' });
  });

/** `audit.feed` of hub.yaml. */
export const feedConfig = z.discriminatedUnion('type', [file, syslog]);

export type FeedConfig = z.infer<typeof feedConfig>;
