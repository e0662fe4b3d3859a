import assert from 'node:assert/strict';
import type { StoredReading } from '../../../hub/store/store.ts';

/** One thing that a gateway may send. It is known by its number; what came under a number before and is other now is a key used again. */
export interface Sent {
  seq: number;
  patient: string;
  vital: string;
  device: string;
  /** By which it is ordered, too. */
  effective: number;
  value: number;
  test: boolean;
  /** A time that nobody knows: it never becomes the current one. */
  doubtful: boolean;
  withdrawn: boolean;
  event: boolean;
}

interface Row extends Sent {
  at: number;
  standing: boolean;
}

/** The end is not included. */
export type Stretch = readonly [from: number, to: number];

const sameMeasurement = (a: Sent, b: Sent): boolean =>
  a.patient === b.patient && a.vital === b.vital && a.device === b.device && a.test === b.test && a.effective === b.effective;

/** What a store holds, as plain lists; nothing is ever looked up but by going through all of it. */
export class Model {
  rows: Row[] = [];
  events: Sent[] = [];
  readonly seen = new Map<number, number>();
  /** Numbers with the values that were refused under them. */
  readonly refused = new Set<string>();
  held = 0;
  /** Of evidence. */
  entries = 0;

  /** Takes a batch; what each of it is answered. */
  take(batch: readonly Sent[], at: number): string[] {
    const fresh: Sent[] = [];
    const results = batch.map((sent) => {
      const before = this.seen.get(sent.seq);
      if (before === undefined) fresh.push(sent);
      else if (before === sent.value) this.held += 1;
      else this.refused.add(`${sent.seq} ${sent.value}`);
      this.seen.set(sent.seq, before ?? sent.value);
      return before === undefined ? 'stored' : before === sent.value ? 'held' : 'reused';
    });
    this.events.push(...fresh.filter(({ event }) => event));
    // Together by patient, in order of the first.
    for (const rows of Map.groupBy(
      fresh.filter(({ event }) => !event),
      ({ patient }) => patient,
    ).values())
      for (const row of rows) this.#store(row, at);
    this.entries += 1;
    return results;
  }

  #store(sent: Sent, at: number): void {
    const takenBack = this.rows.some((row) => row.withdrawn && sameMeasurement(row, sent) && row.seq > sent.seq);
    if (sent.withdrawn) for (const row of this.rows) if (sameMeasurement(row, sent)) row.standing = false;
    this.rows.push({ ...sent, at, standing: !sent.withdrawn && !sent.doubtful && !takenBack });
  }

  /**
   * Of each device: how many values of a vital sign count between two times, the least, the greatest and the last of them. Test values count
   * where a device has sent none but those in all the time that is looked at (`span`).
   */
  summary(patient: string, vital: string, [from, to]: Stretch, span: Stretch): Record<string, readonly number[]> {
    const within = ({ effective }: Row, [first, end]: Stretch): boolean => effective >= first && effective < end;
    const sent = this.rows.filter((row) => !row.withdrawn && row.patient === patient && row.vital === vital && within(row, span));
    const summaries = [...Map.groupBy(sent, ({ device }) => device)].flatMap(([device, rows]) => {
      const isTest = rows.every(({ test }) => test);
      const values = rows.filter((row) => row.standing && row.test === isTest && within(row, [from, to]));
      const last = values.toSorted((a, b) => a.effective - b.effective).at(-1);
      const numbers = values.map(({ value }) => value);
      return last ? [[device, [values.length, Math.min(...numbers), Math.max(...numbers), last.value]] as const] : [];
    });
    return Object.fromEntries(summaries.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Numbers of the current rows by vital sign and device: a real one before a test, then the newest, then what was stored last. */
  latest(patient: string): Record<string, number> {
    const current = new Map<string, Row>();
    for (const row of this.rows.filter((one) => one.standing && one.patient === patient)) {
      const name = `${row.vital} ${row.device}`;
      const best = current.get(name);
      const isBetter = !best || (row.test === best.test ? row.effective >= best.effective : best.test);
      if (isBetter) current.set(name, row);
    }
    return Object.fromEntries([...current].map(([name, { seq }]) => [name, seq] as const).sort());
  }
}

/** The same of a real one. */
export function latestOf(rows: readonly StoredReading[]): Record<string, number> {
  const found = rows.map(({ vital, device, id }) => [`${vital} ${device}`, seqOf(id)] as const).sort();
  assert.equal(new Set(found.map(([name]) => name)).size, found.length, 'two current rows of one device');
  return Object.fromEntries(found);
}

/** The number in an observation id. */
export function seqOf(id: string): number {
  return Number.parseInt(id.split('.').at(-2) ?? '', 36);
}
