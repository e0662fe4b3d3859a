import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import { type FabricState, openState } from './state/state.ts';

/** A copy of what the network knew at one moment, and goes with this. */
export interface HeldState extends Disposable {
  state: FabricState;
}

const PREFIX = 'held-';

/** Copies the state, encrypted as it is, to a folder below its home. Errors: those of `openState`. */
export function holdState(state: FabricState, home: string, log: Logger, clock: Clock): HeldState {
  const folder = mkdtempSync(join(home, PREFIX));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    state.copyTo(folder);
    const held = openState(folder, log, clock);
    return {
      state: held,
      [Symbol.dispose]() {
        held[Symbol.dispose]();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Removes what a process that was killed left in the home, which is ours alone: copies of its key, and of what may have been revoked since. */
export function removeLeftHeld(home: string): void {
  for (const name of readdirSync(home)) if (name.startsWith(PREFIX)) rmSync(join(home, name), { recursive: true, force: true });
}
