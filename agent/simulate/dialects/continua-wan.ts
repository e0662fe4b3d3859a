import { eui64, secondsInZone, segments } from '../hl7-text.ts';
import type { Hl7Simulator, Moment, SimulatedMessage } from '../simulator.ts';

/** A home gateway (Continua WAN, PCD-01): the oximeter and the scale of one person; both say their own clock, as the guideline asks. */
export const continuaWan: Hl7Simulator = {
  profile: 'hl7-continua-wan',
  device: 'a home gateway of the Continua guidelines with an oximeter and a scale',
  role: { calls: true },
  persistence: { waits: true, ackLimitMs: 5000, tries: 3, afterwards: { laterMs: 60_000 } },
  assumed: 'How often it repeats: three times here, and again a minute later.',
  encoding: 'utf8',
  intervalMs: 10_000,
  messages: (moment) => [message(moment)],
};

function message({ at, beat, seed, patient, vitals, pressure }: Moment): SimulatedMessage {
  const time = secondsInZone(at, 0);
  const gateway = eui64('ACDE48', seed);
  const oximeter = eui64('001C05', seed);
  const scale = eui64('00091F', seed);
  const id = `${gateway}-${at}-${beat}`;
  const rows: string[] = [];
  const row = (type: string, code: string, path: string, value: string | number, unit = '', status = 'R', end = ''): void => {
    rows.push(`OBX|${rows.length + 1}|${type}|${code}|${path}|${value}|${unit}|||||${status}|||${end}`);
  };
  const device = (code: string, path: string, eui: string): void => row('', code, path, '', '', 'X', `||||${eui}^^${eui}^EUI-64`);
  device('531981^MDC_MOC_VMS_MDS_AHD^MDC', '0', gateway);
  device('528388^MDC_DEV_SPEC_PROFILE_PULS_OXIM^MDC', '1', oximeter);
  row('DTM', '67975^MDC_ATTR_TIME_ABS^MDC', '1.0.0.1', time, '', 'R', time);
  if (vitals.spo2 !== null) row('NM', '150456^MDC_PULS_OXIM_SAT_O2^MDC', '1.0.0.2', vitals.spo2, '262688^MDC_DIM_PERCENT^MDC', 'R', time);
  if (vitals.pulse !== null)
    row('NM', '149530^MDC_PULS_OXIM_PULS_RATE^MDC', '1.0.0.3', vitals.pulse, '264864^MDC_DIM_BEAT_PER_MIN^MDC', 'R', time);
  if (pressure) {
    device('528399^MDC_DEV_SPEC_PROFILE_SCALE^MDC', '2', scale);
    row('NM', '188736^MDC_MASS_BODY_ACTUAL^MDC', '2.0.0.1', vitals.weightKg, '263875^MDC_DIM_KILO_G^MDC', 'R', time);
  }
  const text = segments(
    `MSH|^~\\&|SIMAHD^${gateway}^EUI-64||||${time}||ORU^R01^ORU_R01|${id}|T|2.6|||NE|AL|||||IHE PCD ORU-R01 2006^HL7^2.16.840.1.113883.9.n.m^HL7`,
    `PID|||${patient}^^^SIMHOSPITAL^PI||TEST^PATIENT`,
    `OBR|1|${beat}^SIMAHD^${gateway}^EUI-64|${beat}^SIMAHD^${gateway}^EUI-64|182777000^monitoring of patient^SCT|||${time}`,
    ...rows,
  );
  return { id, text };
}
