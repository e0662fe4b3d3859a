import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { VitalmeshError } from '../../../shared/errors.ts';

/** Where a database is and who connects to it; never to be logged or shown, for it holds a password. */
export interface DatabaseAddress {
  /** Host name, address, or the folder of a Unix socket. */
  host: string;
  port: number;
  user: string;
  database: string;
  password?: string;
  /** The server must prove its name by a certificate, of this authority (PEM file) or one that Node trusts. Undefined: no TLS. */
  tls?: { caFile?: string };
}

/** The address in a file of mode 0600. Throws STORAGE-URL. */
export function readAddressFile(path: string): DatabaseAddress {
  let text: string;
  try {
    text = readOwnersFile(path);
  } catch (cause) {
    if (cause instanceof VitalmeshError) throw cause;
    throw refused(path, (cause as NodeJS.ErrnoException).code ?? 'unreadable');
  }
  return parseAddress(text.trim(), path);
}

function readOwnersFile(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const { mode } = fstatSync(fd);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) throw refused(path, `has mode 0${(mode & 0o777).toString(8)}`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

const PARAMETERS: ReadonlySet<string> = new Set(['host', 'user', 'sslmode', 'sslrootcert']);

/**
 * Reads `postgres://ROLE:PASSWORD@HOST:PORT/DATABASE`. A Unix socket is its folder as host, percent-encoded or as `?host=/folder&user=ROLE`.
 * `sslrootcert` names the authority of the server's certificate; of `sslmode` only `verify-full` is known, for weaker ones take any
 * server for the right one, and `disable` where no network lies between. Throws STORAGE-URL, which never repeats the text.
 */
export function parseAddress(text: string, name: string): DatabaseAddress {
  if (!URL.canParse(text)) throw refused(name, 'no URL');
  const { protocol, hostname, port, username, password, pathname, searchParams } = new URL(text);
  if (protocol !== 'postgres:' && protocol !== 'postgresql:') throw refused(name, 'no URL of PostgreSQL');
  if ([...searchParams.keys()].some((key) => !PARAMETERS.has(key)))
    throw refused(name, `parameters other than ${[...PARAMETERS].join(', ')}`);
  const host = searchParams.get('host') ?? decoded(hostname, name).replace(/^\[(.*)\]$/, '$1');
  const user = searchParams.get('user') ?? decoded(username, name);
  const database = decoded(pathname.slice(1), name);
  if (host === '' || user === '' || database === '') throw refused(name, 'host, role or database is missing');
  if (host.includes(',')) throw refused(name, 'several hosts: it names the one address that leads to the primary');
  const tls = tlsOf(host, searchParams, name);
  return {
    ...{ host, user, database, port: port === '' ? 5432 : Number(port) },
    ...(password !== '' && { password: decoded(password, name) }),
    ...(tls && { tls }),
  };
}

function tlsOf(host: string, parameters: URLSearchParams, name: string): DatabaseAddress['tls'] {
  const caFile = parameters.get('sslrootcert');
  const mode = parameters.get('sslmode');
  const isNear = isOnThisMachine(host);
  if (mode !== null && mode !== 'verify-full' && !(mode === 'disable' && isNear))
    throw refused(name, isNear ? 'sslmode is verify-full or disable' : 'sslmode is verify-full, for the server is on another machine');
  if (host.startsWith('/') || mode === 'disable' || (isNear && mode === null && caFile === null)) return undefined;
  return { ...(caFile !== null && { caFile }) };
}

/** A Unix socket, or an address that never leaves this machine. */
function isOnThisMachine(host: string): boolean {
  if (host.startsWith('/') || host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

function decoded(text: string, name: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused(name, 'a % without two hexadecimal digits');
  }
}

function refused(path: string, why: string): VitalmeshError {
  return new VitalmeshError('STORAGE-URL', { detail: `${path}: ${why}` });
}
