import type { Instant } from '../../shared/clock.ts';
import { ERRORS, type ErrorCode } from '../../shared/errors.ts';
import { newEpoch } from '../../shared/uplink/key.ts';
import { mllpBlock } from '../framing/mllp.ts';
import { escapeText } from './escapes.ts';
import { type Segment, type Separators, trimmed } from './segment.ts';
import { formatHl7Time } from './time.ts';

/** `accept`: taken; `error`: not now, send again; `reject`: never, do not send again (HL7 v2.6 table 0008). */
export type AckOutcome = 'accept' | 'error' | 'reject';

/** Something to tell the sender about: what, and where. */
export interface AckError {
  code: ErrorCode;
  /** Segment, which of its name, field. Left out for the message as a whole. */
  location?: { segment: string; sequence: number; field?: number };
}

const DEFAULT_SEPARATORS: Separators = { field: '|', component: '^', repetition: '~', escape: '\\', subcomponent: '&' };
const MAX_ECHO = 256;
const MAX_ERRORS = 10;
const OWN_NAME = 'VITALMESH';
const CONTROL = /[\u0000-\u001f]/;
const CONTROLS = /[\u0000-\u001f]/g;

/** HL7 table 0357, message error condition codes; 207 for everything that is ours. */
const CONDITIONS: Partial<Record<ErrorCode, readonly [code: number, text: string]>> = {
  'HL7-NO-MSH': [100, 'Segment sequence error'],
  'HL7-SEPARATORS': [102, 'Data type error'],
  'HL7-SEGMENT': [100, 'Segment sequence error'],
  'HL7-TYPE': [200, 'Unsupported message type'],
  'HL7-EVENT': [201, 'Unsupported event code'],
  'HL7-VERSION': [203, 'Unsupported version id'],
  'HL7-CHARSET': [103, 'Table value not found'],
  'DECODE-FIELD': [102, 'Data type error'],
  'DECODE-TIME': [102, 'Data type error'],
  'DECODE-UNIT': [103, 'Table value not found'],
  'DECODE-UNKNOWN-CODE': [103, 'Table value not found'],
  'DECODE-DEVICE-UNKNOWN': [204, 'Unknown key identifier'],
};
const APPLICATION_ERROR = [207, 'Application internal error'] as const;

/** Unique for every acknowledgement of every process: 13 random characters, then a number. At most 20 characters (v2.6 MSH-10). */
const origin = newEpoch().toUpperCase();
let acknowledgements = 0;

/**
 * What a sender is told, MLLP-framed. In original mode one AA, AE or AR. In enhanced mode (MSH-15 or MSH-16 valued, v2.6 ch. 2.9.3)
 * the commit acknowledgement CA, CE or CR and the application acknowledgement, each only when the sender asked for it under this
 * outcome: possibly both, possibly nothing. Without a header (no MSH) an AR that echoes nothing.
 */
export function acknowledge(header: Segment | undefined, outcome: AckOutcome, errors: readonly AckError[], at: Instant): Uint8Array {
  const commit = condition(header, 15);
  const application = condition(header, 16);
  const enhanced = commit !== '' || application !== '';
  let blocks = '';
  if (isWanted(commit, outcome)) blocks += mllpBlock(message(header, `C${LETTERS[outcome]}`, errors, at));
  if (!enhanced || isWanted(application, outcome)) blocks += mllpBlock(message(header, `A${LETTERS[outcome]}`, errors, at));
  return Buffer.from(blocks, 'latin1');
}

const LETTERS: Readonly<Record<AckOutcome, string>> = { accept: 'A', error: 'E', reject: 'R' };

/** HL7 table 0155: always, on error, on success, never. */
const ACK_CONDITIONS = new Set(['AL', 'ER', 'SU', 'NE']);

/** What MSH-15 or MSH-16 asks for; anything that is not of the table asks for nothing, and leaves the original mode in force. */
function condition(header: Segment | undefined, field: number): string {
  const text = trimmed(header?.component(field, 1) ?? '');
  return ACK_CONDITIONS.has(text) ? text : '';
}

function isWanted(wanted: string, outcome: AckOutcome): boolean {
  return wanted === 'AL' || wanted === (outcome === 'accept' ? 'SU' : 'ER');
}

