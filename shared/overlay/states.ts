import type { OverlayState } from './overlay.ts';

/** The state of an overlay and those who want to know of its changes. `closed` is the last one. */
export class OverlayStates {
  #current: OverlayState = 'connecting';
  readonly #listeners = new Set<(state: OverlayState) => void>();

  get current(): OverlayState {
    return this.#current;
  }

  set(state: OverlayState): void {
    if (this.#current === state || this.#current === 'closed') return;
    this.#current = state;
    for (const listener of [...this.#listeners]) listener(state);
  }

  onState(listener: (state: OverlayState) => void): Disposable {
    // Wrapped, so that one function registered twice counts twice.
    const entry = (state: OverlayState): void => listener(state);
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }
}
