import { formatInstant, type Instant } from '../../shared/clock.ts';
import { meaningOf } from '../../shared/errors.ts';
import type { LeftOut } from './whereabouts/seen-devices.ts';

/** What a tenant's store lost of who lay where when it was put back, and not everybody who speaks for its beds confirmed since. UTC ms. */
export interface LostMovements {
  tenant: string;
  /** From the last commit that it holds until the loss was found. */
  from: Instant;
  found: Instant;
  /** Until when gateways told all of it again; null where nothing is missing any more. What was said by hand comes from nobody. */
  toldAgainUntil: Instant | null;
}

export interface PlacesStatus {
  lostMovements: readonly LostMovements[];
  /** Gateways that named more devices, or beds of them, than the hub remembers. */
  devicesLeftOut: readonly LeftOut[];
}

/** Rows of `vitalmesh-hub status`. */
export function placesRows({
  lostMovements,
  devicesLeftOut,
  metrics,
}: PlacesStatus & { metrics: Readonly<Record<string, number>> }): [string, string][] {
  const rows: [string, string][] = lostMovements.flatMap((lost): [string, string][] => [
    ['Said by hand', `${stretchOf(lost)}: ${meaningOf('PATIENT-HAND-LOST')}`],
    ...(lost.toldAgainUntil === null
      ? []
      : [
          [
            'Movements',
            `${stretchOf(lost)}: told again until ${formatInstant(lost.toldAgainUntil)} alone; ${meaningOf('PATIENT-MOVEMENTS-LOST')}`,
          ] satisfies [string, string],
        ]),
  ]);
  const old = metrics.movements_too_old ?? 0;
  if (old > 0) rows.push(['Movements', `${old} since the start: ${meaningOf('INGEST-MOVEMENT-OLD')}`]);
  for (const { gateway, count } of devicesLeftOut)
    rows.push([
      'Devices',
      `${gateway} names more devices, or beds of them, than are remembered; ${count} were let go of. Does a source name a new one in each message?`,
    ]);
  return rows;
}

function stretchOf({ tenant, from, found }: LostMovements): string {
  return `${tenant}, ${formatInstant(from)} to ${formatInstant(found)}`;
}
