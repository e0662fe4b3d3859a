import { type Dialect, ORU_R01 } from '../dialect.ts';
import { MDIL_ROWS } from '../mdil.ts';

/** A bedside monitor that sends what it measures every minute, and its alarms when they come. */
export const philipsEfficia: Dialect = {
  name: 'hl7-philips-efficia',
  vendor: 'Philips',
  models: ['Efficia CM10', 'Efficia CM12', 'Efficia CM100', 'Efficia CM120', 'Efficia CM150'],
  protocol: 'HL7 v2.4 ORU^R01 over MLLP (LAN, WLAN), numbers under MDIL codes (MDC in hexadecimal)',
  source: 'Efficia CM Series Data Export Guide, chapter 2 (pages 2-8 to 2-20)',
  connects: { senderCalls: true },
  messages: ORU_R01,
  uniqueControlIds: true,
  obx: MDIL_ROWS,
  alarms: {
    form: 'vendor',
    says: ['phase', 'priority', 'type'],
    limits:
      'Alarms come as a message of their own (OBR-4 ALARM, MDIL-ALERT), as the text that the monitor shows. Their priority is known for Yellow Alarm only, and is unknown for every other; that one ended is not said.',
  },
  limits: [
    'Serial data export (RS-232, QRY^R02 answered by ORF^R04) is not read: connect the monitor by LAN or WLAN.',
    'The monitor does not name itself in a field that is read: give each one a source of its own; it is known by the name of that source.',
    'An answer that does not come makes it send three times, then in the next minute; what was measured meanwhile is lost.',
    'Codes of the private partitions 0401 and 0402 are refused and kept.',
  ],
};
