import { isDeepStrictEqual } from 'node:util';
import { Latencies } from './latency.ts';
import { type Note, noticed } from './notes.ts';
import { type ShownPatient, type ShownVital, shownValue } from './shown-patient.ts';
import type { TableRow } from './table.ts';

/** A vital sign of a patient as it is to be shown from now on. */
export interface Shown {
  /** One patient, vital sign and device. */
  key: string;
  row: TableRow;
  /** A measurement not seen before; otherwise one that has changed, as by growing old. */
  fresh: boolean;
}

/** What the viewer needs of an MCP client. */
export interface ViewerClient {
  readResource(request: { uri: string }): Promise<{ contents: readonly unknown[] }>;
}

/** What becomes of what it is told. */
export interface Audience {
  shown(shown: Shown): void;
  noted(note: Note): void;
}

/**
 * What the demo's AI client knows: it is told that a resource changed, reads it again, and notes how long after the device's own
 * time the news arrived. Reads of one resource never overlap; a change during a read causes one more.
 */
export class Viewer {
  readonly latencies = new Latencies();
  notifications = 0;
  readonly #client: ViewerClient;
  readonly #audience: Audience;
  readonly #last = new Map<string, ShownPatient>();
  readonly #rows = new Map<string, TableRow>();
  readonly #seen = new Set<string>();
  readonly #reading = new Map<string, Promise<void>>();
  readonly #changedAt = new Map<string, number>();
  readonly #withData = new Set<string>();

  constructor(client: ViewerClient, audience: Audience) {
    this.#client = client;
    this.#audience = audience;
  }

  /** How many patients at least one value came for. */
  get patients(): number {
    return this.#withData.size;
  }

  /** A resource changed; call this from the subscription. */
  updated(uri: string): void {
    this.notifications += 1;
    const now = Date.now();
    if (!this.#changedAt.has(uri)) this.#changedAt.set(uri, now);
    if (!this.#reading.has(uri)) this.#reading.set(uri, this.#readUntilQuiet(uri));
  }

  /** Resolves when no read is under way. */
  async quiet(): Promise<void> {
    while (this.#reading.size > 0) await Promise.all(this.#reading.values());
  }

  async #readUntilQuiet(uri: string): Promise<void> {
    try {
      for (let arrival = this.#take(uri); arrival !== undefined; arrival = this.#take(uri)) await this.#read(uri, arrival);
    } finally {
      this.#reading.delete(uri);
    }
  }

  #take(uri: string): number | undefined {
    const arrival = this.#changedAt.get(uri);
    this.#changedAt.delete(uri);
    return arrival;
  }

  async #read(uri: string, arrival: number): Promise<void> {
    const { contents } = await this.#client.readResource({ uri });
    const done = Date.now();
    const [content] = contents as readonly { text?: string }[];
    const shown = JSON.parse(content?.text ?? '{}') as Partial<ShownPatient>;
    if (shown.patient === undefined) return;
    const now: ShownPatient = { patient: shown.patient, bed: shown.bed ?? null, vitals: shown.vitals ?? [] };
    for (const note of noticed(this.#last.get(now.patient), now)) this.#audience.noted(note);
    this.#last.set(now.patient, now);
    for (const vital of now.vitals) this.#note(now.patient, now.bed, vital, arrival, done);
  }

  #note(patient: string, bed: string | null, vital: ShownVital, arrival: number, done: number): void {
    const at = Date.parse(vital.at);
    const fresh = !this.#seen.has(vital.observation);
    this.#seen.add(vital.observation);
    const key = `${patient} ${vital.vital} ${vital.device}`;
    // What was stored after the notification came was seen only by the read; its own notification is still on the way.
    const isLive = !vital.flags?.includes('memory');
    const latencyMs = fresh && isLive ? (vital.storedAt > arrival ? done : arrival) - at : (this.#rows.get(key)?.latencyMs ?? 0);
    const row: TableRow = { patient, where: bed ?? 'home', vital: vital.name, value: shownValue(vital), at, stale: vital.stale, latencyMs };
    const changed = fresh || !isDeepStrictEqual(row, this.#rows.get(key));
    this.#rows.set(key, row);
    if (fresh) {
      this.#withData.add(patient);
      if (isLive) this.latencies.add(latencyMs);
    }
    if (changed) this.#audience.shown({ key, row, fresh });
  }
}
