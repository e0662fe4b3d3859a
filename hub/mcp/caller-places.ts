import { VitalmeshError } from '../../shared/errors.ts';
import type { Caller } from '../../shared/overlay/overlay.ts';
import type { McpLimits } from './limits.ts';

/** By what connections of one caller are counted together; all of whom the overlay did not verify are one. */
export function callerKey({ verified, identityId }: Caller): string {
  return verified ? (identityId ?? '') : '';
}

/** How many connections of a wire are taken, of one caller and of all. */
export class CallerPlaces {
  readonly #limits: Pick<McpLimits, 'connections' | 'connectionsPerCaller'>;
  readonly #byCaller = new Map<string, number>();
  #taken = 0;

  constructor(limits: Pick<McpLimits, 'connections' | 'connectionsPerCaller'>) {
    this.#limits = limits;
  }

  /** Takes a place, which is given back once. Throws MCP-LIMIT when there are too many. */
  take(caller: Caller): () => void {
    const key = callerKey(caller);
    const own = this.#byCaller.get(key) ?? 0;
    if (this.#taken >= this.#limits.connections || own >= this.#limits.connectionsPerCaller) {
      throw new VitalmeshError('MCP-LIMIT', { detail: 'no more connections are taken from this caller' });
    }
    this.#taken += 1;
    this.#byCaller.set(key, own + 1);
    return () => {
      this.#taken -= 1;
      const left = (this.#byCaller.get(key) ?? 1) - 1;
      if (left === 0) this.#byCaller.delete(key);
      else this.#byCaller.set(key, left);
    };
  }
}
