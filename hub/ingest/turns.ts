import { Busy } from './paces.ts';

/** When to come again, where too much waits. */
const BUSY_MS = 5000;

interface Waiting {
  weight: number;
  begin: () => void;
}

/** A piece of work under way; disposing it lets the next begin. */
export interface Turn extends Disposable {
  /** The work turned out to weigh no more than this. Gives the rest back; never takes more. */
  lighten(weight: number): void;
}

export interface TurnLimits {
  /** Weight of the work of all that runs at a time. */
  limit: number;
  /** The same of one of them; `limit` unless given. */
  each?: number;
  /** How much of one key may wait; no bound unless given. */
  waiting?: number;
}

/**
 * Lets work of at most `limit` in all run at a time, and of at most `each` for one key. The rest waits: of one key in order, and the keys take
 * turns, so that whoever has much to do delays the others by one piece of work and no more. The next in turn is not overtaken by what is
 * lighter. What alone weighs more than its limit runs when nothing else does that counts to the same limit.
 */
export class Turns {
  readonly #each: number;
  readonly #most: number;
  #free: number;
  /** Weight under way by key. */
  readonly #held = new Map<string, number>();
  /** What waits, by key; in the order in which the keys have their next turn. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor({ limit, each = limit, waiting = Number.POSITIVE_INFINITY }: TurnLimits) {
    this.#most = waiting;
    this.#each = Math.min(each, limit);
    this.#free = limit;
  }

  /** Resolves when it is the turn of `key`, and there is room for `weight`. Rejects with `Busy` where too much of it waits already. */
  async take(key: string, weight = 1): Promise<Turn> {
    if ((this.#waiting.get(key)?.length ?? 0) >= this.#most) throw new Busy(BUSY_MS);
    let held = Math.min(weight, this.#each);
    await new Promise<void>((begin) => {
      const waiting = this.#waiting.get(key);
      if (waiting) waiting.push({ weight: held, begin });
      else this.#waiting.set(key, [{ weight: held, begin }]);
      this.#next();
    });
    const lighten = (to: number): void => {
      if (to >= held) return;
      this.#give(key, held - to);
      held = to;
    };
    return { lighten, [Symbol.dispose]: () => lighten(0) };
  }

  #give(key: string, weight: number): void {
    this.#free += weight;
    const left = (this.#held.get(key) ?? 0) - weight;
    if (left > 0) this.#held.set(key, left);
    else this.#held.delete(key);
    this.#next();
  }

  /** Begins whatever may begin. */
  #next(): void {
    for (let began = true; began; ) began = this.#beginOne();
  }

  #beginOne(): boolean {
    for (const [key, waiting] of this.#waiting) {
      const [first] = waiting;
      const own = this.#held.get(key) ?? 0;
      if (!first || own + first.weight > this.#each) continue;
      if (first.weight > this.#free) return false;
      this.#waiting.delete(key);
      waiting.shift();
      if (waiting.length > 0) this.#waiting.set(key, waiting);
      this.#free -= first.weight;
      this.#held.set(key, own + first.weight);
      first.begin();
      return true;
    }
    return false;
  }
}
