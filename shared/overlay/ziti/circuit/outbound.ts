import { asVitalmeshError } from '../../../errors.ts';
import type { Channel, FrameSource } from '../channel/contract.ts';
import type { SecretSender } from '../crypto/contract.ts';
import { dataFrame, endFrame } from './frames.ts';
import { Outflow, type PeerFlow } from './outflow.ts';
import { OutgoingBytes } from './outgoing.ts';

type Sent = (error?: Error | null) => void;

export interface OutboundOptions {
  channel: Channel;
  connId: number;
  /** Missing on a connection without encryption. */
  sender: SecretSender | undefined;
  peer: PeerFlow;
  onFailure: (error: Error) => void;
  /** A frame was handed out. */
  onSent?: () => void;
  /** The router has stopped reading because of this circuit. */
  onStalled: (() => void) | undefined;
}

/** What the owner of a circuit writes, on its way into frames: one write at a time, and behind the last one the end. */
export class Outbound implements FrameSource {
  readonly stalled: (() => void) | undefined;
  readonly #options: OutboundOptions;
  readonly #outflow: Outflow;
  #outgoing: OutgoingBytes | undefined;
  #outgoingSent: Sent | undefined;
  #endSent: Sent | undefined;
  /** Whether the channel asks by itself. */
  #enlisted = false;
  #stopped = false;

  constructor(options: OutboundOptions) {
    this.#options = options;
    const { onStalled } = options;
    this.stalled = onStalled && ((): void => void (this.#stopped || onStalled()));
    this.#outflow = new Outflow(options.peer);
  }

  get peer(): PeerFlow {
    return this.#outflow.peer;
  }

  get waitingBytes(): number {
    const waitsForGrant = this.peer === 'grants' && !this.#enlisted;
    return waitsForGrant ? 0 : (this.#outgoing?.length ?? 0);
  }

  send(chunks: readonly Buffer[], sent: Sent): void {
    const outgoing = new OutgoingBytes(chunks);
    if (outgoing.length === 0) {
      process.nextTick(sent);
      return;
    }
    this.#outgoing = outgoing;
    this.#outgoingSent = sent;
    this.#enlist();
  }

  sendEnd(sent: Sent): void {
    this.#endSent = sent;
    this.#enlist();
  }

  granted(units: number): void {
    this.#outflow.granted(units);
    this.#enlist();
  }

  heardFromStranger(): void {
    this.#outflow.heardFromStranger();
    this.#enlist();
  }

  /** Our own reader has stopped the channel, or lets it go on. */
  channelHeld(held: boolean): void {
    this.#outflow.channelHeld(held);
    this.#enlist();
  }

  /** What has not gone out stays here, and nobody is told of it. */
  stop(): void {
    this.#stopped = true;
    this.#outgoing = undefined;
    this.#outgoingSent = undefined;
    this.#endSent = undefined;
  }

  nextFrame(nextSequence: () => number): Buffer | undefined {
    const frame = this.#stopped ? undefined : this.#next(nextSequence);
    this.#enlisted = frame !== undefined;
    if (frame) this.#options.onSent?.();
    return frame;
  }

  #enlist(): void {
    if (this.#stopped || this.#enlisted || (!this.#outgoing && !this.#endSent)) return;
    this.#enlisted = true;
    this.#options.channel.wantsToSend(this);
  }

  #next(nextSequence: () => number): Buffer | undefined {
    this.#probeWhenDue();
    try {
      if (this.#outgoing) return this.#nextData(this.#outgoing, nextSequence);
      if (this.#endSent) return this.#nextEnd(this.#endSent, nextSequence);
    } catch (error) {
      this.#options.onFailure(asVitalmeshError(error));
    }
    return undefined;
  }

  #nextData(outgoing: OutgoingBytes, nextSequence: () => number): Buffer | undefined {
    const { connId, sender } = this.#options;
    const overheadBytes = sender?.overheadBytes ?? 0;
    const length = this.#outflow.next(outgoing.length, overheadBytes);
    if (length === 0) return undefined;
    const { buffer, bodyOffset } = dataFrame(connId, length + overheadBytes, nextSequence());
    const pieces = outgoing.take(length);
    if (sender) sender.seal(joined(pieces), buffer, bodyOffset);
    else copyInto(buffer, bodyOffset, pieces);
    this.#outflow.sent(length + overheadBytes);
    if (outgoing.length === 0) this.#written();
    return buffer;
  }

  #written(): void {
    // Not within the call: the owner's next write, or its close, must come behind the frame that is only just being handed out.
    if (this.#outgoingSent) process.nextTick(this.#outgoingSent);
    this.#outgoing = undefined;
    this.#outgoingSent = undefined;
  }

  #nextEnd(sent: Sent, nextSequence: () => number): Buffer {
    this.#endSent = undefined;
    process.nextTick(sent);
    return endFrame(this.#options.connId, nextSequence());
  }

  /** What was handed out in former calls has been written by now, so the router's answer is one to all of that. */
  #probeWhenDue(): void {
    if (!this.#outflow.probeDue) return;
    const { channel } = this.#options;
    const sent = this.#outflow.probeSent();
    channel.probe(channel.closed).then(
      () => {
        this.#outflow.probeAnswered(sent);
        this.#enlist();
      },
      // A channel that does not answer ends by itself, and the circuit learns of that.
      () => undefined,
    );
  }
}

function joined(pieces: readonly Buffer[]): Buffer {
  const [only] = pieces;
  return pieces.length === 1 && only ? only : Buffer.concat(pieces);
}

function copyInto(target: Buffer, offset: number, pieces: readonly Buffer[]): void {
  let at = offset;
  for (const piece of pieces) at += piece.copy(target, at);
}
