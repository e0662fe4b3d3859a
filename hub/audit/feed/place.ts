import type { FeedReceiver } from './receiver.ts';

/** How far the live feed has come: the last entry that its receiver has, as far as can be known. */
export interface FeedPlace {
  /** 0 before the first. */
  seq: number;
  /** Hash of that entry; empty before the first. */
  hash: Uint8Array;
}

export const NO_PLACE: FeedPlace = { seq: 0, hash: new Uint8Array() };

/** A receiver that the store knows, because it was to be fed once. */
export interface KnownReceiver {
  id: string;
  kind: string;
  to: string;
  /** It has nothing up to this entry, because it began behind it; 0 where it began with the first that was kept. */
  began: number;
  /** The last entry that it surely has; `began` before there is one. */
  confirmed: number;
}

/** How a receiver that has no name was called: what a version before names was feeding. The first one that is named goes on from there. */
export const UNNAMED = '';

/** Where each receiver of the evidence is. In the store, so that it goes back with the evidence when a backup is put back, and hubs that share a store share it. */
export interface FeedPlaces {
  /**
   * Takes the feed to this receiver for so long (ms) from now on, or keeps it; undefined while another hub that shares the store has it. Resolves with how far
   * it has come, which for a new receiver is where it begins.
   */
  take(receiver: FeedReceiver, forMs: number): Promise<FeedPlace | undefined>;
  /** Keeps how far the feed has come; false where another hub has taken it meanwhile, and then nothing is kept. */
  keep(receiver: string, place: FeedPlace): Promise<boolean>;
  /** Lets another hub have it at once. */
  leave(receiver: string): Promise<void>;
  /** All that were ever to be fed. */
  receivers(): Promise<readonly KnownReceiver[]>;
}
