import { type Dialect, MDC_ROWS, mdcRowUse, PCD04_ALARMS } from '../dialect.ts';
import { firstRepetition, type Segment } from '../segment.ts';

/** Counts of rhythm events under Mindray's own codes: none is in the parameter table, and all come with every message. */
// biome-ignore format: one code a line, so that the table can be compared with its source
const RHYTHM_COUNTS: ReadonlySet<string> = new Set([
  '108^MNDRY_ECG_PAUSE_RATE^99MNDRY',
  '352^MNDRY_ECG_VPB_RATE^99MNDRY',
  '579^MNDRY_ECG_RHY_V_P_C_CPLT_RATE^99MNDRY',
  '580^MNDRY_ECG_RHY_MISSB_RATE^99MNDRY',
  '581^MNDRY_ECG_BEAT_V_P_C_RonT_RATE^99MNDRY',
]);

/** Mindray's gateway and its spot monitors: PCD-01 where OBX-18 stands in the first row only, and OBX-4 ends in the code. */
export const mindrayEgateway: Dialect = {
  name: 'hl7-mindray-egateway',
  vendor: 'Mindray',
  models: ['eGateway', 'VS 900 and other monitors that send for themselves'],
  protocol: 'HL7 v2.6 over MLLP, UTF-8: PCD-01 (MSH-21 IHE_PCD_001) and PCD-04',
  source: 'Messages of public samples (devices.md 2.2)',
  connects: { senderCalls: true },
  messages: [
    { type: 'ORU', event: 'R01', use: 'readings' },
    { type: 'ORU', event: 'R40', use: 'alerts' },
  ],
  // MSH-10 counts messages from a small number on, and may begin anew.
  uniqueControlIds: false,
  obx: {
    ...MDC_ROWS,
    deviceOnce: true,
    use: (obx: Segment) => (RHYTHM_COUNTS.has(firstRepetition(obx.field(3), obx.separators)) ? 'aside' : mdcRowUse(obx)),
  },
  alarms: {
    ...PCD04_ALARMS,
    limits:
      'Alerts come from an eGateway whose alarm interface (PCD-04) is licensed, switched on and points here; a VS 900 that sends for ' +
      'itself says nothing about alarms. No alert message of an eGateway was at hand: its alerts are read as PCD-04 has them.',
  },
  limits: [
    'Codes of Mindray’s own (99MNDRY) are never mapped: the counts of rhythm events that come with every message are counted and left aside, all others are refused and kept.',
    'A cuff pressure keeps the time at which it was taken, which is older than that of its message.',
    'A VS 900 sends times without a zone: give the source its zone. A monitor in demonstration mode is test data.',
  ],
};
