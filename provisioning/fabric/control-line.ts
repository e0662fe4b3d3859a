import type { Control } from './router/control.ts';

export interface ControlLineTimes {
  /** From the controller's start until its routers have found it. */
  controllerFoundMs: number;
  /** From then until it knows their links. */
  linkReportMs: number;
}

type Listener = () => void;

/** The line from one router to the controller, which goes with the controller and comes back some time after it (openziti-network.md §3.14). */
export class ControlLine implements Control, Disposable {
  readonly #times: ControlLineTimes;
  readonly #waiting = { found: new Set<Listener>(), linked: new Set<Listener>() };
  readonly #listeners = { found: new Set<Listener>(), lost: new Set<Listener>() };
  #state: 'away' | 'found' | 'linked' = 'linked';
  #timer: NodeJS.Timeout | undefined;

  constructor(times: ControlLineTimes) {
    this.#times = times;
  }

  get found(): boolean {
    return this.#state !== 'away';
  }

  get linked(): boolean {
    return this.#state === 'linked';
  }

  get waiting(): number {
    return this.#waiting.found.size + this.#waiting.linked.size;
  }

  whenFound(ask: Listener): Disposable {
    return this.#when(this.found, this.#waiting.found, ask);
  }

  whenLinked(ask: Listener): Disposable {
    return this.#when(this.linked, this.#waiting.linked, ask);
  }

  onLost(listener: Listener): Disposable {
    return entered(this.#listeners.lost, listener);
  }

  onFound(listener: Listener): Disposable {
    return entered(this.#listeners.found, listener);
  }

  /** The controller is gone. */
  lost(): void {
    clearTimeout(this.#timer);
    if (this.#state === 'away') return;
    this.#state = 'away';
    for (const listener of [...this.#listeners.lost]) listener();
  }

  /** The controller runs again. */
  restored(): void {
    if (this.#state === 'away') this.#later(this.#times.controllerFoundMs, () => this.#find());
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const waiting of Object.values(this.#waiting)) waiting.clear();
  }

  #find(): void {
    this.#state = 'found';
    for (const listener of [...this.#listeners.found]) listener();
    this.#runAll(this.#waiting.found);
    this.#later(this.#times.linkReportMs, () => {
      this.#state = 'linked';
      this.#runAll(this.#waiting.linked);
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
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms).unref();
  }
}

function entered(listeners: Set<Listener>, listener: Listener): Disposable {
  // Its own function, so that one given twice is two.
  const entry = (): void => listener();
  listeners.add(entry);
  return { [Symbol.dispose]: () => void listeners.delete(entry) };
}
