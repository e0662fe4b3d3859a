import type { Duplex } from 'node:stream';
import { asVitalmeshError, VitalmeshError } from '../../../errors.ts';
import { onAbort } from '../../limit.ts';
import type { FrameSink } from '../channel/contract.ts';
import type { KeyPair, SessionKeys } from '../crypto/contract.ts';
import { clientKeys, newKeyPair } from '../crypto/kx.ts';
import type { OutgoingFrame } from '../wire/encode.ts';
import type { Frame } from '../wire/frame.ts';
import { CONN_TYPE, CONTENT, HEADER } from '../wire/ids.ts';
import { Circuit } from './circuit.ts';
import type { DialCircuit, DialRequest } from './contract.ts';
import { EarlyFrames } from './early.ts';
import { closeFrame, inspectAnswer, keyHeaders } from './frames.ts';
import { circuitLimits } from './limits.ts';
import { newMarker } from './marker.ts';
import { refusalOf } from './reasons.ts';

/** How long an answer to a dial that was given up is still waited for, to close what it opened. A controller that is down costs a router 30 s. */
const LATE_ANSWER_MS = 60_000;

/** `DialCircuit`, see there. */
export const dialCircuit: DialCircuit = async (request) => {
  request.signal.throwIfAborted();
  request.channel.closed.throwIfAborted();
  return new Dialling(request).connection;
};

/** A dial under way, from its Connect until the circuit takes its own frames. */
class Dialling implements FrameSink {
  readonly connection: Promise<Duplex>;
  readonly #request: DialRequest;
  readonly #connId: number;
  readonly #keyPair: KeyPair | undefined;
  readonly #settle: PromiseWithResolvers<Duplex>;
  readonly #ends = new DisposableStack();
  #state: 'waiting' | 'connected' | 'given-up' | 'over' = 'waiting';
  readonly #early: EarlyFrames;
  /** Why the circuit has no future, when that shows before it takes over. */
  #lost: Error | undefined;
  #excess: VitalmeshError | undefined;

  constructor(request: DialRequest) {
    this.#request = request;
    this.#early = new EarlyFrames(circuitLimits(request.limits).unreadBytes);
    this.#settle = Promise.withResolvers();
    this.connection = this.#settle.promise;
    const { channel, signal, encryptionRequired } = request;
    this.#connId = channel.newConnId();
    this.#keyPair = encryptionRequired ? newKeyPair() : undefined;
    // Registered first, because data can come in the same chunk as the answer, and a refusal before it.
    this.#ends.use(channel.attach(this.#connId, this));
    this.#ends.use(onAbort(signal, () => this.#giveUp(signal.reason)));
    this.#ends.use(channel.requestNow(this.#connect(), (reply) => this.#answered(reply)));
  }

  frame(frame: Frame): void {
    if (this.#state === 'given-up' || frame.type === CONTENT.stateConnected) this.#answered(frame);
    else if (this.#state === 'waiting' && frame.type === CONTENT.stateClosed) this.#fail(refusalOf(frame));
    else if (frame.type === CONTENT.connInspectRequest) this.#request.channel.send(inspectAnswer(frame, this.#connId, CONN_TYPE.dial));
    else if (!this.#early.keep(frame)) this.#tooMuch();
  }

  channelLost(reason: Error): void {
    this.#lost = reason;
    if (this.#state === 'waiting') this.#fail(reason);
    else if (this.#state === 'given-up') this.#over();
  }

  #connect(): OutgoingFrame {
    const { session, callerName } = this.#request;
    return {
      type: CONTENT.connect,
      headers: [
        [HEADER.connId, this.#connId],
        ...keyHeaders(this.#keyPair),
        [HEADER.callerId, callerName],
        [HEADER.connectionMarker, newMarker()],
        [HEADER.useXgressToSdk, false],
      ],
      body: Buffer.from(session.token),
    };
  }

  #answered(reply: Frame): void {
    if (this.#state === 'given-up') {
      if (reply.type === CONTENT.stateConnected) this.#close();
      if (reply.type === CONTENT.stateConnected || reply.type === CONTENT.stateClosed) this.#over();
    } else if (this.#state === 'waiting') {
      if (reply.type === CONTENT.stateConnected) this.#connected(reply);
      else if (reply.type === CONTENT.stateClosed) this.#fail(refusalOf(reply));
      else this.#breakOff(new VitalmeshError('OVERLAY-PROTOCOL', { detail: `a Connect was answered by type ${reply.type}` }));
    }
  }

  #connected(reply: Frame): void {
    let keys: SessionKeys | undefined;
    try {
      keys = this.#keyPair && agreedKeys(this.#keyPair, reply);
    } catch (error) {
      this.#breakOff(asVitalmeshError(error));
      return;
    }
    this.#state = 'connected';
    const { channel, limits } = this.#request;
    const circuit = new Circuit({ channel, connId: this.#connId, limits: circuitLimits(limits), keys, peer: 'unknown' });
    circuit.begin();
    this.#settle.resolve(circuit.connection);
    // In a turn of its own, so that whoever awaits the connection can listen for its errors before there are any.
    setImmediate(() => this.#handOver(circuit));
  }

  #handOver(circuit: Circuit): void {
    this.#over();
    circuit.attach();
    for (const frame of this.#early.take()) circuit.frame(frame);
    if (this.#excess) circuit.connection.destroy(this.#excess);
    if (this.#lost) circuit.channelLost(this.#lost);
  }

  #tooMuch(): void {
    const error = new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'too much data before the connection' });
    if (this.#state === 'waiting') this.#breakOff(error);
    else this.#excess = error;
  }

  #giveUp(reason: Error): void {
    if (this.#state !== 'waiting') return;
    this.#settle.reject(reason);
    this.#state = 'given-up';
    this.#early.clear();
    this.#close();
    const timer = setTimeout(() => this.#over(), LATE_ANSWER_MS).unref();
    this.#ends.defer(() => clearTimeout(timer));
  }

  #breakOff(error: Error): void {
    this.#close();
    this.#fail(error);
  }

  #fail(error: Error): void {
    this.#over();
    this.#settle.reject(error);
  }

  #close(): void {
    this.#request.channel.send(closeFrame(this.#connId));
  }

  #over(): void {
    this.#state = 'over';
    this.#ends.dispose();
  }
}

/** Throws OVERLAY-PROTOCOL when the host sent no key, OVERLAY-CRYPTO when it sent none that can be used. */
function agreedKeys(own: KeyPair, reply: Frame): SessionKeys {
  const peerKey = reply.headers.get(HEADER.publicKey);
  if (!peerKey?.length)
    throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'the service requires encryption and the host sent no key' });
  return clientKeys(own, peerKey);
}
