import { type CompactJWSHeaderParameters, createLocalJWKSet, errors, type FlattenedJWSInput } from 'jose';
import type { Clock, Instant } from '../../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import { parseKeySet } from './key-set.ts';

type KeySet = ReturnType<typeof createLocalJWKSet>;
type Key = Awaited<ReturnType<KeySet>>;

export interface IssuerKeysOptions {
  /** Gets the JWK set from where it is. Rejects with ACCESS-ISSUER-KEYS. */
  load: () => Promise<unknown>;
  clock: Clock;
  /** Called at each failure of getting them. */
  onFailure: (error: VitalmeshError) => void;
  /** Called whenever they were got. */
  onSuccess?: () => void;
}

/** After that they are looked at again, beside the requests of the day. */
const FRESH_MS = 300_000;
/** At most once in this time, whatever the tokens ask for. */
const RETRY_MS = 10_000;
/** For so long keys count that cannot be had again: an issuer that is away must not lock a ward out, and one that is gone must not stand for ever. */
const STALE_MS = 24 * 3_600_000;

/** For `vitalmesh-hub status`. */
export interface KeysStatus {
  /** Null while there are none. */
  keys: number | null;
  /** When they were got last. */
  at: Instant | null;
  /** Why they cannot be got now, and since when: those above stay in force. */
  code: ErrorCode | null;
  since: Instant | null;
}

/** The keys of one issuer: got anew now and then, at a key that is not known, and when told; the last good ones stay. */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  #held: { set: KeySet; count: number; at: Instant; atMs: number } | undefined;
  #triedMs = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> | undefined;
  #failure: VitalmeshError | undefined;
  #failingSince: Instant | null = null;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
  }

  /** The key that fits a token's header. Throws ACCESS-ISSUER-KEYS when there are none, and jose's JWKSNoMatchingKey. */
  async keyFor(header: CompactJWSHeaderParameters, token: FlattenedJWSInput): Promise<Key> {
    const held = await this.#keys();
    try {
      return await held(header, token);
    } catch (error) {
      // A new key shows itself first in a token: keys are rolled before their announcement has gone round.
      if (!(error instanceof errors.JWKSNoMatchingKey && this.#mayTry())) throw error;
      await this.refresh();
      return await (await this.#keys())(header, token);
    }
  }

  /** Gets the keys now; when that fails, the last good ones stay and the status says why. Never rejects. */
  refresh(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** What went wrong at the last try. */
  get failure(): VitalmeshError | undefined {
    return this.#failure;
  }

  status(): KeysStatus {
    return { keys: this.#held?.count ?? null, at: this.#held?.at ?? null, code: this.#failure?.code ?? null, since: this.#failingSince };
  }

  async #keys(): Promise<KeySet> {
    const ageMs = this.#ageMs();
    if (ageMs > STALE_MS) {
      if (this.#mayTry()) await this.refresh();
    } else if (ageMs > FRESH_MS && this.#mayTry()) void this.refresh();
    if (this.#held === undefined || this.#ageMs() > STALE_MS) throw this.#failure ?? new VitalmeshError('ACCESS-ISSUER-KEYS');
    return this.#held.set;
  }

  #ageMs(): number {
    return this.#held === undefined ? Number.POSITIVE_INFINITY : this.#options.clock.monotonicMs() - this.#held.atMs;
  }

  /** Also while it is being tried: whoever comes then waits for the same answer. */
  #mayTry(): boolean {
    return this.#loading !== undefined || this.#options.clock.monotonicMs() - this.#triedMs >= RETRY_MS;
  }

  async #load(): Promise<void> {
    const { load, clock, onFailure, onSuccess } = this.#options;
    this.#triedMs = clock.monotonicMs();
    try {
      const set = parseKeySet(await load());
      this.#held = { set: createLocalJWKSet(set), count: set.keys.length, at: clock.now(), atMs: clock.monotonicMs() };
      this.#failure = undefined;
      this.#failingSince = null;
      onSuccess?.();
    } catch (thrown) {
      this.#failure = asVitalmeshError(thrown, 'ACCESS-ISSUER-KEYS');
      this.#failingSince ??= clock.now();
      onFailure(this.#failure);
    }
  }
}
