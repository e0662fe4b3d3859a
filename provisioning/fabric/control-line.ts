import type { Control } from './router/control.ts';

export interface ControlLineTimes {
  /** From the controller's start until its routers have found it. */
  controllerFoundMs: number;
  /** From then until it knows their links, and until it takes terminators. */
  linkReportMs: number;
  bindReportMs: number;
}

type Listener = () => void;

/** The line from one router to the controller, which goes with the controller and comes back some time after it (openziti-network.md §3.14). */
export class ControlLine implements Control, Disposable {
  readonly #times: ControlLineTimes;
  readonly #waiting = { found: new Set<Listener>(), takesBinds: new Set<Listener>() };
  readonly #listeners = { found: new Set<Listener>(), lost: new Set<Listener>() };
  readonly #is = { found: true, linked: true, takesBinds: true };
  #timers: NodeJS.Timeout[] = [];

  constructor(times: ControlLineTimes) {
    this.#times = times;
  }

  get found(): boolean {
    return this.#is.found;
  }

  get linked(): boolean {
    return this.#is.linked;
  }

  get takesBinds(): boolean {
    return this.#is.takesBinds;
  }

  get waiting(): number {
    return this.#waiting.found.size + this.#waiting.takesBinds.size;
  }

  whenFound(ask: Listener): Disposable {
    return this.#when(this.found, this.#waiting.found, ask);
  }

  whenTakesBinds(ask: Listener): Disposable {
    return this.#when(this.takesBinds, this.#waiting.takesBinds, ask);
  }

  onLost(listener: Listener): Disposable {
    return entered(this.#listeners.lost, listener);
  }

  onFound(listener: Listener): Disposable {
    return entered(this.#listeners.found, listener);
  }

  /** The controller is gone. */
  lost(): void {
    this.#clearTimers();
    if (!this.#is.found) return;
    Object.assign(this.#is, { found: false, linked: false, takesBinds: false });
    for (const listener of [...this.#listeners.lost]) listener();
  }

  /** The controller runs again. */
  restored(): void {
    if (!this.#is.found) this.#later(this.#times.controllerFoundMs, () => this.#find());
  }

  [Symbol.dispose](): void {
    this.#clearTimers();
    for (const waiting of Object.values(this.#waiting)) waiting.clear();
  }

  #find(): void {
    const { linkReportMs, bindReportMs } = this.#times;
    this.#is.found = true;
    for (const listener of [...this.#listeners.found]) listener();
    if (linkReportMs === 0) this.#is.linked = true;
    this.#runAll(this.#waiting.found);
    this.#later(linkReportMs, () => {
      this.#is.linked = true;
    });
    this.#later(bindReportMs, () => {
      this.#is.takesBinds = true;
      this.#runAll(this.#waiting.takesBinds);
    });
  }

  #when(now: boolean, waiting: Set<Listener>, ask: Listener): Disposable {
    if (!now) return entered(waiting, ask);
    ask();
    return { [Symbol.dispose]: () => undefined };
  }

  #runAll(waiting: Set<Listener>): void {
    for (const ask of [...waiting]) if (waiting.delete(ask)) ask();
  }

  #later(ms: number, then: Listener): void {
    this.#timers.push(setTimeout(then, ms).unref());
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }
}

function entered(listeners: Set<Listener>, listener: Listener): Disposable {
  // Its own function, so that one given twice is two.
  const entry = (): void => listener();
  listeners.add(entry);
  return { [Symbol.dispose]: () => void listeners.delete(entry) };
}
