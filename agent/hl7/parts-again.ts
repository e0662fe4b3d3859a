import type { Rejected } from '../decoding.ts';
import { isDeviceRow } from './alerts.ts';
import type { ObxRules } from './dialect.ts';
import type { MessageCursor } from './message-cursor.ts';
import { partAgain, rowAgain, type Telling, tellingOfReadings } from './row-again.ts';
import type { SubjectInForce } from './subject-in-force.ts';

/** So many rows and parts of a message can be read again by themselves; the rest is kept as it came. */
const MOST_AGAIN = 64;

/** By what a rejected part is read again; nothing where it is kept only as it came. */
export type Again = Pick<Rejected, 'again'>;

/** An alert names its device itself: a row of one before it would be read as that alert once more. */
const OF_ALERTS: Telling = { isOnce: false, isStructure: isDeviceRow };

/** Makes rejected parts of a message into messages of their own, with what gives them meaning: a dialect that is mended later may know them. */
export class PartsAgain {
  readonly #at: MessageCursor;
  readonly #rules: ObxRules;
  readonly #telling: Telling;
  readonly #subject: SubjectInForce;
  /** An alert is of several rows: none of them says anything by itself. */
  readonly #isOfAlerts: boolean;
  #made = 0;

  constructor(at: MessageCursor, rules: ObxRules, subject: SubjectInForce, isOfAlerts: boolean) {
    this.#at = at;
    this.#rules = rules;
    this.#telling = isOfAlerts ? OF_ALERTS : tellingOfReadings(rules);
    this.#subject = subject;
    this.#isOfAlerts = isOfAlerts;
  }

  /** The row that is read. `beneath`: of a wave, how many rows say how it was sampled. */
  row(beneath?: number): Again {
    const { message, index, wavePath } = this.#at;
    if (this.#isOfAlerts || (wavePath !== '' && beneath === undefined) || this.#made >= MOST_AGAIN) return {};
    return this.#kept(rowAgain(message, index, this.#rules, beneath), 1 + (beneath ?? 0));
  }

  /** Segments `from` up to `to`. */
  part(from: number, to: number): Again {
    const { message } = this.#at;
    // Before the first patient of a message it is nobody's; by itself it would be anybody's.
    if (this.#subject.isToCome && message.name(from) !== 'PID') return {};
    return this.#made >= MOST_AGAIN ? {} : this.#kept(partAgain(message, from, to, this.#telling), to - from);
  }

  /** The alert that begins with segment `from` and ends here. One that begins below the OBR of another would take its name. */
  alert(from: number): Again {
    const { message, index } = this.#at;
    return message.name(from) === 'OBR' ? this.part(from, Math.min(index, message.segments)) : {};
  }

  #kept(raw: Uint8Array | undefined, last: number): Again {
    if (!raw) return {};
    this.#made += 1;
    return { again: { raw, subject: this.#subject.configured, ...(last > 1 && { last }) } };
  }
}
