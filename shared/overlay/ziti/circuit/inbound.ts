import { asVitalmeshError, VitalmeshError } from '../../../errors.ts';
import type { OverlayConnection } from '../../connection.ts';
import type { Channel } from '../channel/contract.ts';
import { freeBulk } from '../wire/bulk-memory.ts';
import type { CircuitCipher } from './cipher.ts';
import { compact } from './compact.ts';
import type { CircuitLimits } from './contract.ts';
import { holdChannel } from './hold.ts';
import { Inflow } from './inflow.ts';

/** The part of `unreadBytes` at which a channel that was held up goes on: less than all, or it would stop again at once. */
const RELEASE_AT = 0.75;

export interface InboundOptions {
  channel: Channel;
  limits: CircuitLimits;
  connection: OverlayConnection;
  cipher: CircuitCipher | undefined;
  /** Called when the channel is held up for this reader, and when it is not any more. */
  onHold: (held: boolean) => void;
}

/** What came from the other end, on its way to the reader: as much at a time as the reader has room for; the rest waits here. */
export class Inbound {
  readonly #options: InboundOptions;
  readonly #inflow = new Inflow();
  /** Undefined when everything was handed over. */
  #unread: Buffer[] | undefined;
  #readerHasRoom = true;
  #handingOver = false;
  #hold: Disposable | undefined;
  #endReceived = false;
  #gone = false;
  #goneBecause: Error | undefined;
  #stopped = false;

  constructor(options: InboundOptions) {
    this.#options = options;
  }

  get endReceived(): boolean {
    return this.#endReceived;
  }

  get hasUnread(): boolean {
    return this.#unread !== undefined;
  }

  /** From now on `takeGrant` has something to give. */
  beginGranting(): void {
    this.#inflow.beginGranting();
  }

  /** The other end knows of the grants, and is held to them. */
  enforceGrants(): void {
    this.#inflow.enforce();
  }

  /** Units to be granted to the other end now; 0 when it is not time, or for nothing any more. */
  takeGrant(): number {
    return this.#endReceived ? 0 : this.#inflow.takeGrant();
  }

  /** Takes the body of a Data frame, which is not empty. Throws OVERLAY-PROTOCOL, OVERLAY-CRYPTO: the connection must not go on. */
  take(body: Buffer): void {
    if (this.#endReceived) throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'data behind the end' });
    const { cipher } = this.#options;
    if (cipher?.awaitsHeader) {
      cipher.takeHeader(body);
      return;
    }
    if (!this.#inflow.arrived(body.length)) throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'more data than was granted' });
    this.#unread ??= [];
    this.#unread.push(body);
    this.handOver();
    this.#compactLast();
    this.#holdWhenFull();
  }

  /** What stays unread is the last one at least: they are read in order. */
  #compactLast(): void {
    const last = this.#unread?.pop();
    if (last) this.#unread?.push(compact(last));
  }

  takeEnd(): void {
    this.#endReceived = true;
    // Nothing more comes that the channel would have to be stopped for.
    this.#release();
    this.handOver();
  }

  /** The other end is gone; nothing comes any more. */
  lost(cause: Error | undefined): void {
    this.#gone = true;
    this.#goneBecause = cause;
    // Without an end there is nothing to wait for: what was not read is half of something.
    if (this.#endReceived) this.handOver();
    else this.#options.connection.lost(cause);
  }

  resume(): void {
    this.#readerHasRoom = true;
    this.handOver();
  }

  stop(): void {
    this.#stopped = true;
    this.#unread = undefined;
    this.#release();
  }

  /** Gives the reader what it has room for; behind the last of it the end, and the loss. */
  handOver(): void {
    // Within `deliver` the reader may ask for more, or close.
    if (this.#handingOver || this.#stopped) return;
    this.#handingOver = true;
    try {
      this.#deliverUnread();
    } catch (error) {
      this.#options.connection.destroy(asVitalmeshError(error));
    } finally {
      this.#handingOver = false;
    }
    if (this.#stopped) return;
    if (this.#inflow.unreadBytes <= this.#releaseBytes) this.#release();
    if (this.#unread) return;
    if (this.#endReceived) this.#options.connection.deliverEnd();
    if (this.#gone) this.#options.connection.lost(this.#goneBecause);
  }

  #deliverUnread(): void {
    const unread = this.#unread;
    if (!unread) return;
    let count = 0;
    while (this.#readerHasRoom && !this.#stopped) {
      const next = unread[count];
      if (!next) break;
      count += 1;
      this.#deliver(next);
    }
    if (count === unread.length) this.#unread = undefined;
    else unread.splice(0, count);
  }

  #deliver(body: Buffer): void {
    const { cipher, connection } = this.#options;
    const plain = cipher ? cipher.open(body) : compact(body);
    this.#inflow.consumed(body.length);
    if (cipher) freeBulk(body);
    if (plain.length === 0) return;
    // Set first: what the reader asks for within the call still holds behind it.
    this.#readerHasRoom = false;
    if (connection.deliver(plain)) this.#readerHasRoom = true;
  }

  get #releaseBytes(): number {
    return this.#options.limits.unreadBytes * RELEASE_AT;
  }

  #holdWhenFull(): void {
    const { channel, limits, connection, onHold } = this.#options;
    if (this.#hold || this.#stopped || this.#inflow.unreadBytes <= limits.unreadBytes) return;
    this.#hold = holdChannel(channel, limits.holdMs, () => {
      connection.destroy(new VitalmeshError('OVERLAY-CLOSED', { detail: 'reader too slow' }));
    });
    onHold(true);
  }

  #release(): void {
    if (!this.#hold) return;
    this.#hold[Symbol.dispose]();
    this.#hold = undefined;
    this.#options.onHold(false);
  }
}
