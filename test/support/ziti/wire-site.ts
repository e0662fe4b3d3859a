import { random } from '../../../agent/simulate/physiology.ts';
import type { FabricOptions } from '../../../provisioning/fabric/fabric.ts';
import { DeviceServer } from '../../agent/sources/device-server.ts';
import { type Detours, setDetours } from '../detours.ts';
import type { AgentProcess, Enrolled, HubProcess } from '../fabric-site.ts';
import type { Luck } from '../luck.ts';
import { OwnFabricSite } from '../own-fabric-site.ts';
import { Oximeter } from '../oximeter.ts';
import { seedOf } from '../seed.ts';
import { FaultyRelay } from './faulty-relay.ts';

/** What lies between one program and its network: a relay in front of the controller, and one in front of each router. */
export interface Wire {
  controller: FaultyRelay;
  routers: readonly FaultyRelay[];
  all: readonly FaultyRelay[];
}

/** An agent behind a wire of its own, with an oximeter that sends without a pause. */
export interface WiredAgent {
  enrolled: Enrolled;
  wire: Wire;
  process: AgentProcess;
  oximeter: Oximeter;
}

const ANYWHERE = { host: '127.0.0.1', port: 0 };

export interface WireSiteOptions {
  /** 1 unless told. */
  routers?: number;
  seed?: number;
  /** Between two frames of each oximeter; 10 unless told. */
  everyMs?: number;
  signIn?: FabricOptions['signIn'];
  luck?: Luck;
}

/** An embedded network in the test's own process, and hub and agents as processes, each of which reaches the network over relays of its own. */
export class WireSite extends OwnFabricSite {
  readonly seed: number;
  /** Of the relays. */
  readonly random: () => number;
  readonly #everyMs: number | undefined;
  readonly #stack = new AsyncDisposableStack();

  private constructor({ routers = 1, seed = seedOf(), everyMs, signIn = 'both', luck = 'any' }: WireSiteOptions) {
    super({ signIn, moreRouters: Array.from({ length: routers - 1 }, () => ANYWHERE) });
    this.luck = luck;
    this.#everyMs = everyMs;
    this.seed = seed;
    this.random = random(seed);
  }

  static async open(options: WireSiteOptions = {}): Promise<WireSite> {
    return await OwnFabricSite.ready(new WireSite(options));
  }

  /** Relays for the program with this configuration, from its start on. */
  async wire(config: string): Promise<Wire> {
    const [controller, ...routers] = await Promise.all(this.#ports().map((target) => this.relay(target)));
    if (!controller) throw new Error('the network has no controller');
    const all = [controller, ...routers];
    setDetours(config, Object.fromEntries(this.#ports().map((port, i) => [port, all[i]?.port ?? 0])));
    return { controller, routers, all };
  }

  async relay(target: number | undefined): Promise<FaultyRelay> {
    return this.#stack.use(await FaultyRelay.start({ ...(target !== undefined && { target }), random: this.random }));
  }

  /** For the program with this configuration the name of this router is not known, or is again. */
  resolve(config: string, wire: Wire, unresolved: readonly FaultyRelay[]): void {
    const detours: [number, Detours[number]][] = this.#ports().map((port, i) => {
      const relay = wire.all[i];
      return [port, relay && !unresolved.includes(relay) ? relay.port : 'unresolved'];
    });
    setDetours(config, Object.fromEntries(detours));
  }

  /** The port of the controller, or of a router, where it really listens. */
  controllerTarget(): number {
    return this.#ports()[0] ?? 0;
  }

  routerTarget(index: number): number {
    return this.#ports()[1 + index] ?? 0;
  }

  async wiredHub(enrolled: Enrolled, gateways: readonly Enrolled[]): Promise<{ wire: Wire; process: HubProcess }> {
    const wire = await this.wire(this.hubConfig);
    return { wire, process: await this.hub(enrolled, gateways) };
  }

  /** It is not waited for; `prepare` may do something to its wire before it starts. */
  async wiredAgent(enrolled: Enrolled, hub: Enrolled, prepare: (wire: Wire) => void = () => undefined): Promise<WiredAgent> {
    const wire = await this.wire(this.agentConfig(enrolled));
    prepare(wire);
    const device = this.#stack.use(await DeviceServer.listen());
    const process = this.beginAgent(enrolled, hub, device.port);
    const oximeter = this.#stack.use(new Oximeter(await device.call(), this.#everyMs));
    return { enrolled, wire, process, oximeter };
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
    await super[Symbol.asyncDispose]();
  }

  #ports(): number[] {
    const { controllerUrl, routers } = this.network;
    return [controllerUrl, ...routers.map(({ url }) => url)].map((url) => Number(new URL(url).port));
  }
}
