import type { VitalSigns } from './physiology.ts';
import type { LineSimulator } from './simulator.ts';

const NONIN_NO_PULSE = 511;
const NONIN_NO_SPO2 = 127;
const MASIMO_SERIAL_DIGITS = 10;

/** Nonin serial data format 8: status and two high bits of the pulse, pulse, SpO2, second status. */
export function noninDf8({ pulse, spo2 }: VitalSigns): Uint8Array {
  const rate = pulse ?? NONIN_NO_PULSE;
  const outOfTrack = spo2 === null ? 0x20 : 0;
  return Buffer.of(0x80 | outOfTrack | (rate >> 7), rate & 0x7f, spo2 ?? NONIN_NO_SPO2, spo2 === null ? 0 : 0x20);
}

/** Nonin serial data format 1: status with the high bit of the pulse, pulse, SpO2. */
export function noninDf1({ pulse, spo2 }: VitalSigns): Uint8Array {
  const rate = pulse ?? NONIN_NO_PULSE;
  return Buffer.of(0x80 | (spo2 === null ? 0x40 : 0) | (rate >> 7), rate & 0x7f, spo2 ?? NONIN_NO_SPO2);
}

/** Nonin real-time printout: `SPO2=097 HR=072`, or dashes. */
export function noninAscii({ pulse, spo2 }: VitalSigns): Uint8Array {
  const digits = (value: number | null): string => (value === null ? '---' : String(value).padStart(3, '0'));
  return Buffer.from(`SPO2=${digits(spo2)} HR=${digits(pulse)}\r\n`, 'latin1');
}

/** Masimo ASCII 1: one line a second with the device's own clock (here UTC), a NUL in front as the real ones send it now and then. */
export function masimoAscii1({ pulse, spo2, perfusion }: VitalSigns, serial: string, at: number): Uint8Array {
  const [date = '', time = ''] = new Date(at).toISOString().split('T');
  const [year = '', month = '', day = ''] = date.split('-');
  const stamp = `${month}/${day}/${year.slice(2)} ${time.slice(0, 8)}`;
  const saturation = spo2 === null ? '---' : String(spo2).padStart(3, '0');
  const rate = pulse === null ? '---' : String(pulse).padStart(3, '0');
  const pi = perfusion === null ? '--.--' : perfusion.toFixed(2).padStart(5, '0');
  const exceptions = spo2 === null ? '000020' : '000800';
  return Buffer.from(
    `\0${stamp} SN=${serial} SPO2=${saturation}% BPM=${rate} PI=${pi}% SPCO=--.-% SPMET=--.-% DESAT=-- PIDELTA=+-- ALARM=0000 EXC=${exceptions}\r\n`,
    'latin1',
  );
}

/** Devices on serial lines. None of these formats has a place where a device could say that it is a test. */
export const LINE_SIMULATORS: readonly LineSimulator[] = [
  {
    profile: 'nonin-ascii',
    device: 'a Nonin oximeter, one line a second',
    intervalMs: 1000,
    onTheSecond: false,
    bytes: ({ vitals }) => noninAscii(vitals),
  },
  {
    profile: 'nonin-df8',
    device: 'a Nonin oximeter, one frame a second',
    intervalMs: 1000,
    onTheSecond: false,
    bytes: ({ vitals }) => noninDf8(vitals),
  },
  {
    profile: 'nonin-df1',
    device: 'a Nonin oximeter, one frame a second',
    intervalMs: 1000,
    onTheSecond: false,
    bytes: ({ vitals }) => noninDf1(vitals),
  },
  {
    profile: 'masimo-ascii1',
    device: 'a Masimo oximeter, one line a second',
    intervalMs: 1000,
    onTheSecond: true,
    bytes: ({ vitals, seed, at }) => masimoAscii1(vitals, String(seed).padStart(MASIMO_SERIAL_DIGITS, '0'), at),
  },
];
