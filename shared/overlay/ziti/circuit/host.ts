import type { Duplex } from 'node:stream';
import { VitalmeshError } from '../../../errors.ts';
import { onAbort } from '../../limit.ts';
import type { Caller } from '../../overlay.ts';
import type { FrameSink } from '../channel/contract.ts';
import { routerText } from '../channel/router-text.ts';
import type { KeyPair, SessionKeys } from '../crypto/contract.ts';
import { newKeyPair, serverKeys } from '../crypto/kx.ts';
import type { OutgoingFrame } from '../wire/encode.ts';
import { type Frame, text, u32 } from '../wire/frame.ts';
import { CONN_TYPE, CONTENT, FIRST_ROUTER_CONN_ID, HEADER } from '../wire/ids.ts';
import { Circuit } from './circuit.ts';
import type { CircuitLimits, Hosting, HostRequest, HostService } from './contract.ts';
import { closeFrame, inspectAnswer, keyHeaders } from './frames.ts';
import { circuitLimits } from './limits.ts';
import { isMarker } from './marker.ts';
import { refusalOf } from './reasons.ts';

const MAX_CONNECTIONS = 10_000;

/** `HostService`, see there. */
export const hostService: HostService = async (request) => {
  request.signal.throwIfAborted();
  request.channel.closed.throwIfAborted();
  const hosting = new ServiceHosting(request);
  await hosting.taken;
  return hosting;
};

/** One bind on one channel: from its Bind frame on, whether it ever succeeds or not, the sink of its connection id. */
class ServiceHosting implements Hosting, FrameSink {
  /** By the router. */
  readonly taken: Promise<void>;
  readonly confirmed: Promise<void>;
  readonly #request: HostRequest;
  readonly #connId: number;
  readonly #token: Buffer;
  readonly #limits: CircuitLimits;
  readonly #keyPair: KeyPair | undefined;
  readonly #connections: Set<Duplex>;
  readonly #taken = Promise.withResolvers<void>();
  readonly #confirmed = Promise.withResolvers<void>();
  readonly #ended = new AbortController();
  readonly #ends = new DisposableStack();
  #state: 'offered' | 'taken-back' | 'refusing' | 'over' = 'offered';

