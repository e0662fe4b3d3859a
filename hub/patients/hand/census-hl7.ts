import { type Instant, parseInstant, zonedInstant } from '../../../shared/clock.ts';
import { type CensusFault, type CensusFile, type CensusRow, type FaultyLine, faultIn, isClaim } from './census.ts';

/** Bytes that frame a message where a capture kept them (MLLP). */
const FRAMING = /[\u000b\u001c]/gu;
const NULL = '""';
/** In the place of an authority that cannot be read. */
const UNREADABLE = '\u0000';

/** Whether a file holds HL7 v2 messages rather than CSV. */
export function isHl7(text: string): boolean {
  return /^[\uFEFF\u000b\s]*MSH[^A-Za-z0-9\s]/u.test(text);
}

/**
 * A census as HL7 v2 messages of ADT^A01, one after the other. Numbers, authorities and beds are read as the agent reads them in movements (`agent/hl7/adt.ts`, which
 * cannot be imported here; a test holds both against each other): else one person would be two. `zone`: IANA, of times without offset. Pure.
 */
export function parseCensusHl7(text: string, zone: string): CensusFile {
  const rows: CensusRow[] = [];
  const faults: FaultyLine[] = [];
  const claims: CensusRow[] = [];
  for (const { line, segments } of messagesOf(text.replace(/^\uFEFF/u, '').replaceAll(FRAMING, ''))) {
    const { row, fault } = readMessage(segments, zone);
    if (fault !== undefined) faults.push({ line, fault });
    if (row) (fault === undefined ? rows : claims).push({ line, ...row });
  }
  return { rows, faults, claims: claims.filter(isClaim) };
}

/** What one message says, and the first thing that is wrong with it. */
interface ReadMessage {
  row?: Omit<CensusRow, 'line'>;
  fault?: CensusFault | undefined;
}

interface Lines {
  line: number;
  segments: string[];
}

/** Segments end with a carriage return, in files that somebody edited with a line feed, or with both. */
function messagesOf(text: string): Lines[] {
  const messages: Lines[] = [];
  for (const [i, segment] of text.split(/\r\n|\r|\n/u).entries()) {
    if (segment.startsWith('MSH')) messages.push({ line: i + 1, segments: [segment] });
    else if (segment.trim() !== '') {
      const last = messages.at(-1);
      if (last) last.segments.push(segment);
      else messages.push({ line: i + 1, segments: [segment] });
    }
  }
  return messages;
}

function readMessage(segments: readonly string[], zone: string): ReadMessage {
  const [header = ''] = segments;
  const field = header.charAt(3);
  const [component = '', repetition = '', mark = '', subcomponent = ''] = header.slice(4, header.indexOf(field, 4));
  const marks = { field, component, repetition, mark, subcomponent };
  if (field === '' || component === '' || !header.startsWith('MSH')) return { fault: 'message' };
  const parts = (name: string): string[] | 'twice' => {
    const found = segments.filter((segment) => segment.startsWith(`${name}${field}`));
    return found.length > 1 ? 'twice' : (found[0]?.split(field) ?? []);
  };
  const [pid, pv1, evn] = [parts('PID'), parts('PV1'), parts('EVN')];
  // Of two patients in one message nobody could tell whose the bed is.
  if (pid === 'twice' || pv1 === 'twice' || evn === 'twice') return { fault: 'message' };
  // MSH-1 is the separator itself, so MSH-n is one before the n-th of the split.
  const msh = header.split(field);
  const [type, event] = (msh[8] ?? '').split(component);
  if (type?.trim() !== 'ADT' || (event?.trim() || evn[1]?.trim()) !== 'A01') return { fault: 'event' };
  if ((msh[10] ?? '').split(component)[0]?.trim().toUpperCase() !== 'P') return { fault: 'test' };
  return admission({ pid, pv1, times: [evn[6], evn[2], msh[6]] }, marks, zone);
}

interface Marks {
  field: string;
  component: string;
  repetition: string;
  /** Of escape sequences. */
  mark: string;
  subcomponent: string;
}

