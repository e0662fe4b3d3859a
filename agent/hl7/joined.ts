import type { Segment } from './segment.ts';

/** Segments whose line end was lost before them would make another's of what follows. */
const NAMING = ['PID', 'PV1', 'MSH'] as const;
const TAILS = { PID: 'ID|', PV1: 'V1|', MSH: 'SH|' } as const;
const [CR, LF] = [13, 10];
/** OBX-2 of numbers. */
const NUMBERS: ReadonlySet<string> = new Set(['NM', 'SN', 'NA', 'MA']);
/** Fields of OBX without words: from the unit to the time of the analysis, but for the observer (OBX-16). */
const OBX_CODES: ReadonlySet<number> = new Set([4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19]);
/** The applications of MSH have names, what comes from here on has none. */
const MSH_CODES_FROM = 9;

/** Whether the name of a segment and its separator stand in a segment, behind its own beginning and anywhere but where a line begins. */
export function mayBeJoined(segment: string, separator: string): boolean {
  // Without its first letter a name is found in a third of the time: M and P are everywhere.
  for (const name of NAMING) {
    const tail = separator === '|' ? TAILS[name] : name.slice(1) + separator;
    for (let at = segment.indexOf(tail, 2); at >= 0; at = segment.indexOf(tail, at + 1)) {
      const before = segment.charCodeAt(at - 2);
      if (before !== CR && before !== LF && segment.charCodeAt(at - 1) === name.charCodeAt(0)) return true;
    }
  }
  return false;
}

/**
 * The name of a segment that has no line end before it, at the end of a field of `segment`, whose own name is `name`. Words end in PID as
 * well (RAPID, LIPID), and it is one itself.
 */
export function joined(name: string, segment: Segment): string | undefined {
  const last = segment.fields;
  for (const wanted of NAMING) {
    for (let n = name === 'MSH' ? 3 : 1; n < last; n += 1) {
      const field = segment.field(n);
      if (!field.endsWith(wanted)) continue;
      if (wanted !== 'PID' || !isWord(name, segment, n)) return wanted;
    }
  }
  return undefined;
}

/** Where words stand, it is a segment only behind a digit, or where an identifier with its parts (CX) stands in the place of PID-3. */
function isWord(name: string, segment: Segment, field: number): boolean {
  const text = segment.field(field);
  if (!mayHoldWords(name, segment, field) || /\d/.test(text.charAt(text.length - 4))) return false;
  return !(/^\d{0,4}$/.test(segment.field(field + 1)) && segment.component(field + 3, 2) + segment.component(field + 3, 4) !== '');
}

function mayHoldWords(name: string, segment: Segment, field: number): boolean {
  if (name === 'MSH') return field < MSH_CODES_FROM;
  if (name !== 'OBX') return true;
  return field === 5 ? !NUMBERS.has(segment.field(2).trim()) : !OBX_CODES.has(field);
}
