import { type Dialect, MDC_ROWS, ORU_R01, PCD04_ALARMS } from '../dialect.ts';

/** IHE PCD-01 (DEC) as it is written down, with MDC or MDIL codes; what any sender of it is read as that has no dialect of its own. */
export const pcd01: Dialect = {
  name: 'hl7-pcd01',
  vendor: 'IHE PCD',
  models: ['PCD-01 senders: monitors and gateways'],
  protocol: 'HL7 v2.1 to 2.8 over MLLP: ORU^R01, numbers under MDC codes; ORU^R40, alerts',
  source: 'IHE PCD Technical Framework, volume 2, PCD-01 and PCD-04; HL7 v2.6 chapters 2 and 7',
  connects: { senderCalls: true },
  messages: [...ORU_R01, { type: 'ORU', event: 'R40', use: 'alerts' }],
  uniqueControlIds: true,
  obx: MDC_ROWS,
  alarms: PCD04_ALARMS,
};
