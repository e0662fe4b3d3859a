import type { Channel } from '../channel/contract.ts';

/** What a heartbeat is for: one end of a circuit between two ends of ours. */
export interface Beating {
  /** Sends a heartbeat now. */
  beat(): void;
  /** The other end has fallen silent, and the way to the router has not. */
  silent(): void;
}

/** A heartbeat interval is counted in so many ticks of the timer that all circuits of a channel share. */
const TICKS = 9;
/** An idle circuit beats after so many ticks at least and `TICKS` at most: never all circuits of a hub at once. */
const LEAST_TICKS = 7;
/** The first beat comes so soon at most, idle or not: from then on the other end knows that there will be more. */
const FIRST_TICKS = 3;
/** Two and a half intervals, up to a whole tick. */
const SILENT_TICKS = 23;

/** By interval in ms, because what shares a channel may have been told different ones. */
const PULSES = new WeakMap<Channel, Map<number, Pulse>>();

/**
 * Keeps one idle circuit alive in the network, and finds out that its other end, or the network's knowledge of it, is gone: circuits older
 * than a restart of the controller are taken down when nothing was sent for 60 s, and one half may never hear of that (openziti-network.md
 * §3.15). Begins with the first grant of the other end, so that nobody who does not grant is sent one.
 */
export class Heartbeat implements Disposable {
  readonly #pulse: Pulse;
  readonly #circuit: Beating;
  #first = true;
  #idleTicks = randomUpTo(FIRST_TICKS);
  #dueAt: number;
  #heardAt: number;
  /** An end of ours that is too old for that grants, and never beats: its silence means nothing. */
  #otherBeats = false;

  constructor(channel: Channel, heartbeatMs: number, circuit: Beating) {
    this.#pulse = pulseOf(channel, heartbeatMs);
    this.#circuit = circuit;
    this.#heardAt = this.#pulse.now;
    this.#dueAt = this.#pulse.now + this.#idleTicks;
    this.#pulse.join(this);
  }

  /** A frame of this circuit was sent. */
  sent(): void {
    if (!this.#first) this.#dueAt = this.#pulse.now + this.#idleTicks;
  }

  /** A frame of this circuit has come. */
  heard(isHeartbeat: boolean): void {
    this.#heardAt = this.#pulse.now;
    if (isHeartbeat) this.#otherBeats = true;
  }

  get isSilent(): boolean {
    return this.#otherBeats && this.#pulse.now - this.#heardAt >= SILENT_TICKS;
  }

  /** For the pulse alone. */
  beatWhenDue(): void {
    if (this.#pulse.now < this.#dueAt) return;
    this.#first = false;
    this.#idleTicks = LEAST_TICKS - 1 + randomUpTo(TICKS - LEAST_TICKS + 1);
    this.sent();
    this.#circuit.beat();
  }

  /** For the pulse alone. */
  fail(): void {
    this.#circuit.silent();
  }

  [Symbol.dispose](): void {
    this.#pulse.leave(this);
  }
}

/**
 * The one timer of the circuits of a channel. Time is what its ticks count: one in which this process stood still makes no more than one
 * tick, however long it was, so that waking up cuts nothing.
 */
class Pulse {
  now = 0;
  readonly #channel: Channel;
  readonly #tickMs: number;
  readonly #members = new Set<Heartbeat>();
  #timer: NodeJS.Timeout | undefined;
  #asking = false;

  constructor(channel: Channel, heartbeatMs: number) {
    this.#channel = channel;
    this.#tickMs = heartbeatMs / TICKS;
  }

  join(member: Heartbeat): void {
    this.#members.add(member);
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref();
  }

  leave(member: Heartbeat): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    this.now += 1;
    let someAreSilent = false;
    for (const member of this.#members) {
      member.beatWhenDue();
      someAreSilent ||= member.isSilent;
    }
    if (someAreSilent) this.#askRouter();
  }

  /**
   * What had come for a silent circuit by the time the router answers is read before the answer is. So neither what waits in the socket, nor
   * our own hold on the channel, nor a router that is silent itself is taken for the silence of the other end.
   */
  #askRouter(): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#channel.probe(this.#channel.closed).then(
      () => {
        this.#asking = false;
        for (const member of [...this.#members]) if (member.isSilent) member.fail();
      },
      // A channel that does not answer ends by itself, and its circuits learn of that.
      () => undefined,
    );
  }
}

function pulseOf(channel: Channel, heartbeatMs: number): Pulse {
  const pulses = PULSES.get(channel) ?? new Map<number, Pulse>();
  PULSES.set(channel, pulses);
  const pulse = pulses.get(heartbeatMs) ?? new Pulse(channel, heartbeatMs);
  pulses.set(heartbeatMs, pulse);
  return pulse;
}

/** A whole number from 1 on. */
function randomUpTo(most: number): number {
  return 1 + Math.floor(Math.random() * most);
}
