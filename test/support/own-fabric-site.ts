import type { FabricAdmin } from '../../provisioning/fabric/admin.ts';
import { type Fabric, type FabricOptions, startFabric } from '../../provisioning/fabric/fabric.ts';
import { silentLogger } from '../../shared/log.ts';
import { FabricSite } from './fabric-site.ts';

const ANYWHERE = { host: '127.0.0.1', port: 0 };

/** A site of which the network runs in the test's own process, so that a test has its parts at hand; hub and agents are processes. */
export class OwnFabricSite extends FabricSite {
  readonly #own: Partial<FabricOptions>;
  #network: Fabric | undefined;

  constructor(options: Partial<FabricOptions>) {
    super();
    this.#own = options;
  }

  /** One that is set up. */
  static async with(options: Partial<FabricOptions>): Promise<OwnFabricSite> {
    return await FabricSite.ready(new OwnFabricSite(options));
  }

  get network(): Fabric {
    if (!this.#network) throw new Error('the network does not run');
    return this.#network;
  }

  override get admin(): FabricAdmin {
    return this.network.admin;
  }

  override async startFabric(): Promise<void> {
    this.#network = await startFabric({ home: this.home, controller: ANYWHERE, router: ANYWHERE, log: silentLogger, ...this.#own });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#network?.[Symbol.asyncDispose]();
    await super[Symbol.asyncDispose]();
  }
}
