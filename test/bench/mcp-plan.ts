import { uriOf } from '../../hub/mcp/uris.ts';

/** Who takes part in the benchmarks of MCP over loopback, and what each sends: the same for our hub and for the bare SDK. */

export const REVISIONS = ['2026-07-28', '2025-11-25'] as const;
export type Revision = (typeof REVISIONS)[number];

export const TENANT = 'bench';
export const GATEWAY = 'gw-bench';
/** 500 beds, and clients that follow ten of them each: as nurses who watch a bay, each bed watched by as many of 500. */
export const BEDS = 500;
export const BEDS_EACH = 10;
/** What each of 50 or 500 clients is to the hub: a caller of its own, because what is open is bounded by caller. */
export const CLIENTS = 500;
/** What is current of each patient. */
export const VITALS = ['hr', 'spo2', 'pr_oxi', 'rr', 'temp', 'etco2', 'abp_m', 'cvp'] as const;

export const TOOL = 'get_latest_vitals';

export function patientOf(bed: number): string {
  return `p-bench-${String(bed).padStart(4, '0')}`;
}

export function latestOf(bed: number): string {
  return uriOf('latest', { id: patientOf(bed) });
}

/** The beds that a client follows. */
export function bedsOf(client: number): number[] {
  return Array.from({ length: BEDS_EACH }, (_, i) => (client * BEDS_EACH + i) % BEDS);
}

export function identityOf(client: number): string {
  return `client-${client}`;
}

/** The address from which a client connects, all of 127/8 being this machine: by it our server knows who it is, as it does by the overlay. */
export function addressOf(client: number): string {
  return `127.1.${client >> 8}.${client & 255}`;
}

export function clientAt(address: string): number {
  const [, , high, low] = address.split('.').map(Number);
  return ((high ?? 0) << 8) + (low ?? 0);
}

/** What a process of a server can be asked to do, ours and the bare one alike. */
export interface ServerTasks {
  /** Its port on 127.0.0.1. */
  start: { asked: Answers | undefined; answer: number };
  /** Publishes so many changes a second, evenly, bed after bed: when, by the clock of all processes, each under the version that its notification carries. */
  publish: { asked: Publishing; answer: [version: number, atMs: number][] };
  usage: { asked: undefined; answer: Usage };
}

/** What the bare server answers: what ours did. */
export interface Answers {
  tool: unknown;
  resource: unknown;
}

export interface Publishing {
  perSecond: number;
  ms: number;
}

export interface Usage {
  /** Of the process so far. */
  cpuMs: number;
  /** Resident, MB of 1,000,000 bytes. */
  residentMb: number;
}

export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, residentMb: process.memoryUsage.rss() / 1e6 };
}

/** Milliseconds of the machine's monotonic clock, which all processes share; `performance.now` begins with each. */
export function machineMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** Calls `publish` with one bed after the other, as even as timers are; what is late is caught up. */
export async function paced({ perSecond, ms }: Publishing, publish: (bed: number) => void): Promise<void> {
  const startMs = machineMs();
  const all = Math.round((perSecond * ms) / 1000);
  for (let done = 0; done < all; ) {
    const due = Math.min(all, Math.ceil(((machineMs() - startMs) * perSecond) / 1000));
    for (; done < due; done += 1) publish(done % BEDS);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
