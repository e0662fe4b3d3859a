import type { RouterEntry } from '../../contract.ts';
import type { Network } from '../../operations/network.ts';
import type { RouterRecord } from '../../state/records.ts';
import type { ControllerParts } from '../call.ts';

/** What operations work on. */
export function networkOf({ state, tokens, clock }: ControllerParts): Network {
  return { state, tokens, clock };
}

/** A router of the state with what is known of it while it runs. */
export interface KnownRouter extends RouterRecord {
  /** Undefined for one that does not run. */
  running: RouterEntry | undefined;
}

export function routersOf({ state, routers }: ControllerParts): KnownRouter[] {
  const running = new Map(routers().map((entry) => [entry.id, entry]));
  return state.directory.all('router').map((router) => ({ ...router, running: running.get(router.id) }));
}
