import type { Instant } from '../../shared/clock.ts';
import type { VitalSigns } from './physiology.ts';
import type { Moment } from './simulator.ts';

/** One numeric value under an MDC code, as PCD-01 senders write it. */
interface MdcRow {
  code: number;
  refid: string;
  unit: string;
  of: (vitals: VitalSigns) => number | null;
  /** MDS, VMD and channel of OBX-4. */
  channel: string;
  /** OBX-7. */
  limits?: string;
  /** Measured by the cuff, and only in moments when it has measured. */
  cuff?: true;
}

const PER_MINUTE = '264864^MDC_DIM_BEAT_PER_MIN^MDC';
const BREATHS = '264928^MDC_DIM_RESP_PER_MIN^MDC';
const PERCENT = '262688^MDC_DIM_PERCENT^MDC';
const MMHG = '266016^MDC_DIM_MMHG^MDC';
const CELSIUS = '268192^MDC_DIM_DEGC^MDC';

/** IEEE 11073-10101 codes and REFIDs; devices.md §5.4. */
export const MDC_NUMERICS: readonly MdcRow[] = [
  { code: 147842, refid: 'MDC_ECG_HEART_RATE', unit: PER_MINUTE, of: (v) => v.heartRate, channel: '1.1.1', limits: '50-120' },
  { code: 150456, refid: 'MDC_PULS_OXIM_SAT_O2', unit: PERCENT, of: (v) => v.spo2, channel: '1.2.1', limits: '90-100' },
  { code: 149530, refid: 'MDC_PULS_OXIM_PULS_RATE', unit: PER_MINUTE, of: (v) => v.pulse, channel: '1.2.1' },
  { code: 151578, refid: 'MDC_TTHOR_RESP_RATE', unit: BREATHS, of: (v) => v.respiration, channel: '1.3.1', limits: '8-30' },
  { code: 150344, refid: 'MDC_TEMP', unit: CELSIUS, of: (v) => v.temperature, channel: '1.4.1' },
  { code: 150021, refid: 'MDC_PRESS_BLD_NONINV_SYS', unit: MMHG, of: (v) => v.systolic, channel: '1.5.1', cuff: true },
  { code: 150022, refid: 'MDC_PRESS_BLD_NONINV_DIA', unit: MMHG, of: (v) => v.diastolic, channel: '1.5.1', cuff: true },
  { code: 150023, refid: 'MDC_PRESS_BLD_NONINV_MEAN', unit: MMHG, of: (v) => v.mean, channel: '1.5.1', cuff: true },
];

/** How a sender of MDC codes writes its OBX rows. */
export interface MdcStyle {
  /** OBX-1 of the first row. */
  first: number;
  path(row: MdcRow): string;
  /** OBX-11. */
  status: string;
  /** OBX-14. */
  time(row: MdcRow, at: Instant): string;
  rows?: readonly MdcRow[];
}

/** OBX segments of one moment; a probe that is off gives a row without a value, INV in OBX-8 (IHE PCD TF-2, appendix B.8). */
export function mdcRows({ vitals, pressure, demo, at }: Moment, { first, path, status, time, rows = MDC_NUMERICS }: MdcStyle): string[] {
  return rows
    .filter(({ cuff }) => pressure || !cuff)
    .map((row, i) => {
      const value = row.of(vitals);
      const condition = [...(value === null ? ['INV'] : []), ...(demo ? ['DEMO'] : [])].join('~');
      const code = `${row.code}^${row.refid}^MDC`;
      return `OBX|${first + i}|NM|${code}|${path(row)}|${value ?? ''}|${row.unit}|${row.limits ?? ''}|${condition}|||${status}|||${time(row, at)}`;
    });
}
