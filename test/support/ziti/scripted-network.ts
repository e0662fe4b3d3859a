import { type Duplex, PassThrough } from 'node:stream';
import { type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import { rejectedBy } from '../../../shared/overlay/limit.ts';
import type { Channel } from '../../../shared/overlay/ziti/channel/contract.ts';
import type { DialRequest, Hosting, HostRequest } from '../../../shared/overlay/ziti/circuit/contract.ts';
import type { ApiSession, EdgeRouter, ServiceSession, ZitiService } from '../../../shared/overlay/ziti/controller/contract.ts';
import type { ZitiParts } from '../../../shared/overlay/ziti/overlay.ts';
import type { OutgoingFrame } from '../../../shared/overlay/ziti/wire/encode.ts';
import type { Frame } from '../../../shared/overlay/ziti/wire/frame.ts';
import { CONTENT } from '../../../shared/overlay/ziti/wire/ids.ts';

export function router(name: string, online = true): EdgeRouter {
  return { name, host: '127.0.0.1', port: 3022, online };
}

export function service(name: string, permissions: ZitiService['permissions'], id = `id-of-${name}`): ZitiService {
  return { id, name, permissions, encryptionRequired: false };
}

/** Its owner, the test, expects that it may be cut. */
function connectionToNowhere(): Duplex {
  return new PassThrough().on('error', () => undefined);
}

/** Why something is refused; undefined when it is not. */
type Refused = ErrorCode | VitalmeshError | undefined;

function errorOf(why: ErrorCode | VitalmeshError): VitalmeshError {
  return typeof why === 'string' ? new VitalmeshError(why) : why;
}

/** A channel to nowhere that a test cuts, freezes and looks at. */
export class ScriptedChannel implements Channel {
  readonly routerId = 'router';
  readonly routerVersion = 'v2.0.3';
  readonly supportsBindSuccess = true;
  readonly router: string;
  readonly sessionToken: string;
  /** False: probes wait. */
  answers = true;
  /** Tokens that it was shown behind its hello, and what it says to the next one; a router that refuses one closes. */
  readonly tokensShown: string[] = [];
  tokenAnswer: 'taken' | 'refused' | 'silence' = 'taken';
  bytesQueued = 0;
  disposed = false;
  readonly #ended = new AbortController();
  readonly #waiting: (() => void)[] = [];

  constructor(router: string, sessionToken: string) {
    this.router = router;
    this.sessionToken = sessionToken;
  }

  get closed(): AbortSignal {
    return this.#ended.signal;
  }

  cut(code: ErrorCode = 'OVERLAY-UNREACHABLE'): void {
    this.#ended.abort(new VitalmeshError(code));
  }

  /** Answers what waited, and all from now on. */
  answer(): void {
    this.answers = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async probe(signal: AbortSignal): Promise<void> {
    this.closed.throwIfAborted();
    if (this.answers) return;
    await Promise.race([new Promise<void>((resolve) => this.#waiting.push(resolve)), rejectedBy(signal), rejectedBy(this.closed)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed = true;
    this.cut('OVERLAY-CLOSED');
  }

  send(): number {
    return 0;
  }

  /** Takes tokens, and nothing else. */
  request({ type, body }: OutgoingFrame, signal: AbortSignal): Promise<Frame> {
    if (type !== CONTENT.updateToken) return Promise.reject(new VitalmeshError('OVERLAY-CLOSED'));
    this.tokensShown.push(String(body));
    if (this.tokenAnswer === 'silence') return Promise.race([rejectedBy(signal), rejectedBy(this.closed)]);
    const isTaken = this.tokenAnswer === 'taken';
    if (!isTaken) setImmediate(() => this.cut());
    const answer = isTaken ? CONTENT.updateTokenSuccess : CONTENT.updateTokenFailure;
    return Promise.resolve({ type: answer, sequence: 1, headers: new Map(), body: Buffer.alloc(0) });
  }

  requestNow(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  wantsToSend(): void {
    this.bytesQueued += 0;
  }

  attach(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  newConnId(): number {
    return 1;
  }

  hold(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }
}

/** A bind that stands, in the test's hands. */
export class ScriptedHosting implements Hosting {
  readonly request: HostRequest;
  readonly confirmed: Promise<void>;
  disposed = false;
  /** What is done with dials on their way when it was taken back. */
  lateDials: 'accept' | 'refuse' | undefined;
  readonly #ended = new AbortController();

  constructor(request: HostRequest, confirmation: Promise<void>) {
    this.request = request;
    this.confirmed = Promise.race([confirmation, rejectedBy(this.ended)]);
    this.confirmed.catch(() => undefined);
    request.channel.closed.addEventListener('abort', () => this.#ended.abort(request.channel.closed.reason));
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  get stands(): boolean {
    return !this.disposed && !this.ended.aborted;
  }

  end(why: ErrorCode | VitalmeshError): void {
    this.#ended.abort(errorOf(why));
  }

  async withdraw(lateDials: 'accept' | 'refuse', signal: AbortSignal): Promise<void> {
    this.lateDials = lateDials;
    await this.request.channel.probe(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed = true;
  }
}

/** A network that does what a test tells it, in place of controller, channels and circuits. Everything is written down. */
export class ScriptedNetwork {
  routers: EdgeRouter[] = [router('one')];
  services: ZitiService[] = [service('vitals', ['Dial', 'Bind'])];
  /** What the controller says when it is asked for a change of them; undefined: nothing. */
  servicesMark: (() => string) | undefined = () => JSON.stringify(this.services);
  controllerDown = false;
  /** What the router does with a channel that has just opened. */
  greet: (channel: ScriptedChannel) => void = () => undefined;
  /** Why the router refuses a dial or a bind; undefined when it does not. */
  refuseDial: (request: DialRequest) => Refused | Promise<Refused> = () => undefined;
  refuseBind: (request: HostRequest) => Refused = () => undefined;
  /** Binds wait for it. */
  beforeBind: Promise<void> | undefined;
  /** Binds that are taken are confirmed with it. */
  beforeConfirmation: Promise<void> = Promise.resolve();
  /** What a dial that is not refused comes to. */
  dialled: () => Duplex = connectionToNowhere;
  /** What the controller was asked, in order. */
  readonly asked: string[] = [];
  readonly channels: ScriptedChannel[] = [];
  readonly dials: DialRequest[] = [];
  /** Asked for, whatever became of them. */
  readonly binds: HostRequest[] = [];
  readonly hostings: ScriptedHosting[] = [];
  readonly logged: { level: string; message: string }[] = [];
  controllerDisposed = false;
  #apiSession = 1;
  #sessions = 0;
  readonly #onSession = new Set<(session: ApiSession) => void>();
  readonly #onToken = new Set<(session: ApiSession) => void>();
  #renewals = 0;

  get parts(): ZitiParts {
    return {
      controller: {
        signIn: () => this.#answer('sign in', () => this.apiSession),
        services: () => this.#answer('services', () => this.services),
        servicesMark: () => this.#answer('mark', () => this.servicesMark?.()),
        edgeRouters: () => this.#answer('routers', () => this.routers),
        createSession: (serviceId, type) => this.#answer(`session ${type} ${serviceId}`, () => this.#createSession(serviceId, type)),
        onSession: (listener) => {
          this.#onSession.add(listener);
          return { [Symbol.dispose]: () => void this.#onSession.delete(listener) };
        },
        onToken: (listener) => {
          this.#onToken.add(listener);
          return { [Symbol.dispose]: () => void this.#onToken.delete(listener) };
        },
        [Symbol.asyncDispose]: async () => {
          this.controllerDisposed = true;
        },
      },
      openChannel: async ({ name }, { token }) => {
        const channel = new ScriptedChannel(name, token);
        this.channels.push(channel);
        this.greet(channel);
        return channel;
      },
      dialCircuit: async (request) => {
        this.dials.push(request);
        const refusal = this.refuseDial(request);
        const code = refusal instanceof Promise ? await Promise.race([refusal, rejectedBy(request.signal)]) : refusal;
        if (code) throw errorOf(code);
        return this.dialled();
      },
      hostService: async (request) => {
        this.binds.push(request);
        await (this.beforeBind && Promise.race([this.beforeBind, rejectedBy(request.signal)]));
        const code = this.refuseBind(request);
        if (code) throw errorOf(code);
        const hosting = new ScriptedHosting(request, this.beforeConfirmation);
        this.hostings.push(hosting);
        return hosting;
      },
    };
  }

  get log(): Logger {
    const at = (level: string) => (_fields: unknown, message?: unknown) => void this.logged.push({ level, message: String(message) });
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }

  get warnings(): string[] {
    return this.logged.filter(({ level }) => level === 'warn').map(({ message }) => message);
  }

  get apiSession(): ApiSession {
    const token = `token-${this.#apiSession}${this.#renewals === 0 ? '' : `-${this.#renewals}`}`;
    return { kind: 'oidc', id: `api-${this.#apiSession}`, token, identityId: 'id', identityName: 'gateway-1', expiresAt: 0 };
  }

  /** The present API session ends, and the controller has a new one. */
  newApiSession(): void {
    this.#apiSession += 1;
    this.#renewals = 0;
    for (const listener of this.#onSession) listener(this.apiSession);
  }

  /** The present API session gets another token. */
  newToken(): void {
    this.#renewals += 1;
    for (const listener of this.#onToken) listener(this.apiSession);
  }

  /** How often the controller was asked this. */
  count(what: string): number {
    return this.asked.filter((asked) => asked === what).length;
  }

  /** The channel that is open to this router now. */
  channelTo(name: string): ScriptedChannel {
    const channel = this.channels.findLast((candidate) => candidate.router === name && !candidate.closed.aborted);
    if (!channel) throw new RangeError(`no channel to ${name}`);
    return channel;
  }

  /** A dialer's connection as the host gets it. */
  arrive(hosting: ScriptedHosting): Duplex {
    const connection = connectionToNowhere();
    hosting.request.accept(connection, { identityId: 'caller', name: 'caller', verified: true });
    return connection;
  }

  get standing(): ScriptedHosting[] {
    return this.hostings.filter(({ stands }) => stands);
  }

  async #answer<T>(what: string, answer: () => T): Promise<T> {
    this.asked.push(what);
    await Promise.resolve();
    if (this.controllerDown) throw new VitalmeshError('OVERLAY-UNREACHABLE');
    return answer();
  }

  #createSession(serviceId: string, type: 'Dial' | 'Bind'): ServiceSession {
    const listed = this.services.find(({ id }) => id === serviceId);
    if (!listed) throw new VitalmeshError('OVERLAY-NO-SERVICE');
    if (!listed.permissions.includes(type)) throw new VitalmeshError('OVERLAY-DENIED');
    this.#sessions += 1;
    return {
      id: `s${this.#sessions}`,
      token: `st${this.#sessions}`,
      type,
      serviceId,
      routers: this.routers.filter(({ online }) => online),
    };
  }
}
