import { eui64, milliseconds, seconds, segments } from '../hl7-text.ts';
import { mdcRows } from '../mdc-rows.ts';
import type { VitalSigns } from '../physiology.ts';
import type { Hl7Simulator, Moment, SimulatedMessage } from '../simulator.ts';

/** GE B40 HL7 reference 2062665-001: PCD-01 with times of the monitor without a zone; at most three more tries, then the data is lost. */
export const ge: Hl7Simulator = {
  profile: 'hl7-ge',
  device: 'a GE B-series bedside monitor (B40, B105, B125), and a sender of alerts beside it',
  role: { calls: true },
  persistence: { waits: true, ackLimitMs: 5000, tries: 4, afterwards: 'lost' },
  assumed: 'How long it waits for an answer (five seconds here), and how often it sends (every ten seconds here).',
  zoneless: true,
  encoding: 'utf8',
  intervalMs: 10_000,
  messages: (moment) => [message(moment), ...alerts(moment)],
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

const LOW_SATURATION = 90;

/** A low saturation, told by PCD-04 when it begins and when it ends; facets under the codes and names that GE's sender has. */
function alerts({ at, beat, seed, bed, patient, vitals, previous }: Moment): SimulatedMessage[] {
  const isLow = (of: VitalSigns | undefined): boolean => of !== undefined && of.spo2 !== null && of.spo2 < LOW_SATURATION;
  if (isLow(vitals) === isLow(previous)) return [];
  const [phase, state] = isLow(vitals) ? ['start', 'active'] : ['end', 'inactive'];
  const time = `${milliseconds(at)}+0000`;
  const sender = `GE_Mural_${seed}`;
  const id = `${sender}-${at}-${beat}`;
  const alert = `${sender}-${bed}-SPO2`;
  const facet = (n: number, code: string, value: string): string =>
    `OBX|${n + 1}|ST|${code}^MDC|1.0.0.0.${n}|${value}|||L~PM~SP|||R${n === 1 ? `|||${time}||||${sender}` : ''}`;
  const text = segments(
    `MSH|^~\\&|${sender}|SIMHOSPITAL|AGENT|SIMHOSPITAL|${time}||ORU^R40^ORU_R40|${id}|T|2.6|||AL|NE||UNICODE UTF-8|||IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.4.1^ISO`,
    `PID|||${patient}^^^PID^MR||TEST^PATIENT`,
    `PV1||E|^^${bed}`,
    `OBR|1|${id}^${sender}|${id}^${sender}|196616^MDC_EVT_ALARM^MDC|||${time}||||||||||||||||||||||${alert}^${alert}`,
    'OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||',
    facet(1, '196674^MDC_EVT_LO_VAL_LT_LIM', 'SpO2 low'),
    facet(2, '68164^MDC_ATTR_ALERT_SOURCE', sender),
    facet(3, '68165^MDC_ATTR_EVENT_PHASE', phase ?? ''),
    facet(4, '68166^MDC_ATTR_ALERT_STATE', state ?? ''),
    facet(5, '68167^MDC_ATTR_ALARM_INACTIVATION_STATE', 'enabled'),
    facet(6, '68484^MDC_ATTR_ALARM_PRIORITY', 'PM'),
    facet(7, '68485^MDC_ATTR_ALERT_TYPE', 'SP'),
  );
  return [{ id, text }];
}
