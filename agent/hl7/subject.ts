import { identifier, MAX_DEVICE_ID, MAX_IDENTIFIER } from '../decoding.ts';
import { unescapeText } from './escapes.ts';
import { componentOf, firstRepetition, type Segment } from './segment.ts';

/** What a field says about whose reading it is. An identifier that is not clean is unreadable: a mended one could be somebody else's. */
export type Hint<T> = T | 'none' | 'unreadable';

const NULL = '""';

/**
 * PID-3 (CX), or PID-2 where older senders name the patient in it alone: the medical record number (type MR) if there is one, else the
 * first identifier, with its assigning authority.
 */
export function patientOf(pid: Segment): Hint<{ value: string; authority: string }> {
  const { component, subcomponent } = pid.separators;
  const valued = (field: number): string[] => pid.repetitions(field).filter((id) => !isBlank(componentOf(id, 1, component)));
  const own = valued(3);
  const ids = own.length > 0 ? own : valued(2);
  const chosen = ids.find((id) => componentOf(id, 5, component).trim() === 'MR') ?? ids[0];
  if (chosen === undefined) return 'none';
  const value = identifier(unescapeText(componentOf(chosen, 1, component), pid.separators), MAX_IDENTIFIER);
  // HD: an object identifier is unique everywhere, a namespace only where it is known.
  const assigner = componentOf(chosen, 4, component);
  const named = [2, 1].map((n) => componentOf(assigner, n, subcomponent)).find((text) => !isBlank(text)) ?? '';
  const authority = named === '' ? '' : identifier(unescapeText(named, pid.separators), MAX_DEVICE_ID);
  return value === undefined || authority === undefined ? 'unreadable' : { value, authority };
}

/**
 * PV1-3: unit, room and bed joined by `^`, whatever the separator of the message (`ICU^101^A`, `ICU^^BED-1`), because rooms have beds
 * of the same name; the bed alone where the sender names neither unit nor room.
 */
export function bedOf(pv1: Segment): Hint<{ text: string }> {
  const place = firstRepetition(pv1.field(3), pv1.separators);
  const parts = [1, 2, 3].map((n) => componentOf(place, n, pv1.separators.component).trim()).map((part) => (part === NULL ? '' : part));
  const [unit = '', room = '', bed = ''] = parts.map((part) => unescapeText(part, pv1.separators));
  // A part with the joint in it could be read as another place.
  if ([unit, room, bed].some((part) => part.includes('^'))) return 'unreadable';
  return hint(unit === '' && room === '' ? bed : [unit, room, bed].join('^').replace(/\^+$/, ''));
}

/** PV1-19, the number of the visit. */
export function visitOf(pv1: Segment): Hint<{ text: string }> {
  return hint(unescapeText(pv1.component(19, 1), pv1.separators));
}

function hint(field: string): Hint<{ text: string }> {
  if (isBlank(field)) return 'none';
  const text = identifier(field, MAX_IDENTIFIER);
  return text === undefined ? 'unreadable' : { text };
}

function isBlank(field: string): boolean {
  const text = field.trim();
  return text === '' || text === NULL;
}
