import type { Instant } from '../../../shared/clock.ts';
import type { DeviceKey, DeviceMove } from '../../store/placing/placing.ts';

/** The bed of a device that was put where no bed is: nobody lies in it. */
export const NOWHERE = '';

/** The gateway of a move of which no gateway is known that has such a device: it counts for whichever turns out to have one. No gateway is called so. */
export const ANY = '';

/** That one device was moved by hand. */
export type MoveOfOne = Omit<DeviceMove, 'tenant'> & DeviceKey;

/** In which bed a device stood from a time on; `NOWHERE` in none. */
export interface Stood {
  bed: string;
  from: Instant;
  to: Instant | null;
}

/** Where devices stood by hand. Before a device was first moved, its messages say in which bed it is. */
export class Devices {
  /** By id of the device alone. */
  readonly #moves = new Map<string, Moved[]>();

  /** Where a device stood at a time; undefined where nobody said. */
  bedOf(key: DeviceKey, at: Instant): string | undefined {
    return this.#moves.get(key.device)?.findLast((move) => move.at <= at && isOf(move, key))?.bed;
  }

  /** What a move would change: the time until the next one, and where the device was taken to be in it; undefined where its messages said. Of moves at one time the one said last counts. */
  changedBy(moved: MoveOfOne): Stood & { was: string | undefined } {
    const { device, bed, at } = moved;
    const next = this.#moves.get(device)?.find((move) => move.at > at && isOf(move, moved));
    return { bed: bed ?? NOWHERE, from: at, to: next?.at ?? null, was: this.bedOf(moved, at) };
  }

  add({ gateway, device, idType, bed, at }: MoveOfOne): void {
    const moves = this.#moves.get(device) ?? [];
    this.#moves.set(device, moves);
    const index = moves.findLastIndex((move) => move.at <= at);
    moves.splice(index + 1, 0, { gateway, idType, bed: bed ?? NOWHERE, at });
  }
}

interface Moved extends Pick<DeviceKey, 'gateway' | 'idType'> {
  bed: string;
  at: Instant;
}

function isOf(move: Moved, { gateway, idType }: DeviceKey): boolean {
  if (move.gateway !== gateway && move.gateway !== ANY) return false;
  return !move.idType || !idType || move.idType === idType;
}
