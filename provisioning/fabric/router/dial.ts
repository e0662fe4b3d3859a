import { type Frame, text } from '../../../shared/overlay/ziti/wire/frame.ts';
import { CONTENT, HEADER } from '../../../shared/overlay/ziti/wire/ids.ts';
import type { FabricService, Grants } from '../contract.ts';
import { CLOSE_CALLED, copyOf, LISTENER_CLOSED, newId, REFUSED } from './answers.ts';
import type { RouterChannel, Sink } from './channel.ts';
import { Leg } from './circuit.ts';
import type { Control } from './control.ts';
import type { DialAnswer, DialOffer, Terminator, Terminators } from './terminators.ts';

export interface DialContext {
  grants: Grants;
  terminators: Terminators;
  control: Control;
  routerId: string;
  /** Aborted when the router is. */
  stopped: AbortSignal;
}

/** One Connect on its way to a host. Holds its connection id until it is answered. */
export class Dialing implements Sink {
  readonly #channel: RouterChannel;
  /** Of the Connect. */
  readonly #sequence: number;
  readonly #connId: number;
  readonly #instanceId: string | undefined;
  readonly #context: DialContext;
  readonly #service: FabricService;
  readonly #sessionId: string | undefined;
  readonly #offer: DialOffer;
  readonly #tried: Terminator[] = [];
  #asked: Disposable | undefined;
  /** Until the controller can be asked. */
  #waiting: Disposable | undefined;
  #isAbandoned = false;

  constructor(
    channel: RouterChannel,
    request: Frame,
    connId: number,
    { service, sessionId }: { service: FabricService; sessionId: string | undefined },
    context: DialContext,
  ) {
    this.#channel = channel;
    this.#sequence = request.sequence;
    this.#connId = connId;
    this.#instanceId = text(request.headers, HEADER.terminatorIdentity) || undefined;
    this.#context = context;
    this.#service = service;
    this.#sessionId = sessionId;
    this.#offer = offerOf(channel, request);
    channel.sinks.set(connId, this);
    this.#askController();
  }

  data(): void {
    // There is nobody yet whom it could reach.
  }

  stateClosed(): void {
    this.#giveUp();
  }

  channelLost(): void {
    this.#giveUp();
  }

