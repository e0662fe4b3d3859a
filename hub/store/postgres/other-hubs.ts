import pg from 'pg';
import { Backoff, pause, type Service } from '../../../shared/lifecycle.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Lineage, StorePosition } from '../../../shared/uplink/lineage.ts';
import type { Change } from '../../feed.ts';
import { lossIn } from '../loss.ts';
import type { OthersStored } from '../open-store.ts';
import type { Currency, CurrencyChange } from '../store.ts';
import { clientConfig, refusePooler } from './connections.ts';
import { erasedOf } from './erase.ts';
import { ERASING_PG } from './erasing-statements.ts';
import { databaseError } from './errors.ts';
import { eventsIn } from './event-told.ts';
import { correctedIn } from './placing-told.ts';
import type { PostgresStore } from './postgres.ts';
import { PG } from './statements.ts';
import type { Transaction } from './transaction.ts';

export interface OtherHubsOptions {
  store: PostgresStore;
  log: Logger;
  /** Called after the commits they speak of, in order; must not throw. */
  tell: (stored: OthersStored) => void;
  /** Called where the data may have gone back under this process, which did at its start what has to be done again now; asked again where it throws. */
  wentBack?: () => Promise<void>;
  /** How often the session is asked for a sign of life, and whether anything was missed; 10 s unless told. */
  everyMs?: number;
}

/** A batch of another hub. */
interface ChangedRow {
  position: number;
  /** Of the patient. */
  key: number;
  patient: string;
  at: number;
  vitals: string;
  gone: string | null;
}

/** What of a patient the batches of other hubs changed. */
interface ChangedPatient {
  patient: string;
  vitals: Set<string>;
  /** When each of the batches was stored. */
  at: number[];
  /** The rows of `latest` that they took away: vital and device, JSON. */
  gone: Set<string>;
}

const CHANNEL = 'vitalmesh';
/** As many batches as one part of a catching-up reads; the number in the statement. */
const A_PAGE = 1000;

/** Nobody's: of hubs other than this are all of them. */
const NO_HUB = '';

/**
 * Tells what other hubs of the database store, and what this one may have stored without knowing it. Their notifications only wake it: what changed is
 * read by position, so that what was notified while the session was lost is told as well, once it is back.
 */
export class OtherHubs implements Service {
  readonly name = 'other hubs';
  readonly #store: PostgresStore;
  readonly #log: Logger;
  readonly #tell: (stored: OthersStored) => void;
  readonly #wentBack: () => Promise<void>;
  readonly #everyMs: number;
  readonly #stop = new AbortController();
  /** Up to where all was told. */
  #told = 0;
  /** The epochs of the store as of the last look, each with its end. */
  #seen: StorePosition[] = [];
  #wake: (() => void) | undefined;
  #isDue = false;
  #ended: Promise<void> | undefined;

