import { eui64, seconds, segments } from '../hl7-text.ts';
import { mdcRows } from '../mdc-rows.ts';
import type { Hl7Simulator, Moment, SimulatedMessage } from '../simulator.ts';

/** GE B40 HL7 reference 2062665-001: PCD-01 with times of the monitor without a zone; at most three more tries, then the data is lost. */
export const ge: Hl7Simulator = {
  profile: 'hl7-ge',
  device: 'a GE B-series bedside monitor (B40, B105, B125)',
  role: { calls: true },
  persistence: { waits: true, ackLimitMs: 5000, tries: 4, afterwards: 'lost' },
  assumed: 'How long it waits for an answer (five seconds here), and how often it sends (every ten seconds here).',
  encoding: 'utf8',
  intervalMs: 10_000,
  messages: (moment) => [message(moment)],
};

function message(moment: Moment): SimulatedMessage {
  const { at, beat, seed, bed, patient } = moment;
  const time = seconds(at);
  const eui = eui64('080019', seed);
  // The hardware address of the monitor, the same in all its messages.
  const id = eui.replace('FFFE', '');
  const text = segments(
    `MSH|^~\\&|VSP^${eui}^EUI-64|GE Healthcare|||${time}||ORU^R01^ORU_R01|${id}|T|2.6|||NE|AL||UNICODE UTF-8|||PCD_DEC_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO`,
    `PID|||${patient}^^^PID^MR||TEST^PATIENT`,
    `PV1||E|^^${bed}`,
    `OBR|1|${beat}^VSP^${eui}^EUI-64|${beat}^VSP^${eui}^EUI-64|182777000^monitoring of patient^SCT|||${time}`,
    `OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||${eui}^^${eui}^EUI-64`,
    ...mdcRows(moment, { first: 2, path: ({ channel, code }) => `${channel}.${code}`, status: 'R', time: () => time }),
  );
  return { id, text };
}
