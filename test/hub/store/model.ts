import assert from 'node:assert/strict';
import type { StoredReading } from '../../../hub/store/store.ts';
import { RolledModel } from './model-rolled.ts';

/** One thing that a gateway may send. It is known by its number; what came under a number before and is other now is a key used again. */
export interface Sent {
  seq: number;
  patient: string;
  vital: string;
  device: string;
  effective: number;
  /** By which it is ordered. */
  sortTime: number;
  value: number;
  test: boolean;
  /** A time that nobody knows: it never becomes the current one. */
  doubtful: boolean;
  withdrawn: boolean;
  preliminary: boolean;
  /** By the gateway. */
  receivedAt: number;
  event: 'alert' | 'gap' | undefined;
}

export interface Row extends Sent {
  at: number;
  standing: boolean;
  /** Of its batch, counted from 1. */
  batch: number;
}

/** Up to when each goes that was stored before; what is not named stays. */
export interface Cutoffs {
  continuous?: number;
  spot?: number;
  alert?: number;
  gap?: number;
  quarantine?: number;
}

/** As the parameter table has it. */
const SPOT: readonly string[] = ['pr_nibp'];

/** What a bucket of a trend says: n, least, greatest and mean; which values may be its last; whether any is in doubt. */
export interface Summary {
  numbers: readonly (number | null)[];
  lasts: readonly (number | null)[];
  isDoubtful: boolean;
}

/** The end is not included. */
export type Stretch = readonly [from: number, to: number];

const sameMeasurement = (a: Sent, b: Sent): boolean =>
  a.patient === b.patient && a.vital === b.vital && a.device === b.device && a.test === b.test && a.effective === b.effective;

/** What a store holds, as plain lists; nothing is ever looked up but by going through all of it. */
export class Model {
  rows: Row[] = [];
  events: (Sent & { at: number })[] = [];
  readonly rolled = new RolledModel();
  readonly seen = new Map<number, number>();
  /** Numbers of what was removed; of their values nothing is known any more. */
  readonly removed = new Set<number>();
  /** Numbers with the values that were refused under them, and when first. */
  readonly refused = new Map<string, number>();
  #removedUpTo = Number.NEGATIVE_INFINITY;
  #batches = 0;
  held = 0;
  /** Of evidence. */
  entries = 0;

  /** Takes a batch; what each of it is answered. */
  take(batch: readonly Sent[], at: number): string[] {
    const fresh: Sent[] = [];
    const results = batch.map((sent) => {
      const before = this.seen.get(sent.seq);
      const isRemoved = this.removed.has(sent.seq);
      if (before === undefined && !isRemoved) {
        fresh.push(sent);
        this.seen.set(sent.seq, sent.value);
        return 'stored';
      }
      if (isRemoved ? sent.receivedAt <= this.#removedUpTo : before === sent.value) {
        this.held += 1;
        return 'held';
      }
      const refused = `${sent.seq} ${sent.value}`;
      this.refused.set(refused, this.refused.get(refused) ?? at);
      return 'reused';
    });
    this.events.push(...fresh.filter(({ event }) => event).map((sent) => ({ ...sent, at })));
    // Together by patient, in order of the first.
    for (const rows of Map.groupBy(
      fresh.filter(({ event }) => !event),
      ({ patient }) => patient,
    ).values()) {
      this.#batches += 1;
      for (const row of rows) this.#store(row, at);
    }
    this.entries += 1;
    return results;
  }

  #store(sent: Sent, at: number): void {
    const same = this.rows.filter((row) => sameMeasurement(row, sent));
    const isReplaced = same.some((row) => (row.withdrawn ? row.seq > sent.seq : sent.preliminary && row.standing && !row.preliminary));
    const standing = !sent.withdrawn && !sent.doubtful && !isReplaced;
    if (sent.withdrawn) this.#setAside(sent, same, 'any');
    else if (standing && !sent.preliminary) this.#setAside(sent, same, 'preliminary');
    this.rows.push({ ...sent, at, standing, batch: this.#batches });
  }

  #setAside(sent: Sent, same: readonly Row[], which: 'any' | 'preliminary'): void {
    const replaced = same.filter((row) => row.standing && (which === 'any' || row.preliminary));
    for (const row of replaced) row.standing = false;
    if (replaced.length === 0) this.rolled.doubt(sent, which);
  }

  /** Removes what was stored before; never what is current, nor of the last batch or the last event. Gives how much. */
  retain(cutoffs: Cutoffs): number {
    const current = new Set([...new Set(this.rows.map(({ patient }) => patient))].flatMap((of) => Object.values(this.latest(of))));
    const isDue = (row: Row): boolean => {
      const cutoff = SPOT.includes(row.vital) ? cutoffs.spot : cutoffs.continuous;
      return cutoff !== undefined && row.at < cutoff && row.batch < this.#batches && !current.has(row.seq);
    };
    const rows = this.rows.filter(isDue);
    for (const row of rows) this.rolled.add(row);
    const events = this.events.filter(({ event, at }, i) => {
      const cutoff = event && cutoffs[event];
      return cutoff !== undefined && at < cutoff && i < this.events.length - 1;
    });
    for (const { seq, receivedAt } of [...rows, ...events]) {
      this.seen.delete(seq);
      this.removed.add(seq);
      this.#removedUpTo = Math.max(this.#removedUpTo, receivedAt);
    }
    this.rows = this.rows.filter((row) => !rows.includes(row));
    this.events = this.events.filter((event) => !events.includes(event));
    const { quarantine } = cutoffs;
    if (quarantine !== undefined) for (const [refused, at] of [...this.refused]) if (at < quarantine) this.refused.delete(refused);
    return rows.length + events.length;
  }

  gaps(patient: string): number[] {
    return this.events.filter(({ event, patient: of }) => event === 'gap' && of === patient).map(({ seq }) => seq);
  }

  /**
   * Of each device: how many values of a vital sign count between two times, kept or rolled up, the least, the greatest, their mean, what may be the last, and
   * whether one of them is in doubt. Test values count where a device has sent none but those in all the time that is looked at (`span`).
   */
  summary(patient: string, vital: string, [from, to]: Stretch, span: Stretch): Record<string, Summary> {
    const within = ({ sortTime }: Row, [first, end]: Stretch): boolean => sortTime >= first && sortTime < end;
    const sent = [...this.rolled.rows(), ...this.rows].filter(
      (row) => !row.withdrawn && row.patient === patient && row.vital === vital && within(row, span),
    );
    const summaries = [...Map.groupBy(sent, ({ device }) => device)].flatMap(([device, rows]) => {
      const isTest = rows.every(({ test }) => test);
      const values = rows.filter((row) => row.standing && row.test === isTest && within(row, [from, to]));
      const last = values.toSorted((a, b) => a.effective - b.effective).at(-1);
      if (last === undefined) return [];
      const numbers = values.map(({ value }) => value);
      const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
      const isDoubtful = this.rolled.isDoubtful({ patient, vital, device, test: isTest }, from, to);
      // Of those of one time that were rolled up it is not known any more which was stored last.
      const together = values.filter(({ effective }) => effective === last.effective);
      const lasts = together.every((row) => this.rows.includes(row)) ? [last.value] : together.map(({ value }) => value);
      return [[device, { numbers: [values.length, Math.min(...numbers), Math.max(...numbers), mean], lasts, isDoubtful }] as const];
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