  constructor(request: HostRequest) {
    this.#request = request;
    this.taken = this.#taken.promise;
    this.confirmed = this.#confirmed.promise;
    // One that ends unconfirmed shows in `ended` too, and nobody has to wait for this.
    this.confirmed.catch(() => undefined);
    const { channel, session, signal, encryptionRequired, limits, connections = new Set() } = request;
    this.#connections = connections;
    this.#limits = circuitLimits(limits);
    this.#token = Buffer.from(session.token);
    this.#keyPair = encryptionRequired ? newKeyPair() : undefined;
    this.#connId = channel.newConnId();
    // Registered first: a ConnInspectRequest can come before the answer (openziti-wire.md §10.7).
    this.#ends.use(channel.attach(this.#connId, this));
    this.#ends.use(channel.requestNow(this.#bind(), (reply) => this.#answered(reply)));
    const giving = onAbort(signal, () => this.#giveUp(signal.reason));
    const settled = (): void => giving[Symbol.dispose]();
    this.taken.then(settled, settled);
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  frame(frame: Frame): void {
    const { channel } = this.#request;
    if (frame.type === CONTENT.dial) this.#dialled(frame);
    else if (frame.type === CONTENT.bindSuccess) this.#confirm();
    else if (frame.type === CONTENT.stateClosed) this.#end(refusalOf(frame));
    else if (frame.type === CONTENT.connInspectRequest) channel.send(inspectAnswer(frame, this.#connId, CONN_TYPE.bind));
  }

  channelLost(reason: Error): void {
    this.#end(reason);
  }

  async withdraw(lateDials: 'accept' | 'refuse', signal: AbortSignal): Promise<void> {
    if (this.#state !== 'offered') return;
    this.#unbind(lateDials === 'accept' ? 'taken-back' : 'refusing');
    try {
      // A router answers no unbind; what it has read before an answered probe it has worked off.
      await this.#request.channel.probe(signal);
    } finally {
      this.#letGo();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave();
  }

  #bind(): OutgoingFrame {
    return {
      type: CONTENT.bind,
      headers: [
        [HEADER.connId, this.#connId],
        ...keyHeaders(this.#keyPair),
        [HEADER.routerProvidedConnId, true],
        [HEADER.listenerId, this.#request.listenerId],
        [HEADER.supportsInspect, true],
        [HEADER.supportsBindSuccess, true],
        [HEADER.useXgressToSdk, false],
      ],
      body: this.#token,
    };
  }

  #answered(reply: Frame): void {
    if (reply.type === CONTENT.stateClosed) this.#end(refusalOf(reply));
    else if (reply.type !== CONTENT.stateConnected) {
      this.#leave();
      this.#end(new VitalmeshError('OVERLAY-PROTOCOL', { detail: `a Bind was answered by type ${reply.type}` }));
    } else if (this.#request.channel.supportsBindSuccess) this.#taken.resolve();
    else this.#confirm();
  }

  #confirm(): void {
    this.#taken.resolve();
    this.#confirmed.resolve();
  }

  #giveUp(reason: Error): void {
    this.#leave();
    this.#taken.reject(reason);
  }

  /** Takes the offer back, if it still stands, and hears no more of it. */
  #leave(): void {
    if (this.#state === 'offered') this.#unbind('taken-back');
    this.#letGo();
  }

  /** Connections that were made go on. */
  #unbind(state: 'taken-back' | 'refusing'): void {
    const { channel } = this.#request;
    this.#state = state;
    channel.send({ type: CONTENT.unbind, headers: [[HEADER.connId, this.#connId]], body: this.#token });
    channel.send(closeFrame(this.#connId));
  }

  #end(reason: Error): void {
    this.#letGo(reason);
    this.#taken.reject(reason);
    this.#ended.abort(reason);
  }

  #letGo(reason: Error = new VitalmeshError('OVERLAY-CLOSED')): void {
    this.#state = 'over';
    this.#ends.dispose();
    this.#confirmed.reject(reason);
  }

  #dialled(dial: Frame): void {
    const refusal = this.#accept(dial);
    if (refusal !== undefined) this.#answerDial(dial, CONTENT.dialFailed, Buffer.from(refusal));
  }

  /** Makes the connection; or returns why not, for the dialer to read. */
  #accept(dial: Frame): string | undefined {
    const { channel, maxConnections = MAX_CONNECTIONS, deafCallers } = this.#request;
    const connId = u32(dial.headers, HEADER.routerProvidedConnId);
    if (this.#state === 'refusing') return 'hosted here no longer';
    if (!dial.body.equals(this.#token)) return 'not the session of this host';
    if (connId === undefined) return 'the router gave no connection id';
    // Lower ids are for the dials of this side; none of them may be taken over.
    if (connId < FIRST_ROUTER_CONN_ID - 1) return 'not a connection id of a router';
    if (this.#connections.size >= maxConnections) return 'too many connections';
    const caller = callerOf(dial);
    if (deafCallers?.refuses(caller)) return 'does not read what it is sent';
    const keys = this.#keysFor(dial);
    if (keys === 'unusable') return 'the service requires encryption and the dialer sent no usable key';
    const peer = isMarker(text(dial.headers, HEADER.connectionMarker)) ? 'grants' : 'none';
    const onStalled = (): void => deafCallers?.note(caller);
    const circuit = new Circuit({ channel, connId, limits: this.#limits, keys, peer, onClosed: this.#onClosed, onStalled });
    try {
      circuit.attach();
    } catch {
      return 'the connection id is in use';
    }
    this.#connections.add(circuit.connection);
    this.#answerDial(dial, CONTENT.dialSuccess, connIdBody(connId));
    circuit.begin();
    this.#handOut(circuit, caller);
    return undefined;
  }

  /** One that goes wrong costs its own connection only. */
  #handOut({ connection }: Circuit, caller: Caller): void {
    try {
      this.#request.accept(connection, caller);
    } catch {
      connection.destroy();
    }
  }

  #keysFor(dial: Frame): SessionKeys | undefined | 'unusable' {
    if (!this.#keyPair) return undefined;
    try {
      return serverKeys(this.#keyPair, dial.headers.get(HEADER.publicKey) ?? Buffer.alloc(0));
    } catch {
      return 'unusable';
    }
  }

  #answerDial(dial: Frame, type: number, body: Buffer): void {
    this.#request.channel.send({
      type,
      headers: [
        [HEADER.connId, this.#connId],
        [HEADER.replyFor, dial.sequence],
      ],
      body,
    });
  }

  readonly #onClosed = (circuit: Circuit): void => {
    this.#connections.delete(circuit.connection);
  };
}

/** Only what the dialer's router itself says is verified; header 1008 is whatever the dialer wrote (openziti-wire.md §7). */
function callerOf({ headers }: Frame): Caller {
  const identityId = text(headers, HEADER.dialerIdentityId) || undefined;
  if (identityId === undefined) return { identityId, name: routerText(headers.get(HEADER.callerId)) || undefined, verified: false };
  return { identityId, name: text(headers, HEADER.dialerIdentityName) || undefined, verified: true };
}

function connIdBody(connId: number): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt32LE(connId);
  return body;
}
