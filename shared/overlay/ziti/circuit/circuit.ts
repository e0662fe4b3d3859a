import { asVitalmeshError, VitalmeshError } from '../../../errors.ts';
import { OverlayConnection, type Transport } from '../../connection.ts';
import type { Channel, FrameSink } from '../channel/contract.ts';
import type { SessionKeys } from '../crypto/contract.ts';
import { type Frame, u32 } from '../wire/frame.ts';
import { CONN_TYPE, CONTENT, FLAG, HEADER } from '../wire/ids.ts';
import { CircuitCipher } from './cipher.ts';
import type { CircuitLimits } from './contract.ts';
import { closeFrame, controlFrame, grantedUnits, heartbeatFrame, inspectAnswer, isHeartbeat } from './frames.ts';
import { type Beating, Heartbeat } from './heartbeat.ts';
import { Inbound } from './inbound.ts';
import { Outbound } from './outbound.ts';
import type { PeerFlow } from './outflow.ts';
import { closeReasonOf } from './reasons.ts';

type Sent = (error?: Error | null) => void;

export interface CircuitOptions {
  channel: Channel;
  connId: number;
  limits: CircuitLimits;
  /** Missing on a connection without encryption. */
  keys: SessionKeys | undefined;
  /** `grants` for the host of a marked dial: it grants first, and the dialer will. */
  peer: PeerFlow;
  /** Called once, when the circuit has let go of its connection id. */
  onClosed?: (circuit: Circuit) => void;
  /** The other end does not read, and has stopped the whole channel with that. The connection is cut. */
  onStalled?: () => void;
}

/**
 * One circuit past its set-up: what lies between an `OverlayConnection` and the Data and StateClosed frames of one
 * connection id. Flow control: `FLOW`. Its end: openziti-wire.md §6, §10.8.
 */
export class Circuit implements Transport, FrameSink, Beating {
  readonly connection = new OverlayConnection(this);
  readonly #options: CircuitOptions;
  readonly #cipher: CircuitCipher | undefined;
  readonly #outbound: Outbound;
  readonly #inbound: Inbound;
  #attached: Disposable | undefined;
  /** Runs from our end to the other side's. */
  #linger: NodeJS.Timeout | undefined;
  /** Runs from the other end's first grant on. */
  #heartbeat: Heartbeat | undefined;
  /** The other end is gone: with its StateClosed, or with the channel. */
  #gone = false;
  #closed = false;

