import type { SubjectHints } from '../../shared/reading.ts';
import type { DecodeContext } from '../decoding.ts';
import type { Hl7Message } from './message.ts';
import type { Segment } from './segment.ts';
import { bedOf, namesSomebody, patientOf, visitOf } from './subject.ts';

const READABLE: readonly number[] = [];

/**
 * Whose the rows of a message are, and where, by the PID and PV1 before them. Patient and bed of the configuration hold for messages that name
 * none themselves.
 */
export class SubjectInForce {
  readonly #context: Pick<DecodeContext, 'patient' | 'bed'>;
  /** Whether patient and bed are named by the message, or may have been: then those of the configuration are not in force. */
  #namesPatient: boolean;
  #namesBed: boolean;
  /** The PID that was looked at for that last, by number of its segment. */
  #named: { index: number; patient: ReturnType<typeof patientOf> } | undefined;
  #hasPatient = false;
  #current: SubjectHints;

  constructor(message: Hl7Message, context: Pick<DecodeContext, 'patient' | 'bed'>) {
    this.#context = context;
    this.#namesPatient = names(message, 'PID', (pid, index) => {
      this.#named = { index, patient: patientOf(pid) };
      return namesSomebody(pid, this.#named.patient);
    });
    this.#namesBed = names(message, 'PV1', (pv1) => bedOf(pv1) !== 'none');
    this.#current = this.#hints(undefined);
  }

  /** The same object as long as it is the same subject. */
  get current(): SubjectHints {
    return this.#current;
  }

  /** True before the patient of a message that names one: what stands there could be anybody's. */
  get isToCome(): boolean {
    return this.#namesPatient && !this.#hasPatient;
  }

  /** What of the configuration is in force. */
  get configured(): Pick<SubjectHints, 'patient' | 'bed'> {
    const { patient, bed } = this.#context;
    return { ...(patient && !this.#namesPatient && { patient }), ...(bed !== undefined && !this.#namesBed && { bed }) };
  }

  /** Somebody may have been named where it cannot be read: the configuration says nothing any more. */
  endConfigured(): void {
    this.#namesPatient = true;
    this.#namesBed = true;
  }

  /** A PID, segment `index`. False where it cannot be read whose the rest is. */
  patient(pid: Segment, index: number): boolean {
    const patient = this.#named?.index === index ? this.#named.patient : patientOf(pid);
    this.#hasPatient = true;
    if (patient === 'unreadable') return false;
    this.#current = this.#hints(patient === 'none' ? undefined : patient);
    return true;
  }

  /** A PV1; its fields that cannot be read, which say nothing then. */
  visit(pv1: Segment): readonly number[] {
    const subject = this.#hints(this.#current.patient);
    const bed = bedOf(pv1);
    const visit = visitOf(pv1);
    let unreadable = READABLE;
    if (bed === 'unreadable') unreadable = [3];
    else if (bed !== 'none') subject.bed = bed.text;
    if (visit === 'unreadable') unreadable = [...unreadable, 19];
    else if (visit !== 'none') subject.visit = visit.text;
    this.#current = subject;
    return unreadable;
  }

  #hints(named: SubjectHints['patient']): SubjectHints {
    const patient = named ?? (this.#namesPatient ? undefined : this.#context.patient);
    const bed = this.#namesBed ? undefined : this.#context.bed;
    const hints: SubjectHints = {};
    if (patient) hints.patient = patient;
    if (bed) hints.bed = bed;
    return hints;
  }
}

/** Whether any segment of this name says whom or where it is about, be it readable or not; up to where another message begins. */
function names(message: Hl7Message, segment: 'PID' | 'PV1', says: (segment: Segment, index: number) => boolean): boolean {
  for (let i = 1; i < message.segments; i += 1) {
    const name = message.name(i);
    if (name === 'MSH') return false;
    if (name === segment && says(message.open(i), i)) return true;
  }
  return false;
}
