import type { Instant } from '../../../shared/clock.ts';
import { SOURCE_STATES, type Source, type SourceState } from './source.ts';

/** Everything of a tenant from where something comes. */
export interface Fleet {
  gateways: readonly Source[];
  /** Each with one patient; a device that goes from one to another is there for each. */
  devices: readonly (Source & { id: string; patient: string })[];
}

/** The fleet of a tenant as it is known now. */
export type FleetNow = (tenant: string, now: Instant) => Fleet;

/** Where nothing of it is known. */
export const NO_FLEET: FleetNow = () => ({ gateways: [], devices: [] });

/** How a gateway stands, or a device whoever has it. */
export type FleetState = Exclude<SourceState, 'elsewhere'>;
const FLEET_STATES = SOURCE_STATES.filter((state) => state !== 'elsewhere');

const BEST_FIRST: readonly SourceState[] = ['live', 'silent', 'unknown', 'lost'];

/** Each device once: it lives where it does with anybody, and was heard when it was heard last of any. In order of id. Pure. */
export function devicesOnce(devices: Fleet['devices']): (Source & { id: string })[] {
  const found = new Map<string, Source & { id: string }>();
  for (const { patient: _, ...device } of devices) {
    const known = found.get(device.id);
    if (known === undefined || isBetter(device, known)) found.set(device.id, device);
  }
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function isBetter(one: Source, other: Source): boolean {
  const by = BEST_FIRST.indexOf(one.state) - BEST_FIRST.indexOf(other.state);
  return by < 0 || (by === 0 && (one.since ?? 0) > (other.since ?? 0));
}

/** How many stand how; `sources`: none of them `elsewhere`, for a device is that with a patient alone. Pure. */
export function countsOf(sources: readonly Source[]): Record<FleetState, number> {
  const counts = Object.fromEntries(FLEET_STATES.map((state) => [state, 0])) as Record<FleetState, number>;
  for (const { state } of sources) if (state !== 'elsewhere') counts[state] += 1;
  return counts;
}
