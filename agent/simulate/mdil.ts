import type { VitalSigns } from './physiology.ts';
import type { Moment } from './simulator.ts';

/** One numeric value under an MDIL code (MDC in hexadecimal), as monitors of Philips write it. */
interface MdilRow {
  code: string;
  label: string;
  unit: string;
  of: (vitals: VitalSigns) => number | null;
  /** OBX-7. */
  limits?: string;
  cuff?: true;
}

const BPM = '0004-0aa0^bpm^MDIL';
const RPM = '0004-0ae0^rpm^MDIL';
const PERCENT = '0004-0220^%^MDIL';
const MMHG = '0004-0f20^mmHg^MDIL';

/** devices.md §2.2. */
export const MDIL_NUMERICS: readonly MdilRow[] = [
  { code: '0002-4182', label: 'HR', unit: BPM, of: (v) => v.heartRate, limits: '50-120' },
  { code: '0002-4bb8', label: 'SpO2', unit: PERCENT, of: (v) => v.spo2, limits: '90-100' },
  { code: '0002-480a', label: 'Pulse', unit: BPM, of: (v) => v.pulse },
  // The code of the wave, with which Philips sends the rate.
  { code: '0002-5000', label: 'Resp', unit: RPM, of: (v) => v.respiration, limits: '8-30' },
  { code: '0002-4b60', label: 'Tcore', unit: '0004-17a0^C^MDIL', of: (v) => v.temperature },
  { code: '0002-4a05', label: 'NBPs', unit: MMHG, of: (v) => v.systolic, cuff: true },
  { code: '0002-4a06', label: 'NBPd', unit: MMHG, of: (v) => v.diastolic, cuff: true },
  { code: '0002-4a07', label: 'NBPm', unit: MMHG, of: (v) => v.mean, cuff: true },
];

/** OBX segments of one moment; a value that is not there is an empty OBX-5 with X in OBX-11. `path` is OBX-4, `cuffAt` OBX-14 of the cuff's rows. */
export function mdilRows(
  { vitals, pressure }: Moment,
  { path, limits, cuffAt }: { path: string; limits: boolean; cuffAt?: string },
): string[] {
  return MDIL_NUMERICS.filter(({ cuff }) => pressure || !cuff).map((row) => {
    const value = row.of(vitals);
    const time = row.cuff && cuffAt !== undefined ? `|||${cuffAt}` : '';
    return `OBX||NM|${row.code}^${row.label}^MDIL|${path}|${value ?? ''}|${row.unit}|${limits ? (row.limits ?? '') : ''}||||${value === null ? 'X' : 'F'}${time}`;
  });
}

/** The alarms of which the monitor would tell, as the text that it shows. */
export function yellowAlarms({ heartRate, spo2 }: VitalSigns): string[] {
  return [...(heartRate > 120 ? [`HR ${heartRate} > 120`] : []), ...(spo2 !== null && spo2 < 90 ? [`SpO2 ${spo2} < 90`] : [])];
}
