import type { Frame } from '../../../shared/overlay/ziti/wire/frame.ts';
import { CLOSE_CALLED, stateClosed } from './answers.ts';
import type { RouterChannel, Sink } from './channel.ts';
import { Flow } from './flow.ts';
import type { Terminator } from './terminators.ts';

/** One end of a circuit: a connection id on a channel. */
export class Leg implements Sink {
  readonly channel: RouterChannel;
  readonly connId: number;
  readonly #flow: Flow;
  #circuit: Circuit | undefined;
  #closed = false;
  /** Since it was last asked how long it has been idle. */
  #moved = true;
  #idleSinceMs = 0;

  /** Takes the connection id, which must be free or the caller's own. */
  constructor(channel: RouterChannel, connId: number) {
    this.channel = channel;
    this.connId = connId;
    this.#flow = new Flow(channel, connId, () => this.#release());
    channel.sinks.set(connId, this);
  }

  join(circuit: Circuit): void {
    this.#circuit = circuit;
  }

  /** It ends, or has ended. */
  get isOver(): boolean {
    return this.#closed;
  }

  /** How long no payload has gone either way, as far as that was looked at: something that moved counts from the look at it. */
  idleMs(nowMs: number): number {
    if (this.#moved) this.#idleSinceMs = nowMs;
    this.#moved = false;
    return nowMs - this.#idleSinceMs;
  }

  /** A payload from the other end. */
  deliver(frame: Frame, from: RouterChannel): void {
    this.#moved = true;
    this.#flow.push(frame, from);
  }

  data(frame: Frame): void {
    this.#moved = true;
    if (!this.#closed) this.#circuit?.other(this).deliver(frame, this.channel);
  }

  stateClosed(): void {
    this.#gone();
  }

  channelLost(): void {
    this.#gone();
  }

  /** The other end is gone: what it sent before still comes, and then the end. */
  closeBehindData(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#flow.close(reason);
  }

  /** Cuts the connection at once. */
  cut(reason: string): void {
    const waits = this.channel.sinks.get(this.connId) === this;
    this.#closed = true;
    this.#flow.abandon();
    this.#release();
    if (waits) this.channel.stream.send(stateClosed(this.connId, reason));
  }

  #gone(): void {
    this.#closed = true;
    this.#flow.abandon();
    this.#release();
    this.#circuit?.closedBy(this);
  }

  #release(): void {
    if (this.channel.sinks.get(this.connId) === this) this.channel.sinks.delete(this.connId);
  }
}

export interface CircuitEnds {
  id: string;
  serviceId: string;
  /** The session with which it was dialled. */
  sessionId: string | undefined;
  dialer: Leg;
  host: Leg;
  terminator: Terminator;
}

/** A connection between a dialer and a host, which may sit on two routers. */
export class Circuit implements CircuitEnds {
  readonly id: string;
  readonly serviceId: string;
  readonly sessionId: string | undefined;
  readonly dialer: Leg;
  readonly host: Leg;
  readonly terminator: Terminator;
  /** To the controller, which was restarted since. */
  isUnknown = false;
  readonly #over: (circuit: Circuit) => void;

  constructor({ id, serviceId, sessionId, dialer, host, terminator }: CircuitEnds, over: (circuit: Circuit) => void) {
    this.id = id;
    this.serviceId = serviceId;
    this.sessionId = sessionId;
    this.dialer = dialer;
    this.host = host;
    this.terminator = terminator;
    this.#over = over;
    dialer.join(this);
    host.join(this);
  }

  other(leg: Leg): Leg {
    return leg === this.dialer ? this.host : this.dialer;
  }

  closedBy(leg: Leg): void {
    this.other(leg).closeBehindData(CLOSE_CALLED);
    this.#over(this);
  }

  /** The router of this end takes it down: the end is told, and the other one hears nothing from it any more. */
  unroute(leg: Leg): void {
    leg.cut(CLOSE_CALLED);
    if (this.other(leg).isOver) this.#over(this);
  }

  /** Ends it on both sides at once; what is under way is lost. */
  cut(dialerText: string, hostText: string): void {
    this.dialer.cut(dialerText);
    this.host.cut(hostText);
    this.#over(this);
  }
}
