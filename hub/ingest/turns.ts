interface Waiting {
  weight: number;
  begin: () => void;
}

/** A piece of work under way; disposing it lets the next begin. */
export interface Turn extends Disposable {
  /** The work turned out to weigh no more than this. Gives the rest back; never takes more. */
  lighten(weight: number): void;
}

/** Lets work of at most `limit` in all run at a time; the rest waits in order. What alone weighs more than that runs alone. */
export class Turns {
  readonly #limit: number;
  #free: number;
  readonly #waiting: Waiting[] = [];

  constructor(limit: number) {
    this.#limit = limit;
    this.#free = limit;
  }

  /** Resolves when there is room for `weight`. */
  async take(weight = 1): Promise<Turn> {
    let held = Math.min(weight, this.#limit);
    if (this.#waiting.length === 0 && held <= this.#free) this.#free -= held;
    else await new Promise<void>((begin) => this.#waiting.push({ weight: held, begin }));
    const lighten = (to: number): void => {
      if (to >= held) return;
      this.#give(held - to);
      held = to;
    };
    return { lighten, [Symbol.dispose]: () => lighten(0) };
  }

  #give(weight: number): void {
    this.#free += weight;
    for (let next = this.#waiting[0]; next && next.weight <= this.#free; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= next.weight;
      next.begin();
    }
  }
}
