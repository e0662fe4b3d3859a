import type { Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';

/** A device that is to stand in a bed, or in none, as an operator names it. */
export interface AskedDevice {
  device: string;
  /** Whose it is; needed where several have one that is called so. */
  gateway?: string | undefined;
  bed: string | null;
  at?: Instant | undefined;
  /** That nothing of it was heard yet is known. */
  unheard?: boolean | undefined;
}

export interface AssignedDevice {
  gateway: string;
  device: string;
  bed: string | null;
  /** UTC ms. */
  at: Instant;
}

/** Gateways, in order: of which a device that is called so was `heard`, and all that are `inForce`. */
interface Gateways {
  heard: readonly string[];
  inForce: readonly string[];
}

/**
 * Whose device is meant. One that went with a gateway that is no more is meant by that name alone, or where no other was heard. Throws PATIENT-DEVICE where it may be
 * several, with their names, PATIENT-DEVICE-UNHEARD where nothing was heard of it. Pure.
 */
export function gatewayOf({ gateway, unheard = false }: Pick<AskedDevice, 'gateway' | 'unheard'>, { heard, inForce }: Gateways): string {
  if (gateway !== undefined) {
    if (!heard.includes(gateway) && !(unheard && inForce.includes(gateway))) throw unheardOf(heard);
    return gateway;
  }
  const present = heard.filter((one) => inForce.includes(one));
  const [only, ...more] = present.length > 0 ? present : heard;
  if (only === undefined) throw unheardOf(heard);
  if (more.length > 0) throw new VitalmeshError('PATIENT-DEVICE', { detail: [only, ...more].join(', ') });
  return only;
}

function unheardOf(heard: readonly string[]): VitalmeshError {
  return new VitalmeshError('PATIENT-DEVICE-UNHEARD', heard.length > 0 ? { detail: `heard of ${heard.join(', ')}` } : {});
}