function admission(
  { pid, pv1, times }: { pid: readonly string[]; pv1: readonly string[]; times: readonly (string | undefined)[] },
  marks: Marks,
  zone: string,
): ReadMessage {
  const cx = recordOf(pid, marks);
  const value = cx && unescaped(componentOf(cx, 1, marks.component), marks);
  if (cx === undefined || value === undefined) return { fault: 'number' };
  const assigner = componentOf(cx, 4, marks.component);
  const named = [componentOf(assigner, 2, marks.subcomponent), componentOf(assigner, 1, marks.subcomponent)].find((one) => !isBlank(one));
  const authority = named === undefined ? '' : unescaped(named, marks);
  const bed = bedOf(firstOf(pv1[3] ?? '', marks.repetition), marks);
  if (bed === undefined) return { fault: 'bed' };
  // Whose the number is cannot be read, so that nobody else can be in the bed.
  if (authority === undefined) return { row: { bed, authority: UNREADABLE, value }, fault: 'authority' };
  const said = componentOf(firstOf(pv1[19] ?? '', marks.repetition), 1, marks.component);
  const visit = isBlank(said) ? undefined : said.trim();
  const stated = times.map((time) => componentOf(time ?? '', 1, marks.component)).find((time) => !isBlank(time));
  const since = stated === undefined ? undefined : instantOf(stated.trim(), zone);
  const row = { bed, authority, value, ...(visit !== undefined && { visit }), ...(since !== undefined && { since }) };
  return { row, fault: (since === undefined ? 'since' : undefined) ?? faultIn(row) };
}

/** PID-3, or PID-2 where older senders name the patient in it alone: the record number (type MR) if there is one, else the first. */
function recordOf(pid: readonly string[], { component, repetition }: Marks): string | undefined {
  const valued = (all = ''): string[] =>
    (repetition === '' ? [all] : all.split(repetition)).filter((one) => !isBlank(componentOf(one, 1, component)));
  const own = valued(pid[3]);
  const ids = own.length > 0 ? own : valued(pid[2]);
  return ids.find((one) => componentOf(one, 5, component).trim() === 'MR') ?? ids[0];
}

/** Unit, room and bed joined by `^`; the bed alone where the sender names neither. Undefined for none, or for one that could be read as another. */
function bedOf(place: string, marks: Marks): string | undefined {
  const [unit, room, bed] = [1, 2, 3].map((number) => {
    const part = componentOf(place, number, marks.component);
    return isBlank(part) ? '' : unescaped(part, marks);
  });
  if (unit === undefined || room === undefined || bed === undefined || [unit, room, bed].some((part) => part.includes('^')))
    return undefined;
  if (unit === '' && room === '') return bed === '' ? undefined : bed;
  if (bed !== '') return `${unit}^${room}^${bed}`;
  return room === '' ? unit : `${unit}^${room}`;
}

/** A separator that is escaped is read; any other escape sequence makes it unreadable, because a number that was mended could be somebody else's. */
function unescaped(text: string, { mark, field, component, subcomponent, repetition }: Marks): string | undefined {
  const meant: Readonly<Record<string, string>> = { F: field, S: component, T: subcomponent, R: repetition, E: mark };
  const pieces = mark === '' ? [text] : text.split(mark);
  if (pieces.length % 2 === 0) return undefined;
  const read = pieces.map((piece, i) => (i % 2 === 0 ? piece : meant[piece]));
  return read.includes(undefined) ? undefined : read.join('').trim();
}

/** DTM (v2.6 ch. 2A.21) to the minute at least; without an offset local time of `zone`. */
function instantOf(text: string, zone: string): Instant | undefined {
  const [, y = '', mo = '', d = '', h = '', mi = '', s = '00', fraction = '', offset] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:\.(\d{1,4}))?)?([+-]\d{4})?$/.exec(text) ?? [];
  const millisecond = Number(fraction.padEnd(3, '0').slice(0, 3));
  if (offset !== undefined)
    return parseInstant(`${y}-${mo}-${d}T${h}:${mi}:${s}.${String(millisecond).padStart(3, '0')}${offset.slice(0, 3)}:${offset.slice(3)}`)
      ?.at;
  const [year, month, day, hour, minute, second] = [Number(y), Number(mo), Number(d), Number(h), Number(mi), Number(s)];
  if (y === '' || month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  return zonedInstant({ year, month, day, hour, minute, second, millisecond }, zone)?.at;
}

function firstOf(field: string, repetition: string): string {
  return repetition === '' ? field : (field.split(repetition)[0] ?? '');
}

function componentOf(text: string, number: number, separator: string): string {
  if (separator === '') return number === 1 ? text : '';
  return text.split(separator)[number - 1] ?? '';
}

function isBlank(text: string): boolean {
  const trimmed = text.trim();
  return trimmed === '' || trimmed === NULL;
}
