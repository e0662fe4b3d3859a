import type { RouterChannel } from './channel.ts';
import type { Circuit, Leg } from './circuit.ts';
import type { Control } from './control.ts';

export interface IdleCircuitsOptions {
  control: Control;
  /** Of the whole network. */
  circuits: () => Iterable<Circuit>;
  /** Whether a channel is one of this router. */
  isOwn: (channel: RouterChannel) => boolean;
  /** How long nothing goes over a circuit before its router asks the controller whether it still exists. */
  idleMs: number;
}

/** So often the router looks within `idleMs`. */
const LOOKS = 12;

/**
 * Takes down circuits that a controller which was restarted does not know, once they are idle. Each router does so for its own ends: when
 * one end went on sending to its router, that end is not told (openziti-network.md §3.15, transcripts Q and T).
 */
export class IdleCircuits implements Disposable {
  readonly #options: IdleCircuitsOptions;
  readonly #listens = new DisposableStack();
  /** Found idle while there was no controller to ask: what became of them later does not count. */
  readonly #asked = new Map<Leg, Circuit>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: IdleCircuitsOptions) {
    this.#options = options;
    this.#listens.use(options.control.onLost(() => this.#watch()));
    this.#listens.use(options.control.onFound(() => this.#answered()));
  }

  [Symbol.dispose](): void {
    this.#listens.dispose();
    clearInterval(this.#timer);
  }

  #watch(): void {
    if (this.#timer) return;
    this.#look();
    this.#timer = setInterval(() => this.#look(), this.#options.idleMs / LOOKS).unref();
  }

  #look(): void {
    const { control, circuits, idleMs } = this.#options;
    const nowMs = performance.now();
    let someAreUnknown = false;
    for (const circuit of [...circuits()]) {
      someAreUnknown ||= circuit.isUnknown;
      for (const leg of this.#ownLegs(circuit)) {
        if (leg.idleMs(nowMs) < idleMs) continue;
        if (!control.found) this.#ask(leg, circuit);
        else if (circuit.isUnknown) circuit.unroute(leg);
      }
    }
    if (!control.found || someAreUnknown) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** As recorded: the host's end was told, the dialer's on another router was not. */
  #ask(leg: Leg, circuit: Circuit): void {
    if (leg === circuit.host || this.#options.isOwn(circuit.host.channel)) this.#asked.set(leg, circuit);
  }

  #answered(): void {
    for (const [leg, circuit] of this.#asked) if (circuit.isUnknown) circuit.unroute(leg);
    this.#asked.clear();
  }

  #ownLegs({ dialer, host }: Circuit): Leg[] {
    return [host, dialer].filter((leg) => !leg.isOver && this.#options.isOwn(leg.channel));
  }
}
