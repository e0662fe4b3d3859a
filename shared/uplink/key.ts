import { randomBytes } from 'node:crypto';

/** Names one outbox row for ever: the epoch it was written under, and its number in the file. */
export interface RowKey {
  /** 64 random bits drawn at the start of the agent that wrote the row, as 13 base32 characters. */
  epoch: string;
  seq: number;
}

/** Key of one observation: its row, the agent, and its index in the row. */
export interface ObservationKey extends RowKey {
  /** The agent's overlay identity id. */
  agent: string;
  index: number;
}

const BASE32 = '0123456789abcdefghjkmnpqrstvwxyz';
const EPOCH = /^[0-9a-hjkmnp-tv-z]{13}$/;
const MAX_ID = 64;
/** Leaves room in 64 characters for the epoch, eight digits of `seq` (2.8e12 rows) and four of the index. */
const AGENT = /^[A-Za-z0-9.-]{1,36}$/;

/** A new epoch: 64 random bits as 13 characters of Crockford's base32 in lower case. */
export function newEpoch(): string {
  let bits = randomBytes(8).readBigUInt64BE();
  let text = '';
  for (let i = 0; i < 13; i += 1) {
    text = BASE32.charAt(Number(bits & 31n)) + text;
    bits >>= 5n;
  }
  return text;
}

/** True for 13 characters that `newEpoch` can have made. */
export function isEpoch(text: string): boolean {
  return EPOCH.test(text);
}

/** True for an identity id that may stand in a FHIR id (letters, digits, `-`, `.`; FHIR R4 datatypes, id) and leaves room for a key behind it. */
export function isAgentId(text: string): boolean {
  return AGENT.test(text);
}

/** FHIR id of an observation: `<agent>.<epoch>.<seq, base 36>.<index>`, at most 64 characters (FHIR R4 datatypes, id). */
export function formatObservationId({ agent, epoch, seq, index }: ObservationKey): string {
  return `${agent}.${epoch}.${seq.toString(36)}.${index}`;
}

/** Reads an id of `formatObservationId` from the right, because identity ids contain dots. Undefined for any other id. */
export function parseObservationId(id: string): ObservationKey | undefined {
  if (id.length > MAX_ID) return undefined;
  const parts = id.split('.');
  const index = parts.pop() ?? '';
  const seq = parts.pop() ?? '';
  const epoch = parts.pop() ?? '';
  const agent = parts.join('.');
  if (agent === '' || !EPOCH.test(epoch) || !/^[1-9a-z][0-9a-z]{0,10}$/.test(seq) || !/^(?:0|[1-9]\d{0,3})$/.test(index)) return undefined;
  const number = Number.parseInt(seq, 36);
  if (!Number.isSafeInteger(number)) return undefined;
  return { agent, epoch, seq: number, index: Number(index) };
}
