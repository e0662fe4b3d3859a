import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Clock, Instant } from '../../shared/clock.ts';
import { asVitalmeshError, VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { readCheckpoint, signedBy } from '../../shared/signed-note.ts';
import { syncFolder } from '../../shared/storage/key-file.ts';
import { setAside } from '../../shared/storage/set-aside.ts';
import { parseCheckpoint } from '../../shared/uplink/protocol.ts';

/** A signed note of a hub, and when it came, UTC ms. */
export interface KeptNote {
  at: Instant;
  note: string;
}

/** What a gateway keeps of how far the evidence of hubs has come; what `vitalmesh-agent witness export` prints. */
export interface WitnessRecord {
  witness: 1;
  /** Identity id. */
  gateway: string;
  /** One a store and key, the one that was heard of last at the end; their notes in order of coming. */
  stores: { origin: string; key: string; notes: KeptNote[] }[];
}

/** The newest are all kept; of those before, the first of each day (UTC), so that what was rewritten long ago shows as well. */
const NEWEST = 32;
const DAYS = 400;
const MAX_STORES = 16;
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

  /** Takes the header of an answer. What is no note, or not signed by the key beside it, is counted and left. */
  keep(header: string): void {
    const { clock, metrics, log } = this.#options;
    const given = parseCheckpoint(header);
    const read = given && readCheckpoint(given.note);
    if (!given || !read || signedBy(read, [given.key]) !== 'good') {
      metrics.count('witness_refused');
      return;
    }
    const stores = this.#record.stores.filter(({ origin, key }) => origin !== read.origin || key !== given.key);
    const store = this.#record.stores.find(({ origin, key }) => origin === read.origin && key === given.key);
    const notes = store?.notes ?? [];
    if (notes.at(-1)?.note === given.note) return;
    if (!store && stores.some(({ origin }) => origin === read.origin))
      log.warn({ key: given.key }, 'the hub signs its evidence with another key than before');
    if (stores.concat(store ?? []).some((other) => contradicts(other, read))) {
      metrics.count('witness_contradicted');
      log.error(
        { entry: read.size },
        'the hub tells of its evidence what differs from what it told before: verify it with what `witness export` prints',
      );
    }
    const kept = thinned([...notes, { at: clock.now(), note: given.note }]);
    this.#record = { ...this.#record, stores: [...stores, { origin: read.origin, key: given.key, notes: kept }].slice(-MAX_STORES) };
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
    const draft = `${path}.next`;
    try {
      const fd = openSync(draft, 'w', 0o600);
      try {
        writeSync(fd, `${JSON.stringify(this.#record)}\n`);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(draft, path);
      syncFolder(dirname(resolve(path)));
    } catch (thrown) {
      metrics.count('witness_unwritten');
      log.warn({ err: asVitalmeshError(thrown) }, 'what the hub told of its evidence could not be kept');
    }
  }
}

/** Another chain of as many entries. */
function contradicts(
  { origin, notes }: WitnessRecord['stores'][number],
  told: { origin: string; size: number; hash: Uint8Array },
): boolean {
  if (origin !== told.origin) return false;
  return notes.some(({ note }) => {
    const read = readCheckpoint(note);
    return read?.size === told.size && !Buffer.from(read.hash).equals(told.hash);
  });
}

function thinned(notes: readonly KeptNote[]): KeptNote[] {
  const newest = notes.slice(-NEWEST);
  const days = new Set<number>();
  const firsts = notes.slice(0, -NEWEST).filter(({ at }) => {
    const day = Math.floor(at / DAY_MS);
    return !days.has(day) && days.add(day);
  });
  return [...firsts.slice(-DAYS), ...newest];
}
