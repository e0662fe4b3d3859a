/** One connection of a gateway's agent process, as far as the question who speaks for the gateway is concerned. */
export interface InstanceHolder {
  /** Random per agent process. */
  readonly instance: string;
  /** Whether the other end answers, found out within the limit of the instance rule. */
  answers(): Promise<boolean>;
  /** Ends the connection, because another one speaks for the gateway from now on. */
  replace(): void;
}

/**
 * One gateway, one agent process: a process takes over its own old connection at once; another process is refused as long as the
 * first one answers (architecture §4, `vitalmesh-instance`). Two processes on one identity mean a cloned gateway.
 */
export class Instances<H extends InstanceHolder> {
  readonly #holders = new Map<string, H>();
  /** Claims of one gateway are decided one after another. */
  readonly #deciding = new Map<string, Promise<boolean>>();
  readonly #over: (holder: H) => void;
  readonly #presence: (gateway: string, isHere: boolean) => void;

  /** `over` is told of each holder that speaks for its gateway no more, `presence` whether anybody does. */
  constructor(over: (holder: H) => void = () => undefined, presence: (gateway: string, isHere: boolean) => void = () => undefined) {
    this.#over = over;
    this.#presence = presence;
  }

  /** Resolves true when `holder` speaks for the gateway from now on, false when another instance does. */
  claim(gateway: string, holder: H): Promise<boolean> {
    const before = this.#deciding.get(gateway) ?? Promise.resolve(true);
    const decision = before.then(() => this.#decide(gateway, holder));
    this.#deciding.set(gateway, decision);
    return decision.finally(() => {
      if (this.#deciding.get(gateway) === decision) this.#deciding.delete(gateway);
    });
  }

  /** Gives the gateway up, unless another holder took it over. */
  release(gateway: string, holder: H): void {
    if (this.#holders.get(gateway) !== holder) return;
    this.#holders.delete(gateway);
    this.#over(holder);
    this.#presence(gateway, false);
  }

  /** Whether an agent process speaks for the gateway at present. */
  has(gateway: string): boolean {
    return this.#holders.has(gateway);
  }

  holders(): Iterable<[gateway: string, holder: H]> {
    return this.#holders;
  }

  async #decide(gateway: string, holder: H): Promise<boolean> {
    const present = this.#holders.get(gateway);
    if (present === holder) return true;
    if (present !== undefined && present.instance !== holder.instance && (await present.answers())) return false;
    this.#holders.set(gateway, holder);
    this.#presence(gateway, true);
    if (present) {
      this.#over(present);
      present.replace();
    }
    return true;
  }
}
