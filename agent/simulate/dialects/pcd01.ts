import { eui64, milliseconds, segments } from '../hl7-text.ts';
import { mdcRows } from '../mdc-rows.ts';
import type { Hl7Simulator, Moment } from '../simulator.ts';

/** IHE PCD TF-2, PCD-01 (DEC): one message of all values a second, each with its own time in UTC. */
export const pcd01: Hl7Simulator = {
  profile: 'hl7-pcd01',
  device: 'a bedside monitor that sends plain PCD-01',
  role: { calls: true },
  persistence: { waits: true, ackLimitMs: 5000, tries: 3, afterwards: 'lost' },
  assumed: 'PCD-01 leaves it to the sender how often it repeats: three times here.',
  encoding: 'utf8',
  intervalMs: 1000,
  messages: (moment) => [message(moment)],
};

function message(moment: Moment): { id: string; text: string } {
  const { at, beat, seed, bed, patient } = moment;
  const time = `${milliseconds(at)}+0000`;
  const eui = eui64('00A037', seed);
  const id = `${eui}-${at}-${beat}`;
  const text = segments(
    `MSH|^~\\&|VITALSIM^${eui}^EUI-64|SIM|VITALMESH|GATEWAY|${time}||ORU^R01^ORU_R01|${id}|T|2.6|||NE|AL||UNICODE UTF-8|||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO`,
    `PID|||${patient}^^^SIMHOSPITAL^MR||TEST^PATIENT`,
    `PV1||I|^^${bed}`,
    `OBR|1|${beat}^VITALSIM|${beat}^VITALSIM|182777000^monitoring of patient^SCT|||${time}`,
    `OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||${eui}^^${eui}^EUI-64`,
    ...mdcRows(moment, { first: 2, path: ({ channel, code }) => `${channel}.${code}`, status: 'R', time: () => time }),
  );
  return { id, text };
}
