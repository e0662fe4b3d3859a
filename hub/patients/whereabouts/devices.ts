import type { Instant } from '../../../shared/clock.ts';
import type { DeviceMove } from '../../store/placing/placing.ts';

/** The bed of a device that was put where no bed is: nobody lies in it. */
export const NOWHERE = '';

/** In which bed a device stood from a time on; `NOWHERE` in none. */
export interface Stood {
  bed: string;
  from: Instant;
  to: Instant | null;
}

/** Where devices stood by hand. Before a device was first moved, its messages say in which bed it is. */
export class Devices {
  readonly #moves = new Map<string, { bed: string; at: Instant }[]>();

  /** Where a device stood at a time; undefined where nobody said. */
  bedOf(device: string, at: Instant): string | undefined {
    return this.#moves.get(device)?.findLast((move) => move.at <= at)?.bed;
  }

  /** What a move would change: the time until the next one, and where the device was taken to be in it; undefined where its messages said. Of moves at one time the one said last counts. */
  changedBy({ device, bed, at }: Omit<DeviceMove, 'tenant'>): Stood & { was: string | undefined } {
    const next = this.#moves.get(device)?.find((move) => move.at > at);
    return { bed: bed ?? NOWHERE, from: at, to: next?.at ?? null, was: this.bedOf(device, at) };
  }

  add({ device, bed, at }: Omit<DeviceMove, 'tenant'>): void {
    const moves = this.#moves.get(device) ?? [];
    this.#moves.set(device, moves);
    const index = moves.findLastIndex((move) => move.at <= at);
    moves.splice(index + 1, 0, { bed: bed ?? NOWHERE, at });
  }
}
