import { type ErrorCode, isErrorCode, VitalmeshError } from '../../shared/errors.ts';
import { cleanText } from '../decoding.ts';

// What the operator's commands of the outbox take; whatever else is given is USAGE.

/** Largest numbers of one call. */
export const OUTBOX_LIMITS = { list: 1_000_000, ids: 1000, reason: 200 } as const;
export const DEFAULT_LIST = 100;

/** Which entries are meant. */
export interface Filter {
  what: 'quarantine' | 'pending';
  source: string | undefined;
  code: ErrorCode | undefined;
}

/** An id as `list` shows it. */
export interface EntryId {
  what: 'quarantine' | 'pending';
  number: number;
}

export function usage(detail: string): VitalmeshError {
  return new VitalmeshError('USAGE', { detail });
}

/** Refuses arguments that the command does not know: a filter that is not applied would widen what is done. */
export function only(args: Record<string, unknown>, known: readonly string[]): void {
  if (Object.keys(args).some((name) => !known.includes(name))) throw usage(`arguments are ${known.join(', ') || 'none'}`);
}

export function filterOf({ what = 'quarantine', source, code }: Record<string, unknown>): Filter {
  if (what !== 'quarantine' && what !== 'pending') throw usage('what is quarantine or pending');
  if (source !== undefined && (typeof source !== 'string' || source === '')) throw usage('--source is a name');
  if (code !== undefined && what === 'pending') throw usage('rows that wait have no --code');
  return { what, source, code: code === undefined ? undefined : codeOf(code) };
}

export function codeOf(code: unknown): ErrorCode {
  if (typeof code === 'string' && isErrorCode(code)) return code;
  throw usage('--code is a code such as INGEST-NOT-BOUND');
}

export function limitOf(limit: unknown = DEFAULT_LIST): number {
  if (typeof limit === 'number' && Number.isInteger(limit) && limit >= 1 && limit <= OUTBOX_LIMITS.list) return limit;
  throw usage(`--limit is a whole number from 1 to ${OUTBOX_LIMITS.list}`);
}

export function flagOf(flag: unknown = false): boolean {
  if (typeof flag === 'boolean') return flag;
  throw usage('withIdentifiers is true or false');
}

export function idOf(id: unknown): EntryId {
  const [, kind, digits] = typeof id === 'string' ? (/^([qr])([1-9]\d{0,14})$/.exec(id) ?? []) : [];
  if (kind === undefined) throw usage('an id is q and a number (quarantine), or r and a number (a row that waits), as list shows it');
  return { what: kind === 'q' ? 'quarantine' : 'pending', number: Number(digits) };
}

/** Rows that wait are replayed by nobody and never dropped: the hub is to have them. */
export function quarantineIds(ids: unknown): number[] {
  if (!Array.isArray(ids) || ids.length === 0 || ids.length > OUTBOX_LIMITS.ids) throw usage(`give 1 to ${OUTBOX_LIMITS.ids} ids`);
  const parsed = ids.map(idOf);
  if (parsed.some(({ what }) => what !== 'quarantine'))
    throw usage('only entries of quarantine (q…); rows that wait are sent by themselves');
  return [...new Set(parsed.map(({ number }) => number))];
}

export function storeIdOf(value: unknown): string {
  if (typeof value !== 'string' || !/^[0-9a-f]{32}$/.test(value))
    throw usage('STORE_ID is 32 hexadecimal digits, as `vitalmesh-hub status` shows it');
  return value;
}

export function reasonOf(reason: unknown): string {
  const clean = typeof reason === 'string' ? cleanText(reason, OUTBOX_LIMITS.reason) : undefined;
  if (clean === undefined) throw usage('--reason TEXT is missing; it stands in the log, so name no patient');
  return clean;
}
