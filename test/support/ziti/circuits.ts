import type { Duplex } from 'node:stream';
import type { Caller } from '../../../shared/overlay/overlay.ts';
import type { Channel } from '../../../shared/overlay/ziti/channel/contract.ts';
import type { DialRequest, Hosting, HostRequest } from '../../../shared/overlay/ziti/circuit/contract.ts';
import { dialCircuit } from '../../../shared/overlay/ziti/circuit/dial.ts';
import { hostService } from '../../../shared/overlay/ziti/circuit/host.ts';
import type { ServiceSession } from '../../../shared/overlay/ziti/controller/contract.ts';
import type { FakeChannel } from './fake-channel.ts';
import { FakeRouter, type FakeRouterOptions } from './fake-router.ts';

export const TOKEN = 'tok';

/** A signal that never aborts. */
export const NEVER = new AbortController().signal;

export function session(type: ServiceSession['type']): ServiceSession {
  return { id: 'session', token: TOKEN, type, serviceId: 'service', routers: [] };
}

export function dialRequest(channel: Channel, options: Partial<DialRequest> = {}): DialRequest {
  return { channel, session: session('Dial'), encryptionRequired: false, callerName: 'gw1', signal: NEVER, ...options };
}

export function hostRequest(channel: Channel, options: Partial<HostRequest> = {}): HostRequest {
  return {
    channel,
    session: session('Bind'),
    encryptionRequired: false,
    listenerId: 'l1',
    accept: (connection) => void connection.on('error', () => undefined),
    signal: NEVER,
    ...options,
  };
}

/** An owner that looks at `errored`, so that an expected cut does not end the process. */
export function guarded(connection: Duplex): Duplex {
  return connection.on('error', () => undefined);
}

export interface CircuitPair {
  near: Duplex;
  far: Duplex;
  caller: Caller;
}

export interface SiteOptions extends FakeRouterOptions {
  encrypted?: boolean;
  limits?: DialRequest['limits'];
}

/** A host and a dialer on a router of their own. */
export class CircuitSite {
  readonly router: FakeRouter;
  readonly hostChannel: FakeChannel;
  readonly dialChannel: FakeChannel;
  readonly #options: SiteOptions;
  readonly #accepted: { far: Duplex; caller: Caller }[] = [];
  hosting: Hosting | undefined;

  constructor(options: SiteOptions = {}) {
    this.#options = options;
    this.router = new FakeRouter(options);
    this.hostChannel = this.router.channel();
    this.dialChannel = this.router.channel();
  }

  async connect(): Promise<CircuitPair> {
    const { encrypted = false, limits } = this.#options;
    const options = { encryptionRequired: encrypted, ...(limits && { limits }) };
    this.hosting ??= await hostService(
      hostRequest(this.hostChannel, {
        ...options,
        accept: (connection, caller) => this.#accepted.push({ far: guarded(connection), caller }),
      }),
    );
    const near = guarded(await dialCircuit(dialRequest(this.dialChannel, options)));
    const accepted = this.#accepted.shift();
    if (!accepted) throw new Error('dialled before anybody accepted');
    return { near, ...accepted };
  }
}
