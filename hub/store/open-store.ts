import { type Clock, systemClock } from '../../shared/clock.ts';
import type { Service } from '../../shared/lifecycle.ts';
import { type Logger, silentLogger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { checkKeyFile, ensureKeyFile } from '../../shared/storage/key-file.ts';
import { isAbsent, refuseAbsent } from '../../shared/storage/presence.ts';
import type { Change } from '../feed.ts';
import { settleErasures } from '../privacy/finish-erasures.ts';
import { readTombstones, tombstonesOf } from '../privacy/tombstone-file.ts';
import type { StoreConfig } from './config.ts';
import { noteStore, refuseLost } from './presence.ts';
import { openSqliteStore } from './sqlite.ts';
import type { CurrencyChange, Store } from './store.ts';

/** What other hubs of the same database stored. */
export interface OthersStored {
  /** What of each patient is to be looked at again. */
  patients: readonly Omit<Change, 'version'>[];
  currencies: readonly CurrencyChange[];
  /** That people of a tenant were erased, and who is one of them: their ids are nowhere any more. */
  erased?: { tenant: string; isPatient(id: string): boolean };
}

export interface OpenedStore {
  store: Store;
  engine: 'sqlite' | 'postgres';
  /** Tells what other hubs store, once it was started; where there can be none, there is nothing to start. */
  others(tell: (stored: OthersStored) => void): readonly Service[];
}

export interface StoreSurroundings {
  metrics: Metrics;
  clock?: Clock;
  log?: Logger;
}

/** Opens the store that the configuration names, or makes it; only that engine is loaded. Throws STORAGE-*. */
export async function openStore(config: StoreConfig, surroundings: StoreSurroundings): Promise<OpenedStore> {
  if (config.type !== 'postgres') {
    refuseLost(config.path);
    const isNew = isAbsent(config.path);
    ensureKeyFile(config.keyFile, config.path);
    const store = openSqliteStore({ ...config, ...surroundings });
    noteStore(config.path, store.storeId);
    await settled(config, store, surroundings);
    if (isNew) surroundings.log?.warn({ store: config.path, storeId: store.storeId }, 'a new, empty store was begun at this path');
    return { store, engine: 'sqlite', others: () => [] };
  }
  const { openFromFiles } = await import('./postgres/postgres.ts');
  const { OtherHubs } = await import('./postgres/other-hubs.ts');
  const options = { log: silentLogger, ...surroundings };
  const store = await openFromFiles(config, options);
  await settled(config, store, surroundings);
  const wentBack = (): Promise<void> => settle(config, store, surroundings);
  return { store, engine: 'postgres', others: (tell) => [new OtherHubs({ ...options, store, tell, wentBack })] };
}

/**
 * Opens a store that is there, and makes nothing: a command that was given a wrong path must not find an empty store whole. Tables of PostgreSQL
 * are not made or changed either. Throws STORAGE-*; STORAGE-MISSING when there is none.
 */
export async function openExistingStore(config: StoreConfig, surroundings: StoreSurroundings): Promise<Store> {
  if (config.type !== 'postgres') {
    refuseAbsent(config.path);
    const store = openSqliteStore({ ...config, ...surroundings });
    await settled(config, store, surroundings);
    return store;
  }
  return (await openStore({ ...config, ownerUrlFile: undefined }, surroundings)).store;
}

/** True where a first start would begin a new store. Throws STORAGE-MISSING where one was and is gone; of PostgreSQL only its tables could tell. */
export function isNotBegun(config: StoreConfig): boolean {
  if (config.type === 'postgres') return false;
  refuseLost(config.path);
  return isAbsent(config.path);
}

/** Before anything of it is shown: nobody is half erased, and nobody comes back who was erased. Closes the store where that fails. */
async function settled(config: StoreConfig, store: Store, surroundings: StoreSurroundings): Promise<void> {
  try {
    await settle(config, store, surroundings);
  } catch (thrown) {
    await store[Symbol.asyncDispose]();
    throw thrown;
  }
}

async function settle(config: StoreConfig, store: Store, { clock = systemClock, log }: StoreSurroundings): Promise<void> {
  const { ended, fault } = await settleErasures(store, tombstonesOf(config), () => clock.now());
  if (fault) log?.error({ code: fault.code }, fault.message);
  if (ended > 0) log?.warn({ people: ended }, 'people were erased whose erasure had been cut off, or whom an older store had brought back');
}

/**
 * Throws the first coded error of the files that the configuration names; opens nothing. Gives what an operator should know of a store that
 * is not there yet.
 */
export async function checkStore(config: StoreConfig): Promise<string | undefined> {
  if (config.type !== 'postgres') {
    refuseLost(config.path);
    checkKeyFile(config.keyFile, config.path);
    readTombstones(tombstonesOf(config));
    return isAbsent(config.path) ? `There is no store at ${config.path} yet: run begins a new, empty one there.` : undefined;
  }
  const { readAddressFile } = await import('./postgres/address.ts');
  for (const file of [config.urlFile, config.ownerUrlFile]) if (file !== undefined) readAddressFile(file);
  return undefined;
}
