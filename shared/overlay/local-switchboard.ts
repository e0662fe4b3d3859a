import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { asVitalmeshError, VitalmeshError } from '../errors.ts';
import { readLines } from './lines.ts';
import { CLIENT_MESSAGE, type ClientMessage, failureOf, LOCAL_LIMITS, parseLine, type SwitchMessage, writeLine } from './local-wire.ts';
import { demandPermission, permittedServices, type ServicePolicy } from './policy.ts';

export interface SwitchboardOptions {
  policy: ServicePolicy;
  names: ((identityId: string) => string | undefined) | undefined;
  /** For a host to answer a dial. */
  hostAnswerMs: number;
}

/** A client with its standing connection. */
interface Client {
  socket: Socket;
  identityId: string;
  /** The services it hosts, by binding number. */
  bindings: Map<number, Terminator>;
}

interface Terminator {
  client: Client;
  service: string;
  binding: number;
}

/** A dial that waits for its host; called once, with the host's connection or the reason why there is none. */
interface Circuit {
  host: Client;
  settle: (host: Socket | VitalmeshError) => void;
}

/** A client that does not read what it is told is cut off before it costs more than this. */
const MAX_UNREAD_BYTES = 1024 * 1024;
const MAX_BINDINGS = 256;
const CIRCUIT_BYTES = 16;

/** Who hosts what, and the joining of a dialer's connection with the one that a host opened for it. All callers are authenticated. */
export class Switchboard {
  readonly #options: SwitchboardOptions;
  /** By service; the first one is the next to be dialled. */
  readonly #terminators = new Map<string, Terminator[]>();
  /** By token, which the switch tells the host alone. */
  readonly #circuits = new Map<string, Circuit>();

  constructor(options: SwitchboardOptions) {
    this.#options = options;
  }

  /** Serves a standing connection until it ends. Throws OVERLAY-PROTOCOL when the client breaks the protocol. */
  async attend(socket: Socket, identityId: string): Promise<void> {
    const client: Client = { socket, identityId, bindings: new Map() };
    try {
      writeLine(socket, { ok: true });
      for await (const line of readLines(socket, LOCAL_LIMITS.controlLineBytes)) this.#handle(client, parseLine(CLIENT_MESSAGE, line));
      socket.destroy();
    } finally {
      for (const binding of [...client.bindings.keys()]) this.#unbind(client, binding);
      for (const circuit of [...this.#circuits.values()]) {
        if (circuit.host === client) circuit.settle(new VitalmeshError('OVERLAY-NO-TERMINATOR', { detail: 'the host went away' }));
      }
    }
  }

  /** Joins the dialer with a host of the service. Throws OVERLAY-NO-SERVICE, -DENIED, -NO-TERMINATOR, -TIMEOUT. */
  async dial(dialer: Socket, identityId: string, service: string): Promise<void> {
    demandPermission(this.#options.policy, identityId, 'Dial', service);
    const terminator = this.#nextTerminator(service);
    const host = await this.#circuit(dialer, terminator, identityId);
    writeLine(host, { ok: true });
    writeLine(dialer, { ok: true });
    join(dialer, host);
  }

  /** A host's connection for a dial. Throws OVERLAY-CLOSED when nobody waits for it any more. */
  accept(socket: Socket, token: string): void {
    const circuit = this.#circuits.get(token);
    if (!circuit) throw new VitalmeshError('OVERLAY-CLOSED', { detail: 'the dialer is gone' });
    circuit.settle(socket);
  }

  #handle(client: Client, message: ClientMessage): void {
    if (message.op === 'refuse') {
      const circuit = this.#circuits.get(message.circuit);
      if (circuit?.host === client) circuit.settle(new VitalmeshError('OVERLAY-NO-TERMINATOR', { detail: 'the host refused' }));
      return;
    }
    try {
      this.#tell(client, { re: message.id, ok: true, ...this.#execute(client, message) });
    } catch (thrown) {
      this.#tell(client, { re: message.id, ...failureOf(asVitalmeshError(thrown)) });
    }
  }

  #execute(client: Client, message: Exclude<ClientMessage, { op: 'refuse' }>): { services?: ReturnType<typeof permittedServices> } {
    if (message.op === 'services')
      return { services: permittedServices(this.#options.policy, client.identityId, this.#terminators.keys()) };
    if (message.op === 'unbind') this.#unbind(client, message.binding);
    else this.#bind(client, message.id, message.service);
    return {};
  }

  #bind(client: Client, binding: number, service: string): void {
    demandPermission(this.#options.policy, client.identityId, 'Bind', service);
    if (client.bindings.has(binding) || client.bindings.size >= MAX_BINDINGS) {
      throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'binding number used twice, or too many bindings' });
    }
    const terminator: Terminator = { client, service, binding };
    client.bindings.set(binding, terminator);
    this.#terminators.set(service, [...(this.#terminators.get(service) ?? []), terminator]);
  }

  #unbind(client: Client, binding: number): void {
    const terminator = client.bindings.get(binding);
    if (!terminator) return;
    client.bindings.delete(binding);
    const rest = (this.#terminators.get(terminator.service) ?? []).filter((other) => other !== terminator);
    if (rest.length > 0) this.#terminators.set(terminator.service, rest);
    else this.#terminators.delete(terminator.service);
  }

  /** Hosts of one service take turns. */
  #nextTerminator(service: string): Terminator {
    const terminators = this.#terminators.get(service);
    const next = terminators?.shift();
    if (!next) throw new VitalmeshError('OVERLAY-NO-TERMINATOR');
    terminators?.push(next);
    return next;
  }

  /** Tells the host of the dial and waits for its connection. */
  #circuit(dialer: Socket, { client, binding }: Terminator, identityId: string): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const token = randomBytes(CIRCUIT_BYTES).toString('hex');
      const settle = (host: Socket | VitalmeshError): void => {
        clearTimeout(timer);
        dialer.off('close', onDialerGone);
        this.#circuits.delete(token);
        if (host instanceof VitalmeshError) reject(host);
        else resolve(host);
      };
      const onDialerGone = (): void => settle(new VitalmeshError('OVERLAY-CLOSED', { detail: 'the dialer went away' }));
      const onSilence = (): void => settle(new VitalmeshError('OVERLAY-TIMEOUT', { detail: 'the host did not answer' }));
      const timer = setTimeout(onSilence, this.#options.hostAnswerMs);
      dialer.once('close', onDialerGone);
      this.#circuits.set(token, { host: client, settle });
      const name = this.#options.names?.(identityId);
      this.#tell(client, { op: 'dial', binding, circuit: token, caller: { identityId, ...(name !== undefined && { name }) } });
    });
  }

  #tell(client: Client, message: SwitchMessage): void {
    writeLine(client.socket, message);
    if (client.socket.writableLength > MAX_UNREAD_BYTES) client.socket.destroy();
  }
}

/** Passes bytes both ways with back-pressure. When one side is cut off, so is the other. */
function join(a: Socket, b: Socket): void {
  pass(a, b);
  pass(b, a);
}

function pass(from: Socket, to: Socket): void {
  from.pipe(to);
  // Behind an end, what was read is still on its way to `to` and must arrive.
  const onClose = (): void => {
    if (!from.readableEnded || from.errored) to.destroy();
  };
  from.once('close', onClose);
  if (from.destroyed) onClose();
}