function message(header: Segment | undefined, code: string, errors: readonly AckError[], at: Instant): string {
  const echoed = new Echo(header);
  const separators = header?.separators ?? DEFAULT_SEPARATORS;
  const version = echoed.field(12) || '2.6';
  const { field } = separators;
  let text = `${msh(echoed, separators, version, at)}\rMSA${field}${code}${field}${echoed.field(10)}\r`;
  for (const error of errors.slice(0, MAX_ERRORS)) text += `${err(error, code, version, separators).join(field)}\r`;
  return text;
}

function msh(echoed: Echo, separators: Separators, version: string, at: Instant): string {
  const { component, field } = separators;
  const event = echoed.component(9, 2).slice(0, 3);
  const type = event === '' ? 'ACK' : isBefore(version, '2.3.1') ? `ACK${component}${event}` : `ACK${component}${event}${component}ACK`;
  acknowledgements += 1;
  const id = origin + (acknowledgements % 36 ** 7).toString(36).toUpperCase();
  const characters = echoed.field(2) || component + separators.repetition + separators.escape + separators.subcomponent;
  const parties = `${echoed.field(5) || OWN_NAME}${field}${echoed.field(6)}${field}${echoed.field(3)}${field}${echoed.field(4)}`;
  const opening = `MSH${field}${characters}${field}${parties}${field}${formatHl7Time(at)}${field}${field}${type}`;
  const text = `${opening}${field}${id}${field}${echoed.field(11) || 'P'}${field}${version}`;
  const charset = echoed.field(18);
  return charset === '' ? text : text + field.repeat(6) + charset;
}

/** ERR in the form of 2.5 and later, or the one field of before (v2.6 ch. 2.14.5). A refused part of an accepted message is a warning. */
function err({ code, location }: AckError, ackCode: string, version: string, separators: Separators): string[] {
  const { component, subcomponent } = separators;
  const [number, meaning] = CONDITIONS[code] ?? APPLICATION_ERROR;
  const place = location ? [location.segment, String(location.sequence), location.field === undefined ? '' : String(location.field)] : [];
  if (isBefore(version, '2.5')) {
    const [segment = '', sequence = '', field = ''] = place;
    return ['ERR', [segment, sequence, field, [number, meaning, 'HL70357'].join(subcomponent)].join(component)];
  }
  const severity = ackCode.endsWith('A') ? 'W' : 'E';
  const text = escapeText(ERRORS[code].message, separators);
  return [
    'ERR',
    '',
    place.join(component),
    [number, meaning, 'HL70357'].join(component),
    severity,
    [escapeText(code, separators), '', '99VITALMESH'].join(component),
    '',
    '',
    text,
  ];
}

/** What of the sender's header is said again: as it came, without what cannot stand in an MLLP block. */
class Echo {
  readonly #header: Segment | undefined;
  /** Nearly every header: asked of all of it once. */
  readonly #isClean: boolean;

  constructor(header: Segment | undefined) {
    this.#header = header;
    this.#isClean = header === undefined || !CONTROL.test(header.content);
  }

  field(number: number): string {
    const said = this.#header?.field(number) ?? '';
    return this.#printable(said.length > MAX_ECHO ? said.slice(0, MAX_ECHO) : said);
  }

  component(number: number, component: number): string {
    return this.#printable(this.#header?.component(number, component) ?? '');
  }

  #printable(text: string): string {
    return this.#isClean ? text : text.replace(CONTROLS, '');
  }
}

function isBefore(version: string, other: string): boolean {
  return ordinal(version) < ordinal(other);
}

/** Senders of one network have one or two versions; whatever else is sent as one is not kept. */
const ordinals = new Map<string, number>();
const MAX_ORDINALS = 32;

function ordinal(version: string): number {
  const known = ordinals.get(version);
  if (known !== undefined) return known;
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const found = major * 10_000 + minor * 100 + patch;
  // A copy of the text: a piece of a message would keep the whole message in memory.
  if (ordinals.size < MAX_ORDINALS) ordinals.set(Buffer.from(version).toString(), found);
  return found;
}
