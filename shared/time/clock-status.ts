import type { Instant } from '../clock.ts';
import type { ClockTrust } from './network-clock.ts';

/** What a status shows of a clock that is not the machine's own. */
export interface ClockStatus {
  trust: ClockTrust;
  /** What the machine's own clock says. */
  machine: Instant;
  /** Connections that were made although a certificate seemed not to be valid yet. */
  exceptions: number;
}

/** The same for people: `from the network, 2026-11-21T10:00:00.000Z; this machine's own clock is wrong (2000-01-01T00:00:07.000Z)`. */
export function formatClock({ trust, machine, exceptions }: ClockStatus, now: Instant): string {
  const time = trust === 'network' ? `from the network, ${shown(now)}` : `NOT KNOWN, after ${shown(now)}`;
  const excepted = exceptions === 0 ? '' : `; ${exceptions} connections with a certificate that seemed to begin later`;
  return `${time}; this machine's own clock is wrong (${shown(machine)})${excepted}`;
}

/** A machine's clock can be anywhere. */
export function shown(at: Instant): string {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : String(at);
}
