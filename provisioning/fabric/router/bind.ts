import { systemClock } from '../../../shared/clock.ts';
import { byte, type Frame, flag, text, u16, u32 } from '../../../shared/overlay/ziti/wire/frame.ts';
import { CONTENT, HEADER } from '../../../shared/overlay/ziti/wire/ids.ts';
import type { FabricService } from '../contract.ts';
import {
  CLOSE_CALLED,
  copyOf,
  LISTENER_CLOSED,
  NEWER_TERMINATOR,
  newId,
  REFUSED,
  type StructuredError,
  stateClosed,
  stateClosedBy,
} from './answers.ts';
import type { RouterChannel, Sink } from './channel.ts';
import { Leg } from './circuit.ts';
import type { Control } from './control.ts';
import type { DialAnswer, DialOffer, Listing, Precedence, Terminator, Terminators } from './terminators.ts';

const PRECEDENCES: readonly Precedence[] = ['default', 'required', 'failed'];

/** A service that a client hosts by its channel. */
export class HostBind implements Terminator, Sink {
  readonly id = newId(22);
  readonly channel: RouterChannel;
  readonly connId: number;
  readonly serviceId: string;
  readonly sessionId: string | undefined;
  readonly routerId: string;
  readonly identityId: string;
  readonly listenerId: string | undefined;
  readonly instanceId: string | undefined;
  readonly publicKey: Buffer | undefined;
  readonly createdAt = systemClock.now();
  cost: number;
  precedence: Precedence;
  readonly #token: Buffer;
  /** Whether we choose the ids of accepted connections; hosts of before choose them. */
  readonly #givesConnIds: boolean;
  /** What its host wants to be told of it. */
  readonly #announcements: readonly number[];
  #listed: Listing | undefined;
  readonly #listing: Disposable;
  #answeredDials = 0;
  #over = false;
  /** By the network, and not by its host: what it answers counts no more. */
  #isEnded = false;