  constructor({ store, log, tell, wentBack = async () => undefined, everyMs = 10_000 }: OtherHubsOptions) {
    this.#store = store;
    this.#log = log;
    this.#tell = tell;
    this.#wentBack = wentBack;
    this.#everyMs = everyMs;
    store.unsure.onNoted(() => this.#due());
  }

  /** What was stored before this resolves is not told. Throws STORAGE-*. */
  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stop.abort(), { once: true });
    const client = await this.#listen();
    try {
      this.#seen = seenIn(await this.#store.lineage());
      this.#told = (await headOf(client)).position;
    } catch (thrown) {
      await end(client);
      throw databaseError(thrown);
    }
    this.#ended = this.#run(client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    await this.#ended;
  }

  async #run(first: pg.Client): Promise<void> {
    const backoff = new Backoff(200, 10_000);
    let client: pg.Client | undefined = first;
    while (!this.#stop.signal.aborted) {
      try {
        client ??= await this.#listen();
        backoff.reset();
        await this.#follow(client);
      } catch (thrown) {
        this.#log.warn({ err: databaseError(thrown) }, 'what other hubs store is not told at the moment');
        await pause(backoff.nextMs(), this.#stop.signal);
      } finally {
        if (client) await end(client);
        client = undefined;
      }
    }
  }

  async #listen(): Promise<pg.Client> {
    const client = new pg.Client({
      ...clientConfig(this.#store.address),
      application_name: 'vitalmesh-hub listens',
      query_timeout: this.#everyMs,
    });
    // What it fails with is thrown by the next question.
    client.on('error', () => this.#due());
    client.on('end', () => this.#due());
    client.on('notification', ({ payload }) => {
      if (!payload?.startsWith(`${this.#store.hub} `)) this.#due();
    });
    try {
      await client.connect();
      await refusePooler(client);
      await client.query(`LISTEN ${CHANNEL}`);
      return client;
    } catch (thrown) {
      await end(client);
      throw databaseError(thrown);
    }
  }

  /** Until it is stopped, or the session is lost, which it throws. */
  async #follow(client: pg.Client): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#isDue = false;
      const { epoch, position } = await headOf(client);
      if (epoch !== this.#seen.at(-1)?.epoch) await this.#followBack();
      // The data went back to an earlier state, and nobody has committed since: what is stored from here on is new.
      if (position < this.#told) this.#told = position;
      await this.#lookUpOwn();
      if (position > this.#told) {
        await this.#catchUp(this.#told, position, this.#store.hub);
        if (!this.#stop.signal.aborted) this.#told = position;
      }
      if (!this.#isDue) await this.#sleep();
    }
  }

  /** Another epoch: where the data went back, others may have stored as much again by now, and what they did is told from there on. */
  async #followBack(): Promise<void> {
    const lineage = await this.#store.lineage();
    const last = this.#seen.at(-1);
    const loss = lossIn(lineage, [...this.#seen.slice(0, -1), ...(last ? [{ ...last, position: this.#told }] : [])]);
    if (loss !== undefined && loss.to < this.#told) this.#told = loss.to;
    await this.#wentBack();
    this.#seen = seenIn(lineage);
  }

  /** Tells of commits of this hub whose answer was lost, if they are there: what came behind them may be told twice. */
  async #lookUpOwn(): Promise<void> {
    const { unsure } = this.#store;
    const from = unsure.take();
    if (from === undefined) return;
    try {
      await this.#store.resolved();
      const { position } = await this.#store.lineage();
      await this.#catchUp(from, position, NO_HUB);
    } catch (thrown) {
      unsure.note(from);
      throw thrown;
    }
  }

  /** Tells of what was stored behind `from`, up to `until`, by other hubs than this. */
  async #catchUp(from: number, until: number, hub: string): Promise<void> {
    await this.#store.refreshTenants();
    for (const tenant of this.#store.allTenants()) {
      const erased = await this.#store.read((transaction) => this.#erased(transaction, { tenant, from, until, hub }), tenant);
      if (erased) this.#tell({ patients: [], currencies: [], erased });
      for (let after = from; after < until && !this.#stop.signal.aborted; ) {
        const { stored, last } = await this.#store.read((transaction) => this.#page(transaction, { tenant, after, until, hub }), tenant);
        if (stored.patients.length > 0) this.#tell(stored);
        after = last;
      }
      const events = await this.#store.read((transaction) => eventsIn(transaction, { tenant, from, until, hub }), tenant);
      if (events) this.#tell(events);
      const corrected = await this.#store.read((transaction) => correctedIn(transaction, { tenant, from, until, hub }), tenant);
      if (corrected) this.#tell(corrected);
    }
  }

  /** A part of what is to be told, and up to which position it goes. */
  async #page(
    transaction: Transaction,
    { tenant, after, until, hub }: { tenant: string; after: number; until: number; hub: string },
  ): Promise<{ stored: OthersStored; last: number }> {
    const rows = await transaction.query<ChangedRow>(PG.changed, [tenant, after, until, hub]);
    const patients = new Map<string, ChangedPatient>();
    for (const { patient, at, vitals, gone } of rows) {
      const of = patients.get(patient) ?? { patient, vitals: new Set(), at: [], gone: new Set() };
      patients.set(patient, of);
      of.at.push(at);
      for (const vital of JSON.parse(vitals) as string[]) of.vitals.add(vital);
      for (const row of JSON.parse(gone ?? '[]') as [string, string][]) of.gone.add(JSON.stringify(row));
    }
    const keys = [...new Set(rows.map(({ key }) => key))];
    const current = keys.length === 0 ? [] : await transaction.query<Currency>(PG.current, [keys]);
    const currencies: CurrencyChange[] = current.filter(({ patient, vital }) => patients.get(patient)?.vitals.has(vital));
    const told = [...patients.values()].map((changed) => changeOf(tenant, changed, current));
    for (const { patient, gone } of patients.values()) {
      for (const { vital, device } of current.filter((row) => row.patient === patient)) gone.delete(JSON.stringify([vital, device]));
      for (const row of gone) {
        const [vital, device] = JSON.parse(row) as [string, string];
        currencies.push({ tenant, patient, vital, device, gone: true });
      }
    }
    return { stored: { patients: told, currencies }, last: rows.length < A_PAGE ? until : (rows.at(-1)?.position ?? until) };
  }

  /** The erased people of a tenant, where another hub than this began to erase one. */
  async #erased(
    transaction: Transaction,
    { tenant, from, until, hub }: { tenant: string; from: number; until: number; hub: string },
  ): Promise<OthersStored['erased']> {
    const told = await transaction.query(ERASING_PG.toldOf, [tenant, from, until, hub]);
    if (told.length === 0) return undefined;
    const { people } = await erasedOf(transaction, tenant);
    return { tenant, isPatient: (id) => people.isPatient(id) };
  }

  #due(): void {
    this.#isDue = true;
    this.#wake?.();
  }

  async #sleep(): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await pause(this.#everyMs, AbortSignal.any([woken.signal, this.#stop.signal]));
    this.#wake = undefined;
  }
}

/** What readers of a patient are told; `current` is what stands in `latest` by now, of this patient among others. */
function changeOf(tenant: string, { patient, vitals, at, gone }: ChangedPatient, current: readonly Currency[]): Omit<Change, 'version'> {
  const when = { tenant, patient, at: Math.max(...at) };
  const changed = new Set(current.filter((row) => row.patient === patient && at.includes(row.storedAt)).map(({ vital }) => vital));
  for (const row of gone) changed.add((JSON.parse(row) as [string, string])[0]);
  return changed.size > 0 ? { ...when, kind: 'stored', vitals: [...changed] } : { ...when, kind: 'late', vitals: [...vitals] };
}

async function headOf(client: pg.Client): Promise<StorePosition> {
  const { rows } = await client.query<StorePosition>(PG.head);
  return rows[0] ?? { epoch: '', position: 0 };
}

function seenIn({ epochs, position }: Lineage): StorePosition[] {
  return epochs.map(({ epoch }, i) => ({ epoch, position: epochs[i + 1]?.from ?? position }));
}

async function end(client: pg.Client): Promise<void> {
  await client.end().catch(() => undefined);
}
