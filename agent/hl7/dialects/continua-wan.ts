import { type Dialect, MDC_ROWS, mdcRowUse } from '../dialect.ts';
import { firstRepetition, type Segment } from '../segment.ts';

/** Rows about the clock of the hub or device: how it is kept, and what it showed when the message was made. */
// biome-ignore format: one code a line, so that the table can be compared with its source
const CLOCK_ROWS: ReadonlySet<string> = new Set([
  '68220^MDC_TIME_SYNC_PROTOCOL^MDC',
  '67975^MDC_ATTR_TIME_ABS^MDC',
]);

/** Home hubs of the Continua guidelines: each device its own MDS, several groups a message, codes full or bare. */
export const continuaWan: Dialect = {
  name: 'hl7-continua-wan',
  vendor: 'Continua',
  models: ['Hubs of home devices: oximeters, cuffs, thermometers, scales'],
  protocol: 'HL7 v2.6 ORU^R01 over MLLP: PCD-01 as the Continua WAN interface has it',
  source: 'Continua Design Guidelines, WAN interface; IHE PCD TF-2, PCD-01; messages of public samples (devices.md 2.5)',
  connects: { senderCalls: true },
  messages: [{ type: 'ORU', event: 'R01', use: 'readings' }],
  uniqueControlIds: true,
  obx: {
    ...MDC_ROWS,
    use: (obx: Segment) => (CLOCK_ROWS.has(firstRepetition(obx.field(3), obx.separators)) ? 'aside' : mdcRowUse(obx)),
  },
  alarms: {
    form: 'none',
    says: [],
    limits: 'Nothing is said about alarms: a home device of this kind raises none that anybody here could hear of.',
  },
  limits: [
    'What the clock of the device showed is not read: the hub has put its own time into the rows already.',
    'Exercise equipment and coded answers have no row in the parameter table: numbers are refused and kept, codes and texts counted.',
  ],
};
