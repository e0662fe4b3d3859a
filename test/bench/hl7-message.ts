import { formatHl7Time } from '../../agent/hl7/time.ts';

type Metric = readonly [code: number, refid: string, value: string, unit: string, path: string];
const METRICS: readonly [Metric, ...Metric[]] = [
  [147842, 'MDC_ECG_HEART_RATE', '72', '264864^MDC_DIM_BEAT_PER_MIN^MDC', '1.1.1'],
  [150456, 'MDC_PULS_OXIM_SAT_O2', '97', '262688^MDC_DIM_PERCENT^MDC', '1.2.1'],
  [149530, 'MDC_PULS_OXIM_PULS_RATE', '71', '264864^MDC_DIM_BEAT_PER_MIN^MDC', '1.2.1'],
  [151578, 'MDC_TTHOR_RESP_RATE', '15', '264928^MDC_DIM_RESP_PER_MIN^MDC', '1.3.1'],
  [150344, 'MDC_TEMP', '36.8', '268192^MDC_DIM_DEGC^MDC', '1.4.1'],
  [150488, 'MDC_BLD_PERF_INDEX', '3.6', '262688^MDC_DIM_PERCENT^MDC', '1.2.1'],
  [150087, 'MDC_PRESS_BLD_VEN_CENT_MEAN', '7', '266016^MDC_DIM_MMHG^MDC', '1.6.1'],
  [151708, 'MDC_CONC_AWAY_CO2_ET', '38', '266016^MDC_DIM_MMHG^MDC', '1.7.1'],
];

/** An ORU^R01 of the length (894 bytes with 8 rows) and shape that monitors send: OBX under MDC codes and units, timed by their OBR. */
export function benchMessage(obxRows = 8, controlId = 'M1'): Buffer {
  // Of now: only such a message can be known to be sent again.
  const time = formatHl7Time(Date.now()).replace(/\.\d+/, '');
  const rows = Array.from({ length: obxRows }, (_, i) => {
    const [code, refid, value, unit, path] = METRICS[i % METRICS.length] ?? METRICS[0];
    return `OBX|${i + 1}|NM|${code}^${refid}^MDC|${path}.${i + 1}|${value}|${unit}|||||R|||`;
  });
  const message = [
    `MSH|^~\\&|MON^00A037FFFE01^EUI-64||||${time}||ORU^R01^ORU_R01|${controlId}|P|2.6|||NE|AL`,
    'PID|||P-1^^^HOSP^MR',
    'PV1||I|^^B-1',
    `OBR|1|||182777000^monitoring of patient^SCT|||${time}`,
    ...rows,
  ].join('\r');
  return Buffer.from(`${message}\r`, 'latin1');
}
