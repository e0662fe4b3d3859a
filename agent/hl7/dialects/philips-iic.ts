import { type Dialect, ORU_R01 } from '../dialect.ts';
import { MDIL_ROWS } from '../mdil.ts';

/** The central station of IntelliVue monitors: one connection for the patients of a whole ward, each message of one of them. */
export const philipsIic: Dialect = {
  name: 'hl7-philips-iic',
  vendor: 'Philips',
  models: ['IntelliVue Information Center (IIC)', 'IntelliVue Information Center iX (PIIC iX)'],
  protocol: 'HL7 v2.2 to 2.6 ORU^R01 over MLLP, numbers under MDIL codes (MDC in hexadecimal), MSH-18 8859/1',
  source: 'IntelliVue Information Center HL7 Programmer’s Reference Guide 4535 642 64661; messages of public samples (devices.md 2.2)',
  connects: { senderCalls: true },
  messages: ORU_R01,
  uniqueControlIds: true,
  obx: MDIL_ROWS,
  alarms: {
    form: 'vendor',
    says: ['phase', 'priority', 'type'],
    limits:
      'Alarms that are there when a message is made come with it (MDIL-ALERT), as the text that the monitor shows. Their priority is known for Yellow Alarm only, and is unknown for every other; that one ended is not said: it only comes no more.',
  },
  limits: [
    'Labels that the user gave to a measurement (T1, T2) and codes of the private partitions 0401, 0402 and 0007 are refused and kept.',
    'Rows that OBX-13 calls SETTING or CONFIGURATION are counted and left aside.',
    'PV1-3 is the bed as it comes, subcomponents included (ICU^^Bed6&0&0): give the hub the same text.',
  ],
};
