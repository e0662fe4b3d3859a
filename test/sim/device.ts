/** What a simulated device tells whoever started it, as one JSON line on standard output. */
export type DeviceEvent =
  | { event: 'ready'; endpoint: string }
  /** At the end: what was given out, and how much of it the other side acknowledged (devices that know). */
  | { event: 'done'; sent: number; acknowledged: number | null; lost: number };

export interface Counts {
  sent: number;
  acknowledged: number | null;
  lost: number;
}

export function tell(event: DeviceEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

/**
 * Calls `beat` once an interval, `phaseMs` after each whole multiple of it on the wall clock, until the signal aborts; a late beat
 * is skipped, as a device's display skips. Devices of a ward do not beat together, hence the phase.
 */
export async function atEvery(
  intervalMs: number,
  phaseMs: number,
  signal: AbortSignal,
  beat: (at: number) => void | Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    const due = (Math.floor((Date.now() - phaseMs) / intervalMs) + 1) * intervalMs + phaseMs;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.max(0, due - Date.now()));
      signal.addEventListener('abort', wake, { once: true });
    });
    if (!signal.aborted) await beat(due);
  }
}