  constructor(options: CircuitOptions) {
    const { channel, connId, limits, keys, peer } = options;
    const { connection } = this;
    this.#options = options;
    this.#cipher = keys && new CircuitCipher(keys);
    this.#outbound = new Outbound({
      channel,
      connId,
      sender: this.#cipher?.sender,
      peer,
      onFailure: (error) => connection.destroy(error),
      onSent: () => this.#heartbeat?.sent(),
      onStalled: options.onStalled && ((): void => this.#stalled()),
    });
    const onHold = (held: boolean): void => this.#outbound.channelHeld(held);
    this.#inbound = new Inbound({ channel, limits, connection, cipher: this.#cipher, onHold });
  }

  /** Takes the frames of its connection id from now on. */
  attach(): void {
    if (!this.#closed) this.#attached = this.#options.channel.attach(this.#options.connId, this);
  }

  /** Says what has to be said before any data: the stream header, and a host's first grant. */
  begin(): void {
    if (this.#closed) return;
    if (this.#outbound.peer === 'grants') this.#inbound.beginGranting();
    const units = this.#inbound.takeGrant();
    const header = this.#cipher?.sender.header;
    if (units > 0 || header) this.#options.channel.send(controlFrame(this.#options.connId, units, header));
  }

  send(chunks: readonly Buffer[], sent: Sent): void {
    // What cannot go out is left unsent, so that the connection knows that there was more to say.
    if (!this.#gone) this.#outbound.send(chunks, sent);
  }

  sendEnd(sent: Sent): void {
    if (this.#gone) process.nextTick(sent);
    else
      this.#outbound.sendEnd(() => {
        this.#lingerFromNow();
        sent();
      });
  }

  resume(): void {
    this.#inbound.resume();
    this.#grant();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outbound.stop();
    this.#inbound.stop();
    this.#detach();
    if (!this.#gone) this.#options.channel.send(closeFrame(this.#options.connId));
    this.#options.onClosed?.(this);
  }

  frame(frame: Frame): void {
    if (this.#gone || this.#closed) return;
    const { channel, connId } = this.#options;
    const beat = isHeartbeat(frame);
    // That it lives does not mean that it is going to end.
    if (this.#linger && !beat) this.#lingerFromNow();
    if (frame.type === CONTENT.data) this.#takeData(frame, beat);
    else if (frame.type === CONTENT.stateClosed) this.#lost(closeReasonOf(frame));
    else if (frame.type === CONTENT.connInspectRequest) channel.send(inspectAnswer(frame, connId, CONN_TYPE.dial));
  }

  channelLost(reason: Error): void {
    if (!this.#gone && !this.#closed) this.#lost(reason);
  }

  beat(): void {
    this.#options.channel.send(heartbeatFrame(this.#options.connId));
  }

  silent(): void {
    if (this.#gone || this.#closed) return;
    const { channel, connId } = this.#options;
    const error = new VitalmeshError('OVERLAY-CLOSED', { detail: 'the other end is silent' });
    if (this.#inbound.endReceived) {
      // What came whole is still read to its end.
      channel.send(closeFrame(connId));
      this.#lost(error);
    } else this.connection.destroy(error);
  }

  #stalled(): void {
    this.#options.onStalled?.();
    this.connection.destroy(new VitalmeshError('OVERLAY-CLOSED', { detail: 'the other side does not read' }));
  }

  #takeData({ headers, body }: Frame, beat: boolean): void {
    const flags = u32(headers, HEADER.flags) ?? 0;
    const units = grantedUnits(flags);
    if (units === undefined) this.#outbound.heardFromStranger();
    else if (this.#outbound.peer !== 'none') this.#takeGrant(units);
    this.#heartbeat?.heard(beat);
    try {
      if ((flags & FLAG.multipartMessage) !== 0) throw unasked();
      if (body.length > 0) this.#inbound.take(body);
    } catch (error) {
      this.connection.destroy(asVitalmeshError(error));
    }
    if ((flags & FLAG.fin) !== 0) this.#takeEnd();
    this.#grant();
  }

  #takeGrant(units: number): void {
    this.#outbound.granted(units);
    this.#inbound.beginGranting();
    this.#inbound.enforceGrants();
    this.#heartbeat ??= new Heartbeat(this.#options.channel, this.#options.limits.heartbeatMs, this);
  }

  #takeEnd(): void {
    clearTimeout(this.#linger);
    this.#linger = undefined;
    this.#inbound.takeEnd();
  }

  #grant(): void {
    if (this.#gone || this.#closed) return;
    const units = this.#inbound.takeGrant();
    if (units === 0) return;
    this.#options.channel.send(controlFrame(this.#options.connId, units));
    this.#heartbeat?.sent();
  }

  #lingerFromNow(): void {
    if (this.#gone || this.#closed || this.#inbound.endReceived) return;
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => this.#lingered(), this.#options.limits.lingerMs).unref();
  }

  #lingered(): void {
    // As long as there is something for the reader to take, it is not the other side that is slow.
    if (this.#inbound.hasUnread) this.#lingerFromNow();
    else this.connection.destroy(new VitalmeshError('OVERLAY-CLOSED', { detail: 'the other side did not end' }));
  }

  #lost(cause: Error | undefined): void {
    this.#gone = true;
    this.#outbound.stop();
    this.#detach();
    this.#inbound.lost(cause);
  }

  #detach(): void {
    clearTimeout(this.#linger);
    this.#linger = undefined;
    this.#attached?.[Symbol.dispose]();
    this.#heartbeat?.[Symbol.dispose]();
  }
}

/**
 * Who never said that it reads multipart messages is sent none (openziti-wire.md §8). The flag is outside the encryption: to follow it would
 * let whoever is on the way choose which of the authentic bytes are left out.
 */
function unasked(): VitalmeshError {
  return new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'a multipart message, which nobody asked for' });
}
