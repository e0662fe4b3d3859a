import type { RowOrigin } from '../rows.ts';

/** Origins that have a number at a time: more than there are places in a list of them (`Places`). */
const MOST = 4096;

/** An origin with its number. */
export type NumberedOrigin = readonly [number: number, origin: RowOrigin];

/**
 * Gives the origin of each row a number, so that what nearly every row has in common with the one before it is told to the thread of the outbox once.
 */
export class Origins {
  readonly #numbers = new Map<string, NumberedOrigin>();
  /** The last one of each device: nearly every row is of the origin that the row before it was of, and a key costs a tenth of a row. */
  readonly #recent = new Map<string, NumberedOrigin>();

  /** True when numbers begin anew, because there were too many. */
  begin(): boolean {
    if (this.#numbers.size < MOST) return false;
    this.#numbers.clear();
    this.#recent.clear();
    return true;
  }

  /** `news` is told of an origin that had no number. */
  numberOf(record: RowOrigin, news: NumberedOrigin[]): number {
    const recent = this.#recent.get(record.device.id);
    if (recent && isSame(recent[1], record)) return recent[0];
    const key = keyOf(record);
    let numbered = this.#numbers.get(key);
    if (!numbered) {
      numbered = [this.#numbers.size, copied(record)];
      this.#numbers.set(key, numbered);
      news.push(numbered);
    }
    this.#recent.set(record.device.id, numbered);
    return numbered[0];
  }
}

/** Parts of a message's text would hold all of it in memory. */
function copied({ source, profile, device, subject, test, class: rowClass, gap }: RowOrigin): RowOrigin {
  return JSON.parse(
    JSON.stringify({ source, profile, device, subject, test, class: rowClass, ...(gap && { gap: { lost: gap.lost } }) }),
  ) as RowOrigin;
}

/** What `keyOf` would say of both. */
function isSame(a: RowOrigin, b: RowOrigin): boolean {
  return (
    a.source === b.source &&
    a.profile === b.profile &&
    a.test === b.test &&
    a.class === b.class &&
    a.gap?.lost === b.gap?.lost &&
    isSameDevice(a.device, b.device) &&
    isSameSubject(a.subject, b.subject)
  );
}

function isSameDevice(a: RowOrigin['device'], b: RowOrigin['device']): boolean {
  return a.id === b.id && a.idType === b.idType && a.vendor === b.vendor && a.model === b.model;
}

function isSameSubject(a: RowOrigin['subject'], b: RowOrigin['subject']): boolean {
  return a.bed === b.bed && a.visit === b.visit && a.patient?.value === b.patient?.value && a.patient?.authority === b.patient?.authority;
}

/** Identifiers hold no control characters. */
function keyOf({ source, profile, device, subject: { patient, visit, bed }, test, class: rowClass, gap }: RowOrigin): string {
  const what = `${rowClass}\n${gap?.lost}\n${source}\n${profile}\n${test}\n${device.id}\n${device.idType}\n${device.vendor}\n${device.model}`;
  return `${what}\n${patient?.value}\n${patient?.authority}\n${visit}\n${bed}`;
}
