import type { Instant } from '../clock.ts';
import type { Boot } from './boot.ts';
import type { ClockRun, KnownTime } from './clock-run.ts';

/** Which run of the clock is under way that nobody has confirmed, and who is told once the time is known. */
export class Unconfirmed {
  readonly #boot: Boot;
  readonly #listeners = new Set<(known: KnownTime) => void>();
  #run: ClockRun | undefined;
  /** What the machine's clock was ahead of the time since its start, when it was last looked at. */
  #offset: number | undefined;
  #wasPlausible = false;

  constructor(boot: Boot) {
    this.#boot = boot;
  }

  get run(): ClockRun | undefined {
    return this.#run;
  }

  /** From now on times are given that nobody has confirmed; `at` is the first. */
  begin(at: Instant, held: boolean): void {
    this.#run = { boot: this.#boot.id, origin: Math.round(at - this.#boot.sinceMs()), from: at, held };
  }

  /** The machine's clock showed a time that could be, and was wrong. */
  wasWrong(): void {
    this.#wasPlausible = true;
  }

  /** The run is over. `now`: the time, on somebody's word where it is `sure`. */
  end(now: Instant, sure: boolean): void {
    if (!this.#run) return;
    this.#run = undefined;
    this.#tell(this.known(now, sure));
  }

  /** Nobody will confirm it: who told another time is not believed. */
  settle(now: Instant): void {
    if (this.#run) this.#tell({ ...this.known(now, false), settled: true });
  }

  #tell(known: KnownTime): void {
    for (const listener of [...this.#listeners]) listener(known);
  }

  known(now: Instant, sure: boolean): KnownTime {
    const sinceBootMs = this.#boot.sinceMs();
    return {
      boot: this.#boot.id,
      origin: Math.round(now - sinceBootMs),
      sinceBootMs,
      sure,
      settled: sure,
      wasPlausible: this.#wasPlausible,
      ...(this.#boot.mayStandStill && { mayHaveStoodStill: true }),
    };
  }

  onKnown(listener: (known: KnownTime) => void): Disposable {
    const entry = (known: KnownTime): void => listener(known);
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  /**
   * How far the machine's clock was set since it was last looked at; 0 where that is within `nearMs`. Nothing can be said where a sleep of the
   * machine would look the same.
   */
  setBy(machine: Instant, nearMs: number): number {
    if (!this.#boot.countsSleep) return 0;
    const before = this.#offset;
    let offset = machine - this.#boot.sinceMs();
    if (before !== undefined && Math.abs(offset - before) > nearMs) offset = machine - this.#boot.sinceMs(true);
    this.#offset = offset;
    const byMs = before === undefined ? 0 : Math.round(offset - before);
    return Math.abs(byMs) > nearMs ? byMs : 0;
  }

  /** The machine's clock is not looked at for some time. */
  lookAway(): void {
    this.#offset = undefined;
  }
}
