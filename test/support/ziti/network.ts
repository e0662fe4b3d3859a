import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Fabric, type FabricOptions, startFabric } from '../../../provisioning/fabric/fabric.ts';
import { systemClock } from '../../../shared/clock.ts';
import { type Identity, loadIdentity } from '../../../shared/identity/identity.ts';
import { silentLogger } from '../../../shared/log.ts';
import type { Overlay } from '../../../shared/overlay/overlay.ts';
import type { SignInChoice } from '../../../shared/overlay/ziti/controller/chosen-sign-in.ts';
import { enroll } from '../../../shared/overlay/ziti/enroll/enroll.ts';
import { openZitiOverlayOf } from '../../../shared/overlay/ziti/overlay.ts';
import { zitiParts } from '../../../shared/overlay/ziti/ziti.ts';
import type { NetworkPlan, TestedNetwork } from '../../contract/overlay.ts';
import { TcpRelay } from './tcp-relay.ts';

const ANYWHERE = { host: '127.0.0.1', port: 0 };

/** A running embedded network in a folder of its own, with the services, policies and enrolled identities of a plan. */
export interface PlannedFabric extends AsyncDisposable {
  readonly fabric: Fabric;
  /** The identity file of an identity of the plan, as `vitalmesh enroll` wrote it. */
  identityPath(identity: string): string;
}

/** Makes one. `encryptionRequired` goes for all services. */
export async function plannedFabric(
  plan: NetworkPlan,
  encryptionRequired: boolean,
  more: Partial<FabricOptions> = {},
): Promise<PlannedFabric> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-ziti-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const fabric = stack.use(await startIn(folder, more));
  await populate(fabric, folder, plan, encryptionRequired);
  const running = stack.move();
  return {
    fabric,
    identityPath: (identity) => identityPath(folder, identity),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Folders with the state of a network that was set up and stopped, by plan: made once a process, copied for each test. */
export class FabricTemplates implements Disposable {
  readonly #encryptionRequired: boolean;
  readonly #folders = new Map<NetworkPlan, Promise<string>>();
  readonly #made: string[] = [];

  constructor({ encryptionRequired }: { encryptionRequired: boolean }) {
    this.#encryptionRequired = encryptionRequired;
  }

  /** A folder of its own for one test. */
  async copy(plan: NetworkPlan): Promise<string> {
    const template = this.#folders.get(plan) ?? this.#make(plan);
    this.#folders.set(plan, template);
    const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-ziti-'));
    cpSync(await template, folder, { recursive: true });
    // Copying keeps the modes of files only, and the network takes no folder that is open to others.
    for (const secret of ['home', 'home/ca']) chmodSync(join(folder, secret), 0o700);
    return folder;
  }

  [Symbol.dispose](): void {
    for (const folder of this.#made) rmSync(folder, { recursive: true, force: true });
  }

  async #make(plan: NetworkPlan): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-ziti-'));
    this.#made.push(folder);
    await using fabric = await startIn(folder);
    await populate(fabric, folder, plan, this.#encryptionRequired);
    return folder;
  }
}

/**
 * The embedded network of a plan behind two relays, one before its controller and one before its router: so it can go, come back, and
 * fall silent, and clients meet it at the same addresses each time.
 */
export class ZitiNetwork implements TestedNetwork {
  readonly #folder: string;
  readonly #signIn: SignInChoice;
  readonly #controllerRelay: TcpRelay;
  readonly #routerRelay: TcpRelay;
  readonly #identities = new Map<string, Identity>();
  #fabric: Fabric | undefined;

  private constructor(folder: string, signIn: SignInChoice, controllerRelay: TcpRelay, routerRelay: TcpRelay) {
    this.#folder = folder;
    this.#signIn = signIn;
    this.#controllerRelay = controllerRelay;
    this.#routerRelay = routerRelay;
  }

  /** Takes the folder over. Everybody signs in in this way. */
  static async start(folder: string, signIn: SignInChoice): Promise<ZitiNetwork> {
    const network = new ZitiNetwork(folder, signIn, await TcpRelay.start(), await TcpRelay.start());
    try {
      await network.comeUp();
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
    return network;
  }

  async open(identity: string): Promise<Overlay> {
    const parts = zitiParts({
      identity: this.#identity(identity),
      log: silentLogger,
      signIn: this.#signIn,
      controller: { signOutTimeoutMs: 50 },
      channel: { limits: { closeMs: 50 } },
    });
    return await openZitiOverlayOf(
      {
        ...parts,
        openChannel: (router, session, signal) => parts.openChannel({ ...router, port: this.#routerRelay.port }, session, signal),
      },
      silentLogger,
      { backoff: { minMs: 5, maxMs: 20 }, flushMs: 50 },
    );
  }

  idOf(identity: string): string {
    return this.#identity(identity).id;
  }

  async goDown(): Promise<void> {
    this.#controllerRelay.aim(undefined);
    this.#routerRelay.aim(undefined);
    await this.#fabric?.[Symbol.asyncDispose]();
    this.#fabric = undefined;
  }

  async comeUp(): Promise<void> {
    this.#fabric ??= await startIn(this.#folder);
    this.#controllerRelay.aim(portOf(this.#fabric.controllerUrl));
    this.#routerRelay.aim(portOf(this.#fabric.routerUrl));
  }

  async freeze(): Promise<void> {
    this.#controllerRelay.freeze();
    this.#routerRelay.freeze();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.goDown();
    await this.#controllerRelay[Symbol.asyncDispose]();
    await this.#routerRelay[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #identity(name: string): Identity {
    const known = this.#identities.get(name);
    if (known) return known;
    const controllers = [`https://127.0.0.1:${this.#controllerRelay.port}/edge/client/v1`];
    const identity = { ...loadIdentity(identityPath(this.#folder, name)), controllers };
    this.#identities.set(name, identity);
    return identity;
  }
}

function startIn(folder: string, more: Partial<FabricOptions> = {}): Promise<Fabric> {
  return startFabric({ home: join(folder, 'home'), controller: ANYWHERE, router: ANYWHERE, log: silentLogger, ...more });
}

function identityPath(folder: string, identity: string): string {
  return join(folder, `${identity}.json`);
}

async function populate({ admin }: Fabric, folder: string, plan: NetworkPlan, encryptionRequired: boolean): Promise<void> {
  for (const name of plan.services) await admin.createService({ name, encryptionRequired });
  for (const [name, { dial, bind }] of Object.entries(plan.identities)) {
    const { jwt } = await admin.createIdentity({ name });
    await enroll({ token: jwt, identityPath: identityPath(folder, name), now: () => systemClock.now() });
    for (const [type, services] of [
      ['Dial', dial],
      ['Bind', bind],
    ] as const) {
      if (services.length === 0) continue;
      const serviceRoles = services.map((service) => `@${service}`);
      await admin.createPolicy({ name: `${name} ${type}`, type, identityRoles: [`@${name}`], serviceRoles });
    }
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
