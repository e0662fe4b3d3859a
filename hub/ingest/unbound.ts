import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Refusal } from '../store/store.ts';

/** A place of a gateway of which something was refused since the start, because it is bound to nobody, or was not yet. */
export interface UnboundPlace {
  gateway: string;
  /** The bed as the source named it, at most 128 characters; null where it named none. For operators of this machine alone: never for a log. */
  place: string | null;
  code: ErrorCode;
  /** `unknown`: the registry binds it to nobody. `earlier`: it is bound, and what came was, or may have been, measured before that, or before this store knew. */
  why: 'unknown' | 'earlier';
  /** Which rule was broken. */
  rule: string;
  count: number;
  /** Hub's clock. */
  lastAt: Instant;
}

/** Most places that are remembered, of one gateway and of all: a source that names a new bed each time must not push out what others name. */
export const UNBOUND_PLACES = { ofGateway: 16, all: 1024 } as const;

const WHY: Partial<Record<ErrorCode, UnboundPlace['why']>> = { 'INGEST-NOT-BOUND': 'unknown', 'INGEST-BEFORE-BINDING': 'earlier' };

/** Characters that could make a terminal show something else. */
const UNSHOWN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Which places were refused as bound to nobody, so that whoever mistyped one in registry.yaml finds it. Kept in memory alone. */
export class UnboundPlaces {
  /** Of each gateway, the last refused at the end. */
  readonly #of = new Map<string, Map<string, UnboundPlace>>();
  #count = 0;

  /** Counts a refusal, if it is of that kind. `bed` is as the source named it. */
  note(gateway: string, { code, rule }: Pick<Refusal, 'code' | 'rule'>, bed: string | undefined, at: Instant): void {
    const why = WHY[code];
    if (why === undefined) return;
    const place = bed === undefined ? null : bed.replace(UNSHOWN, '').slice(0, 128);
    const key = JSON.stringify([place, code, rule]);
    const places = this.#of.get(gateway) ?? new Map<string, UnboundPlace>();
    const count = (places.get(key)?.count ?? 0) + 1;
    this.#drop(gateway, places, key);
    if (places.size >= UNBOUND_PLACES.ofGateway) this.#drop(gateway, places, firstOf(places));
    if (this.#count >= UNBOUND_PLACES.all) this.#dropOldest();
    // At the end of both, which is where the latest stand.
    this.#of.delete(gateway);
    this.#of.set(gateway, places.set(key, { gateway, place, code, why, rule, count, lastAt: at }));
    this.#count += 1;
  }

  /** The last refused first. */
  list(): UnboundPlace[] {
    return [...this.#of.values()].flatMap((places) => [...places.values()]).sort((a, b) => b.lastAt - a.lastAt);
  }

  /** The oldest of the gateway that was refused nothing for the longest time. */
  #dropOldest(): void {
    const gateway = firstOf(this.#of);
    const places = gateway === undefined ? undefined : this.#of.get(gateway);
    if (gateway !== undefined && places) this.#drop(gateway, places, firstOf(places));
  }

  #drop(gateway: string, places: Map<string, UnboundPlace>, key: string | undefined): void {
    if (key === undefined || !places.delete(key)) return;
    this.#count -= 1;
    if (places.size === 0) this.#of.delete(gateway);
  }
}

function firstOf<K>(map: ReadonlyMap<K, unknown>): K | undefined {
  return map.keys().next().value;
}
