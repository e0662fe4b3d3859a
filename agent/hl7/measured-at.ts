import type { Flag, Reading } from '../../shared/reading.ts';
import type { AckError } from './ack.ts';
import { trimmed } from './segment.ts';
import { type Hl7Time, parseHl7Time } from './time.ts';

/** Where a time stands: segment, which of its name, field. */
export type TimePlace = NonNullable<AckError['location']>;

/** A time that holds for what comes behind it; undefined `time`: one was given and cannot be read. */
interface GivenTime {
  time: Hl7Time | undefined;
  place: TimePlace;
  refused: boolean;
}

const NULL = '""';
/** A device counts four levels (1.1.1.150456). */
export const MAX_PATH = 64;

/**
 * When the readings of a message were measured: OBX-14, or that of the row it is contained in, else OBR-7, else MSH-7. A time that is
 * given and cannot be read is told to `refuse` once, and what it should have stood for carries the flag `clock`; the next time holds.
 */
export class MeasuredAt {
  readonly #zone: string;
  readonly #refuse: (place: TimePlace) => void;
  readonly #message: GivenTime | undefined;
  #group: GivenTime | undefined;
  /** Times of rows without a value by OBX-4: they hold for the rows contained in them. */
  #rows: Map<string, GivenTime> | undefined;
  #lastText = '';
  #lastTime: Hl7Time | undefined;

  constructor(messageTime: string, zone: string, refuse: (place: TimePlace) => void) {
    this.#zone = zone;
    this.#refuse = refuse;
    this.#message = this.#given(messageTime, { segment: 'MSH', sequence: 1, field: 7 });
  }

  /** A new group begins: OBR-7, or '' where there is none. */
  group(text: string, sequence: number): void {
    this.#group = this.#given(text, { segment: 'OBR', sequence, field: 7 });
    this.#rows = undefined;
  }

  /** OBX-14 of a row without a value, by its OBX-4. */
  row(path: string, text: string, sequence: number): void {
    const given = this.#given(text, { segment: 'OBX', sequence, field: 14 });
    if (!given) return;
    this.#rows ??= new Map();
    this.#rows.set(path.replace(/(?:\.0)+$/, ''), given);
  }

  /** Puts the time into a reading whose own OBX-14 is `text`, and what is doubtful about it to its flags. */
  stamp(reading: Pick<Reading, 'effective' | 'offsetMin'>, flags: Flag[], path: string, text: string, sequence: number): void {
    const own = isGiven(text) ? this.#parsed(text) : undefined;
    let isDoubtful = false;
    if (!own && isGiven(text)) {
      this.#refuse({ segment: 'OBX', sequence, field: 14 });
      isDoubtful = true;
    }
    let time = own;
    for (let i = 0; i < 3 && !time; i += 1) {
      const given = i === 0 ? this.#containing(path) : i === 1 ? this.#group : this.#message;
      if (!given) continue;
      time = given.time;
      if (time) continue;
      isDoubtful = true;
      if (!given.refused) this.#refuse(given.place);
      given.refused = true;
    }
    if (isDoubtful) flags.push('clock');
    else if (!time) flags.push('clockless');
    if (!time) return;
    reading.effective = time.at;
    reading.offsetMin = time.offsetMin;
    if (time.doubt !== 'none') flags.push(`dst-${time.doubt}`);
  }

  #given(text: string, place: TimePlace): GivenTime | undefined {
    return isGiven(text) ? { time: this.#parsed(text), place, refused: false } : undefined;
  }

  /** Most readings of a message have the same time. */
  #parsed(text: string): Hl7Time | undefined {
    if (text !== this.#lastText) {
      this.#lastText = text;
      this.#lastTime = parseHl7Time(trimmed(text), this.#zone);
    }
    return this.#lastTime;
  }

  #containing(path: string): GivenTime | undefined {
    if (!this.#rows || path.length > MAX_PATH) return undefined;
    for (let end = path.lastIndexOf('.'); end > 0; end = path.lastIndexOf('.', end - 1)) {
      const given = this.#rows.get(path.slice(0, end));
      if (given) return given;
    }
    return undefined;
  }
}

function isGiven(text: string): boolean {
  if (text === '') return false;
  const said = trimmed(text);
  return said !== '' && said !== NULL;
}
