/** Whether a router can ask its controller, which makes circuits and keeps terminators. What runs already needs neither. */
export interface Control {
  /** It can be asked. */
  readonly found: boolean;
  /** So many wait until it can be. */
  readonly waiting: number;
  /** It knows the way from this router to others too. */
  readonly linked: boolean;
  /** It takes terminators. */
  readonly takesBinds: boolean;
  /** Runs `ask` as soon as the controller can be asked: at once when it can be now. Never once the returned object was disposed. */
  whenFound(ask: () => void): Disposable;
  /** The same for `takesBinds`. */
  whenTakesBinds(ask: () => void): Disposable;
  /** Called each time it is gone. */
  onLost(listener: () => void): Disposable;
  /** Called each time it is back, before what waits for that. */
  onFound(listener: () => void): Disposable;
}

const NOTHING: Disposable = { [Symbol.dispose]: () => undefined };

function atOnce(ask: () => void): Disposable {
  ask();
  return NOTHING;
}

/** Of a controller that is never away. */
export const ALWAYS_THERE: Control = {
  found: true,
  linked: true,
  takesBinds: true,
  waiting: 0,
  whenFound: atOnce,
  whenTakesBinds: atOnce,
  onLost: () => NOTHING,
  onFound: () => NOTHING,
};
