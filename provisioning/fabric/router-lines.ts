import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { Grants } from './contract.ts';
import { ControlLine, type ControlLineTimes } from './control-line.ts';
import { createGrants, grantsAt } from './grants.ts';
import { grantsOver } from './held-grants.ts';
import { type HeldState, holdState, removeLeftHeld } from './held-state.ts';
import type { TokenKey } from './jwt.ts';
import type { Control } from './router/control.ts';
import type { FabricState } from './state/state.ts';

export interface RouterLinesOptions {
  home: string;
  state: FabricState;
  tokens: TokenKey;
  log: Logger;
  clock: Clock;
  /** The controller's own word. */
  grants: Grants;
  times: ControlLineTimes;
}

/** The lines of all routers of a network to its controller, and what they go by while it is away. */
export class RouterLines implements Disposable {
  readonly #options: RouterLinesOptions;
  readonly #lines = new Map<string, ControlLine>();
  /** By router, of the moment in which the controller was lost to it. */
  readonly #held = new Map<string, { grants: Grants; from: HeldState }>();
  #states: HeldState[] = [];

  /** Removes what a run of before left in the home. */
  constructor(options: RouterLinesOptions) {
    this.#options = options;
    removeLeftHeld(options.home);
  }

  /** What a router is given. */
  to(routerId: string): { grants: Grants; control: Control } {
    const { grants, state, log, times } = this.#options;
    const control = new ControlLine(times);
    control.onFound(() => this.#foundBy(routerId));
    this.#lines.set(routerId, control);
    return { control, grants: grantsOver(control, grantsAt(routerId, grants, state, log), () => this.#held.get(routerId)?.grants) };
  }

  /** Whether the controller sees the router. */
  hasFound(routerId: string): boolean {
    return this.#lines.get(routerId)?.found ?? false;
  }

  /** The controller is about to go. A router that has not found it since the last time knows nothing new. Errors: those of `openState`. */
  lost(): void {
    const { home, state, tokens, log, clock } = this.#options;
    const found = [...this.#lines].filter(([, line]) => line.found);
    if (found.length > 0) {
      const held = holdState(state, home, log, clock);
      this.#states.push(held);
      const grants = createGrants(held.state, tokens, log, clock);
      for (const [id] of found) this.#held.set(id, { grants: grantsAt(id, grants, held.state, log), from: held });
      this.#forgetUnused();
    }
    for (const line of this.#lines.values()) line.lost();
  }

  /** The controller runs again. */
  restored(): void {
    for (const line of this.#lines.values()) line.restored();
  }

  [Symbol.dispose](): void {
    for (const line of this.#lines.values()) line[Symbol.dispose]();
    this.#held.clear();
    this.#forgetUnused();
  }

  #foundBy(routerId: string): void {
    this.#held.delete(routerId);
    this.#forgetUnused();
  }

  #forgetUnused(): void {
    const used = new Set([...this.#held.values()].map(({ from }) => from));
    for (const held of this.#states) if (!used.has(held)) held[Symbol.dispose]();
    this.#states = this.#states.filter((held) => used.has(held));
  }
}
