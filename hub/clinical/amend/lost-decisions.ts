import { formatInstant, type Instant } from '../../../shared/clock.ts';
import { meaningOf } from '../../../shared/errors.ts';
import { isConfirmed } from '../../patients/followed-beds.ts';
import { isBeforeStore, type UnknownStretch } from '../../registry/bindings.ts';
import type { GatewayEntry } from '../../registry/registry.ts';

/** That what people decided about readings of a tenant is gone with a store that was put back: nobody tells it again. UTC ms. */
export interface LostDecisions {
  tenant: string;
  /** From the last commit that it holds until the loss was found. */
  from: Instant;
  found: Instant;
  /** Overlay identities of the gateways whose rows do not confirm it yet, in order. */
  unconfirmed: readonly string[];
}

/** Gateways that the status names of those that are still to confirm. */
const MOST_NAMED = 5;

/**
 * What was lost of what people decided, oldest first, until every gateway through which readings come is confirmed since (`confirmed` of registry.yaml): what was decided may have been about any
 * of them. `unknown`: when the store was put back. Pure.
 */
export function lostDecisions(gateways: readonly GatewayEntry[], unknown: readonly UnknownStretch[], now: Instant): LostDecisions[] {
  const lost = unknown.filter((stretch) => !isBeforeStore(stretch));
  if (lost.length === 0) return [];
  const byTenant = Map.groupBy(gateways.filter(hasReadings), ({ tenant }) => tenant);
  return [...byTenant].flatMap(([tenant, own]) =>
    lost.flatMap((stretch): LostDecisions[] => {
      const unconfirmed = own.filter((gateway) => !isConfirmed(gateway, stretch, now)).map(({ identity }) => identity);
      return unconfirmed.length === 0 ? [] : [{ tenant, from: stretch.from, found: stretch.found, unconfirmed: unconfirmed.sort() }];
    }),
  );
}

/** Rows of `vitalmesh-hub status`. */
export function lostDecisionsRows(lost: readonly LostDecisions[]): [string, string][] {
  return lost.map((one) => ['Readings', lostDecisionsLine(one)]);
}

export function lostDecisionsLine({ tenant, from, found, unconfirmed }: LostDecisions): string {
  const named = unconfirmed.slice(0, MOST_NAMED).join(', ');
  const more = unconfirmed.length > MOST_NAMED ? ` and ${unconfirmed.length - MOST_NAMED} more` : '';
  return `${tenant}, ${formatInstant(from)} to ${formatInstant(found)}: ${meaningOf('AMEND-LOST')} To be confirmed: ${named}${more}`;
}

/** False for a gateway that tells of movements alone. */
function hasReadings({ patient, beds, devices, followed, subjects, movements }: GatewayEntry): boolean {
  const isBound = patient !== undefined || (followed?.size ?? 0) > 0;
  return !movements || isBound || [beds, devices, subjects ?? {}].some((names) => Object.keys(names).length > 0);
}
