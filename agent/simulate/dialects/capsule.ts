import { secondsInZone, segments } from '../hl7-text.ts';
import type { VitalSigns } from '../physiology.ts';
import type { Hl7Simulator, Moment, SimulatedMessage } from '../simulator.ts';

interface Row {
  /** OBX-3: the number of a stream, given by the site. */
  stream: number;
  /** OBX-6: the number of a unit. */
  unit: number;
  of: (vitals: VitalSigns) => number | null;
  setting?: true;
}

/** The numbers of the site in agent/hl7/dialects/example-site.yaml. */
const STREAMS: readonly Row[] = [
  { stream: 9001, unit: 1, of: (v) => v.heartRate },
  { stream: 9002, unit: 19, of: (v) => v.spo2 },
  { stream: 9003, unit: 1, of: (v) => v.respiration },
  { stream: 9005, unit: 9, of: (v) => v.systolic },
  { stream: 9006, unit: 9, of: (v) => v.diastolic },
  { stream: 9007, unit: 9, of: (v) => v.mean },
  { stream: 9021, unit: 19, of: () => 40, setting: true },
];

/** A DataCaptor server of a site that numbers its streams as the example file says; shape as in public samples (devices.md §2.2). */
export const capsule: Hl7Simulator = {
  profile: 'hl7-capsule',
  device: 'a Capsule DataCaptor server with the numbers of example-site.yaml',
  role: { calls: true },
  persistence: { waits: true, ackLimitMs: 5000, tries: 3, afterwards: 'lost' },
  assumed: 'No manual is public: how often it repeats (three times here) and sends (every second here), and the numbers of the streams.',
  encoding: 'utf8',
  intervalMs: 1000,
  messages: (moment) => [message(moment)],
};

function message({ at, beat, seed, bed, vitals }: Moment): SimulatedMessage {
  const time = secondsInZone(at, 60);
  const id = `${seed}-${at}-${beat}`;
  const text = segments(
    `MSH|^~\\&|DATACAPTOR||||${time}||ORU^R01|${id}|T|2.3||||||UNICODE UTF-8`,
    'PID|',
    `PV1||I|^^${bed}`,
    `OBR|||||||${time}`,
    ...STREAMS.map(({ stream, unit, of, setting }, i) => {
      const value = of(vitals);
      return `OBX|${i + 1}|NM|${stream}||${value ?? ''}|${unit}|||||${value === null ? 'X' : 'F'}||${setting ? 'SETTING' : ''}|${time}`;
    }),
  );
  return { id, text };
}
