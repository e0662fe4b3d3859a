import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type LookupFunction, Socket, type TcpSocketConnectOpts } from 'node:net';

/**
 * Other ways from one of our programs, as a machine's routes and its names would make them, while the program and what the network tells it stay as they
 * are: by port of 127.0.0.1 the port that is reached instead, or `unresolved` where the name of the address is not known at the moment.
 */
export type Detours = Readonly<Record<number, number | 'unresolved'>>;

/** Beside the program's configuration; read at every connection. */
function detoursFile(config: string): string {
  return `${config}.detours.json`;
}

/** From now on for the program with this configuration, which may run already. */
export function setDetours(config: string, detours: Detours): void {
  writeFileSync(detoursFile(config), JSON.stringify(detours));
}

/** In the program's own process, before it begins. */
export function followDetours(config: string): void {
  const file = detoursFile(config);
  const { connect } = Socket.prototype;
  Socket.prototype.connect = function detoured(this: Socket, ...args: unknown[]): Socket {
    // `net.connect` hands on a list of its arguments, `tls.connect` its options.
    const [first] = args;
    const options: unknown = Array.isArray(first) ? first[0] : first;
    if (isTcp(options) && existsSync(file)) takeDetour(options, JSON.parse(readFileSync(file, 'utf8')));
    return Reflect.apply(connect, this, args);
  };
}

function isTcp(options: unknown): options is TcpSocketConnectOpts {
  return typeof options === 'object' && options !== null && 'port' in options;
}

function takeDetour(options: TcpSocketConnectOpts, detours: Detours): void {
  const way = detours[options.port];
  if (typeof way === 'number') options.port = way;
  if (way !== 'unresolved') return;
  options.host = 'router.invalid';
  options.lookup = unresolved;
}

/** As getaddrinfo(3) fails with EAI_NONAME. */
const unresolved: LookupFunction = (hostname, _options, done) => {
  const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname });
  process.nextTick(() => done(error, ''));
};
