import type { Metrics } from '../../shared/metrics.ts';
import type { Corrections } from '../patients/corrections.ts';
import { isTooOld } from '../patients/movement-time.ts';
import { readSaid, type ToldMovement } from '../patients/said.ts';
import type { BatchPlaces } from '../patients/whereabouts/placing.ts';
import { isOvertaken, MOST_TRIES, type Whereabouts } from '../patients/whereabouts.ts';
import type { ErasingStore } from '../store/erasing/erasing.ts';
import { isOfErased } from '../store/erasing/hushed.ts';
import type { BatchPlacing } from '../store/placing/placing.ts';
import { type Arrival, type BatchOutcome, type EventArrival, isEvent } from '../store/store.ts';
import type { Admitted, Sender } from './admit.ts';
import { heardIn } from './heard.ts';

/** Takes the entries of a batch through every check, by whatever is known when it is called. */
export type Admission = (sender: Sender) => readonly Admitted[];

/** Stores a batch by `write`, with what goes along where its rows were placed or it tells of movements. */
export type Keep = (write: (placing?: BatchPlacing) => Promise<BatchOutcome>) => Promise<BatchOutcome>;

/** Has batches decided by who lies where, and stored only if that still holds in the commit. */
export class Placements {
  readonly #erasing: Pick<ErasingStore, 'erasedPeople'>;
  readonly #whereabouts: Pick<Whereabouts, 'placing' | 'hear' | 'hearNamed' | 'keep' | 'refresh'> | undefined;
  readonly #corrections: Pick<Corrections, 'wake'> | undefined;
  readonly #metrics: Pick<Metrics, 'count'> | undefined;

  constructor(
    erasing: Pick<ErasingStore, 'erasedPeople'>,
    whereabouts: Pick<Whereabouts, 'placing' | 'hear' | 'hearNamed' | 'keep' | 'refresh'> | undefined,
    corrections: Pick<Corrections, 'wake'> | undefined,
    metrics?: Pick<Metrics, 'count'>,
  ) {
    this.#erasing = erasing;
    this.#metrics = metrics;
    this.#whereabouts = whereabouts;
    this.#corrections = corrections;
  }

  /**
   * Admits the entries and stores them, anew where somebody was moved between both. Rejects with what `store` rejects with, with INGEST-PLACES-CHANGED where that happened
   * too often, and with STORAGE-*.
   */
  async stored<T>(
    sender: Sender,
    admission: Admission,
    store: (parts: readonly Admitted[], keep: Keep) => Promise<T>,
  ): Promise<{ parts: readonly Admitted[]; outcome: T }> {
    const { tenant } = sender.gateway;
    for (let tries = 1; ; tries += 1) {
      const { places, parts } = await this.#admitted(sender, admission);
      try {
        return { parts, outcome: await store(parts, this.#keeping(sender, places, parts)) };
      } catch (thrown) {
        if (!isOvertaken(thrown) || tries >= MOST_TRIES) throw thrown;
        await this.#whereabouts?.refresh(tenant);
      }
    }
  }

  /** Everybody who is named has a public id before anything that names them is stored; nobody gets one for what is not. */
  async #admitted(sender: Sender, admission: Admission): Promise<{ places: BatchPlaces | undefined; parts: readonly Admitted[] }> {
    const { tenant, identity } = sender.gateway;
    const isSandbox = sender.registry.isSandbox(tenant);
    const unkept = new Set<string>();
    for (;;) {
      const places = await this.#whereabouts?.placing(tenant, unkept);
      const parts = admission({ ...sender, places });
      if (places === undefined) return { places, parts };
      const moves = arrivalsOf(parts).flatMap((arrival) => {
        const movement = movementIn(arrival, identity, isSandbox);
        return movement ? [{ arrival, movement }] : [];
      });
      const names = moves.length + places.unheard.size > 0;
      const erased = names ? await this.#erasing.erasedPeople(tenant) : undefined;
      const moved = moves.filter(({ arrival }) => !(erased && isOfErased(arrival, erased)));
      await this.#whereabouts?.hear(
        tenant,
        moved.flatMap(({ movement }) => readSaid(movement, isSandbox)?.records ?? []),
      );
      if (places.unheard.size === 0) return { places, parts };
      const { kept, late } = heardIn(parts, places.unheard, erased);
      if (kept.size + late.length === 0) return { places, parts };
      const left = (await this.#whereabouts?.hearNamed(tenant, identity, kept)) ?? [];
      for (const key of [...left, ...late]) unkept.add(key);
      if (left.length > 0) this.#metrics?.count('numbers_unkept', '', left.length);
    }
  }

  #keeping({ gateway: { tenant, identity }, registry, at }: Sender, places: BatchPlaces | undefined, parts: readonly Admitted[]): Keep {
    const arrivals = arrivalsOf(parts);
    const movements = arrivals.map((arrival) => movementIn(arrival, identity, registry.isSandbox(tenant)));
    const tells = movements.some((movement) => movement !== undefined);
    const whereabouts = this.#whereabouts;
    if (!whereabouts || !places || !(tells || arrivals.some(({ placed }) => placed))) return (write) => write();
    return async (write) => {
      const outcome = await whereabouts.keep(tenant, { movements, version: places.version, at }, write);
      if (tells) this.#corrections?.wake();
      const old = arrivals.filter(
        (arrival, i) => movements[i] && outcome.results[i] === 'stored' && isTooOld({ ...arrival, gateway: identity }),
      );
      if (old.length > 0) this.#metrics?.count('movements_too_old', '', old.length);
      return outcome;
    };
  }
}

function arrivalsOf(parts: readonly Admitted[]): (Arrival | EventArrival)[] {
  return parts.flatMap((part) => ('arrival' in part ? [part.arrival] : []));
}

/** A movement as it will be read; undefined for anything else, and for a test, which moves nobody but in a sandbox. */
function movementIn(arrival: Arrival | EventArrival, gateway: string, isSandbox: boolean): ToldMovement | undefined {
  if (!isEvent(arrival) || arrival.kind !== 'movement' || (arrival.test && !isSandbox)) return undefined;
  const { id, sortTime, receivedAt, test, received } = arrival;
  return { id, gateway, sortTime, receivedAt, test, resource: JSON.parse(received) };
}
