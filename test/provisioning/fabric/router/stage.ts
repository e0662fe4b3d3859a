import assert from 'node:assert/strict';
import type { FabricApiSession, FabricService, Grants } from '../../../../provisioning/fabric/contract.ts';
import type { RouterLimits } from '../../../../provisioning/fabric/router/limits.ts';
import { createTerminators, type Router, startRouter, type Terminators } from '../../../../provisioning/fabric/router/router.ts';
import type { Identity } from '../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { type TestNetwork, testNetwork } from '../../../support/identities.ts';
import { RawClient, type RawFrame, type RawHello } from '../../../support/ziti/raw-client.ts';

type Kind = 'Dial' | 'Bind';

/** What a controller would grant, set by a test. A service session's token is `<identity>/<service>/<kind>`. */
export class FakeGrants implements Grants {
  readonly services = new Map<string, FabricService>();
  readonly sessions = new Map<string, FabricApiSession>();
  /** `identity service kind` */
  readonly denied = new Set<string>();
  readonly endedSessions = new Set<string>();
  /** Tokens of OIDC whose session has ended. */
  readonly revoked = new Set<string>();
  readonly refusals = new Map<string, { refusal: string; unsolicited?: string }>();
  readonly #listeners = new Set<() => void>();

  addService(id: string, more: Partial<FabricService> = {}): void {
    this.services.set(id, { id, name: id, attributes: [], encryptionRequired: false, terminatorStrategy: 'smartrouting', ...more });
  }

  addSession(token: string, identityId: string, more: Partial<FabricApiSession> = {}): void {
    this.sessions.set(token, {
      ...{ kind: 'certificate', id: `session of ${token}`, identityId, identityName: `${identityId}'s name`, fingerprints: [] },
      ...more,
    });
  }

  change(make: () => void): void {
    make();
    for (const listener of this.#listeners) listener();
  }

  apiSession(token: string): FabricApiSession | 'revoked' | undefined {
    return this.revoked.has(token) ? 'revoked' : this.sessions.get(token);
  }

  apiSessionById(id: string): FabricApiSession | undefined {
    return [...this.sessions.values()].find((session) => session.id === id);
  }

  openSession(token: string, apiSessionId: string, type: Kind): ReturnType<Grants['openSession']> {
    const refused = this.refusals.get(token);
    if (refused) return refused;
    const [identity, serviceId = '', kind] = token.split('/');
    const service = this.services.get(serviceId);
    if (!service || this.apiSessionById(apiSessionId)?.identityId !== identity) return { refusal: `bad token for ${type}` };
    if (kind !== type) return { refusal: `rejecting bind, invalid session type. expected ${type}, got ${kind}` };
    return { service, sessionId: token };
  }

  service(id: string): FabricService | undefined {
    return this.services.get(id);
  }

  allows(identityId: string, serviceId: string, type: Kind): boolean {
    return !this.denied.has(`${identityId} ${serviceId} ${type}`);
  }

  sessionExists(sessionId: string): boolean {
    return !this.endedSessions.has(sessionId);
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}

/** A router with a hub that may host and a gateway that may dial `vitals`, and a stranger. */
export class Stage implements AsyncDisposable {
  readonly network: TestNetwork;
  readonly grants: FakeGrants;
  readonly terminators: Terminators;
  readonly router: Router;
  readonly #open: AsyncDisposable[] = [];
  readonly #identities = new Map<string, Identity>();

  private constructor(network: TestNetwork, grants: FakeGrants, terminators: Terminators, router: Router) {
    this.network = network;
    this.grants = grants;
    this.terminators = terminators;
    this.router = router;
  }

  static async start(limits: Partial<RouterLimits> = {}): Promise<Stage> {
    const network = await testNetwork();
    const grants = new FakeGrants();
    grants.addService('vitals');
    for (const id of ['hub', 'hub2', 'gw1', 'gw2', 'stranger']) grants.addSession(`token-${id}`, id);
    const terminators = createTerminators();
    return new Stage(network, grants, terminators, await routerOf(network, grants, terminators, 'router1', limits));
  }

  /** Another router of the same network. */
  async secondRouter(): Promise<Router> {
    const router = await routerOf(this.network, this.grants, this.terminators, 'router2', {});
    this.#open.push(router);
    return router;
  }

  async identity(id: string): Promise<Identity> {
    const identity = this.#identities.get(id) ?? (await this.network.identity(id));
    this.#identities.set(id, identity);
    return identity;
  }

  /** A TLS connection, before its hello. */
  async connect(id: string | undefined, more: Partial<RawHello> = {}): Promise<RawClient> {
    const port = more.port ?? portOf(this.router);
    const client = await RawClient.connect({
      ca: this.network.caPem,
      identity: id === undefined ? undefined : await this.identity(id),
      ...more,
      port,
    });
    this.#open.push(client);
    return client;
  }

  /** A channel past its hello. */
  async channel(id: string, more: Partial<RawHello> = {}): Promise<RawClient> {
    const client = await this.connect(id, more);
    await client.hello(`token-${id}`);
    return client;
  }

  /** A channel that hosts `service` at connection id 7, ready for dials. */
  async host(id = 'hub', service = 'vitals', headers: Record<number, number | string | Buffer> = {}, port?: number): Promise<RawClient> {
    const client = await this.channel(id, port === undefined ? {} : { port });
    client.send(60790, { 1000: 7, 1012: '\x01', 1024: '\x01', ...headers }, `${id}/${service}/Bind`);
    await client.next(60784);
    if (headers[1012] !== '\x00') await client.next(60800);
    return client;
  }

  /** A circuit from `dialer` (connection id `connId`) to `host`; returns the host's connection id. */
  async circuit(dialer: RawClient, host: RawClient, connId = 1, identity = 'gw1'): Promise<number> {
    dialer.send(60783, { 1000: connId }, `${identity}/vitals/Dial`);
    const hostConnId = await accept(host);
    await dialer.next(60784);
    return hostConnId;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#open.reverse()) await each[Symbol.asyncDispose]();
    await this.router[Symbol.asyncDispose]();
  }
}

/** Takes a Dial and says yes; returns the connection id. */
export async function accept(host: RawClient): Promise<number> {
  const dial = await host.next(60787);
  const connId = dial.headers.get(1012);
  assert.ok(connId);
  host.send(60788, { 1: dial.sequence, 1000: 7 }, connId);
  return connId.readUInt32LE();
}

export function portOf({ url }: Router): number {
  return Number(new URL(url).port);
}

export function u32Of(frame: RawFrame, id: number): number | undefined {
  return frame.headers.get(id)?.readUInt32LE();
}

/** Ids of a frame's headers, in ascending order. */
export function idsOf({ headers }: RawFrame): number[] {
  return [...headers.keys()].sort((a, b) => a - b);
}

async function routerOf(
  network: TestNetwork,
  grants: Grants,
  terminators: Terminators,
  id: string,
  limits: Partial<RouterLimits>,
): Promise<Router> {
  const identity = await network.identity(id);
  return startRouter({
    id,
    name: id,
    host: '127.0.0.1',
    port: 0,
    serverCert: identity.certPem,
    serverKey: identity.keyPem,
    caPem: network.caPem,
    grants,
    terminators,
    log: silentLogger,
    limits,
  });
}
