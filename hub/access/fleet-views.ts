import { formatInstant, type Instant, zoneOffsetMin } from '../../shared/clock.ts';
import { countsOf, devicesOnce, type Fleet, type FleetState } from '../clinical/sources/fleet.ts';
import type { SourceView } from './door.ts';
import { noticeOf, sourceView } from './views.ts';

/** What is connected and what is not, in numbers. */
export interface HealthView {
  /** ISO 8601; the year alone where it is deidentified. */
  asOf: string;
  /** IANA; of the hub. Absent where it is masked. */
  zone?: string;
  gateways: Readonly<Record<FleetState, number>>;
  devices: Readonly<Record<FleetState, number>>;
  /** Nobody of this tenant is in care. */
  sandbox: boolean;
  notice: string;
}

/** The same one by one, and of nobody. */
export interface FleetView extends HealthView {
  /** What does not live first. */
  sources: readonly SourceView[];
}

/** Stands under both. */
export const FLEET_NOTICE = 'That a device or gateway lives, or does not, says nothing about how anybody is.';

export interface FleetFrame {
  now: Instant;
  /** IANA. */
  zone: string;
  sandbox: boolean;
}

export function healthView({ gateways, devices }: Fleet, { now, zone, sandbox }: FleetFrame): HealthView {
  return {
    asOf: formatInstant(now, zoneOffsetMin(now, zone)),
    zone,
    gateways: countsOf(gateways),
    devices: countsOf(devicesOnce(devices)),
    sandbox,
    notice: `${FLEET_NOTICE} ${noticeOf(sandbox)}`,
  };
}

export function fleetView(fleet: Fleet, frame: FleetFrame): FleetView {
  const shown = (at: Instant): string => formatInstant(at, zoneOffsetMin(at, frame.zone));
  const all = [...fleet.gateways, ...devicesOnce(fleet.devices)];
  return {
    ...healthView(fleet, frame),
    sources: all.sort((a, b) => Number(a.state === 'live') - Number(b.state === 'live')).map((source) => sourceView(source, shown)),
  };
}
