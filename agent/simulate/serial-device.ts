import type { Socket } from 'node:net';
import type { Instant } from '../../shared/clock.ts';
import { aborted } from '../../shared/lifecycle.ts';
import { atEvery } from './beat.ts';
import { listen, type Target } from './listen.ts';
import { simulatedPatient } from './physiology.ts';
import type { LineSimulator } from './simulator.ts';
import type { SimulationOptions, SimulationResult } from './writer.ts';

const PROBE_OFF_EVERY_S = 60;
/** A reader that takes nothing is cut before its backlog grows further. */
const MAX_BACKLOG_BYTES = 64 * 1024;

/**
 * A device on a serial line behind a serial device server (a Moxa, or ser2net): whoever connects receives its line. Ends when the signal
 * aborts or `count` frames are through. Throws SOURCE-OPEN when it cannot listen there.
 */
export async function runSerialDevice(
  options: SimulationOptions & { simulator: LineSimulator; at: Target },
  signal: AbortSignal,
): Promise<SimulationResult> {
  const { simulator, at: address, tell, seed, bed, patient: number, intervalMs, fault, count = Number.POSITIVE_INFINITY } = options;
  const lines = new Set<Socket>();
  let connected = false;
  const server = await listen(address, (socket) => {
    const peer = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`;
    connected = true;
    lines.add(socket);
    tell({ event: 'connected', peer });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      lines.delete(socket);
      tell({ event: 'disconnected', peer });
    });
    socket.resume();
  });
  tell({ event: 'ready', profile: simulator.profile, endpoint: `tcp://${server.endpoint}` });

  const patient = simulatedPatient({ seed, probeOffEveryS: PROBE_OFF_EVERY_S });
  const counts = { sent: 0, acknowledged: null, refused: 0, lost: 0, again: 0 };
  let lastAt: Instant | undefined;
  const phaseMs = simulator.onTheSecond || intervalMs === 0 ? 0 : (seed * 137) % intervalMs;
  await atEvery(intervalMs, phaseMs, signal, (at) => {
    const vitals = patient.next(Math.max(0, at - (lastAt ?? at - intervalMs)) / 1000);
    lastAt = at;
    if (lines.size === 0) return true;
    const plain = { at, beat: counts.sent + 1, seed, bed, patient: number, vitals, pressure: false, demo: false };
    const bytes = simulator.bytes(fault?.moment?.(plain) ?? plain);
    for (const socket of lines) {
      if (socket.writableLength > MAX_BACKLOG_BYTES) socket.destroy();
      else socket.write(bytes);
    }
    counts.sent += 1;
    tell({ event: 'sent', at: new Date(at).toISOString(), id: String(counts.sent), bytes: bytes.length, attempt: 1 });
    return counts.sent < count && !fault?.mute;
  });
  if (fault?.mute) await aborted(signal);
  for (const socket of lines) socket.end();
  await server.close();
  return { ...counts, connected };
}
