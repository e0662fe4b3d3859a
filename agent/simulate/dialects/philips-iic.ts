import { seconds, segments } from '../hl7-text.ts';
import { mdilRows, yellowAlarms } from '../mdil.ts';
import type { Hl7Simulator, Moment, SimulatedMessage } from '../simulator.ts';

/** IIC HL7 Programmer's Guide 4535 642 64661: a central station; alarms that are there come with each message of their patient. */
export const philipsIic: Hl7Simulator = {
  profile: 'hl7-philips-iic',
  device: 'a Philips IntelliVue Information Center with one bed',
  role: { calls: true },
  persistence: { waits: true, ackLimitMs: 5000, tries: 3, afterwards: 'lost' },
  assumed:
    'The public pages do not say how often it repeats a message (three times here) nor how often it sends (every five seconds here).',
  zoneless: true,
  encoding: 'latin1',
  intervalMs: 5000,
  messages: (moment) => [message(moment)],
};

function message(moment: Moment): SimulatedMessage {
  const { at, beat, seed, bed, patient, vitals } = moment;
  const id = `HP${at}${String(seed % 1000).padStart(3, '0')}${String(beat % 10_000).padStart(4, '0')}`;
  const text = segments(
    `MSH|^~\\&|||||||ORU^R01|${id}|T|2.5||||||8859/1`,
    `PID|||${patient}^^^SIMHOSPITAL^MR||TEST^PATIENT`,
    `PV1||I|^^${bed}`,
    `OBR|||||||${seconds(at)}`,
    'OBX||ST|0402-f8f5^sMode^MDIL|0|MONITORING||||||F||SETTING',
    'OBX||ST|0002-f887^Model^MDIL|0|Monitoring Data||||||F||CONFIGURATION',
    ...yellowAlarms(vitals).map((alarm) => `OBX||TX|2^Yellow Alarm^MDIL-ALERT||${alarm}||||||F`),
    ...mdilRows(moment, { path: '0', limits: true }),
  );
  return { id, text };
}
