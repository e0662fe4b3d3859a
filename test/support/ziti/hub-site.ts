import { join } from 'node:path';
import type { FabricOptions } from '../../../provisioning/fabric/fabric.ts';
import { systemClock } from '../../../shared/clock.ts';
import { loadIdentity } from '../../../shared/identity/identity.ts';
import { silentLogger } from '../../../shared/log.ts';
import type { Overlay } from '../../../shared/overlay/overlay.ts';
import type { Channel } from '../../../shared/overlay/ziti/channel/contract.ts';
import { enroll } from '../../../shared/overlay/ziti/enroll/enroll.ts';
import { openZitiOverlayOf, type ZitiBehaviour } from '../../../shared/overlay/ziti/overlay.ts';
import { zitiParts } from '../../../shared/overlay/ziti/ziti.ts';
import { AdminSite } from '../../provisioning/fabric/management/admin-site.ts';

/** A network with an administrator, a hub that hosts `vitals` and a gateway that dials it. */
export class HubSite implements AsyncDisposable {
  readonly admin: AdminSite;
  readonly #overlays = new AsyncDisposableStack();
  /** Those that the hub has opened. */
  readonly hubChannels: Channel[] = [];
  /** Binds of the hub's that were begun, and those that came to stand. */
  binds = { begun: 0, stood: 0 };

  private constructor(admin: AdminSite) {
    this.admin = admin;
  }

  static async start(options: Partial<FabricOptions> = {}): Promise<HubSite> {
    const site = new HubSite(await AdminSite.start(options));
    const { admin } = site.admin.site.fabric;
    await admin.createService({ name: 'vitals' });
    await admin.createPolicy({ name: 'bind', type: 'Bind', identityRoles: ['#hub'], serviceRoles: ['@vitals'] });
    await admin.createPolicy({ name: 'dial', type: 'Dial', identityRoles: ['#gateway'], serviceRoles: ['@vitals'] });
    return site;
  }

  async open(role: 'hub' | 'gateway', behaviour: ZitiBehaviour = {}): Promise<Overlay> {
    const { site } = this.admin;
    const identityPath = join(site.home, '..', `${role}.json`);
    const { jwt } = await site.fabric.admin.createIdentity({ name: role, attributes: [role] });
    await enroll({ token: jwt, identityPath, now: () => systemClock.now() });
    const parts = zitiParts({ identity: loadIdentity(identityPath), log: silentLogger });
    const hostService: typeof parts.hostService = async (request) => {
      this.binds.begun += 1;
      const hosting = await parts.hostService(request);
      void hosting.confirmed.then(
        () => (this.binds.stood += 1),
        () => undefined,
      );
      return hosting;
    };
    const openChannel: typeof parts.openChannel = async (...request) => {
      const channel = await parts.openChannel(...request);
      if (role === 'hub') this.hubChannels.push(channel);
      return channel;
    };
    const options = { backoff: { minMs: 5, maxMs: 50 }, ...behaviour };
    return this.#overlays.use(await openZitiOverlayOf({ ...parts, openChannel, hostService }, silentLogger, options));
  }

  /** Ids of the terminators that the controller has. */
  async terminators(): Promise<string[]> {
    return (await this.admin.get('/terminators')).map(({ id }: { id: string }) => id);
  }

  async deleteTerminators(): Promise<void> {
    for (const id of await this.terminators()) await this.admin.call('DELETE', `/terminators/${id}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#overlays.disposeAsync();
    await this.admin[Symbol.asyncDispose]();
  }
}
