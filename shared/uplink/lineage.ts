import { isEpoch } from './key.ts';

/** One line of a store's lineage: an epoch, and the last position of the one before it that its data go back to. */
export interface StoreEpoch {
  /** 64 random bits as 13 base32 characters (`newEpoch`), drawn whenever the data may have gone back: at a restore, at an opening. */
  epoch: string;
  /** The last position that the store held when this epoch began. */
  from: number;
}

/** Where in the life of a store a batch was committed. Positions only grow within a store, over all of its epochs. */
export interface StorePosition {
  epoch: string;
  position: number;
}

/** What a store says of its life so far. */
export interface Lineage {
  /** Oldest first; the last one is the present epoch. Very old ones may be left out. */
  epochs: readonly StoreEpoch[];
  /** Of the last commit that is on disk. */
  position: number;
}

/**
 * The greatest position of an epoch up to which a store with this lineage holds all commits, whatever it has gone back to; -1 for none. Pure.
 * An epoch that the lineage does not name is none of its life: another copy of its data led it.
 */
export function heldThrough({ epochs, position }: Lineage, epoch: string): number {
  const at = epochs.findIndex((one) => one.epoch === epoch);
  if (at < 0) return -1;
  return Math.min(position, ...epochs.slice(at + 1).map(({ from }) => from));
}

/** True for what can be a position. */
export function isPosition(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** `<epoch>.<position>`. */
export function formatStorePosition({ epoch, position }: StorePosition): string {
  return `${epoch}.${position}`;
}

/** Epochs that a gateway tells of, the newest. */
const MOST_TOLD = 64;

/** Positions in one line, `,` between them; of more than 64 the last. */
export function formatTold(told: readonly StorePosition[]): string {
  return told.slice(-MOST_TOLD).map(formatStorePosition).join(',');
}

/** Reads what `formatTold` wrote; what is none is left out, and so is what is beyond 64. */
export function parseTold(text: string): StorePosition[] {
  return text
    .split(',', MOST_TOLD)
    .map(parseStorePosition)
    .filter((position) => position !== undefined);
}

/** Reads what `formatStorePosition` wrote; undefined for anything else. */
export function parseStorePosition(text: string): StorePosition | undefined {
  const [epoch = '', digits = '', ...more] = text.split('.');
  const position = Number(digits);
  if (more.length > 0 || !isEpoch(epoch) || !/^\d{1,16}$/.test(digits) || !isPosition(position)) return undefined;
  return { epoch, position };
}
