import { seconds, segments } from '../hl7-text.ts';
import { mdilRows, yellowAlarms } from '../mdil.ts';
import type { Hl7Simulator, Moment, SimulatedMessage } from '../simulator.ts';

/** Efficia CM Series Data Export Guide, chapter 2: a record a minute, kept and sent again in the next minute after three tries in vain. */
export const philipsEfficia: Hl7Simulator = {
  profile: 'hl7-philips-efficia',
  device: 'a Philips Efficia CM monitor',
  role: { calls: true },
  persistence: { waits: true, ackLimitMs: 5000, tries: 3, afterwards: { laterMs: 60_000 } },
  assumed: 'How long it waits for an answer: five seconds here.',
  zoneless: true,
  encoding: 'latin1',
  intervalMs: 60_000,
  messages: (moment) => [record(moment), ...alarms(moment)],
};

function record(moment: Moment): SimulatedMessage {
  const time = seconds(moment.at);
  return message(moment, 1, [`OBR||||MONITOR|||${time}`, ...mdilRows(moment, { path: '', limits: false, cuffAt: time })]);
}

/** Alarms come in a message of their own. */
function alarms(moment: Moment): SimulatedMessage[] {
  const texts = yellowAlarms(moment.vitals);
  if (texts.length === 0) return [];
  const rows = texts.map((text) => `OBX||TX|2^Yellow Alarm^MDIL-ALERT||${text}||||||F`);
  return [message(moment, 2, [`OBR||||ALARM|||${seconds(moment.at)}`, ...rows])];
}

function message({ at, beat, seed, bed, patient }: Moment, kind: number, rows: readonly string[]): SimulatedMessage {
  const monitor = `CN9${String(seed).padStart(8, '0')}`;
  const id = `${monitor}${String(at).slice(-10)}${String(beat % 10_000).padStart(4, '0')}${kind}`;
  const text = segments(
    `MSH|^~\\&|^EfficiaCM||||${seconds(at)}||ORU^R01^ORU_R01|${id}|T|2.4`,
    `PID|||${patient}||TEST^PATIENT`,
    `PV1|||^^${bed}|||||||||||||||A|V-${patient}`,
    `ORC|NW|||||||||||||||||${monitor}`,
    ...rows,
  );
  return { id, text };
}
