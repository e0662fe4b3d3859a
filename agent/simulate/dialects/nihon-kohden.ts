import { seconds, segments } from '../hl7-text.ts';
import type { VitalSigns } from '../physiology.ts';
import type { Hl7Simulator, Moment, SimulatedMessage } from '../simulator.ts';

interface Row {
  /** OBX-3: two components. */
  code: string;
  unit: string;
  of: (vitals: VitalSigns) => number | null;
}

/** Protocol specification 0614-905894C; devices.md §2.2. */
const VITALS: readonly Row[] = [
  { code: '001000^VITAL HR', unit: '/min', of: (v) => v.heartRate },
  { code: '007000^VITAL SpO2', unit: '%', of: (v) => v.spo2 },
  { code: '007001^VITAL PR(spo2)', unit: '/min', of: (v) => v.pulse },
  // The same value once more, under a name with an r.
  { code: '072007^VITAL rPR(spo2)', unit: '/min', of: (v) => v.pulse },
];
const NIBP: readonly Row[] = [
  { code: '009000^NIBP SYS', unit: 'mmHg', of: (v) => v.systolic },
  { code: '009001^NIBP DIAS', unit: 'mmHg', of: (v) => v.diastolic },
  { code: '009002^NIBP MEAN', unit: 'mmHg', of: (v) => v.mean },
];

/** A central monitor that listens at port 7998 and sends to whoever called. */
export const nihonKohden: Hl7Simulator = {
  profile: 'hl7-nihon-kohden',
  device: 'a Nihon Kohden CNS-6201 central monitor with one bed',
  role: { listensAt: 7998 },
  persistence: { waits: true, ackLimitMs: 5000, tries: 3, afterwards: 'lost' },
  assumed: 'The public pages do not say how often it repeats a message (three times here) nor how often it sends (every ten seconds here).',
  zoneless: true,
  encoding: 'latin1',
  intervalMs: 10_000,
  messages: (moment) => [message(moment)],
};

function message(moment: Moment): SimulatedMessage {
  const { at, beat, bed, patient, pressure } = moment;
  const time = seconds(at);
  // The day and a number that counts.
  const id = `${time.slice(0, 8)}${String(beat % 1_000_000).padStart(6, '0')}`;
  const text = segments(
    `MSH|^~\\&|NIHON KOHDEN|NIHON KOHDEN|CLIENT APP|CLIENT FACILITY|${time}||ORU^R01^ORU_R01|${id}|T|2.4|||NE|AL||ASCII||ASCII`,
    `PID|||${patient}||TEST^PATIENT`,
    `PV1||I|^^${bed}^127.0.0.1:1`,
    'ORC|RE',
    `OBR|1|||VITAL|||${time}||||||||||||||||||A`,
    ...rows(VITALS, moment.vitals, time),
    ...(pressure ? [`OBR|2|||NIBP|||${time}||||||||||||||||||A`, ...rows(NIBP, moment.vitals, time)] : []),
  );
  return { id, text };
}

function rows(table: readonly Row[], vitals: VitalSigns, time: string): string[] {
  return table.map(({ code, unit, of }, i) => `OBX|${i + 1}|NM|${code}|1|${of(vitals) ?? ''}|${unit}|||||F|||${time}|||`);
}
