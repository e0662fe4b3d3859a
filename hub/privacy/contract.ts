import type { Clock } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Policy } from '../access/policy.ts';
import type { Feed } from '../feed.ts';
import type { Registry } from '../registry/registry.ts';
import type { ErasureCounts, Removed } from '../store/erasing/erasing.ts';
import type { CurrencyChange, Store } from '../store/store.ts';
import type { AmbiguousNumber } from './whose-numbers.ts';

export interface PrivacyOptions {
  store: Store;
  registry: Registry;
  policy: () => Policy;
  /** The file in which tombstones are kept beside the store. */
  tombstones: string;
  /** Told of whoever is gone. */
  feed: Pick<Feed, 'publish'>;
  /** Told of the rows that are no longer current. */
  staleness: { changed(currencies: readonly CurrencyChange[]): void };
  clock: Clock;
}

export interface ErasureAsked {
  patient: string;
  /** The same once more. */
  confirm: string;
  reason: string;
  /** Numbers of the person as the hospital has them, AUTHORITY|VALUE, that are theirs by whoever asks. */
  also?: readonly string[] | undefined;
}

/** By which numbers movements were taken for the person's: how many were included by whoever asked, and which may be somebody else's and were left out. */
export interface NumbersReport {
  included: number;
  ambiguous: readonly AmbiguousNumber[];
}

/** Who was erased, or may not be; and what is wrong with the list of them beside the store, or with the registry. */
export interface PeopleStatus extends ErasureCounts {
  /** Why the list is not followed; only where it is not. */
  list?: ErrorCode;
  /** Where registry.yaml names somebody who was erased; only where it does. */
  listed?: readonly string[];
}

/** What `patients erase --json` prints: of who it was nothing but the numbers that were left out. */
export interface ErasureReport extends NumbersReport {
  /** Hex: by it the entries of the erasure are found in the evidence. */
  mark: string;
  at: number;
  reason: string;
  removed: Removed;
}
