import { type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';

/** Codes of the server (PostgreSQL documentation, appendix A) by what an operator can do about them; the longest prefix that fits counts. */
const CODES: readonly (readonly [prefix: string, code: ErrorCode])[] = [
  ['08', 'STORAGE-REMOTE'],
  // Shut down, crashed, starting up, or the session ended by the server's own limits.
  ['57P', 'STORAGE-REMOTE'],
  ['25P03', 'STORAGE-REMOTE'],
  // A standby takes no writes.
  ['25006', 'STORAGE-REMOTE'],
  ['53', 'STORAGE-REMOTE'],
  ['53100', 'STORAGE-FULL'],
  ['28', 'STORAGE-REMOTE-REFUSED'],
  ['3D000', 'STORAGE-REMOTE-REFUSED'],
  ['42501', 'STORAGE-REMOTE-REFUSED'],
  ['40', 'STORAGE-BUSY'],
  ['55P03', 'STORAGE-BUSY'],
  ['57014', 'STORAGE-BUSY'],
  ['58', 'STORAGE-IO'],
  ['XX001', 'STORAGE-DAMAGED'],
  ['XX002', 'STORAGE-DAMAGED'],
];

/** What a DatabaseError of `pg` says beside its text. */
interface ServerError extends Error {
  code?: string;
  severity?: string;
  constraint?: string;
}

/** As Node's net, tls and dns name what went wrong with a connection; `pg` itself gives its own errors no code at all. */
const IS_SYSTEM_CODE = /^E[A-Z_]+$/;
const OF_THE_CLIENT =
  /^(?:Connection terminated|Client (?:has encountered|was closed|network socket)|timeout e|timeout exceeded|Query read timeout)/i;
const OF_TLS = /^(?:ERR_(?:TLS|SSL)_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/**
 * Any error of `pg` as a coded one. Its text, detail and position are left behind, because they quote rows: what remains is the server's
 * code and the name of the constraint. A VitalmeshError passes unchanged; anything else is INTERNAL.
 */
export function databaseError(thrown: unknown): VitalmeshError {
  if (thrown instanceof VitalmeshError) return thrown;
  if (!(thrown instanceof Error)) return new VitalmeshError('INTERNAL', { detail: 'no error was thrown' });
  const { code = '', severity, constraint, message } = thrown as ServerError;
  // PgBouncer knows but a few settings of a session, and PostgreSQL all that are asked for.
  if (code === '08P01' && /unsupported startup parameter/i.test(message)) return new VitalmeshError('STORAGE-REMOTE-POOLED');
  if (severity !== undefined && /^[0-9A-Z]{5}$/.test(code)) {
    const known = CODES.filter(([prefix]) => code.startsWith(prefix)).sort(([a], [b]) => b.length - a.length)[0]?.[1];
    return new VitalmeshError(known ?? 'INTERNAL', { detail: `SQLSTATE ${code}${constraint === undefined ? '' : ` ${constraint}`}` });
  }
  if (OF_TLS.test(code)) return new VitalmeshError('STORAGE-REMOTE', { detail: `TLS: ${code}` });
  if (IS_SYSTEM_CODE.test(code)) return new VitalmeshError('STORAGE-REMOTE', { detail: code });
  if (/does not support SSL/.test(message)) return new VitalmeshError('STORAGE-REMOTE', { detail: 'the server offers no TLS' });
  if (OF_THE_CLIENT.test(message)) return new VitalmeshError('STORAGE-REMOTE', { detail: 'the connection ended' });
  if (/SASL|password/.test(message)) return new VitalmeshError('STORAGE-REMOTE-REFUSED', { detail: 'the password' });
  return new VitalmeshError('INTERNAL', { detail: thrown.name });
}
