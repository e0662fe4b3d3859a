import { type Dialect, MDC_ROWS } from '../dialect.ts';

/** GE monitors that send for themselves, and GE's senders of alerts. Their rows are plain PCD-01. */
export const ge: Dialect = {
  name: 'hl7-ge',
  vendor: 'GE Healthcare',
  models: ['B40', 'B105', 'B125', 'CARESCAPE senders of the same form', 'Mural (alerts)'],
  protocol: 'HL7 v2.6 over MLLP, UTF-8: PCD-01 (MSH-21 PCD_DEC_001), and PCD-04 from an alert sender',
  source: 'GE B40 HL7 reference 2062665-001; messages of public samples (devices.md 2.2, 2.3)',
  connects: { senderCalls: true },
  messages: [
    { type: 'ORU', event: 'R01', use: 'readings' },
    { type: 'ORU', event: 'R40', use: 'alerts' },
  ],
  // MSH-10 is the hardware address of the monitor, the same in all its messages.
  uniqueControlIds: false,
  obx: MDC_ROWS,
  alarms: {
    form: 'IHE PCD-04',
    says: ['phase', 'state', 'inactivation', 'priority', 'type', 'source', 'instance'],
    limits:
      'The monitors themselves say nothing about alarms. Alerts come only from a separate alert sender (Mural) that points here: without ' +
      'one, no alarm of these monitors is known, whatever they sound. Facets that the sender leaves out are unknown.',
  },
  limits: [
    'Times come without a zone: give the source the zone of the monitors.',
    'The monitor tries a message three times; what was measured while this gateway is down is lost.',
    'Expired CO2 (151712) and the respiratory rate from CO2 (151594) have no row in the parameter table: they are refused and kept.',
  ],
};
