import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { Grants } from './contract.ts';
import { ControlLine, type ControlLineTimes } from './control-line.ts';
import { createGrants, grantsAt } from './grants.ts';
import { grantsOver } from './held-grants.ts';
import { type HeldState, holdState } from './held-state.ts';
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
  readonly #held = new Map<string, Grants>();
  #states: HeldState[] = [];

  constructor(options: RouterLinesOptions) {
    this.#options = options;
  }

  /** What a router is given. */
  to(routerId: string): { grants: Grants; control: Control } {
    const { grants, state, log, times } = this.#options;
    const control = new ControlLine(times);
    control.onFound(() => this.#foundBy(routerId));
    this.#lines.set(routerId, control);
    return { control, grants: grantsOver(control, grantsAt(routerId, grants, state, log), () => this.#held.get(routerId)) };
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
      for (const [id] of found) this.#held.set(id, grantsAt(id, grants, held.state, log));
    }
    for (const line of this.#lines.values()) line.lost();
  }

  /** The controller runs again. */
  restored(): void {
    for (const line of this.#lines.values()) line.restored();
  }

  [Symbol.dispose](): void {
    for (const line of this.#lines.values()) line[Symbol.dispose]();
    this.#forget();
  }

  #foundBy(routerId: string): void {
    this.#held.delete(routerId);
    if (this.#held.size === 0) this.#forget();
  }

  #forget(): void {
    for (const held of this.#states) held[Symbol.dispose]();
    this.#states = [];
  }
}
