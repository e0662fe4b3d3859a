/** After a run so many times as long as it took nothing runs, so that it never takes more than a fifth of a process; and at most this long. */
const REST = 4;
const MAX_REST_MS = 500;

/** Work that is asked for at every change and looks at everything: askings of one turn share a run, and where there is much to look at, those of a while. */
export class SharedRuns implements Disposable {
  readonly #work: () => void;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(work: () => void) {
    this.#work = work;
  }

  /** The work begins later than this call, and within half a second of it. */
  ask(): void {
    if (this.#immediate || this.#timer) return;
    const restMs = this.#restsUntilMs - performance.now();
    if (restMs > 0) this.#timer = setTimeout(() => this.#run(), restMs);
    else this.#immediate = setImmediate(() => this.#run());
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
  }

  #run(): void {
    this.#immediate = undefined;
    this.#timer = undefined;
    const beganMs = performance.now();
    this.#work();
    const endedMs = performance.now();
    this.#restsUntilMs = endedMs + Math.min(MAX_REST_MS, REST * (endedMs - beganMs));
  }
}
