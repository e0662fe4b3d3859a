import type { Identity } from './identity.ts';

/**
 * An identity whose certificate is replaced while the process runs. Between the network's switch and its answer nobody can know which of
 * two pairs of key and certificate it takes, so there may be two of them for a while (openziti-network.md §2.8).
 */
export class HeldIdentity {
  /** The pair in use, whichever that is at the moment of reading: id, trust domain and everything else stay the same objects to hold on to. */
  readonly identity: Identity;
  #inUse: Identity;
  #next: Identity | undefined;

  /** `next` is a pair that may be the good one already. */
  constructor(inUse: Identity, next?: Identity) {
    this.#inUse = inUse;
    this.#next = next;
    const pair = (): Identity => this.#inUse;
    this.identity = {
      id: inUse.id,
      trustDomain: inUse.trustDomain,
      controllers: inUse.controllers,
      get keyPem() {
        return pair().keyPem;
      },
      get certPem() {
        return pair().certPem;
      },
      get caPem() {
        return pair().caPem;
      },
    };
  }

  /** The pair that the network took last, or the older one while that is not known. */
  get inUse(): Identity {
    return this.#inUse;
  }

  get next(): Identity | undefined {
    return this.#next;
  }

  /** What to sign in with, in this order: the switch may happen between two attempts, so the newer one has a second turn. */
  get candidates(): readonly Identity[] {
    return this.#next ? [this.#next, this.#inUse, this.#next] : [this.#inUse];
  }

  /** There is a newer pair; it may or may not be good yet. */
  offer(next: Identity): void {
    this.#next = next;
  }

  /** The newer pair will never be good. */
  withdraw(): void {
    this.#next = undefined;
  }

  /** The network has taken this pair. */
  proved(pair: Identity): void {
    if (pair === this.#inUse) return;
    if (pair === this.#next) this.#next = undefined;
    this.#inUse = pair;
  }
}
