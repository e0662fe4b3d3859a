import type { AssignedId } from '../../shared/movement.ts';
import { identifier, MAX_DEVICE_ID, MAX_IDENTIFIER } from '../decoding.ts';
import { unescapeText } from './escapes.ts';
import { componentOf, firstRepetition, type Segment, type Separators, trimmed } from './segment.ts';

/** What a field says about whose reading it is. An identifier that is not clean is unreadable: a mended one could be somebody else's. */
export type Hint<T> = T | 'none' | 'unreadable';

const NULL = '""';

/**
 * PID-3 (CX), or PID-2 where older senders name the patient in it alone: the medical record number (type MR) if there is one, else the
 * first identifier, with its assigning authority.
 */
export function patientOf(pid: Segment): Hint<AssignedId> {
  const chosen = identifiersOf(pid)[0];
  return chosen === undefined ? 'none' : assignedId(chosen, pid.separators);
}

/**
 * Whether a PID is about somebody: by its identifier, readable or not, or by an alternate one (PID-4), a family or given name (PID-5) or
 * an account (PID-18) alone. `patient`: what `patientOf` says of it. Who that is nobody can tell then, and it need not be who the configuration says.
 */
export function namesSomebody(pid: Segment, patient: ReturnType<typeof patientOf> = patientOf(pid)): boolean {
  if (patient !== 'none') return true;
  const { component, subcomponent } = pid.separators;
  const isSaid = (field: number, part: number): boolean =>
    pid.repetitions(field).some((said) => !isBlank(componentOf(componentOf(said, part, component), 1, subcomponent)));
  return isSaid(4, 1) || isSaid(5, 1) || isSaid(5, 2) || isSaid(18, 1);
}

/** The identifiers of a patient (PID-3, else PID-2) as they came, the medical record number first. */
export function identifiersOf(pid: Segment): string[] {
  const { component } = pid.separators;
  const own = valued(pid, 3);
  const ids = own.length > 0 ? own : valued(pid, 2);
  if (ids.length <= 1) return ids;
  const record = ids.findIndex((id) => trimmed(componentOf(id, 5, component)) === 'MR');
  return record > 0 ? [ids[record] ?? '', ...ids.slice(0, record), ...ids.slice(record + 1)] : ids;
}

function valued(pid: Segment, field: number): string[] {
  const { component, repetition } = pid.separators;
  const all = pid.field(field);
  if (repetition === '' || !all.includes(repetition)) return isBlank(componentOf(all, 1, component)) ? [] : [all];
  return pid.repetitions(field).filter((id) => !isBlank(componentOf(id, 1, component)));
}

/** An identifier (CX) with who assigned it. */
export function assignedId(cx: string, separators: Separators): AssignedId | 'none' | 'unreadable' {
  const { component, subcomponent } = separators;
  const number = componentOf(cx, 1, component);
  if (isBlank(number)) return 'none';
  const value = identifier(unescapeText(number, separators), MAX_IDENTIFIER);
  // HD: an object identifier is unique everywhere, a namespace only where it is known.
  const assigner = componentOf(cx, 4, component);
  let named = assigner === '' ? '' : componentOf(assigner, 2, subcomponent);
  if (isBlank(named)) named = componentOf(assigner, 1, subcomponent);
  if (isBlank(named)) named = '';
  const authority = named === '' ? '' : identifier(unescapeText(named, separators), MAX_DEVICE_ID);
  return value === undefined || authority === undefined ? 'unreadable' : { value, authority };
}

/**
 * PV1-3: unit, room and bed joined by `^`, whatever the separator of the message (`ICU^101^A`, `ICU^^BED-1`), because rooms have beds
 * of the same name; the bed alone where the sender names neither unit nor room.
 */
export function bedOf(pv1: Segment, field = 3): Hint<{ text: string }> {
  const place = firstRepetition(pv1.field(field), pv1.separators);
  if (place === '') return 'none';
  const unit = partOf(place, 1, pv1.separators);
  const room = partOf(place, 2, pv1.separators);
  const bed = partOf(place, 3, pv1.separators);
  // A part with the joint in it could be read as another place.
  if (unit.includes('^') || room.includes('^') || bed.includes('^')) return 'unreadable';
  if (unit === '' && room === '') return hint(bed);
  return hint(bed === '' ? (room === '' ? unit : `${unit}^${room}`) : `${unit}^${room}^${bed}`);
}

function partOf(place: string, number: number, separators: Separators): string {
  const text = trimmed(componentOf(place, number, separators.component));
  return text === '' || text === NULL ? '' : unescapeText(text, separators);
}

/** PV1-19, the number of the visit. */
export function visitOf(pv1: Segment): Hint<{ text: string }> {
  return hint(unescapeText(pv1.component(19, 1), pv1.separators));
}

export function hint(field: string): Hint<{ text: string }> {
  if (isBlank(field)) return 'none';
  const text = identifier(field, MAX_IDENTIFIER);
  return text === undefined ? 'unreadable' : { text };
}

function isBlank(field: string): boolean {
  const text = trimmed(field);
  return text === '' || text === NULL;
}
