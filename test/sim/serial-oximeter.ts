import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { atEvery, type Counts, tell } from './device.ts';
import { simulatedPatient, type VitalSigns } from './physiology.ts';

export type OximeterFormat = 'nonin-df8' | 'masimo-ascii1';

export interface SerialOximeterOptions {
  format: OximeterFormat;
  seed: number;
  /** Serial number that a Masimo prints in each line. */
  serial: string;
  /** 0 takes any free port. */
  port: number;
  intervalMs: number;
}

/** An oximeter behind a serial device server (a Moxa, or ser2net): whoever connects receives its line, once an interval. */
export async function runSerialOximeter(options: SerialOximeterOptions, signal: AbortSignal): Promise<Counts> {
  const lines = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    lines.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => lines.delete(socket));
    socket.resume();
  });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  tell({ event: 'ready', endpoint: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}` });

  const patient = simulatedPatient({ seed: options.seed, probeOffEveryS: 60 });
  let sent = 0;
  // A Masimo prints whole seconds: it sends when its clock strikes.
  const phaseMs = options.format === 'masimo-ascii1' ? 0 : (options.seed * 137) % options.intervalMs;
  await atEvery(options.intervalMs, phaseMs, signal, (at) => {
    const vitals = patient.next(options.intervalMs / 1000);
    const bytes = options.format === 'nonin-df8' ? noninDf8(vitals) : masimoAscii1(vitals, options.serial, at);
    for (const socket of lines) socket.write(bytes);
    if (lines.size > 0) sent += 1;
  });
  for (const socket of lines) socket.end();
  server.close();
  return { sent, acknowledged: null, lost: 0 };
}

const NONIN_NO_PULSE = 511;
const NONIN_NO_SPO2 = 127;

/** Nonin serial data format 8: status and two high bits of the pulse, pulse, SpO2, second status. */
export function noninDf8({ pulse, spo2 }: VitalSigns): Buffer {
  const rate = pulse ?? NONIN_NO_PULSE;
  const outOfTrack = spo2 === null ? 0x20 : 0;
  return Buffer.of(0x80 | outOfTrack | (rate >> 7), rate & 0x7f, spo2 ?? NONIN_NO_SPO2, spo2 === null ? 0 : 0x20);
}

/** Masimo ASCII 1: one line a second with the device's own clock (here UTC), a NUL in front now and then as the real ones send it. */
export function masimoAscii1({ pulse, spo2, perfusion }: VitalSigns, serial: string, at: number): Buffer {
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
