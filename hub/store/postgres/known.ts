import type { Clock } from '../../../shared/clock.ts';
import type { ErasedPeople } from '../erasing/tombstone.ts';
import type { Commit } from './commits.ts';
import { beginEpoch } from './epochs.ts';
import { erasedOf } from './erase.ts';
import { KnownKeys } from './known-keys.ts';
import { noteLoss } from './losses.ts';
import { PG } from './statements.ts';

/** Where the last own commit ended. */
interface Seen {
  epoch: string;
  table: number;
  position: number;
  hash: Buffer;
}

/**
 * What a hub remembers of the database between two commits. It holds for one epoch of the store: a database that went back to an earlier
 * state gives the same keys again, to others.
 */
export class Known {
  /** By agent and epoch. */
  readonly writers = new KnownKeys();
  /** By tenant and id. */
  readonly patients = new KnownKeys();
  /** Tenants of which it is on disk that something is stored. */
  readonly tenants = new Set<string>();
  /** That have partitions. */
  readonly weeks = new Set<number>();
  #droppedWeeks = 0;
  /** As of so many erasures, by tenant. */
  #erased: { erasures: number; of: Map<string, ErasedPeople> } = { erasures: 0, of: new Map() };
  #last: Seen | undefined;
  readonly #clock: Clock;
  readonly #uncertain = new Set<number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Nothing of the keys is certain any more. */
  forget(): void {
    this.writers.clear();
    this.patients.clear();
    this.weeks.clear();
    this.#erased.of.clear();
  }

  /** The people of a tenant, of which the commit is, who were erased; undefined where there are none. */
  async erased(commit: Commit, tenant: string): Promise<ErasedPeople | undefined> {
    if (commit.erasures === 0) return undefined;
    if (this.#erased.erasures !== commit.erasures) this.#erased = { erasures: commit.erasures, of: new Map() };
    const remembered = this.#erased.of.get(tenant);
    if (remembered) return remembered.isEmpty ? undefined : remembered;
    const { people, isSettled } = await erasedOf(commit, tenant);
    const { of } = this.#erased;
    if (isSettled) commit.afterwards(() => of.set(tenant, people));
    return people.isEmpty ? undefined : people;
  }

  /**
   * To be called before anything else of a commit, which holds the head: forgets everything when the data are of another life than at the
   * last commit. Where they went back under sessions that stayed, so that none of them could tell, it begins the epoch for it. What was lost of
   * what this hub committed makes a stretch without bindings: a server whose folder was copied back looks like one that was started again.
   */
  async follow(commit: Commit): Promise<void> {
    if (commit.droppedWeeks !== this.#droppedWeeks) this.weeks.clear();
    this.#droppedWeeks = commit.droppedWeeks;
    const last = this.#last;
    commit.afterwards(() => {
      this.#last = seenBy(commit);
    });
    if (last === undefined) return;
    const now = seenBy(commit);
    const isUntold = now.epoch === last.epoch && hasGoneBack(last, now);
    if (now.epoch === last.epoch && !isUntold) return;
    this.forget();
    if (isUntold) await beginEpoch(commit);
    await noteLoss(commit, [last], this.#clock.now(), this.#uncertain);
    this.tenants.clear();
    for (const { id, stored } of await commit.query<{ id: string; stored: boolean }>(PG.tenants)) if (stored) this.tenants.add(id);
  }
}

function seenBy({ position: { epoch, position }, hash, table }: Commit): Seen {
  return { epoch, table, position, hash };
}

/** Positions only grow, and each has one hash; a table that was made anew was filled from elsewhere. */
function hasGoneBack(last: Seen, now: Seen): boolean {
  if (now.table !== last.table || now.position < last.position) return true;
  return now.position === last.position && !now.hash.equals(last.hash);
}
