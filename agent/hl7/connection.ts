import type { SubjectHints } from '../../shared/reading.ts';
import type { DecodeContext } from '../decoding.ts';
import type { Hl7Message } from './message.ts';
import { isNamingRow } from './pds-subject.ts';

/** Segments of messages that say nothing about whose they are. */
const NAMELESS = new Set(['OBX', 'OBR', 'NTE', 'MSA', 'ERR']);

/**
 * Whose the messages of one connection are, for senders that say so in a message of its own (Mindray PDS). It begins and ends with the
 * connection, because behind the next one there may be another patient.
 */
export class Connection {
  #said: Pick<SubjectHints, 'patient' | 'bed'> | 'nothing' | 'lost' = 'nothing';

  /** From here on everything is of this patient, in this bed; of nobody known where neither is named. */
  say(subject: Pick<SubjectHints, 'patient' | 'bed'>): void {
    this.#said = subject;
  }

  /** Something came that could not be read and may have said that it is another patient now. */
  lose(): void {
    this.#said = 'lost';
  }

  /**
   * The context of a message that names nobody itself; undefined when nothing says any more whose it is. The patient of the configuration
   * is not in force, not even before the sender has said anything: it watches who it says; its bed is until the sender names one.
   */
  contextOf({ patient: _, ...configured }: DecodeContext): DecodeContext | undefined {
    if (this.#said === 'lost') return undefined;
    return this.#said === 'nothing' ? configured : { ...configured, ...this.#said };
  }
}

/**
 * Whether a message holds anything that says whose it is, a row that does included, or a segment that was damaged and may have been one that
 * does.
 */
export function mayNameSubject(message: Hl7Message): boolean {
  if (message.hidden(0) !== undefined) return true;
  for (let i = 1; i < message.segments; i += 1) {
    const name = message.name(i);
    if (!NAMELESS.has(name) || message.hidden(i) !== undefined || (name === 'OBX' && isNamingRow(message.open(i)))) return true;
  }
  return false;
}