  /** One that is away is waited for, and also asked for a dialer who has left meanwhile (transcript Q). */
  #askController(): void {
    const { control, stopped } = this.#context;
    if (control.found) {
      this.#attempt();
      return;
    }
    const timer = setTimeout(() => {
      this.#waiting?.[Symbol.dispose]();
      if (this.#isAbandoned) return;
      this.#leave();
      this.#channel.refuseDial(this.#sequence, this.#connId, REFUSED.noAnswer);
    }, this.#channel.limits.controllerAnswerMs).unref();
    const asking = control.whenFound(() => {
      clearTimeout(timer);
      this.#waiting = undefined;
      if (stopped.aborted) return;
      // It may have come back with other rights.
      if (this.#mayDial()) this.#attempt();
      else this.#refuse(REFUSED.noPolicies);
    });
    this.#waiting = {
      [Symbol.dispose]() {
        clearTimeout(timer);
        asking[Symbol.dispose]();
      },
    };
  }

  #attempt(): void {
    const { terminators, control, routerId } = this.#context;
    const terminator = terminators.pick({
      service: this.#service,
      instanceId: this.#instanceId,
      routerId,
      identityId: this.#channel.session.identityId,
      tried: this.#tried,
    });
    if (!terminator) {
      const { noOnlineTerminators, noTerminators } = REFUSED;
      const refused = terminators.isHosted(this.#service.id, this.#instanceId) ? noOnlineTerminators : noTerminators;
      this.#refuse(refused(this.#service.id, this.#instanceId));
      return;
    }
    if (terminator.routerId !== routerId && !control.linked) {
      this.#refuse(REFUSED.noRoute(routerId, terminator.routerId));
      return;
    }
    this.#tried.push(terminator);
    this.#asked = terminator.dial(this.#offer, (answer) => this.#answered(terminator, answer));
  }

  #answered(terminator: Terminator, answer: DialAnswer): void {
    if (answer.kind === 'leg') {
      if (this.#isAbandoned) this.#leaveAlone(answer.leg);
      else this.#connected(terminator, answer.leg);
    } else {
      this.#context.terminators.failed(terminator);
      if (this.#tried.length < this.#channel.limits.dialAttempts) this.#askController();
      else this.#exhausted(terminator, answer);
    }
  }

  #exhausted(terminator: Terminator, answer: Exclude<DialAnswer, { kind: 'leg' }>): void {
    if (answer.kind === 'silent') answer.withdraw();
    const reason = answer.kind === 'silent' ? REFUSED.noAnswer : REFUSED.hostRefused(terminator.id, answer.text);
    const { circuitId } = this.#offer;
    this.#refuse(REFUSED.attemptsExhausted(this.#tried.length, circuitId, terminator.routerId, reason));
  }

  #connected(terminator: Terminator, host: Leg): void {
    const { grants, terminators } = this.#context;
    const service = this.#service;
    // Rights may have changed while the host was thinking.
    if (!grants.allows(terminator.identityId, service.id, 'Bind')) {
      host.closeBehindData(CLOSE_CALLED);
      this.#answered(terminator, { kind: 'refused', text: LISTENER_CLOSED });
      return;
    }
    if (!this.#mayDial()) {
      host.closeBehindData(CLOSE_CALLED);
      this.#refuse(REFUSED.noPolicies);
      return;
    }
    const dialer = new Leg(this.#channel, this.#connId);
    const { publicKey } = terminator;
    this.#channel.reply(this.#sequence, {
      type: CONTENT.stateConnected,
      headers: [
        [HEADER.connId, this.#connId],
        [HEADER.circuitId, this.#offer.circuitId],
        // The real router leaks this header of its control plane; clients must not mind (openziti-wire.md §0.7).
        [1101, 0],
        ...(publicKey ? [[HEADER.publicKey, publicKey] as const] : []),
      ],
    });
    terminators.open({ id: this.#offer.circuitId, serviceId: service.id, sessionId: this.#sessionId, dialer, host, terminator });
  }

  #mayDial(): boolean {
    const { grants } = this.#context;
    const sessionExists = this.#sessionId === undefined || grants.sessionExists(this.#sessionId);
    return sessionExists && grants.allows(this.#channel.session.identityId, this.#service.id, 'Dial');
  }

  /** Nobody tells a host that its dialer had left before the controller was asked. */
  #leaveAlone(host: Leg): void {
    setTimeout(() => host.cut(CLOSE_CALLED), this.#channel.limits.idleCircuitMs).unref();
  }

  #refuse(reason: string): void {
    if (this.#isAbandoned) return;
    this.#giveUp();
    this.#channel.refuseDial(this.#sequence, this.#connId, reason, this.#offer.circuitId);
  }

  /** A host that says yes to what was given up is told so by its channel. */
  #giveUp(): void {
    const { control } = this.#context;
    if (!this.#waiting) this.#asked?.[Symbol.dispose]();
    else if (control.waiting <= this.#channel.limits.connections) this.#isAbandoned = true;
    else this.#waiting[Symbol.dispose]();
    this.#leave();
  }

  #leave(): void {
    if (this.#channel.sinks.get(this.#connId) === this) this.#channel.sinks.delete(this.#connId);
  }
}

/** What of a Connect reaches the host. Who dials comes from the session, whatever the client wrote (openziti-wire.md §7). */
function offerOf({ session }: RouterChannel, { headers }: Frame): DialOffer {
  return {
    circuitId: newId(22),
    publicKey: copyOf(headers.get(HEADER.publicKey)),
    callerId: copyOf(headers.get(HEADER.callerId)) ?? Buffer.alloc(0),
    appData: copyOf(headers.get(HEADER.appData)),
    marker: copyOf(headers.get(HEADER.connectionMarker)),
    identityId: session.identityId,
    identityName: session.identityName,
  };
}
