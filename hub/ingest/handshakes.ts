import type { Caller } from '../../shared/overlay/overlay.ts';
import { Places } from './places.ts';

/** All callers that the overlay does not vouch for share one pool: a name that they gave themselves costs them nothing. */
const UNVERIFIED = '';

export interface HandshakeLimits {
  /** Of one caller that the overlay verified. */
  perCaller: number;
  /** Of all callers together that it did not. */
  unverified: number;
}

/**
 * Connections that have not yet proved by a certificate who they are, by what the overlay says of them. Without it one caller that
 * connects and says nothing would take every place. From the proof on the gateway itself is what counts, since one tunneler may
 * speak for several.
 */
export class Handshakes {
  readonly #limits: HandshakeLimits;
  readonly #underWay = new Places();

  constructor(limits: HandshakeLimits) {
    this.#limits = limits;
  }

  /** A place for one handshake, until it is disposed; undefined when this caller has no more. */
  begin({ verified, identityId }: Caller): Disposable | undefined {
    const key = verified && identityId !== undefined ? identityId : UNVERIFIED;
    return this.#underWay.take(key, key === UNVERIFIED ? this.#limits.unverified : this.#limits.perCaller);
  }
}
