import { identifier, MAX_DEVICE_ID, MAX_IDENTIFIER } from '../decoding.ts';
import { unescapeText } from './escapes.ts';
import { componentOf, firstRepetition, type Segment } from './segment.ts';

/** What a field says about whose reading it is. An identifier that is not clean is unreadable: a mended one could be somebody else's. */
export type Hint<T> = T | 'none' | 'unreadable';

const NULL = '""';

/** PID-3 (CX): the medical record number (type MR) if there is one, else the first identifier, with its assigning authority. */
export function patientOf(pid: Segment): Hint<{ value: string; authority: string }> {
  const { component, subcomponent } = pid.separators;
  const ids = pid.repetitions(3).filter((id) => componentOf(id, 1, component).trim() !== '');
  const chosen = ids.find((id) => componentOf(id, 5, component) === 'MR') ?? ids[0];
  if (chosen === undefined || chosen === NULL) return 'none';
  const value = identifier(unescapeText(componentOf(chosen, 1, component), pid.separators), MAX_IDENTIFIER);
  // HD: an object identifier is unique everywhere, a namespace only where it is known.
  const assigner = componentOf(chosen, 4, component);
  const named = unescapeText(componentOf(assigner, 2, subcomponent) || componentOf(assigner, 1, subcomponent), pid.separators);
  const authority = named.trim() === '' || named === NULL ? '' : identifier(named, MAX_DEVICE_ID);
  return value === undefined || authority === undefined ? 'unreadable' : { value, authority };
}

/** PV1-3: the bed (third component) where given, else unit, room and bed joined by `^`, whatever the separator of the message. */
export function bedOf(pv1: Segment): Hint<{ text: string }> {
  const place = firstRepetition(pv1.field(3), pv1.separators);
  const [unit = '', room = '', bed = ''] = [1, 2, 3].map((n) => componentOf(place, n, pv1.separators.component));
  return hint(bed === '' || bed === NULL ? [unit, room].join('^').replace(/\^$/, '') : bed, pv1);
}

/** PV1-19, the number of the visit. */
export function visitOf(pv1: Segment): Hint<{ text: string }> {
  return hint(pv1.component(19, 1), pv1);
}

function hint(field: string, { separators }: Segment): Hint<{ text: string }> {
  if (field === '' || field === NULL) return 'none';
  const text = identifier(unescapeText(field, separators), MAX_IDENTIFIER);
  return text === undefined ? 'unreadable' : { text };
}
