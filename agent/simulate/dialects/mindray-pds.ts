import { seconds, segments } from '../hl7-text.ts';
import type { VitalSigns } from '../physiology.ts';
import type { Hl7Simulator, Moment, SimulatedMessage } from '../simulator.ts';

interface Row {
  code: string;
  /** OBX-4. */
  module: string;
  of: (vitals: VitalSigns) => number | null;
}

/** Patient Data Share Protocol Programmer's Guide; devices.md §2.2. */
const PERIODIC: readonly Row[] = [
  { code: '101^HR', module: '2101', of: (v) => v.heartRate },
  { code: '151^RR', module: '2102', of: (v) => v.respiration },
  { code: '160^SpO2', module: '2103', of: (v) => v.spo2 },
  { code: '161^PR', module: '2103', of: (v) => v.pulse },
  { code: '162^PI', module: '2103', of: (v) => v.perfusion },
  { code: '200^T1', module: '2104', of: (v) => v.temperature },
];
const NIBP: readonly Row[] = [
  { code: '170^Sys', module: '2105', of: (v) => v.systolic },
  { code: '171^Dia', module: '2105', of: (v) => v.diastolic },
  { code: '172^Mean', module: '2105', of: (v) => v.mean },
];
/** What stands for a value that is not there. */
const INVALID = -100;

const ALARMS: readonly { row: string; is: (vitals: VitalSigns) => boolean }[] = [
  { row: '10033^**SpO2 Too Low', is: ({ spo2 }) => spo2 !== null && spo2 < 90 },
  { row: '10001^**HR Too High', is: ({ heartRate }) => heartRate > 120 },
];

/**
 * A bedside monitor that listens at port 4601: a caller is told first who the patient is (103), then the values of each second (204), the cuff
 * when it measured (503), alarms while they are there (54) and that it lives (106). It does not wait for answers.
 */
export const mindrayPds: Hl7Simulator = {
  profile: 'hl7-mindray-pds',
  device: 'a Mindray bedside monitor (Patient Data Share)',
  role: { listensAt: 4601 },
  persistence: { waits: false, ackLimitMs: 5000, tries: 1, afterwards: 'lost' },
  assumed: 'That it does not wait for acknowledgements, and that its heartbeat comes every ten seconds.',
  zoneless: true,
  encoding: 'utf8',
  intervalMs: 1000,
  greeting: (moment) => [patientMessage(moment)],
  messages: ({ at, vitals, pressure }) => {
    const time = seconds(at);
    const alarms = ALARMS.filter(({ is }) => is(vitals)).map(({ row }) => `OBX||CE|2|1|${row}||||||F|||${time}|`);
    return [
      message('204', rows(PERIODIC, vitals, '')),
      ...(pressure ? [message('503', rows(NIBP, vitals, `||APERIODIC|${time}`))] : []),
      ...(alarms.length > 0 ? [message('54', alarms)] : []),
    ];
  },
  heartbeat: { everyMs: 10_000, message: () => message('106', []) },
};

function patientMessage({ bed, patient }: Moment): SimulatedMessage {
  return message('103', [
    `PID|||${patient}||TEST^PATIENT||||`,
    'PV1||I|^^ICU&1&2130706433&4601&&1|||||||||||||||A|||',
    'OBR||||Mindray Monitor|||0|',
    `OBX||ST|2301^||${patient}||||||F`,
    `OBX||ST|2308^BedNoStr||${bed}||||||F`,
  ]);
}

function rows(table: readonly Row[], vitals: VitalSigns, end: string): string[] {
  return table.map(({ code, module, of }) => `OBX||NM|${code}|${module}|${of(vitals) ?? INVALID}||||||F${end}`);
}

/** MSH-10 is the kind of message, and no number of it. */
function message(kind: string, rest: readonly string[]): SimulatedMessage {
  return { id: kind, text: segments(`MSH|^~\\&|||||||ORU^R01|${kind}|T|2.3.1|`, ...rest) };
}