  constructor(
    channel: RouterChannel,
    request: Frame,
    bound: { service: FabricService; sessionId: string | undefined; routerId: string },
    { terminators, control }: { terminators: Terminators; control: Control },
  ) {
    const { headers, body } = request;
    this.channel = channel;
    this.connId = u32(headers, HEADER.connId) ?? 0;
    this.serviceId = bound.service.id;
    this.sessionId = bound.sessionId;
    this.routerId = bound.routerId;
    this.identityId = channel.session.identityId;
    this.listenerId = nonEmpty(text(headers, HEADER.listenerId));
    this.instanceId = nonEmpty(text(headers, HEADER.terminatorIdentity));
    this.publicKey = copyOf(headers.get(HEADER.publicKey));
    this.cost = u16(headers, HEADER.cost) ?? 0;
    this.precedence = PRECEDENCES[byte(headers, HEADER.precedence) ?? 0] ?? 'default';
    this.#token = Buffer.from(body);
    this.#givesConnIds = flag(headers, HEADER.routerProvidedConnId);
    channel.sinks.set(this.connId, this);
    channel.reply(request.sequence, {
      type: CONTENT.stateConnected,
      headers: [[HEADER.connId, this.connId], ...(this.#givesConnIds ? [[HEADER.routerProvidedConnId, true] as const] : [])],
    });
    this.#announcements = [
      ...(flag(headers, HEADER.supportsInspect) ? [CONTENT.connInspectRequest] : []),
      ...(flag(headers, HEADER.supportsBindSuccess) ? [CONTENT.bindSuccess] : []),
    ];
    // A router asks its host at once, and without a controller has nothing to confirm (openziti-network.md §3.13).
    if (!control.takesBinds) this.#announce(this.#announcements.filter((type) => type !== CONTENT.bindSuccess));
    this.#listing = control.whenTakesBinds(() => {
      this.#listed = terminators.add(this);
      this.#announce(this.#listed.replaced ? this.#announcements.toReversed() : this.#announcements);
    });
  }

  /** The controller has its terminator. */
  get isListed(): boolean {
    return this.#listed !== undefined && !this.#over;
  }

  /** As a router does after a restart of the controller, for binds that stood before. */
  confirmAgain(): void {
    if (this.isListed) this.#announce(this.#announcements);
  }

  dial(offer: DialOffer, answered: (answer: DialAnswer) => void): Disposable {
    const { channel } = this;
    const newConnId = this.#givesConnIds ? channel.newConnId() : undefined;
    const withdraw = (): void => {
      if (newConnId !== undefined) channel.stream.send(stateClosed(newConnId, CLOSE_CALLED));
    };
    // A host that leaves megabytes of dials unread will not answer the next one either.
    const reads = !channel.stream.ended && channel.stream.bytesQueued < channel.limits.offerBytes;
    const waiting = reads
      ? channel.request(this.#dialFrame(offer, newConnId), (reply) => {
          clearTimeout(timer);
          answered(this.#answerOf(reply, newConnId));
        })
      : undefined;
    const forget = (): void => {
      clearTimeout(timer);
      waiting?.[Symbol.dispose]();
    };
    const timer = setTimeout(() => {
      forget();
      answered({ kind: 'silent', withdraw });
    }, channel.limits.hostAnswerMs);
    return { [Symbol.dispose]: forget };
  }

  data(): void {
    // Nothing flows on the id of a bind itself.
  }

  stateClosed(): void {
    this.unbind();
  }

  channelLost(): void {
    this.unbind();
  }

  replaced(): void {
    this.end(NEWER_TERMINATOR);
  }

  /** Ends the bind; the circuits that it took go on. */
  end(error: StructuredError): void {
    if (this.#over) return;
    this.#isEnded = true;
    this.unbind();
    this.channel.stream.send(stateClosedBy(this.connId, error));
  }

  unbind(): void {
    this.#over = true;
    this.#listing[Symbol.dispose]();
    this.#listed?.[Symbol.dispose]();
    if (this.channel.sinks.get(this.connId) === this) this.channel.sinks.delete(this.connId);
  }

  /** Header 1004 and 1005 of an UpdateBind. */
  update({ headers }: Frame): void {
    this.cost = u16(headers, HEADER.cost) ?? this.cost;
    this.precedence = PRECEDENCES[byte(headers, HEADER.precedence) ?? -1] ?? this.precedence;
  }

  /** Asks for the host's own view, and says that the terminator exists; a place that was taken over is known sooner. */
  #announce(announcements: readonly number[]): void {
    for (const type of announcements) this.channel.send({ type, headers: [[HEADER.connId, this.connId]] });
  }

  #dialFrame(offer: DialOffer, newConnId: number | undefined) {
    const optional = (id: number, value: Buffer | number | undefined) => (value === undefined ? [] : [[id, value] as const]);
    return {
      type: CONTENT.dial,
      headers: [
        [HEADER.connId, this.connId] as const,
        [HEADER.callerId, offer.callerId] as const,
        [HEADER.circuitId, offer.circuitId] as const,
        [HEADER.dialerIdentityId, offer.identityId] as const,
        [HEADER.dialerIdentityName, offer.identityName] as const,
        ...optional(HEADER.routerProvidedConnId, newConnId),
        ...optional(HEADER.publicKey, offer.publicKey),
        ...optional(HEADER.appData, offer.appData),
        ...optional(HEADER.connectionMarker, offer.marker),
      ],
      body: this.#token,
    };
  }

  #answerOf(reply: Frame | undefined, given: number | undefined): DialAnswer {
    if (!reply) return { kind: 'refused', text: 'channel closed' };
    if (reply.type !== CONTENT.dialSuccess) return { kind: 'refused', text: reply.body.toString('utf8', 0, 1024) };
    if (reply.body.length !== 4) return { kind: 'refused', text: 'no connection id' };
    const connId = reply.body.readUInt32LE();
    if (given !== undefined && connId !== given) return { kind: 'refused', text: `connection id ${connId} is not the one offered` };
    if (this.channel.sinks.has(connId)) return { kind: 'refused', text: REFUSED.connIdInUse(connId) };
    if (this.#isEnded) {
      this.channel.stream.send(stateClosed(connId, CLOSE_CALLED));
      return { kind: 'refused', text: LISTENER_CLOSED };
    }
    const leg = new Leg(this.channel, connId);
    if (given === undefined) this.#confirmDial(reply);
    return { kind: 'leg', leg };
  }

  /** A host that chose the connection's id sends nothing before it was told that the id is good. */
  #confirmDial(reply: Frame): void {
    this.#answeredDials += 1;
    this.channel.reply(reply.sequence, {
      type: CONTENT.stateConnected,
      headers: [
        [HEADER.connId, this.connId],
        [HEADER.seq, this.#answeredDials],
      ],
    });
  }
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
