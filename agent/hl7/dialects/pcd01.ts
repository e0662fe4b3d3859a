import { type Dialect, MDC_ROWS } from '../dialect.ts';

/** IHE PCD-01 (DEC) as it is written down, with MDC or MDIL codes; what any sender of it is read as that has no dialect of its own. */
export const pcd01: Dialect = {
  name: 'hl7-pcd01',
  vendor: 'IHE PCD',
  models: ['PCD-01 senders: monitors and gateways'],
  protocol: 'HL7 v2.1 to 2.8 ORU^R01 over MLLP, numbers under MDC codes',
  source: 'IHE PCD Technical Framework, volume 2, PCD-01; HL7 v2.6 chapters 2 and 7',
  connects: { senderCalls: true },
  messages: [
    { type: 'ORU', event: 'R01', use: 'readings' },
    { type: 'ORU', event: '', use: 'readings' },
  ],
  uniqueControlIds: true,
  obx: MDC_ROWS,
  alarms: {
    form: 'none',
    says: [],
    limits: 'Nothing is said about alarms: no alarm is shown for a device of this kind, whatever it sounds.',
  },
};
