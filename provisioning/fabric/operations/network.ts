import type { Clock } from '../../../shared/clock.ts';
import type { TokenKey } from '../jwt.ts';
import type { FabricState } from '../state/state.ts';

/** What operations work on: the state of a network, whether or not it runs at the moment. */
export interface Network {
  state: FabricState;
  tokens: TokenKey;
  clock: Clock;
}

const DEFAULT_ORIGIN = 'https://127.0.0.1:1280';

/** `https://host:port` of the controller as it runs, or last ran. */
export function originOf({ state }: Network): string {
  return state.controllerOrigin ?? DEFAULT_ORIGIN;
}
