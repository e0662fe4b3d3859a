import { existsSync, readFileSync } from 'node:fs';
import type { Clock, Instant } from '../../shared/clock.ts';
import { asVitalmeshError, VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { type Checkpoint, originOf, readCheckpoint, signedBy } from '../../shared/signed-note.ts';
import { replaceFile } from '../../shared/storage/replace-file.ts';
import { setAside } from '../../shared/storage/set-aside.ts';
import { parseCheckpoint } from '../../shared/uplink/protocol.ts';

/** A signed note of a hub, and when it came, UTC ms. */
export interface KeptNote {
  at: Instant;
  note: string;
  /** What came later contradicts it: it is what proves that, and stays. */
  contradicted?: true;
}

/** What a gateway keeps of how far the evidence of hubs has come; what `vitalmesh-agent witness export` prints. */
export interface WitnessRecord {
  witness: 1;
  /** Identity id. */
  gateway: string;
  /** One a store and key, the one that was heard of last at the end; their notes in order of coming. */
  stores: StoreNotes[];
}

interface StoreNotes {
  origin: string;
  key: string;
  notes: KeptNote[];
}

/** The newest are all kept; of those before, the first of each day (UTC), so that what was rewritten long ago shows as well. */
const NEWEST = 32;
const DAYS = 400;
const MAX_STORES = 16;
/** Notes that stay because later ones contradict them, the oldest. */
const MAX_CONTRADICTED = 16;
const DAY_MS = 24 * 3_600_000;

export interface WitnessFileOptions {
  path: string;
  gateway: string;
  clock: Pick<Clock, 'now'>;
  log: Logger;
  metrics: Metrics;
}

/** Reads what was kept; undefined where there is nothing yet. Throws STORAGE-DAMAGED for a file that is none of ours. */
export function readWitness(path: string): WitnessRecord | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as WitnessRecord;
    if (record.witness === 1 && Array.isArray(record.stores)) return record;
  } catch (cause) {
    throw new VitalmeshError('STORAGE-DAMAGED', { detail: path, cause });
  }
  throw new VitalmeshError('STORAGE-DAMAGED', { detail: path });
}

/** Keeps the notes that a hub hands out, in a file of mode 0600. Nothing that goes wrong with them holds up the data. */
export class WitnessFile {
  readonly #options: WitnessFileOptions;
  #record: WitnessRecord;

  constructor(options: WitnessFileOptions) {
    this.#options = options;
    this.#record = this.#read() ?? { witness: 1, gateway: options.gateway, stores: [] };
  }

  /**
   * Takes the header of an answer of the hub that named this store. What is no note, of another store, or not signed by the key beside it, is counted
   * and left. What is kept never goes back: fewer entries than before, or another chain of as many, is an alarm, and both notes stay.
   */
  keep(header: string, storeId: string): void {
    const { clock, metrics, log } = this.#options;
    const given = parseCheckpoint(header);
    const read = given && readCheckpoint(given.note);
    if (!given || !read || read.origin !== originOf(storeId) || signedBy(read, [given.key]) !== 'good') {
      metrics.count('witness_refused');
      return;
    }
    const isOf = ({ origin, key }: StoreNotes): boolean => origin === read.origin && key === given.key;
    if (this.#record.stores.find(isOf)?.notes.at(-1)?.note === given.note) return;
    const { known, contradicts } = heldAgainst(this.#record.stores, read);
    const stores = known.filter((store) => !isOf(store));
    const notes = known.find(isOf)?.notes ?? [];
    if (notes.length === 0 && stores.some(({ origin }) => origin === read.origin))
      log.warn({ key: given.key }, 'the hub signs its evidence with another key than before');
    if (contradicts) {
      metrics.count('witness_contradicted');
      log.error(
        { entry: read.size },
        'the hub tells of its evidence what differs from what it told before: verify it with what `witness export` prints',
      );
    }
    const kept = thinned([...notes, { at: clock.now(), note: given.note }]);
    this.#record = { ...this.#record, stores: [...fewer(stores), { origin: read.origin, key: given.key, notes: kept }] };
    this.#write();
  }

  #read(): WitnessRecord | undefined {
    const { path, clock, log } = this.#options;
    try {
      return readWitness(path);
    } catch (thrown) {
      const name = setAside(path, clock.now());
      log.error({ err: asVitalmeshError(thrown), name }, 'what was kept of the evidence of hubs cannot be read, and was set aside');
      return undefined;
    }
  }

  #write(): void {
    const { path, log, metrics } = this.#options;
    try {
      replaceFile(path, `${JSON.stringify(this.#record)}\n`);
    } catch (thrown) {
      metrics.count('witness_unwritten');
      log.warn({ err: asVitalmeshError(thrown) }, 'what the hub told of its evidence could not be kept');
    }
  }
}

/**
 * Holds what was told against the notes of the same store, whichever key they have: one of as many entries must have the same hash, and none may have
 * more. `known` has the notes marked that say otherwise: of those with more, the one with the most.
 */
function heldAgainst(stores: readonly StoreNotes[], told: Checkpoint): { known: StoreNotes[]; contradicts: boolean } {
  const own = stores.filter(({ origin }) => origin === told.origin).flatMap(({ notes }) => notes);
  const sizes = new Map(own.map(({ note }) => [note, readCheckpoint(note)]));
  const most = Math.max(told.size, ...[...sizes.values()].map((read) => read?.size ?? 0));
  const isOther = (note: string): boolean => {
    const read = sizes.get(note);
    if (!read) return false;
    return read.size === told.size ? !Buffer.from(read.hash).equals(told.hash) : read.size === most && most > told.size;
  };
  const marked = (note: KeptNote): KeptNote => (isOther(note.note) ? { ...note, contradicted: true } : note);
  const known = stores.map((store) => (store.origin === told.origin ? { ...store, notes: store.notes.map(marked) } : store));
  return { known, contradicts: own.some(({ note }) => isOther(note)) };
}

/** Room for one more: of too many, whoever was first heard of last goes, so that no number of made-up stores or keys drives out one of long ago. */
function fewer(stores: readonly StoreNotes[]): StoreNotes[] {
  if (stores.length < MAX_STORES) return [...stores];
  const since = ({ notes }: StoreNotes): Instant => notes[0]?.at ?? 0;
  const last = stores.reduce((a, b) => (since(b) >= since(a) ? b : a));
  return stores.filter((store) => store !== last);
}

function thinned(notes: readonly KeptNote[]): KeptNote[] {
  const days = new Set<number>();
  const old = notes.slice(0, -NEWEST);
  const firsts = old.filter(({ at }) => {
    const day = Math.floor(at / DAY_MS);
    return !days.has(day) && days.add(day);
  });
  const contradicted = notes.filter((note) => note.contradicted).slice(0, MAX_CONTRADICTED);
  const stay = new Set([...firsts.slice(-DAYS), ...contradicted, ...notes.slice(-NEWEST)]);
  return notes.filter((note) => stay.has(note));
}
